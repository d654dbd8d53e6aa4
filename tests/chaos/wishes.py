"""What the clients want: messages of every channel, some for later, some with webhooks, some taken back again."""

import math
from random import Random

import msgspec

from pointsman.clock import as_utc

LATEST = 4.0
"""Seconds into the future of a message that is for later, at most."""
SOON = 0.3
"""Seconds after which a message is taken back that is for now, at most."""
CERTAIN = ("undelivered", "rejected", "expired", "failed")
"""What of a Viber message starts the SMS in its place: only what proves that nobody has it."""


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of all messages, each by itself; those for later and Viber do not count lookups."""

    lookups: float = 0.2
    viber: float = 0.0
    later: float = 0.0
    hooked: float = 0.0
    """With an address for news."""
    regretted: float = 0.0
    """Taken back by DELETE."""


PLAIN = Mix()
FULL = Mix(viber=0.3, later=0.2, hooked=0.5, regretted=0.12)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One message that a client wants."""

    number: str
    """Digits; no other message goes there."""
    channel: str
    message_class: str
    send_at: float | None = None
    """Wall time before which it must not leave."""
    hooked: bool = False
    regret: float | None = None
    """Seconds from the acknowledgement to its DELETE."""


def draw(random: Random, count: int, mix: Mix, now: float) -> Wish:
    """Return the wish of this number; `now` is the wall time."""
    channel, message_class = _kind(random, mix)
    later = channel != "hlr" and random.random() < mix.later
    send_at = float(math.ceil(now + random.uniform(1.0, LATEST))) if later else None
    regretted = channel != "hlr" and random.random() < mix.regretted * (3 if later else 1)
    return Wish(
        number=f"7916{count:07d}",
        channel=channel,
        message_class=message_class,
        send_at=send_at,
        hooked=random.random() < mix.hooked,
        regret=random.uniform(0.0, LATEST if later else SOON) if regretted else None,
    )


def _kind(random: Random, mix: Mix) -> tuple[str, str]:
    """Return channel and class. No code goes by Viber here, so that one copy of each channel is all that may be."""
    message_class = random.choice(("otp", "transactional", "marketing"))
    if random.random() < mix.lookups:
        return "hlr", message_class
    if random.random() < mix.viber:
        return "viber", "transactional" if message_class == "otp" else message_class
    return "sms", message_class


def body_of(wish: Wish, hooks: str | None) -> dict[str, object]:
    """Return what is posted; `hooks` is where news are to go."""
    number = wish.number
    body: dict[str, object] = {
        "channel": wish.channel, "to": number, "class": wish.message_class, "reference": number
    }  # fmt: skip
    if wish.channel != "hlr":
        body["text"] = f"message {number}"
    if wish.channel == "viber":
        body["fallback"] = {"on": CERTAIN, "text": f"in place of {number}"}
    if wish.send_at is not None:
        body["send_at"] = as_utc(wish.send_at).isoformat()
    if wish.hooked and hooks is not None:
        body["callback_url"] = hooks
    return body
