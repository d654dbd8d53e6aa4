"""The traps of SMStele's document that no other test proves to be avoided."""

import json
import re
from collections.abc import Mapping

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from pointsman.config import Config, parse_config
from pointsman.loading import load_plugins
from pointsman.message import Sms
from pointsman.outcome import Accepted, Fault, Refused, Unknown
from pointsman.plugin import Each, Oddity, ReceivesCallbacks, Response, TellsBalance, Whole
from pointsman.router import Router
from pointsman.testing import FakeClock
from pointsman_smstele.sandbox import SmsteleSandbox

PHONE = "79160001234"
ENVIRONMENT = {"SMSTELE_LOGIN": "test:http", "SMSTELE_PASSWORD": "~test123"}
HOSTS = ("rexsmsc.rex400.ru", "rexmsc.rex400.ru", "rexsmst.rax400.ru")
"""The host as three places of the document spell it; the first is that of the provider's site."""


def configured(base_url: str | None = None, env: Mapping[str, str] = ENVIRONMENT) -> Config:
    """A configuration of one account, at this address or at the plugin's own."""
    text = """
        [providers.smstele]
        plugin = "smstele"
        login = { env = "SMSTELE_LOGIN" }
        password = { env = "SMSTELE_PASSWORD" }
        currency = "RUB"
        [rates]
        RUB = "0.01"
        [providers.smstele.poll]
        first = "5s"
    """
    line = "" if base_url is None else f'base_url = "{base_url}"'
    return parse_config(text.replace('currency = "RUB"', f'currency = "RUB"\n{line}'), plugins=load_plugins(), env=env)


class EverythingIsHere(AbstractResolver):
    """Finds every host on this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the loopback address."""
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Hold nothing."""


@pytest.fixture
def clock() -> FakeClock:
    """Stands still."""
    return FakeClock()


@pytest.mark.trap("S01", "S02")
@pytest.mark.parametrize("folder", ["cgi-bin", "cgibin"])
@pytest.mark.parametrize("host", HOSTS)
def test_host_and_path_are_configuration(host, folder):
    """Each spelling of the document can be configured, and none of them is written into the requests."""
    url = f"https://{host}:8882/{folder}"

    assert configured(url).providers["smstele"].base_url == url


@pytest.mark.trap("S01", "S02")
def test_without_configuration_the_sites_own_spelling_is_used():
    """The default is the host that the provider's site names, and the path that servers usually have."""
    assert configured().providers["smstele"].base_url == "https://rexsmsc.rex400.ru:8882/cgi-bin"


@pytest.mark.trap("S01")
async def test_the_sandbox_answers_to_each_of_the_three_names():
    """A client that reaches it by any spelling of the host gets the same answer."""
    body = f"login=test:http&psw=~test123&phones={PHONE}&mes=Hello&id=i1"
    found = []
    connector = aiohttp.TCPConnector(resolver=EverythingIsHere())
    async with SmsteleSandbox() as sandbox, aiohttp.ClientSession(connector=connector) as session:
        port = sandbox.origin.rpartition(":")[2]
        for host in HOSTS:
            async with session.post(f"http://{host}:{port}/cgi-bin/sendsms", data=body) as response:
                found.append((response.status, await response.text()))

    assert [found[0]] * 3 == found
    assert json.loads(found[0][1])["cnt"] == "1"


@pytest.mark.trap("S05")
async def test_letters_that_windows_1251_lacks_arrive(clock):
    """Russian, typographic signs, accents and an emoji reach the provider as they were written."""
    text = "Привет, №1 — «ça» €5 😀"
    async with SmsteleSandbox(clock=clock) as sandbox:
        async with Router(configured(sandbox.base_url), clock=clock, only_loopback=True) as router:
            await router.send(Sms(PHONE, text))

        assert [text] == [message.text for message in sandbox.ledger.messages]


