"""The commands that only show: `explain`, `providers`, `plugins`, `check`."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pointsman.cli import providers as providers_command
from pointsman.cli.explaining import heading, lookup_before
from pointsman.cli.output import Output
from pointsman.cli.providers import Account
from pointsman.engine.status import OpenCell, ProviderStatus
from pointsman.loading import PluginSet, load_plugins
from pointsman.message import Channel, Envelope, Msisdn, Network, NetworkSource, Sms
from pointsman.routing.breaker import BreakerState
from pointsman.routing.candidate import Exclusion
from pointsman.routing.observed import Drift
from pointsman.routing.verdict import Verdict, Why
from pointsman.routing.words import LEFT_OUT
from pointsman.sandbox import error, hang_before_accept

from .conftest import Boxes, Runner, write_config

TO = "+79161234567"


def test_explain(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """Price, funds, health and score of each provider are shown, and nothing is sent."""
    run = pointsman("explain", "--to", TO, "--text", "x" * 161)

    assert (run.code, boxes.messages) == (0, [])
    assert "+79161234567 (RU, 2 × GSM7)" in run.out
    assert "route default, strategy cheapest: smstele, the cheapest" in run.out
    first, second = [line.split() for line in run.out.splitlines() if "RUB" in line]
    assert first[:9] == ["smstele", "3.20", "RUB", "6.40", "RUB", "0.0672", "EUR", "24900.00", "RUB"]
    assert second[:5] == ["devino", "3.30", "RUB", "6.60", "RUB"]


def test_explain_says_how_the_network_is_known() -> None:
    """A network that a lookup found is told apart from one that the number tells."""
    envelope = Envelope(
        id="m",
        message=Sms(to=TO, text="x"),
        channel=Channel.SMS,
        to=Msisdn("79161234567"),
        network=Network("RU", "25002", NetworkSource.RANGE),
        segments=None,
        accepted_at=0.0,
        deadline=0.0,
    )
    looked_up = msgspec.structs.replace(envelope, network=Network("RU", "25002", NetworkSource.HLR))

    assert heading(envelope) == "+79161234567 (RU 25002)"
    assert heading(looked_up) == "+79161234567 (RU 25002 by its last lookup)"


@pytest.mark.parametrize("why", Why)
def test_explain_says_whether_the_number_is_looked_up_before(why: Why) -> None:
    """Each verdict about a lookup before sending has its sentence, with what it saves and costs where that decides."""
    look = why in {Why.ALWAYS, Why.SAVES, Why.LEARNS}
    told = lookup_before(Verdict(look=look, why=why, saving=0.0205, cost=0.002), "EUR")
    assert told.startswith("looked up before" if look else "not looked up before")
    assert ("0.0205 EUR" in told) is (why in {Why.SAVES, Why.LEARNS, Why.DEAR})


def test_explain_exclusions(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """A provider that is left out has its reason in words; nobody left gives code 1."""
    run = pointsman("explain", "--to", TO, "--text", "x", "--sender", "OTHER")

    assert run.code == 1
    assert "nobody can take it" in run.out
    assert run.out.count("the sender is not among those configured") == 2


def test_explain_json(pointsman: Runner, config: Path) -> None:
    """The decision is one JSON document."""
    [explanation] = pointsman("explain", "--to", TO, "--channel", "hlr", "--json").json

    ranking = [one["candidate"]["provider"] for one in explanation["decision"]["ranking"]]
    assert explanation["message"]["id"] == explanation["decision"]["message_id"]
    assert (explanation["message"]["to"], ranking) == ("79161234567", ["affiliate_hlr", "devino"])


def test_every_exclusion_has_words() -> None:
    """No reason of exclusion is without words."""
    assert set(Exclusion) == set(LEFT_OUT)


def test_providers(pointsman: Runner, config: Path) -> None:
    """Every provider has a line with balance, what is available above the floor, and its state."""
    run = pointsman("providers")

    lines = {line.split()[0]: line for line in run.out.splitlines()[1:]}
    assert (0, {"devino", "smstele", "affiliate_hlr"}) == (run.code, set(lines))
    assert ("10000.00 RUB  told" in lines["devino"], "9950.00 RUB" in lines["devino"]) == (True, True)
    assert "25000.00 RUB  assumed" in lines["smstele"]
    assert all("ready" in line for line in lines.values())
    assert all("95%(0)" in line for line in lines.values())


def test_providers_in_trouble(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """A provider that does not tell its balance has the reason beside it."""
    boxes.script("devino", error("4", endpoint="User/SessionId", times=None))

    run = pointsman("providers")

    [line] = [line for line in run.out.splitlines() if line.startswith("devino")]
    assert (run.code, "unknown" in line, "out: credentials" in line, "login 4" in line) == (1, True, True, True)


def test_unreachable_provider(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """A provider that cannot be reached is not called ready, and the command ends with code 1."""
    write_config(config, {**boxes.base_urls, "devino": "http://127.0.0.1:9/rest"})

    run, as_json = pointsman("providers"), pointsman("providers", "--json")

    [line] = [line for line in run.out.splitlines() if line.startswith("devino")]
    assert (run.code, "unreachable" in line, "ready" in line) == (1, True, False)
    states = {one["name"]: (one["state"], one["told"]) for one in as_json.json}
    assert states["devino"] == ("unreachable", False)


def test_silent_provider(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """A provider that does not answer within the patience of the start is not called ready."""
    boxes.script("devino", hang_before_accept(endpoint="User/*", times=None))

    run = pointsman("providers", "--json")

    assert (run.code, {one["name"]: one["state"] for one in run.json}["devino"]) == (1, "no answer")


def shown(*cells: OpenCell, runway: float | None = None, drifts: tuple[Drift, ...] = ()) -> Account:
    """Return a provider that answered, as the command shows it."""
    return providers_command._account(
        ProviderStatus(
            name="a",
            plugin="scripted",
            channels=(Channel.SMS,),
            balance=None,
            available=None,
            runway=runway,
            drifts=drifts,
            breakers={},
            open_cells=cells,
            health={Channel.SMS: 1.0},
            rests=(),
            quarantined=None,
            waiting=0,
            in_flight=0,
        ),
        providers_command.Asking(),
    )


def test_who_is_drained_is_told_with_the_reason() -> None:
    """A provider that the operator keeps out is not ready, and his words are shown."""
    account = msgspec.structs.replace(shown(), drained="their invoice is open")

    assert providers_command._state(account, None) == "drained: their invoice is open"


def test_what_is_open_is_told_with_its_reason() -> None:
    """A breaker that is not closed is named with its network, its end and its reason, and the provider is not ready."""
    until = 4102444800.0
    account = shown(
        OpenCell(channel=Channel.SMS, network=None, state=BreakerState.OPEN, reason="maintenance", until=None),
        OpenCell(channel=Channel.SMS, network="25001", state=BreakerState.OPEN, reason="5 in a row", until=until),
    )

    assert (
        account.state
        == f"sms open: maintenance; sms to network 25001 open until {Output.clock_time(until)}: 5 in a row"
    )
    assert account.is_ready is False
    assert shown().is_ready


@pytest.mark.parametrize(
    ("runway", "words"),
    [(None, None), (0.0, "0 s"), (90.0, "90 s"), (150.0, "2 min"), (7199.0, "120 min"), (7200.0, "2 h"), (1e6, "12 d")],
)
def test_how_long_the_money_lasts_is_told(runway: float | None, words: str | None) -> None:
    """The runway is shown in the largest unit of which there are two; one that nobody knows is left empty."""
    assert words in providers_command._cells(shown(runway=runway))


def test_prices_that_drifted_are_told() -> None:
    """The networks whose price differs most are named with the difference, and it is said that there are more."""
    ratios = {"25001": 1.1, "": 0.5, "25002": 1.02, "RU": 2.0}
    drifts = tuple(Drift(channel=Channel.SMS, network=name, ratio=ratio) for name, ratio in ratios.items())

    assert "sms RU +100 %, sms -50 %, sms 25001 +10 % and 1 more" in providers_command._cells(shown(drifts=drifts))
    assert "sms 25001 +10 %" in providers_command._cells(shown(drifts=drifts[:1]))


def test_providers_json(pointsman: Runner, config: Path) -> None:
    """With --json each provider is a line."""
    run = pointsman("providers", "--json")

    assert [(one["name"], one["balance"]["amount"]) for one in run.json][:1] == [("devino", "10000")]
    assert {one["name"]: one["told"] for one in run.json} == {"devino": True, "smstele": False, "affiliate_hlr": False}


def test_plugins(pointsman: Runner) -> None:
    """The bundled plugins are loaded, with their distributions."""
    run = pointsman("plugins")

    assert run.code == 0
    assert all(f"pointsman-{name} 0.1.0" in run.out for name in ("devino", "affiliate-hlr", "smstele"))


def test_quarantined_plugin(pointsman: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that is out of use is named with its reason, and the command ends with code 1."""

    def with_nonsense() -> PluginSet:
        return load_plugins([object()])

    monkeypatch.setattr("pointsman.cli.plugins.load_plugins", with_nonsense)

    run, as_json = pointsman("plugins"), pointsman("plugins", "--json")

    assert ([run.code, as_json.code], "out of use" in run.out) == ([1, 1], True)
    assert [one["name"] for one in as_json.json[0]["quarantined"]] == ["object"]


