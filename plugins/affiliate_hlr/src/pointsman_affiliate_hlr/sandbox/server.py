"""The sandbox itself: one key, lookups that are created once per reference, and their results."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from itertools import count
from typing import ClassVar

import msgspec

from pointsman.clock import Clock
from pointsman.message import Channel
from pointsman.sandbox import (
    Call,
    DeliveryPlan,
    Endpoint,
    Fate,
    OutOfMoney,
    Pair,
    Reply,
    Sandbox,
    SandboxMessage,
    Stage,
    Tariff,
)
from pointsman_affiliate_hlr.sandbox import controls, directory, documents, intake
from pointsman_affiliate_hlr.sandbox.callbacks import Callbacks, Reporter, SentCallback, is_correct
from pointsman_affiliate_hlr.sandbox.codes import DESCRIPTIONS, Code, Quirk
from pointsman_affiliate_hlr.sandbox.documents import BatchAnswer, Created, ErrorAnswer, Found
from pointsman_affiliate_hlr.sandbox.findings import CHANCES, Findings, ending
from pointsman_affiliate_hlr.sandbox.keys import KEY, is_let_in, is_test


class AffiliateSandbox(Sandbox):
    """affiliate-sms.com as its document describes it: `hlr/create`, and the queries of the provider's other pages.

    `ported` names the network that a number has moved to; `bad_numbers` are refused as incorrect. Lookups end as
    `outcomes` says, else by the number's last digits (`endings`), else by the delivery plan; under the test key they
    find anything. `standing` quirks hold for every request. All this may be changed while it runs, also over HTTP.
    """

    name: ClassVar[str] = "affiliate_hlr"
    base_paths: ClassVar[tuple[str, ...]] = ("", "/rest")
    currency: ClassVar[str] = "EUR"
    quirks: ClassVar[Collection[str]] = tuple(Quirk)

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        balance: Decimal = Decimal(1000),
        delivery: DeliveryPlan | None = None,
        light: bool = False,
        standing: Iterable[Quirk] = (),
        callbacks: Callbacks | None = None,
        tariffs: Mapping[int, Tariff] = directory.TARIFFS,
        endings: Mapping[str, Fate] = directory.ENDINGS,
        first_id: int = 12123,
    ) -> None:
        super().__init__(clock=clock, seed=seed, balance=balance, delivery=delivery, light=light)
        self._first_standing = frozenset(standing)
        self.standing = set(self._first_standing)
        self.callbacks = self._first_callbacks = Callbacks() if callbacks is None else callbacks
        self.tariffs = tariffs
        self.endings = endings
        self._findings = Findings()
        self.bad_numbers: set[str] = set()
        self._first_id = first_id
        self._ids = count(first_id)
        self._by_reference: dict[str, SandboxMessage] = {}
        self._reporter = Reporter(self.clock)

    @property
    def environment(self) -> Mapping[str, str]:
        """The one key that is let in."""
        return {"AFFILIATE_KEY": KEY}

    @property
    def ported(self) -> dict[str, str]:
        """Networks by the numbers that have moved to them."""
        return self._findings.ported

    @property
    def callbacks_sent(self) -> list[SentCallback]:
        """Every report that was sent or withheld, oldest first."""
        return self._reporter.sent

    def endpoints(self) -> Iterable[Endpoint]:
        """List the API; the document itself has only the first."""
        return (
            Endpoint("hlr/create", ("PUT", "POST"), ("/hlr/create",), self._create),
            Endpoint("hlr/reference", ("GET",), ("/hlr/reference/{reference}",), self._by_reference_query),
            Endpoint("hlr/prices", ("GET",), ("/hlr/prices/{tariff}", "/hlr/prices"), self._prices),
            Endpoint("hlr/status", ("GET",), ("/hlr/{id}",), self._by_id_query),
        )

    def read_params(self, query: bytes, body: bytes, content_type: str) -> list[Pair]:
        """Decode form fields of either kind; JSON is read by the handler."""
        return intake.read_pairs(query, body, content_type)

    def error_reply(self, call: Call, code: str, text: str) -> Reply:
        """Answer as for a refused request; error 1 comes with HTTP 401, all others with 200 unless a quirk says so."""
        answer = ErrorAnswer(code, text or DESCRIPTIONS.get(code, ""))
        if self._has(call, Quirk.HTTP_ERRORS):
            return documents.http_error(answer)
        return self._render(call, answer, 401 if code == Code.INVALID_KEY else 200)

    def control(self, method: str, path: str, body: bytes) -> Reply | None:
        """Change quirks, reports, bad and ported numbers; see `controls`."""
        return controls.steer(self, path, body) if method == "POST" else None

    def reset(self) -> None:
        """Forget lookups and reports too."""
        super().reset()
        self.standing = set(self._first_standing)
        self.callbacks = self._first_callbacks
        self._findings.clear()
        self.bad_numbers.clear()
        self._ids = count(self._first_id)
        self._by_reference.clear()
        self._reporter.clear()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen, and go on with reports that were due when it was closed."""
        await super().start(host, port)
        self._reporter.run()

    async def close(self) -> None:
        """Stop listening and reporting."""
        await self._reporter.stop()
        await super().close()

    # Creating

    async def _create(self, call: Call) -> Reply:
        if self._has(call, Quirk.NO_PUT) and call.method == "PUT":
            return Reply(405, b"", headers=(("Allow", "POST"),))
        if not is_let_in(call):
            return self.error_reply(call, Code.INVALID_KEY, "")
        try:
            asked = intake.read_intake(call.params, call.body)
        except intake.BadPayload as error:
            return self.error_reply(call, Code.INCORRECT_PAYLOAD, f"Incorrect payload: {error}")
        examined = [intake.examine(item, self.bad_numbers) for item in asked.items]
        if not asked.batch:
            return self._create_one(call, examined[0])
        flaw = intake.first_flaw(examined)
        if flaw is not None and not self._has(call, Quirk.ITEM_ERRORS):
            return self.error_reply(call, Code.INCORRECT_PAYLOAD, f"Incorrect payload: {flaw.payload}")
        return self._create_many(call, examined)

    def _create_one(self, call: Call, examined: intake.Wanted | intake.Flaw) -> Reply:
        created = self._result(call, examined)
        if created.id is None:
            return self.error_reply(call, created.error, "")
        return self._render(call, msgspec.structs.replace(created, reference=None))

    def _create_many(self, call: Call, examined: list[intake.Wanted | intake.Flaw]) -> Reply:
        results = [self._result(call, each) for each in examined]
        if all(each.error == Code.NO_MONEY for each in results):
            return self.error_reply(call, Code.NO_MONEY, "")
        if self._has(call, Quirk.SHUFFLED):
            self.random.shuffle(results)
        total = sum((Decimal(each.price) for each in results if each.price is not None), Decimal(0))
        answer = BatchAnswer(
            result=tuple(results), error=Code.OK, totalprice=documents.money(total), currency=self.currency
        )
        return self._render(call, answer)

    def _result(self, call: Call, examined: intake.Wanted | intake.Flaw) -> Created:
        """Create one lookup, or say why not."""
        if isinstance(examined, intake.Flaw):
            return documents.not_created(examined.reference, examined.code)
        earlier = self._by_reference.get(examined.reference)
        if earlier is not None:
            return documents.not_created(examined.reference, Code.EXISTS, earlier.id)
        price = self.tariffs.get(examined.tariff, self.tariffs[directory.STANDARD_TARIFF]).price(examined.msisdn)
        try:
            lookup = self._look_up(call, examined, price)
        except OutOfMoney:
            return documents.not_created(examined.reference, Code.NO_MONEY)
        return documents.created(lookup, self.currency)

    def _look_up(self, call: Call, wanted: intake.Wanted, price: Decimal) -> SandboxMessage:
        by_chance = is_test(call)
        drawn = self.random.choice(CHANCES) if by_chance else None
        with ending(self.outcomes, wanted.msisdn, drawn, directory.ending_of(wanted.msisdn, self.endings)):
            lookup = self.accept(
                call,
                ids=(str(next(self._ids)),),
                channel=Channel.HLR,
                to=wanted.msisdn,
                reference=wanted.reference,
                price=price,
            )
        if by_chance:
            self._findings.make_up(lookup.id, self.random)
        self._by_reference[wanted.reference] = lookup
        self._plan_reports(lookup, wanted.callback_url)
        return lookup

    def _plan_reports(self, lookup: SandboxMessage, wanted_url: str | None) -> None:
        """Arrange for the callback; an incorrect address gives way to the account's without a word."""
        manner = self.callbacks
        url = wanted_url if is_correct(wanted_url) else manner.account_url
        if url is None or lookup.course.fate is Fate.STUCK:
            return
        at = lookup.course.final_at + manner.late
        self._reporter.plan(url, self._describe(lookup, Stage.FINAL), at, manner)
        if manner.stale_after_final:
            self._reporter.plan(url, self._describe(lookup, Stage.SENT), at, manner)
        self._reporter.run()

    # Asking

    async def _by_id_query(self, call: Call) -> Reply:
        return self._answer_query(call, self.ledger.message(call.params.first("id") or ""))

    async def _by_reference_query(self, call: Call) -> Reply:
        return self._answer_query(call, self._by_reference.get(call.params.first("reference") or ""))

    def _answer_query(self, call: Call, lookup: SandboxMessage | None) -> Reply:
        if not is_let_in(call):
            return self.error_reply(call, Code.INVALID_KEY, "")
        if lookup is None:
            return self.error_reply(call, Code.NOT_FOUND, "")
        found = self._describe(lookup, lookup.stage(call.at))
        if self._has(call, Quirk.NO_DETAILS):
            found = msgspec.structs.replace(found, details=None)
        return self._render(call, documents.newer(found) if self._has(call, Quirk.NEWER_FIELDS) else found)

    def _describe(self, lookup: SandboxMessage, stage: Stage) -> Found:
        return documents.describe(lookup, stage, self._findings.of(lookup.id, lookup.to))

    async def _prices(self, call: Call) -> Reply:
        if not is_let_in(call):
            return self.error_reply(call, Code.INVALID_KEY, "")
        number = call.params.first("tariff") or str(directory.LAST_TARIFF)
        if number not in map(str, range(directory.LAST_TARIFF + 1)):
            return self.error_reply(call, Code.INVALID_TARIFF, "")
        tariff = self.tariffs.get(int(number), self.tariffs[directory.STANDARD_TARIFF])
        return self._render(call, documents.price_table(tariff, self.currency))

    # Wording

    def _has(self, call: Call, quirk: Quirk) -> bool:
        return quirk in self.standing or call.quirk == quirk

    def _render(self, call: Call, answer: msgspec.Struct, status: int = 200) -> Reply:
        damage = {"as_document": self._has(call, Quirk.DOCUMENT), "numbers": self._has(call, Quirk.NUMBERS)}
        return documents.render(answer, status=status, **damage)
