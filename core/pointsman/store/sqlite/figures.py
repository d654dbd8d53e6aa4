"""Accounts and small things, as functions of the writer's books."""

from pointsman.store.sqlite.books import Books


def start_account(provider: str, books: Books) -> None:
    """Count what is spent at a provider from nothing again."""
    books.write("DELETE FROM accounts WHERE provider = ?", (provider,))


def keep(kind: str, name: str, value: bytes, books: Books) -> None:
    """Remember something small."""
    books.write("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (kind, name, value))


def forget(kind: str, name: str, books: Books) -> None:
    """Forget it."""
    books.write("DELETE FROM kept WHERE kind = ? AND name = ?", (kind, name))
