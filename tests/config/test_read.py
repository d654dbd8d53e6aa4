"""A configuration is read as a whole: exact values, or every problem with its place and what to do."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import Address, LogFormat, Overrides, PollConfig, build_providers, load_config
from pointsman.errors import ConfigError, PluginError
from pointsman.loading import PluginSet, load_plugins
from pointsman.message import Channel, MessageClass
from pointsman.plugin import Polling, Secret
from pointsman.routing.failover import OnUnknown
from pointsman.routing.match import Lookup, Match, Schedule

from .conftest import BASE, Echo, Problems, Read

CLIENT = f'[clients.shop]\nkey_sha256 = "{"0" * 64}"\n'
"""A client without limits; more of its keys may follow."""
FULL = """
[router]
store = "memory:"
region = "KZ"
currency = "USD"
number_ranges = "ranges.csv"
max_in_flight = 50
log_format = "json"

[rates]
RUB = 0.0105

[daemon]
listen = "[::1]:1"
admin = "localhost:2"
public_url = "https://sms.example/"

[clients.shop]
key_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
stopped = true
max_rate = 10
burst = 20
daily_messages = 1000
daily_spend = "12.50"
lookups_per_day = 10
countries = ["KZ", "RU"]
prefixes_denied = ["8816"]
senders = ["SHOP"]
channels = ["sms"]
max_price = "0.10"
max_segments = 3
guard = { per_number = ["2 in 1m30s"], per_range = [] }

[guard]
daily_spend = 100
per_range = ["20 in 10m"]
per_unusual_country = ["20 in 1h", "50 in 1d"]
min_confirmed = 0.1

[providers.one]
plugin = "echo"
key = { env = "KEY" }
base_url = "http://sms.example/"
allow_plain_http = true
senders = ["SHOP", "79161234567"]
currency = "RUB"
prices = "one.csv"
floor = "-10.00"
opening_balance = 25
balance_every = "1m"
max_rate = 10
max_in_flight = 3
batch = 7
connect_timeout = "1s"
read_timeout = "2s"
poll = { first = "1s", factor = 1.5, longest = "1m", give_up = "1d" }
callback_token = { env = "TOKEN" }

[providers.two]
plugin = "homeless"
base_url = "https://two.example"
key = { env = "KEY" }
prices = [{ country = "RU", channel = "sms", price = 0.5, currency = "USD" }]

[policies.fair]
strategy = "weighted"
max_attempts = 2
weights = { one = 3, two = 0 }
ttl = { otp = "1m" }
lookup_patience = "10s"

[[routes]]
name = "codes"
match = { channel = "sms", class = ["otp"], country = "RU", mccmnc = ["25001"], prefix = "79", sender = "S", tag = "t" }
providers = ["two", "one"]
policy = "fair"
on_unknown = "stop"
schedule = "router"
lookup = "never"
"""
"""Every key that there is."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the full configuration, with the files that it names."""
    (tmp_path / "one.csv").write_text("country,channel,price\nRU,sms,2.50\n")
    (tmp_path / "ranges.csv").write_text("")
    (tmp_path / "router.toml").write_text(FULL)
    return tmp_path


