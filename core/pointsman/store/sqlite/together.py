"""Statements that write many rows at once.

Each step of a statement lets the event loop have the interpreter and then waits to get it back, and the event loop
loses it in the middle of its work. What is written row by row costs both of them that for each row.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

OLDEST = (3, 33, 0)
"""The first SQLite that changes rows by what stands in the statement (`UPDATE … FROM`)."""
MOST = 64
"""Rows of one statement: 64 rows of 14 columns have 896 variables."""
KEPT = 8 * MOST
"""Statements that a connection keeps prepared: there is one for each number of rows and each kind of write."""


def pieces(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Cut rows into pieces of which each is written by one statement."""
    for first in range(0, len(rows), MOST):
        yield rows[first : first + MOST]


@cache
def insertion(into: str, columns: int) -> Callable[[int], str]:
    """Return the statements that insert rows of so many columns, by how many rows there are."""
    return cache(lambda rows: f"{into} VALUES {_places(rows, columns)}")


@cache
def update_of(table: str, columns: tuple[str, ...]) -> Callable[[int], str]:
    """Return the statements that change rows, by how many there are: the values of `columns`, and then the id."""
    sets = ", ".join(f"{name} = new.column{place}" for place, name in enumerate(columns, start=1))
    ours = len(columns) + 1
    return cache(
        lambda rows: (
            f"UPDATE {table} SET {sets} FROM (VALUES {_places(rows, ours)}) AS new"  # noqa: S608 - names of ours
            f" WHERE {table}.id = new.column{ours}"
        )
    )


def _places(rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return ", ".join([row] * rows)
