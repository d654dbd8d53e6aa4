"""Every row of the plugins' tables, of codes and of states, is driven through the sandbox by some case of these tests.

The modules beside this one say, each for its plugin, that their lists hold the plugin's codes. Here it is read from the
parameters of the tests, and from the lists that their bodies name, that each code is really run against each operation
for which the plugin declares it.
"""

import dis
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from pointsman.events import Operation
from pointsman_affiliate_hlr.reports import STATES as AFFILIATE_STATES
from pointsman_devino.states import HLR_STATES, SMS_STATES
from pointsman_smstele.sandbox.documents import STATS
from pointsman_smstele.states import MEANINGS

from . import test_affiliate, test_devino, test_devino_asking, test_devino_states, test_smstele
from .bench import declared
from .consequences import Row

Test = Callable[..., Any]

MODULES: Mapping[str, tuple[types.ModuleType, ...]] = {
    "devino": (test_devino, test_devino_asking),
    "affiliate": (test_affiliate,),
    "smstele": (test_smstele,),
}
ITSELF = "test_every_line_of_the_plugins_table_is_driven_and_none_is_invented"
"""Compares lists and drives nothing."""
SUBMITS = (Operation.SUBMIT,)
OPERATIONS: Mapping[str, Mapping[str, tuple[Operation, ...]]] = {
    "devino": {
        "test_a_refused_login_is_a_refusal_of_the_message": (Operation.LOGIN,),
        "test_a_refused_question_about_reports_is_asked_again": (Operation.POLL,),
        "test_a_refused_question_about_the_balance_stops_nobody": (Operation.BALANCE,),
        "test_a_code_is_told_as_it_is_and_the_next_question_is_answered": (Operation.INBOX, Operation.STATISTICS),
    },
    "affiliate": {
        "test_a_doubt_that_stays_is_asked_of_another_provider": (Operation.SUBMIT, Operation.RECONCILE),
        "test_an_answer_to_the_repeat_speaks_of_the_repeat_only": (Operation.RECONCILE,),
        "test_an_existing_reference_settles_a_doubt_in_both_numberings": (Operation.RECONCILE,),
        "test_a_refused_question_about_a_lookup_is_asked_again": (Operation.POLL,),
        "test_a_refused_question_by_reference_is_asked_again": (Operation.POLL,),
        "test_a_refused_question_for_prices_is_told_as_it_is": (Operation.PRICES,),
    },
    "smstele": {
        "test_a_refused_question_about_a_doubt_is_asked_again": (Operation.RECONCILE,),
        "test_an_answer_about_a_doubt_that_says_nothing_is_asked_for_again": (Operation.RECONCILE,),
        "test_a_refused_question_about_reports_is_asked_again": (Operation.POLL,),
    },
}
"""Tests whose sandbox answers so to something else than a submit; each other test with such cases submits."""
SUCCESS = {("affiliate", "0")}
"""The row of a plain success, which every test of the plugin that ends well drives."""


def cases(test: Test) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a test, one mark's at a time."""
    for mark in getattr(test, "pytestmark", ()):
        if mark.name != "parametrize":
            continue
        names = [mark.args[0]] if isinstance(mark.args[0], str) else mark.args[0]
        for case in mark.args[1]:
            bare = case if len(names) > 1 else (case,)
            yield dict(zip(names, getattr(case, "values", bare), strict=True))


def rows(value: object) -> Iterator[Row]:
    """Yield the rows in a parameter or a list, however deep."""
    if isinstance(value, Row):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from rows(one)


def named(test: Test) -> set[str]:
    """Return the names of the module that the body of a test reads; attributes such as `Operation.POLL` are none."""
    return {step.argval for step in dis.get_instructions(test) if step.opname == "LOAD_GLOBAL"}


def codes(test: Test, module: types.ModuleType) -> set[str]:
    """Return the codes with which a test makes the sandbox answer."""
    found = {row.line or row.code for name in named(test) for row in rows(getattr(module, name, None))}
    for case in cases(test):
        found |= {row.line or row.code for value in case.values() for row in rows(value)}
        if isinstance(case.get("code"), str):
            found.add(case["code"])
    return found | {"http_5xx" for code in found if code.startswith("http_5")}


def driven(account: str) -> set[tuple[Operation, str]]:
    """Return operation and code of everything that the tests of a plugin drive."""
    exceptions = OPERATIONS[account]
    return {
        (operation, code)
        for module in MODULES[account]
        for name, test in vars(module).items()
        if name.startswith("test_") and name != ITSELF and isinstance(test, types.FunctionType)
        for operation in exceptions.get(name, SUBMITS)
        for code in codes(test, module)
    }


@pytest.mark.parametrize("account", MODULES)
def test_every_code_is_driven_for_every_operation(account: str) -> None:
    """A row of a plugin's table of codes without a case fails here: add one, and name its test in `OPERATIONS`."""
    wanted = {(operation, code) for operation, code, _ in declared(account) if (account, code) not in SUCCESS}

    assert wanted - driven(account) == set()


@pytest.mark.parametrize("account", MODULES)
def test_the_tests_that_do_not_submit_exist(account: str) -> None:
    """A test that was renamed would silently count as one that submits."""
    known = {name for module in MODULES[account] for name in vars(module)}

    assert OPERATIONS[account].keys() - known == set()


def parameters(test: Test, *names: str) -> set[tuple[Any, ...]]:
    """Return these parameters of a test."""
    return {tuple(case[name] for name in names) for case in cases(test) if names[0] in case}


def test_every_state_of_devino_is_driven() -> None:
    """Both tables, with what a state of a message means and whether it is the last word."""
    messages = parameters(test_devino_states.test_a_state_of_a_message_is_read_by_its_number, "code", "means", "final")
    lookups = test_devino_states.test_a_state_of_a_lookup_answers_it_or_leads_to_one_other_provider

    assert {(code, row.state, row.final) for code, row in SMS_STATES.items()} - messages == set()
    assert {(code,) for code in HLR_STATES} - parameters(lookups, "code") == set()


def test_every_state_of_smstele_is_driven() -> None:
    """Each word with what it means for a message; for a lookup each meaning, as some words have the same."""
    messages = parameters(test_smstele.test_a_state_is_read_from_stat, "word", "means")
    lookups = parameters(test_smstele.test_a_lookup_is_answered_or_asked_of_one_other_provider, "fate")

    assert {(str(word), row.message) for word, row in MEANINGS.items()} - messages == set()
    assert set(MEANINGS.values()) - {MEANINGS[STATS.get(fate, "ENROUTE")] for (fate,) in lookups} == set()


def test_every_state_of_affiliate_is_driven() -> None:
    """Each final word by a case of its own; `sent` is what every lookup says first."""
    finals = parameters(test_affiliate.test_a_status_answers_the_lookup_or_leads_to_one_other_provider, "means")

    assert {(state,) for word, state in AFFILIATE_STATES.items() if word != "sent"} - finals == set()