def test_every_key_arrives(folder: Path, plugins: PluginSet) -> None:
    """Each key of the file arrives as the value that it stands for."""
    config = load_config(folder / "router.toml", plugins=plugins, env={"KEY": "k", "TOKEN": "t" * 16})

    router, one, two = config.router, config.providers["one"], config.providers["two"]
    [route] = config.routes
    assert (router.region, router.currency, router.max_in_flight) == ("KZ", "USD", 50)
    assert (router.number_ranges, router.log_format) == (folder / "ranges.csv", LogFormat.JSON)
    assert config.rates == {"USD": Decimal(1), "RUB": Decimal("0.0105")}
    assert (config.daemon.listen, config.daemon.admin) == (Address("::1", 1), Address("localhost", 2))
    assert set(config.clients) == {"shop"}
    shop = config.clients["shop"]
    assert (shop.daily_spend, shop.max_price, shop.countries) == (Decimal("12.50"), Decimal("0.10"), ("KZ", "RU"))
    guard = config.guard.over(shop.guard)
    assert [str(cap) for cap in guard.per_number] == ["2 in 90s"]
    assert (guard.per_range, [str(cap) for cap in config.guard.per_range]) == ((), ["20 in 10m"])
    assert [str(cap) for cap in guard.per_unusual_country] == ["20 in 1h", "50 in 1d"]
    assert (guard.min_confirmed, guard.daily_spend) == (0.1, 100)
    assert (one.base_url, one.senders) == ("http://sms.example", ("SHOP", "79161234567"))
    assert [(row.price, row.currency) for row in one.prices] == [(Decimal("2.50"), "RUB")]
    assert (one.floor, one.opening_balance) == (Decimal("-10.00"), Decimal(25))
    assert (one.balance_every, one.connect_timeout, one.read_timeout) == (60.0, 1.0, 2.0)
    assert (one.max_rate, one.max_in_flight, one.batch) == (10.0, 3, 7)
    assert one.callback_token == Secret("t" * 16)
    assert one.poll.over(Polling(batch=5)) == Polling(batch=5, first=1, factor=1.5, longest=60, give_up=86400)
    assert (two.currency, two.prices[0].price) == ("USD", Decimal("0.5"))
    policy = config.policy_of(route)
    assert (policy.strategy, policy.max_attempts, dict(policy.weights)) == ("weighted", 2, {"one": 3.0, "two": 0.0})
    assert [policy.ttl.of(kind) for kind in MessageClass] == [60, 3600, 86400]
    assert (route.providers, route.on_unknown) == (("two", "one"), OnUnknown.STOP)
    assert (route.lookup, policy.lookup_patience) == (Lookup.NEVER, 10.0)
    assert (route.schedule, config.daemon.public_url) == (Schedule.ROUTER, "https://sms.example")
    assert route.match == Match(
        channel=frozenset({Channel.SMS}),
        message_class=frozenset({MessageClass.OTP}),
        country=frozenset({"RU"}),
        mccmnc=frozenset({"25001"}),
        prefix=("79",),
        sender=frozenset({"S"}),
        tag=frozenset({"t"}),
    )


def test_defaults(read: Read) -> None:
    """What is left out has its default: the plugin's address, one route to all providers, the least cost first."""
    config = read()

    one = config.providers["one"]
    [route] = config.routes
    assert (one.base_url, one.currency, one.poll) == ("https://echo.example/api", "EUR", PollConfig())
    assert (route.providers, route.match, config.policy_of(route).strategy) == (("one",), Match(), "balanced")
    assert config.router.store == "memory:"


def test_configuration_shows_no_secret(read: Read) -> None:
    """The printed configuration holds no secret."""
    assert "key-3141" not in repr(read())


def test_providers_are_built_with_their_settings(read: Read, plugins: PluginSet) -> None:
    """`build_providers` makes one new provider for each table."""
    config = read(BASE + BASE.replace("one", "two"))

    built = build_providers(config, plugins)

    assert {name: type(provider) for name, provider in built.items()} == {"one": Echo, "two": Echo}
    assert built["one"] is not build_providers(config, plugins)["one"]


def test_providers_cannot_be_built_with_other_plugins(read: Read) -> None:
    """A configuration that was read with other plugins is refused by name."""
    with pytest.raises(PluginError, match="plugin echo: it is not loaded"):
        build_providers(read(), load_plugins(entry_points=False))


def test_plugin_may_be_told_a_common_key(read: Read) -> None:
    """A common key that the plugin declares too reaches both."""
    one = read(BASE + 'currency = "RUB"\n[rates]\nRUB = "0.01"\n').providers["one"]

    assert (one.currency, getattr(one.settings, "currency", None)) == ("RUB", "RUB")


def test_override_of_an_address(read: Read) -> None:
    """The caller's address replaces the one of the table, which is then not looked at."""
    config = read(BASE + 'base_url = "nonsense"\n', overrides=Overrides(base_urls={"one": "http://127.0.0.1:5/x/"}))

    assert config.providers["one"].base_url == "http://127.0.0.1:5/x"


def test_override_is_checked_like_the_file(problems: Problems) -> None:
    """An address from the caller must be safe, too, and must belong to a provider of the file."""
    found = problems(BASE, overrides=Overrides(base_urls={"one": "http://sms.example", "oen": "https://x.example"}))

    assert [(problem.line, problem.key) for problem in found] == [
        (2, "providers.oen"),
        (2, "providers.one.base_url"),
    ]


