"""The table of codes and the README that shows it."""

import re
import tomllib
from pathlib import Path

import msgspec

from pointsman.outcome import Fault
from pointsman.plugin import FaultRow, Operation, Secret
from pointsman_affiliate_hlr.faults import FAULTS, RULES, Meaning
from pointsman_affiliate_hlr.provider import build
from pointsman_affiliate_hlr.reports import STATES
from pointsman_affiliate_hlr.sandbox import Callbacks, Quirk, controls
from pointsman_affiliate_hlr.settings import Settings
from pointsman_affiliate_hlr.wire import created, decode

HERE = Path(__file__).parent
README = (HERE.parent / "README.md").read_text("utf-8")


def _line(row: FaultRow) -> str:
    operations = ", ".join(operation.value for operation in row.operations)
    fault = row.fault.value if row.fault else "unknown" if row.unknown else "–"
    return f"| {row.code} | {row.name} | {row.when or 'always'} | {operations} | {fault} | {row.source} |"


def test_readme_shows_every_line_of_the_table() -> None:
    """The fault table of the README is the table of the code."""
    shown = [line for line in README.splitlines() if line.startswith("| ") and line.count("|") == 7]

    assert [_line(row) for row in FAULTS] == shown[1:]


def test_readme_names_every_setting_and_state() -> None:
    """Every key that may be set and every status word has its line."""
    missing = [name for name in (*Settings.__struct_fields__, *STATES) if f"`{name}`" not in README]

    assert missing == []


def test_readme_shows_what_the_sandbox_can_be_told() -> None:
    """Every quirk, every control of its own and every field of the manner of callbacks has its place."""
    own = re.findall(r"`POST ([\w-]+)`", controls.__doc__ or "")
    missing = [name for name in (*Quirk, *Callbacks.__struct_fields__) if f"`{name}`" not in README]

    assert missing == []
    assert own == re.findall(r"^\| `POST ([\w-]+)` \|", README, re.MULTILINE)


def test_readme_example_builds_a_provider() -> None:
    """The configuration that the README shows is valid for this plugin."""
    example = README.split("```toml\n")[1].split("```")[0]
    table = tomllib.loads(example)["providers"]["lookups"]
    own = {key: value for key, value in table.items() if key in Settings.__struct_fields__}

    settings = msgspec.convert({**own, "api_key": "live_example"}, Settings, dec_hook=lambda _, value: Secret(value))

    assert build(settings).profile.faults == FAULTS


def test_last_line_of_each_code_holds_without_words() -> None:
    """A code with conditions on the description ends in a line for all other descriptions, for submits at least."""
    conditional = {rule.row.code for rule in RULES if rule.words or rule.alone}
    general = {rule.row.code for rule in RULES if not rule.words and not rule.alone}

    assert conditional <= general


def test_only_what_is_no_refusal_lacks_a_fault() -> None:
    """A line has a fault unless it is a success, an absence or an open question."""
    for rule in RULES:
        no_refusal = rule.meaning in (Meaning.TAKEN, Meaning.ALREADY_TAKEN, Meaning.NOT_FOUND, Meaning.UNCLEAR)

        assert no_refusal is (rule.row.fault is None), rule.row
        assert rule.row.unknown is (rule.meaning is Meaning.UNCLEAR), rule.row
        assert Fault.NO_ROUTE is not rule.row.fault
        assert set(rule.row.operations) <= {
            Operation.SUBMIT,
            Operation.RECONCILE,
            Operation.POLL,
            Operation.PRICES,
        }


def test_documented_answers_are_strict_json() -> None:
    """The provider's sample answers need no repair; its sample requests are not JSON, which is why none is copied."""
    repaired = {
        path.name: decode(path.read_bytes())[1] or created(decode(path.read_bytes())[0]) is None
        for path in (HERE / "fixtures").glob("affiliate_*")
        if "_req_" not in path.name
    }

    assert repaired == {
        "affiliate_batch_dup_literal.txt": False,
        "affiliate_batch_ok_literal.txt": False,
        "affiliate_err14_literal.txt": False,
    }