@pytest.mark.trap("S13", "S15")
async def test_no_two_requests_have_the_same_id(clock):
    """Equal messages that are sent one after the other travel under short ids of their own."""
    async with SmsteleSandbox(clock=clock) as sandbox:
        async with Router(configured(sandbox.base_url), clock=clock, only_loopback=True) as router:
            for _ in range(5):
                await router.send(Sms(PHONE, "Hello"))
        ids = [dict(request.params)["id"] for request in sandbox.ledger.requests if request.endpoint == "sendsms"]

    assert (len(ids), len(set(ids))) == (5, 5)
    assert [each for each in ids if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", each)] == []


@pytest.mark.trap("S10", "S11")
@pytest.mark.parametrize("error", [{}, {"error": ""}, {"error": "-99"}, {"error": "0"}, {"err": "-43"}])
def test_a_row_without_an_error_was_taken(provider, batch, error):
    """In the answer of `sendsms` the key is `error`; left out, empty or -99 it tells nothing, and `err` is not it."""
    row = {"phone": PHONE, "cnt": "1", "operator": "mMTS", "mnc": "01"} | error
    body = json.dumps({"cnt": "1", "messages": [row]}).encode()

    reading = provider.read_submit(batch(PHONE), Response(status=200, body=body))

    assert isinstance(reading.value, Each)
    assert [Accepted] == [type(outcome) for outcome in reading.value.outcomes]


@pytest.mark.trap("S11")
@pytest.mark.parametrize(("error", "detail"), [({}, ""), ({"err": "-99"}, ""), ({"err": "27"}, "err 27")])
@pytest.mark.parametrize("other", [{}, {"error": "5"}])
def test_a_status_row_has_err_for_error(provider, tracked, error, detail, other):
    """In the answer of `status` the key is `err`; `error` in a row is not it."""
    row = {"id": "i1", "phone": PHONE, "stat": "UNDELIV"} | error | other
    body = json.dumps({"results": [row]}).encode()

    (report,) = provider.read_poll(tracked(ref="i1"), Response(status=200, body=body)).value

    assert detail == report.detail


GAPS = [*range(-5, -2), *range(-20, -6), *range(-40, -35), -44, -98, -100]


@pytest.mark.trap("S27")
@pytest.mark.parametrize("code", GAPS)
def test_a_code_in_a_gap_of_the_table_is_a_plain_refusal(provider, batch, code):
    """An error that the table does not list was rejected here, nothing more is read into it, and it is counted."""
    reading = provider.read_submit(batch(), Response(status=200, body=json.dumps({"error": str(code)}).encode()))

    assert Whole(outcome=Refused(fault=Fault.DECLINED, code=str(code))) == reading.value
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


@pytest.mark.trap("S28")
def test_neither_a_balance_nor_callbacks_are_promised(provider):
    """The document has a call for neither: reports are polled for, and only a refusal tells of an empty account."""
    assert not isinstance(provider, TellsBalance | ReceivesCallbacks)
    assert set(provider.profile.channels) == set(provider.profile.polling)


LONG_ID = "custom-message-id-test-11"


@pytest.mark.trap("S31")
@pytest.mark.parametrize("echo", ["custommessage-id-test-11", "custom-message-id-test-1", "CUSTOM-message-id-test-11"])
def test_an_echo_that_is_nearly_our_id_is_not_ours(provider, batch, tracked, echo):
    """Ids are compared exactly: the document's own mistake in copying one is not allowed for."""
    row = {"id": echo, "phone": PHONE, "cnt": "1", "operator": "mMTS", "stat": "DELIVRD"}
    body = json.dumps({"cnt": "1", "messages": [row]}).encode()
    status = json.dumps({"results": [row]}).encode()

    submitted = provider.read_submit(batch(PHONE, ref=LONG_ID), Response(status=200, body=body))
    polled = provider.read_poll(tracked(ref=LONG_ID), Response(status=200, body=status))

    assert ([Unknown], (Oddity.FOREIGN_ID,)) == ([type(each) for each in submitted.value.outcomes], submitted.oddities)
    assert (polled.value, polled.oddities) == ((), (Oddity.FOREIGN_ID,))
