"""The plugin and the emulated provider, which share no code, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from pointsman.clock import SystemClock
from pointsman.message import Channel, Msisdn
from pointsman.outcome import Accepted, Fault, LookupState
from pointsman.plugin import Batch, Callback, Request, Response, Resubmit, Secret, Tracked
from pointsman.transport import Endpoint, Transport
from pointsman_affiliate_hlr.provider import AffiliateHlr, build
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox, Callbacks, CallbackStyle, Quirk
from pointsman_affiliate_hlr.settings import Settings

MakeBatch = Callable[..., Batch]


class Line(msgspec.Struct, frozen=True):
    """A plugin with the right key, connected to an emulated provider of its own."""

    plugin: AffiliateHlr
    transport: Transport
    sandbox: AffiliateSandbox

    async def answer(self, request: Request) -> Response:
        """Send a request; there must be an answer."""
        result = (await self.transport.exchange(request)).result
        assert isinstance(result, Response)
        return result

    async def submit(self, batch: Batch) -> Any:
        """Send a batch and read the answer."""
        return self.plugin.read_submit(batch, await self.answer(self.plugin.submit_request(batch, None))).value

    async def poll(self, ids: tuple[str, ...], to: str, ref: str = "") -> Any:
        """Ask for a lookup and read the answer."""
        tracked = (Tracked(ids=ids, to=Msisdn(to), channel=Channel.HLR, accepted_at=0.0, ref=ref),)
        return self.plugin.read_poll(tracked, await self.answer(self.plugin.poll_request(tracked, None))).value


@asynccontextmanager
async def line(*quirks: Quirk, key: str | None = None) -> AsyncIterator[Line]:
    """Start the provider with its oddities and connect to it."""
    async with AffiliateSandbox(standing=quirks) as sandbox:
        (right,) = sandbox.environment.values()
        plugin = build(Settings(api_key=Secret(key or right)))
        endpoint = Endpoint(base_url=sandbox.base_url)
        async with Transport(endpoint, SystemClock(), only_loopback=True) as transport:
            yield Line(plugin, transport, sandbox)


@pytest.mark.parametrize("refs", [("r1",), ("r1", "r2", "r3")])
@pytest.mark.parametrize("quirks", [(), (Quirk.DOCUMENT, Quirk.NUMBERS, Quirk.SHUFFLED)])
async def test_lookups_are_taken_and_known_afterwards(
    refs: tuple[str, ...], quirks: tuple[Quirk, ...], batch_of: MakeBatch
) -> None:
    """Lookups are created with their price; repeating the request finds the same ids and charges nothing."""
    batch = batch_of(*refs)
    async with line(*quirks) as to:
        first = await to.submit(batch)
        repeat = to.plugin.read_reconcile(batch, await to.answer(to.plugin.reconcile_request(batch, None))).value

    assert all(isinstance(outcome, Accepted) and outcome.price for outcome in first.outcomes)
    assert repeat == tuple(Accepted(ids=outcome.ids, duplicate=True) for outcome in first.outcomes)


async def test_result_can_be_asked_for_by_id_and_by_reference(batch_of: MakeBatch) -> None:
    """Both questions find the lookup, and each report bears the id under which it was asked."""
    batch = batch_of("r1")
    number = batch.items[0].to
    async with line() as to:
        (outcome,) = (await to.submit(batch)).outcomes
        for handle, ids in ((outcome.ids[0], outcome.ids), ("reference/r1", ("reference/r1",)), ("reference/r1", ())):
            (report,) = await to.poll(ids, number, "r1")

            assert (report.provider_id, report.reference, report.to) == (handle, "r1", number)
            assert report.lookup.state in (LookupState.PENDING, LookupState.REACHABLE)


async def test_lookup_that_was_never_created_is_not_found() -> None:
    """Asking for a foreign id gives no report."""
    async with line() as to:
        assert await to.poll(("999999",), "380501000000") == ()


@pytest.mark.trap("A12")
async def test_bad_number_refuses_its_batch_and_then_itself(batch_of: MakeBatch) -> None:
    """One bad number refuses a batch divisibly; alone it is a bad recipient."""
    bad, good = batch_of("r1", to="123").items[0], batch_of("r2").items[0]
    async with line() as to:
        whole = await to.submit(Batch(ref="batch1", channel=Channel.HLR, items=(bad, good)))
        single = await to.submit(Batch(ref="batch2", channel=Channel.HLR, items=(bad,)))
        rest = await to.submit(Batch(ref="batch3", channel=Channel.HLR, items=(good,)))

    assert whole.divisible is True
    assert single.outcome.fault is Fault.RECIPIENT
    assert isinstance(rest.outcomes[0], Accepted)
    assert rest.outcomes[0].duplicate is False


@pytest.mark.trap("A12")
async def test_bad_number_as_an_entry_harms_nobody_else(batch_of: MakeBatch) -> None:
    """Where the provider refuses entry by entry, the good numbers are taken."""
    bad, good = batch_of("r1", to="123").items[0], batch_of("r2").items[0]
    async with line(Quirk.ITEM_ERRORS) as to:
        refused, taken = (await to.submit(Batch(ref="batch1", channel=Channel.HLR, items=(bad, good)))).outcomes

    assert refused.fault is Fault.RECIPIENT
    assert isinstance(taken, Accepted)


@pytest.mark.trap("A20")
async def test_server_without_put_takes_post(batch_of: MakeBatch) -> None:
    """Where PUT is not allowed, the request that the plugin asks for instead is taken."""
    async with line(Quirk.NO_PUT) as to:
        again = await to.submit(batch_of("r1"))
        taken = to.plugin.read_submit(again.batch, await to.answer(again.request)).value

    assert isinstance(again, Resubmit)
    assert isinstance(taken.outcomes[0], Accepted)


async def test_wrong_key_is_told(batch_of: MakeBatch) -> None:
    """A key that the provider does not know is a fault of the credentials."""
    async with line(key="live_wrong") as to:
        assert (await to.submit(batch_of("r1"))).outcome.fault is Fault.CREDENTIALS


class Ear:
    """Takes callbacks on loopback and lets a plugin read them."""

    def __init__(self, plugin: AffiliateHlr) -> None:
        self.plugin = plugin
        self.readings: asyncio.Queue[Any] = asyncio.Queue()
        self.url = ""

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Read one callback and answer what the provider wants to hear."""
        callback = Callback(
            method=request.method,
            query=tuple(request.query.items()),
            content_type=request.headers.get("Content-Type", ""),
            body=await request.read(),
        )
        self.readings.put_nowait(self.plugin.read_callback(callback))
        reply = self.plugin.callback_reply()
        return web.Response(status=reply.status, body=reply.body)


