"""The measurement of the daemon: both sides run, and a server that does not take messages has no figure."""

import pytest

from pointsman.bench.daemon import measure_daemon, post
from pointsman.bench.embedded import provider
from pointsman.bench.figures import Amount, Figure
from pointsman.bench.journal import measure_journal
from pointsman.bench.load import rate_of
from pointsman.bench.reference import measure_reference


async def test_the_reference_is_measured_in_one_run():
    """A bare client, the embedded router and the bare proxy are measured in turn, and a budget follows from them."""
    found = await measure_reference(0.1, rounds=1)

    assert min(*found.client, *found.router, *found.proxy) > 0
    assert found.allowed(0.5) == pytest.approx(2e6 / found.proxy[0])


async def test_answers_that_are_refusals_are_not_counted():
    """A server that answers with another status than expected is not measured: refusing is quicker than sending."""
    async with provider() as port:
        with pytest.raises(RuntimeError, match=r"answered .*200 OK"):
            await rate_of(port, lambda number: post("/rest/Sms/Send", b"%d" % number), 0.1, at_once=2, status=202)


async def test_the_daemon_is_measured_by_what_it_sent():
    """The real server sends what is posted to it, and is held against the proxy; so are its answers and its memory."""
    ratio, *amounts = await measure_daemon(0.1, rounds=1)

    assert isinstance(ratio, Figure)
    assert ratio.rate > 0
    assert all(isinstance(one, Amount) and one.value > 0 for one in amounts)


def test_less_is_better_of_an_amount():
    """An amount keeps its budget up to it, and without one always."""
    assert [Amount(name="", value=2.0, unit="s", most=most).within for most in (1.0, 2.0, None)] == [False, True, True]


async def test_a_start_with_a_journal_is_measured():
    """A journal is made, the server starts with it, and what waited in it is sent."""
    amounts = await measure_journal(300)

    assert [one.unit for one in amounts] == ["s", "s", "s", "MiB"]
    assert all(one.value > 0 for one in amounts)