def test_check(pointsman: Runner, config: Path) -> None:
    """A good configuration is summed up without its secrets."""
    run, as_json = pointsman("check"), pointsman("check", "--json")

    assert ([run.code, as_json.code], "18 rows, 4 networks by MCC/MNC" in run.out) == ([0, 0], True)
    assert (as_json.json[0]["good"], as_json.json[0]["routes"]) == (True, ["otp", "default", "lookups"])
    assert "demo-password" not in run.out + as_json.out


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("floor =", "flor ="), 'flor: unknown key (did you mean "floor"?)'),
        (lambda text: text.replace("max_attempts = 4", 'max_attempts = "4"'), "policies.default.max_attempts: "),
        (lambda text: text.replace('env = "DEVINO_LOGIN"', 'env = "NOBODY_SET_IT"'), "NOBODY_SET_IT is not set"),
        (lambda text: text.replace('plugin = "smstele"', 'plugin = "smstel"'), 'did you mean "smstele"?'),
        (lambda text: text.replace("http://127.0.0.1", "http://sms.example"), "plain http:// would send credentials"),
        (lambda text: text.replace("prices = [", 'prices = "no.csv"\nmisplaced = [', 1), "no.csv: "),
        (lambda text: text.replace('region = "RU"', 'region = "RU"\nnumber_ranges = "none.csv"'), "none.csv"),
        (lambda text: text + "[", "this is not TOML"),
    ],
)
def test_bad_configuration(pointsman: Runner, boxes: Boxes, config: Path, change: Change, words: str) -> None:
    """Every mistake is named with its line by `check`, and by any command before it does anything."""
    config.write_text(change(config.read_text(encoding="utf-8")), encoding="utf-8")

    runs = [
        pointsman("check"),
        pointsman("send", "--to", TO, "--text", "x"),
        pointsman("check", "--json"),
    ]

    assert ([run.code for run in runs], boxes.messages) == ([2, 2, 2], [])
    assert [words in run.err for run in runs[:2]] == [True, True]
    assert words in "".join(
        f"{one['key']}: {one['message']} ({one['suggestion']})" for one in runs[2].json[0]["problems"]
    )


def test_all_problems_at_once(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """`check` lists all problems with their lines, in the order of the file."""
    write_config(config, boxes.base_urls, ("floor =", "flor ="), ('currency = "EUR"', 'currency = "euro"'))

    run = pointsman("check")

    lines = [
        int(line.split(":")[1])
        for line in run.err.splitlines()
        if line.startswith("router.toml:") and line[12].isdigit()
    ]
    assert (2, sorted(lines)) == (run.code, lines)
    assert len(lines) >= 4
