"""Letters as the writing thread sees them. Of each message only the first letter that is not posted is its `head`."""

from collections.abc import Sequence

from pointsman.store.interface import Again, Dead, Fate, Later, Posted
from pointsman.store.sqlite.books import Books

_HEAD = (
    "UPDATE letters SET head ="
    " (seq = (SELECT min(seq) FROM letters WHERE message_id = ?1 AND dead = 0)) WHERE message_id = ?1 AND dead = 0"
)


def settle_letter(seq: int, fate: Fate, books: Books) -> None:
    """Write down what became of a letter; one that is gone is left alone."""
    found = books.read("SELECT message_id FROM letters WHERE seq = ?", (seq,))
    if not found:
        return
    match fate:
        case Posted():
            books.write("DELETE FROM letters WHERE seq = ?", (seq,))
        case Again(at, error):
            books.write("UPDATE letters SET tries = tries + 1, next_at = ?, error = ? WHERE seq = ?", (at, error, seq))
            return
        case Later(at):
            books.write("UPDATE letters SET next_at = ? WHERE seq = ?", (at, seq))
            return
        case Dead(error):
            books.write(
                "UPDATE letters SET tries = tries + 1, dead = 1, head = 0, error = ? WHERE seq = ?", (error, seq)
            )
    books.write(_HEAD, found[0])


def revive(seqs: Sequence[int], now: float, books: Books) -> int:
    """Try dead letters again from now on; return how many there were."""
    count = 0
    for seq in seqs:
        found = books.read("SELECT message_id FROM letters WHERE seq = ? AND dead = 1", (seq,))
        if found:
            books.write("UPDATE letters SET dead = 0, tries = 0, next_at = ? WHERE seq = ?", (now, seq))
            books.write(_HEAD, found[0])
            count += 1
    return count
