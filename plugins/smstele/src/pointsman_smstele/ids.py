"""How a message is named between SMStele and us: an id of ours that a request shares, and the number."""

import hashlib


def message_id(ref: str, phone: str) -> str:
    """Return our id of an accepted message: the status call needs both halves of it."""
    return f"{ref}/{phone}"


def halves(provider_id: str) -> tuple[str, str]:
    """Return the reference and the number of `message_id`. Raises `ValueError` for what it did not make."""
    ref, _, phone = provider_id.partition("/")
    if not ref or not phone:
        raise ValueError("not the id of an smstele message: expected reference/number")
    return ref, phone


def another_id(ref: str) -> str:
    """Return another id for the same batch, as unique as `ref` is: 25 characters `[0-9a-z]`.

    25 is the length of the longest id that SMStele's document shows being taken; one of 71 is turned down.
    """
    return "x" + hashlib.blake2s(ref.encode(), digest_size=12).hexdigest()