CASES: list[tuple[str, str, str, str]] = [
    # what is added to the table of the provider, the key at fault, what the message says
    ("unknown key", "flor = 1", "providers.one.flor", 'unknown key (did you mean "floor"?)'),
    ("unknown key of the plugin", "mod = 1", "providers.one.mod", 'unknown key (did you mean "mood"?)'),
    ("wrong type", 'max_in_flight = "x"', "providers.one.max_in_flight", "expected a whole number, got a text"),
    ("out of range", "max_in_flight = 0", "providers.one.max_in_flight", "expected a whole number >= 1"),
    ("infinite", "max_rate = inf", "providers.one.max_rate", "finite"),
    ("no number", 'floor = "nan"', "providers.one.floor", "finite"),
    ("no amount", 'floor = "1,5"', "providers.one.floor", "an amount with a point"),
    ("duration without unit", "read_timeout = 30", "providers.one.read_timeout", '"30s"'),
    ("duration in an inline table", 'poll = { first = "0s" }', "providers.one.poll.first", "longer than zero"),
    ("setting of the plugin", "mood = 1", "providers.one.mood", "expected a text in quotes, got a whole number"),
    ("setting deep inside", 'tree = { a = [1, "x"] }', "providers.one.tree.a[1]", "expected a whole number"),
    (
        "order of waits",
        'poll = { first = "50s", longest = "5s" }',
        "providers.one.poll",
        "first is longer than longest",
    ),
    ("plugin refuses settings", 'mood = "bad"', "providers.one", "mood is bad with ***: write good"),
    ("settings contradict", 'mood = "contrary"', "providers.one", "mood and key *** contradict"),
    ("plugin breaks", 'mood = "broken"', "providers.one", 'the plugin "echo" broke on these settings: KeyError'),
    ("plugin makes nonsense", 'mood = "absent"', "providers.one", "did not make a Provider"),
    ("plain http", 'base_url = "http://sms.example"', "providers.one.base_url", "allow_plain_http = true"),
    ("not a switch", 'allow_plain_http = "yes"', "providers.one.allow_plain_http", "expected true or false"),
    ("sender", 'senders = ["SHOP", "ЖЖЖ"]', "providers.one.senders[1]", "cannot be a sender here"),
    ("rule for senders breaks", 'mood = "picky"\nsenders = ["A"]', "providers.one.senders[0]", "broke on this sender"),
    ("sender twice", 'senders = ["A", "A"]', "providers.one.senders[1]", "twice"),
    ("currency", 'currency = "rub"', "providers.one.currency", "ISO 4217"),
    ("currency without rate", 'currency = "RUB"', "providers.one.currency", 'add RUB = "…" to [rates]'),
    ("price list", "prices = 5", "providers.one.prices", "the path of a CSV file"),
    ("no price list", 'prices = "no.csv"', "providers.one.prices", "No such file"),
    (
        "price",
        'prices = [{ country = "RU", channel = "sms", currency = "EUR" }]',
        "providers.one.prices[0].price",
        "not a price",
    ),
    ("price key", 'prices = [{ contry = "RU" }]', "providers.one.prices[0].contry", 'did you mean "country"?'),
    ("price row", "prices = [1]", "providers.one.prices[0]", "expected a table"),
    (
        "price without currency",
        'prices = [{ country = "RU", channel = "sms", price = "1" }]',
        "providers.one.prices[0].currency",
        "no currency",
    ),
    (
        "network code",
        'prices = [{ mccmnc = 25001, channel = "sms", price = "1", currency = "EUR" }]',
        "providers.one.prices[0].mccmnc",
        "expected a text in quotes",
    ),
    ("token", 'callback_token = { env = "KEY" }', "providers.one.callback_token", "16 or more"),
    ("section", '[provider.two]\nplugin = "echo"', "provider", 'did you mean "providers"?'),
    ("plugin", '[providers.two]\nplugin = "ecko"', "providers.two.plugin", 'did you mean "echo"?'),
    (
        "plugin out of use",
        '[providers.two]\nplugin = "str"',
        "providers.two.plugin",
        "is out of use: it offers",
    ),
    (
        "no plugin",
        "[providers.echo]",
        "providers.echo.plugin",
        "plugin is missing; add it",
    ),
    ("no table", "[providers]\ntwo = 5", "providers.two", "expected a table [providers.two]"),
    ("missing setting", '[providers.two]\nplugin = "echo"', "providers.two.key", "key is missing"),
    (
        "no address",
        '[providers.two]\nplugin = "homeless"\nkey = { env = "KEY" }',
        "providers.two.base_url",
        "is missing",
    ),
    ("name", '[providers."a b"]\nplugin = "echo"\nkey = { env = "KEY" }', 'providers."a b"', "a name is 1 to 32"),
    (
        "no secret",
        '[providers.two]\nplugin = "echo"\nkey = { env = "X" }',
        "providers.two.key",
        "variable X is not set",
    ),
    ("store without a folder", '[router]\nstore = "sqlite:nowhere/x.db"', "router.store", "there is no folder"),
    ("store without a file", '[router]\nstore = "sqlite:"', "router.store", "expected a path"),
    ("store", '[router]\nstore = "redis:"', "router.store", '"memory:" or "sqlite:pointsman.db"'),
    ("times", '[retention]\ntexts = "500d"', "retention", "messages is shorter than texts"),
    ("times of keys", '[retention]\nkeys = "500d"', "retention", "messages is shorter than keys"),
    ("region", '[router]\nregion = "UK"', "router.region", "ISO 3166-1"),
    ("loss", '[policies.p.loss]\notp = "-0.01"', "policies.p.loss", "otp is below zero"),
    ("log format", '[router]\nlog_format = "jsn"', "router.log_format", 'did you mean "json"?'),
    ("file", '[router]\nnumber_ranges = "no.csv"', "router.number_ranges", "there is no file"),
    ("router is no table", "[[router]]", "router", "expected a table, got a list"),
    ("rate", '[rates]\nRUB = "x"', "rates.RUB", "an amount with a point"),
    ("rate of nothing", "[rates]\nRUB = 0", "rates.RUB", "greater than zero"),
    ("rate of no currency", "[rates]\nrubles = 1", "rates.rubles", "ISO 4217"),
    ("rate of the router's currency", "[rates]\nEUR = 2", "rates.EUR", "its rate is 1"),
    ("listen", "[daemon]\nlisten = 8080", "daemon.listen", '"127.0.0.1:8080"'),
    ("public address", '[daemon]\npublic_url = "sms.example"', "daemon.public_url", 'must start with "https://"'),
    (
        "readable address",
        '[daemon]\npublic_url = "http://sms.example"',
        "daemon.public_url",
        "travel readable; write https://",
    ),
    ("address with a user", '[daemon]\npublic_url = "https://a:b@sms.example"', "daemon.public_url", "must not hold"),
    (
        "lookups that nobody offers",
        '[[routes]]\nname = "x"\nproviders = ["one"]\nlookup = "auto"',
        "routes[0].lookup",
        "no provider offers lookups; add one",
    ),
    (
        "lookups now and then",
        '[[routes]]\nname = "x"\nproviders = ["one"]\nlookup = "sometimes"',
        "routes[0].lookup",
        'expected one of "never", "always", "auto"',
    ),
    (
        "schedule that nobody keeps",
        '[[routes]]\nname = "x"\nproviders = ["one"]\nschedule = "provider"',
        "routes[0].schedule",
        "no provider of this route can keep a message until later",
    ),
    (
        "schedule of nobody",
        '[[routes]]\nname = "x"\nproviders = ["one"]\nschedule = "nobody"',
        "routes[0].schedule",
        'expected one of "router", "provider"',
    ),
    ("client", '[clients.shop]\nkey_sha256 = "zz"', "clients.shop.key_sha256", "64 digits of 0-9 a-f"),
    ("country of a client", CLIENT + 'countries = ["UK"]', "clients.shop.countries[0]", 'or "*" for all'),
    ("all countries and one", CLIENT + 'countries = ["*", "RU"]', "clients.shop", "remove one or the other"),
    ("no country", CLIENT + "countries = []", "clients.shop", "countries is empty"),
    ("channel of a client", CLIENT + 'channels = ["smss"]', "clients.shop.channels[0]", 'did you mean "sms"?'),
    ("burst alone", CLIENT + "burst = 5", "clients.shop", "burst has no effect without max_rate"),
    ("quota", CLIENT + "daily_messages = 0", "clients.shop.daily_messages", ">= 1"),
    ("money of a day", CLIENT + "daily_spend = 0", "clients.shop", "daily_spend is not above zero"),
    ("prefix", CLIENT + 'prefixes_denied = ["+7"]', "clients.shop.prefixes_denied[0]", 'without "+"'),
    ("key of a client", CLIENT + "dayly_messages = 5", "clients.shop.dayly_messages", 'did you mean "daily_messages"?'),
    (
        "guard of a client",
        CLIENT + "guard = { per_rnge = [] }",
        "clients.shop.guard.per_rnge",
        'did you mean "per_range"?',
    ),
    ("cap", '[guard]\nper_number = ["5/10m"]', "guard.per_number[0]", 'such as "5 in 10m"'),
    ("cap of no unit", '[guard]\nper_number = ["5 in 10"]', "guard.per_number[0]", "a duration with its unit"),
    ("cap of seconds", '[guard]\nper_number = ["5 in 10s"]', "guard.per_number[0]", 'at least "1m"'),
    ("cap of a week", '[guard]\nper_number = ["5 in 7d"]', "guard.per_number[0]", 'at most "1d"'),
    ("cap that is no list", '[guard]\nper_number = "5 in 10m"', "guard.per_number", "a list"),
    ("share of codes", "[guard]\nmin_confirmed = 10", "guard.min_confirmed", "<= 1"),
    ("money of all", "[guard]\ndaily_spend = -1", "guard", "daily_spend is not above zero"),
    ("clients", "[[clients]]", "clients", "expected a table [clients]"),
    ("strategy", '[policies.p]\nstrategy = "cheepest"', "policies.p.strategy", 'did you mean "cheapest"?'),
    ("weights", "[policies.p]\nweights = { one = 1 }", "policies.p.weights", "have no effect"),
    ("weight", '[policies.p]\nstrategy="weighted"\nweights={ on = 1 }', "policies.p.weights.on", 'did you mean "one"?'),
    (
        "negative weight",
        '[policies.p]\nstrategy = "weighted"\nweights = { one = -1 }',
        "policies.p.weights.one",
        "expected a number >= 0",
    ),
    ("life", '[policies.p]\nttl = { otp = "31d" }', "policies.p.ttl.otp", "no message lives longer than 30 days"),
    ("class", '[policies.p]\nttl = { opt = "1m" }', "policies.p.ttl.opt", 'did you mean "otp"?'),
    ("routes", '[routes]\nname = "x"', "routes", "two brackets"),
    ("route without name", '[[routes]]\nproviders = ["one"]', "routes[0].name", "name is missing"),
    ("route to nobody", '[[routes]]\nname = "x"\nproviders = []', "routes[0].providers", "at least one provider"),
    ("provider", '[[routes]]\nname = "x"\nproviders = ["on"]', "routes[0].providers[0]", 'did you mean "one"?'),
    ("provider twice", '[[routes]]\nname = "x"\nproviders = ["one", "one"]', "routes[0].providers[1]", "twice"),
    ("policy", '[[routes]]\nname = "x"\nproviders = ["one"]\npolicy = "p"', "routes[0].policy", 'no policy "p"'),
    (
        "two routes of one name",
        '[[routes]]\nname = "x"\nproviders = ["one"]\n' * 2,
        "routes[1].name",
        'there are two routes "x"',
    ),
    (
        "channel",
        '[[routes]]\nname = "x"\nproviders = ["one"]\nmatch = { channel = ["smss"] }',
        "routes[0].match.channel[0]",
        'did you mean "sms"?',
    ),
    (
        "channel that the provider does not offer",
        '[[routes]]\nname = "x"\nproviders = ["one"]\nmatch = { channel = "hlr" }',
        "routes[0].providers[0]",
        'the provider "one" does not offer the channel hlr',
    ),
    (
        "condition",
        '[[routes]]\nname = "x"\nproviders = ["one"]\n[routes.match]\ncountry = "UK"',
        "routes[0].match.country",
        "ISO 3166-1",
    ),
    (
        "on_unknown",
        '[[routes]]\nname = "x"\nproviders = ["one"]\non_unknown = "nxt"',
        "routes[0].on_unknown",
        'did you mean "next"?',
    ),
]


