"""The messages of the measurements, and their form on the wire; imports nothing, so that what is bare stays bare."""

CONCURRENCY = 100
"""Messages at once."""
LOGIN = {"LOGIN": "bench-login", "PASSWORD": "bench-password"}
"""The environment with what the provider of the measurement lets in."""


def fields_of(to: str, text: str) -> dict[str, str]:
    """Return the form that the router sends for a message."""
    return {
        "SessionID": "BENCHSESSIONBENCHSESSIONBENCHSESSION",
        "DestinationAddress": to,
        "Data": text,
        "SourceAddress": "BENCH",
    }


def number_of(number: int) -> str:
    """Return a recipient of the measurement."""
    return f"7916{number % 10_000_000:07d}"


def text_of(number: int) -> str:
    """Return a text that no other message has."""
    return f"Order {number} is on its way and will be with you tomorrow before noon"
