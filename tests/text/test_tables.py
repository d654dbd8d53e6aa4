"""Tables for people: nothing that identifies is cut, and lines end where the terminal does."""

from decimal import Decimal

from pointsman.message import Money
from pointsman.text.tables import folded, lay_out

ID = "01a2034eefa2476aeb468c212c72/79161234567"


def test_columns() -> None:
    """Columns are aligned, empty ones are left out, and no line ends with blanks."""
    laid = lay_out(("name", ">count", "nothing", "more"), [("a", 1, None, ""), ("long", 12, "", "x")], None)

    assert (laid.heading, laid.lines) == ("name  count  more", ("a         1", "long     12  x"))


def test_amounts() -> None:
    """Amounts of one currency have the decimals of the most exact one, two at least."""
    rows = [
        (Money(Decimal(amount), currency),) for amount, currency in (("10000", "RUB"), ("3.205", "RUB"), ("1", "EUR"))
    ]

    laid = lay_out((">price",), rows, None)

    assert laid.lines == ("10000.000 RUB", "    3.205 RUB", "     1.00 EUR")


def test_folding() -> None:
    """A column that may be folded gives way, between words only."""
    laid = lay_out(("id", "~why"), [(ID, "the number is not in the plan")], 60)

    assert laid.lines == (f"{ID}  the number is not", " " * 42 + "in the plan")
    assert folded("a-very-long-word of three", 6) == ["a-very-long-word", "of", "three"]


def test_records() -> None:
    """Where folding is not enough each row becomes a group of lines."""
    laid = lay_out(("id", "state", "~why"), [(ID, "sent", ""), (ID, "failed", "the number is wrong")], 45)

    assert (laid.heading, laid.lines) == (
        None,
        (f"id     {ID}", "state  sent", "", f"id     {ID}", "state  failed", "why    the number is wrong"),
    )


def test_as_records() -> None:
    """A single record may be asked for as lines on paper of any width."""
    assert lay_out(("number", "code"), [("+7916", "")], None, as_records=True).lines == ("number  +7916",)