@asynccontextmanager
async def ear(plugin: AffiliateHlr) -> AsyncIterator[Ear]:
    """Listen for callbacks."""
    listening = Ear(plugin)
    runner = web.ServerRunner(web.Server(listening.take, access_log=None), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    listening.url = f"http://{host}:{port}/v1/callbacks/lookups/t0ken"
    yield listening
    await runner.cleanup()


@pytest.mark.trap("A10", "A11")
@pytest.mark.parametrize("refs", [("r1",), ("r1", "r2")], ids=["one", "several"])
@pytest.mark.parametrize("style", CallbackStyle)
@pytest.mark.parametrize(
    "told",
    [Callbacks(), Callbacks(capitals=True), Callbacks(only=("status",)), Callbacks(only=("status", "id"))],
    ids=str,
)
async def test_callback_is_about_the_lookup_whose_address_is_called(
    told: Callbacks, style: CallbackStyle, refs: tuple[str, ...], batch_of: MakeBatch
) -> None:
    """Whatever a callback says beside a status, it names the lookup, because each lookup has an address of its own."""
    async with line() as to, ear(to.plugin) as hears:
        to.sandbox.callbacks = msgspec.structs.replace(told, style=style, copies=2)
        await to.submit(batch_of(*refs, callback_url=hears.url))
        to.sandbox.clock.advance(5)
        readings = [await asyncio.wait_for(hears.readings.get(), 5) for _ in range(2 * len(refs))]

    reports = [reading.value[0] for reading in readings]
    assert sorted(report.reference for report in reports) == sorted(refs * 2)
    assert {(report.final, report.lookup.state) for report in reports} == {(True, LookupState.REACHABLE)}
