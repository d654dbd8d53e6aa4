"""What was decided about a lookup before sending, as a value."""

import enum

import msgspec


class Why(enum.StrEnum):
    """Why a number is looked up before a message is sent, or not."""

    ALWAYS = "always"
    """The route says so."""
    KNOWN = "known"
    """What a lookup would tell is known already."""
    NO_LOOKUP = "no_lookup"
    """Nobody can look it up now."""
    NO_PRICE = "no_price"
    """The price list does not say what the lookup costs."""
    NO_CANDIDATE = "no_candidate"
    """Nobody could take the message."""
    SAVES = "saves"
    """It is expected to save more than it costs."""
    LEARNS = "learns"
    """It is expected to cost more than it saves, but a small share of the messages is there to find out."""
    DEAR = "dear"
    """It is expected to cost as much as it saves, or more."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a number is looked up before a message is sent. Amounts are in the router's currency."""

    look: bool
    why: Why
    saving: float = 0.0
    """What the lookup is expected to save."""
    cost: float | None = None
    """What the lookup costs; None when the price list does not say."""
    paid: float = 0.0
    """What the message is expected to cost in money without a lookup."""
