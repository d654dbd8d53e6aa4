"""The measurement of the daemon: its reference side runs, and a server that does not take messages has no figure."""

import pytest

from pointsman.bench.daemon import measure_reference, post
from pointsman.bench.embedded import provider
from pointsman.bench.load import rate_of


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
