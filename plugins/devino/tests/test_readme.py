"""The README tells what the code does."""

from pathlib import Path

import pytest

from pointsman.plugin import FaultRow
from pointsman_devino import Settings
from pointsman_devino.faults import FAULTS
from pointsman_devino.states import HLR_STATES, SMS_STATES, VIBER_STATES

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8").splitlines()


def meaning(row: FaultRow) -> str:
    """Return the words for what a row of the fault table means."""
    if row.fault is not None:
        return f"`{row.fault}`"
    return "session expired: log in, repeat once" if row.session else "unknown: it may have been sent"


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: f"{row.code} on {row.operations[0]} {row.when}")
def test_every_row_of_the_fault_table_is_in_the_readme(row):
    """Code, status, operations, condition and meaning are printed as they are in the code."""
    cells = [row.code, row.http or "–", row.name, ", ".join(row.operations), row.when or "–", meaning(row), row.source]

    assert "| " + " | ".join(map(str, cells)) + " |" in README


def test_every_state_is_in_the_readme():
    """All three tables of states are printed as they are in the code."""
    final = {True: "yes", False: "no"}
    sms = [f"| {n} | {s.name} | {s.state} | {final[s.final]} | {s.fault or '–'} |" for n, s in SMS_STATES.items()]
    hlr = [f"| {n} | {s.name} | {s.state} | {final[s.final]} |" for n, s in HLR_STATES.items()]
    viber = [
        f"| {n} | {s.name} | {s.state} | {final[s.final]} | {s.fault or '–'} | {final[s.read]} |"
        for n, s in VIBER_STATES.items()
    ]

    assert [line for line in sms + viber + hlr if line not in README] == []


def test_every_setting_is_in_the_readme():
    """The table of keys names each setting."""
    rows = [line for line in README if line.startswith("| `")]

    assert [name for name in Settings.__struct_fields__ if not any(f"`{name}`" in row for row in rows)] == []