@pytest.mark.parametrize(("addition", "key", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_one_problem(problems: Problems, addition: str, key: str, message: str) -> None:
    """A single mistake gives a single problem with file, line, key and what to do, and shows no secret."""
    text = BASE + addition + "\n"

    [problem] = problems(text)

    shown = str(problem)
    assert problem.key == key
    assert message in shown
    assert shown.startswith(f"router.toml:{problem.line}: ")
    assert problem.line is not None
    last = re.split(r"[.\[]", key)[-1].strip('"]')
    named = last if last in text and not last.isdigit() else ""
    assert named in text.splitlines()[problem.line - 1] or "missing" in shown
    assert "key-3141" not in shown


def test_all_problems_at_once(problems: Problems, tmp_path: Path) -> None:
    """Problems of all sections, and of a price list, are reported together in the order of the lines."""
    (tmp_path / "list.csv").write_text("country,channel,price\nRU,sms,x\n")
    text = """
[router]
store = "sqlite"
curency = "EUR"
[providers.one]
plugin = "echo"
key = "hunter2"
prices = "list.csv"
floor = "a"
[[routes]]
name = "x"
providers = ["two"]
match = { channel = "fax" }
"""

    found = problems(text)

    assert [(problem.line, problem.key) for problem in found] == [
        (3, "router.store"),
        (4, "router.curency"),
        (7, "providers.one.key"),
        (9, "providers.one.floor"),
        (12, "routes[0].providers[0]"),
        (13, "routes[0].match.channel[0]"),
        (2, "price"),
    ]
    assert [problem.file for problem in found[5:]] == ["router.toml", str(tmp_path / "list.csv")]
    assert "hunter2" not in str(ConfigError(found))


HIDING: list[tuple[str, str, list[str]]] = [
    (
        "a route's policy, its on_unknown and its policy's strategy",
        """
[policies.urgent]
strategy = "prioritty"
ttl = { otp = "5" }
[[routes]]
name = "x"
providers = ["one", "two", 5]
match = { channel = "fax", country = ["UK", 7] }
policy = "urgnt"
on_unknown = "nxt"
""",
        [
            "policies.urgent.strategy",
            "policies.urgent.ttl.otp",
            "routes[0].providers[1]",
            "routes[0].providers[2]",
            "routes[0].match.channel[0]",
            "routes[0].match.country",
            "routes[0].match.country[1]",
            "routes[0].policy",
            "routes[0].on_unknown",
        ],
    ),
    (
        "a route without a name",
        """
[[routes]]
providers = ["one", "one"]
policy = "p"
""",
        ["routes[0].name", "routes[0].providers[1]", "routes[0].policy"],
    ),
    (
        "three errors in a price row",
        'prices = [{ country = "UK", channel = "smss", price = "x", currency = "EUR" }]',
        ["providers.one.prices[0].country", "providers.one.prices[0].channel", "providers.one.prices[0].price"],
    ),
    (
        "errors of every kind in a price row",
        'prices = [{ mccmnc = 25001, price = "x", currncy = "EUR", from = "1.1.26", to = "2.1.26" }]',
        [
            "providers.one.prices[0].mccmnc",
            "providers.one.prices[0].currncy",
            "providers.one.prices[0].price",
            "providers.one.prices[0].from",
            "providers.one.prices[0].to",
        ],
    ),
    (
        "what else is wrong in the table of a provider",
        """
senders = ["ЖЖЖ", "A", "A", 5]
floor = "x"
callback_token = { env = "KEY" }
""",
        [
            "providers.one.senders[0]",
            "providers.one.senders[2]",
            "providers.one.senders[3]",
            "providers.one.floor",
            "providers.one.callback_token",
        ],
    ),
    (
        "a provider of an unknown plugin",
        """
[providers.two]
plugin = "ecko"
base_url = "http://sms.example"
floor = "x"
its_own = 5
""",
        ["providers.two.plugin", "providers.two.base_url", "providers.two.floor"],
    ),
    (
        "a rate and the one who needs it",
        """
currency = "RUB"
prices = [{ country = "RU", channel = "sms", price = "1", currency = "RUB" }]
[rates]
RUB = "0"
""",
        ["rates.RUB"],
    ),
    ("a rate that is no number", 'currency = "RUB"\n[rates]\nRUB = "nan"', ["rates.RUB"]),
    ("rates that are no table", 'currency = "RUB"\n[[rates]]', ["rates"]),
    (
        "the router's own currency, when something else is wrong there",
        'currency = "RUB"\n[router]\ncurrency = "RUB"\nregon = "RU"',
        ["router.regon"],
    ),
    (
        "the router's own currency, when it is wrong itself",
        'currency = "RUB"\n[router]\ncurrency = "rub"\n[rates]\nEUR = 2',
        ["router.currency"],
    ),
]


@pytest.mark.parametrize(("addition", "keys"), [case[1:] for case in HIDING], ids=[case[0] for case in HIDING])
def test_no_problem_hides_another(problems: Problems, addition: str, keys: list[str]) -> None:
    """Each of several problems is reported, wherever they stand together, and none is only a consequence of another."""
    found = problems(BASE + addition + "\n")

    assert sorted(problem.key for problem in found) == sorted(keys)


def test_wrong_section_is_the_only_problem(problems: Problems) -> None:
    """Providers in a table of a wrong name are one mistake and its consequence, not one more for every route."""
    text = BASE.replace("[providers.one]", "[provider.one]") + '[[routes]]\nname = "x"\nproviders = ["one"]\n'

    assert [problem.key for problem in problems(text)] == ["providers", "provider"]


@pytest.mark.parametrize(
    ("changes", "first", "longest"),
    [({"first": "1h"}, 3600, 3600), ({"longest": "2s"}, 2, 2), ({"first": "1s"}, 1, 60), ({"longest": "1h"}, 5, 3600)],
    ids=str,
)
def test_what_is_written_wins_over_the_plugin(
    read: Read, changes: dict[str, str], first: float, longest: float
) -> None:
    """A first wait beyond the plugin's longest one moves that, and the other way round."""
    [(key, value)] = changes.items()

    poll = read(f'{BASE}poll = {{ {key} = "{value}" }}\n').providers["one"].poll

    assert poll.over(Polling(first=5, longest=60)) == Polling(first=first, longest=longest)
    assert poll.over(Polling(first=5, longest=60, by_reference=True)).by_reference, "the rest stays the plugin's"


def test_longest_life_is_allowed(read: Read) -> None:
    """Thirty days are the limit themselves."""
    config = read(BASE + '[policies.p]\nttl = { marketing = "30d" }\n')

    assert config.policies["p"].ttl.marketing == 30 * 86400


def test_no_provider(problems: Problems) -> None:
    """A configuration without providers is one problem, which is nowhere in particular."""
    [problem] = problems("")

    assert (problem.line, problem.key) == (None, "providers")
    assert "add a table [providers.<name>]" in problem.message


@pytest.mark.parametrize(
    ("text", "line"), [("a = ", 1), ("[router]\nstore = 'x\n", 2), ("[router]\n[router]\n", 2), ("x = [1,\n2", 2)]
)
def test_not_toml(problems: Problems, text: str, line: int) -> None:
    """A text that is not TOML is one problem with its line."""
    [problem] = problems(text)

    assert problem.line == line
    assert "this is not TOML" in problem.message


@pytest.mark.parametrize(
    ("content", "place"),
    [(None, "cannot be read: No such file"), (b"[router]\nregion = '\xff'\n", ":2: this is not UTF-8")],
    ids=["missing", "encoding"],
)
def test_unreadable_file(tmp_path: Path, plugins: PluginSet, content: bytes | None, place: str) -> None:
    """A file that is missing or not UTF-8 is one problem that names the file."""
    file = tmp_path / "router.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_config(file, plugins=plugins)

    assert str(caught.value).startswith(str(file))
    assert place in str(caught.value)


def test_byte_order_mark_does_no_harm(tmp_path: Path, plugins: PluginSet) -> None:
    """A file that an editor began with a byte order mark is read like any other."""
    file = tmp_path / "router.toml"
    file.write_bytes(b"\xef\xbb\xbf" + BASE.encode())

    assert set(load_config(file, plugins=plugins, env={"KEY": "k"}).providers) == {"one"}


def test_environment_of_the_process_is_the_default(
    tmp_path: Path, plugins: PluginSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an explicit environment, secrets come from the one of the process."""
    monkeypatch.setenv("KEY", "from-the-process")
    file = tmp_path / "router.toml"
    file.write_text(BASE)

    settings: Any = load_config(file, plugins=plugins).providers["one"].settings
    assert settings.key == Secret("from-the-process")
