"""Finding out what became of a request without an answer, by repeating it."""

from collections.abc import Callable

import pytest

from pointsman.outcome import Accepted, Unknown
from pointsman.plugin import Batch, Response
from pointsman_affiliate_hlr.faults import FAULTS
from pointsman_affiliate_hlr.provider import AffiliateHlr

MakeBatch = Callable[..., Batch]
MakeResponse = Callable[..., Response]

REFUSING_CODES = sorted(
    {row.code for row in FAULTS if row.http is None and row.fault is not None and row.code.isdigit()}
)


@pytest.mark.trap("A08")
def test_question_is_the_request_itself(provider: AffiliateHlr, batch_of: MakeBatch) -> None:
    """The repeat carries the same references in the same form."""
    batch = batch_of("r1", "r2")

    assert provider.submit_request(batch, None) == provider.reconcile_request(batch, None)


@pytest.mark.parametrize("code", REFUSING_CODES)
def test_refused_repeat_leaves_everything_unknown(
    code: str, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """Whatever refuses the repeat, of one number or of all, never says that the first request was refused."""
    whole = provider.read_reconcile(batch_of("r1", "r2"), answered({"error": code})).value
    entry = provider.read_reconcile(
        batch_of("r1", "r2"), answered({"result": [{"reference": "r1", "error": code}]})
    ).value

    assert [Unknown] * 4 == [type(finding) for finding in (*whole, *entry)]
    assert code == whole[0].code == entry[0].code


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 429, 500, 502, 503])
def test_http_error_leaves_everything_unknown(
    status: int, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """No HTTP status of the repeat settles anything."""
    findings = provider.read_reconcile(batch_of("r1", "r2"), answered(b"", status)).value

    assert [Unknown, Unknown] == [type(finding) for finding in findings]


@pytest.mark.trap("A08", "A09")
def test_what_exists_now_is_accepted(provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse) -> None:
    """13 adopts the id of the first request, 0 has just created the lookup, silence stays unknown."""
    body = {
        "result": [{"reference": "r2", "error": 0, "id": 2}, {"reference": "r1", "error": "13", "id": "1"}],
        "error": "0",
    }

    one, two, three = provider.read_reconcile(batch_of("r1", "r2", "r3"), answered(body)).value

    assert Accepted(ids=("1",), duplicate=True) == one
    assert Accepted(ids=("2",)) == two
    assert isinstance(three, Unknown)


@pytest.mark.trap("A20")
def test_method_refused_while_asking_is_remembered(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """A 405 to the repeat makes the next repeat a POST."""
    provider.read_reconcile(batch_of("r1"), answered(b"", 405))

    assert provider.reconcile_request(batch_of("r1"), None).method == "POST"
