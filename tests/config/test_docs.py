"""The reference of the configuration and the example agree with the code."""

import enum
import re
from pathlib import Path

import msgspec
import pytest

from pointsman.config import (
    Address,
    ClientConfig,
    Config,
    DaemonConfig,
    Duration,
    GuardConfig,
    PolicyConfig,
    PollConfig,
    ProviderConfig,
    QuietConfig,
    RetentionConfig,
    RouteConfig,
    RouterConfig,
    TimeLimits,
    load_config,
    parse_config,
)
from pointsman.config.document import SECTIONS
from pointsman.config.routes import MatchTable
from pointsman.config.rows import COLUMNS
from pointsman.config.values import UNITS
from pointsman.loading import load_plugins
from pointsman_affiliate_hlr.sandbox.directory import COUNTRIES, STANDARD_TARIFF, TARIFFS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text()
ENV = dict.fromkeys(
    ["DEVINO_LOGIN", "DEVINO_PASSWORD", "AFFILIATE_KEY", "SMSTELE_LOGIN", "SMSTELE_PASSWORD"], "not-a-real-one"
)
TABLES: list[tuple[str, type[msgspec.Struct], set[str]]] = [
    ("## `[router]`", RouterConfig, set()),
    ("## `[retention]`", RetentionConfig, set()),
    ("## `[daemon]`", DaemonConfig, set()),
    ("## `[clients.<name>]`", ClientConfig, {"name"}),
    ("## `[guard]`", GuardConfig, set()),
    ("## `[providers.<name>]`", ProviderConfig, {"name", "settings"}),
    ("### `poll`", PollConfig, set()),
    ("### `quiet`", QuietConfig, set()),
    ("## `[policies.<name>]`", PolicyConfig, {"name"}),
    ("### `ttl`", TimeLimits, set()),
    ("## `[[routes]]`", RouteConfig, set()),
    ("### `match`", MatchTable, set()),
]


def rows(heading: str) -> dict[str, str]:
    """Return the keys of the table under a heading, each with what stands in the column of defaults."""
    start = PAGE.index(f"\n{heading}\n")
    section = re.split(r"\n##", PAGE[start + len(heading) + 1 :], maxsplit=1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE))


def shown(default: object) -> str | None:
    """Return a default as the reference shows it; None for defaults that need words."""
    match default:
        case bool():
            return f"`{str(default).lower()}`"
        case Duration():
            unit = max((unit for unit, length in UNITS.items() if default % length == 0), key=UNITS.__getitem__)
            return f'`"{default / UNITS[unit]:.0f}{unit}"`'
        case enum.Enum():
            return f'`"{default.value}"`'
        case str() | Address():
            return f'`"{default}"`'
        case int():
            return f"`{default}`"
        case _:
            return None


@pytest.mark.parametrize(("heading", "kind", "given"), TABLES, ids=[heading for heading, _, _ in TABLES])
def test_every_key_is_in_the_reference(heading: str, kind: type[msgspec.Struct], given: set[str]) -> None:
    """Each table of the reference has exactly the keys that are read, with their defaults."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind) if field.name not in given}
    documented = rows(heading)

    assert set(documented) == set(fields)
    for key, field in fields.items():
        expected = shown(field.default)
        assert expected is None or documented[key] == expected
        assert not field.required or documented[key] in {"required", "the plugin's", "see meaning"}


def test_every_column_is_in_the_reference() -> None:
    """The reference has a row for each column of a price list."""
    assert set(rows("### Price lists")) == set(COLUMNS)


def test_every_section_is_in_the_reference() -> None:
    """The reference has a heading for each table at the top of the file."""
    assert set(SECTIONS) == set(re.findall(r"^## `\[+(\w+)", PAGE, re.MULTILINE))


def test_every_way_to_a_secret_is_in_the_reference() -> None:
    """The reference has a row for each kind of reference to a secret."""
    assert set(re.findall(r"\{ (\w+) = ", "".join(rows("### Secrets")))) == {"env", "file", "credential"}


def example(env: dict[str, str]) -> Config:
    """Load the example at the top of the project."""
    return load_config(ROOT / "router.toml", plugins=load_plugins(), env=env)


def test_example_works() -> None:
    """The example loads with the bundled plugins, speaks to this machine only and names all secrets by environment."""
    config = example(ENV)

    assert list(config.providers) == ["devino", "smstele", "affiliate_hlr"]
    assert [route.name for route in config.routes] == ["otp", "default", "lookups"]
    assert all(provider.base_url.startswith("http://127.0.0.1:") for provider in config.providers.values())
    assert all(provider.prices for provider in config.providers.values())
    assert "not-a-real-one" not in repr(config)


def test_example_names_the_real_addresses() -> None:
    """Each bundled provider's real address stands in the example, for the day when the sandbox is left."""
    text, plugins = (ROOT / "router.toml").read_text(), load_plugins()

    missing = [name for name in example(ENV).providers if str(plugins.providers[name].base_url) not in text]
    assert missing == []


def test_example_has_the_prices_of_the_sandbox() -> None:
    """What the example says that a lookup costs is what the sandbox charges for it."""
    codes = {country.code: prefix for prefix, country in COUNTRIES.items()}
    prices = {row.country: row.price for row in example(ENV).providers["affiliate_hlr"].prices}

    assert prices == {country: TARIFFS[STANDARD_TARIFF].price(codes[str(country)]) for country in prices}


def test_smallest_example_of_the_reference_works() -> None:
    """The first example of the reference is a whole configuration."""
    text = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]

    config = parse_config(text, plugins=load_plugins(), env=ENV)

    assert config.providers["devino"].currency == "RUB"
