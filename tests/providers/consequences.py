"""What each class of outcome leads to: the common table, written down once more for the tests.

It is taken from the descriptions of the providers and of the router, not from the code. Times are seconds.
"""

import enum
import math
from collections.abc import Mapping

import msgspec

from pointsman.outcome import Fault
from pointsman.routing.rests import Scope
from pointsman.sandbox import FaultRule


class Kind(enum.StrEnum):
    """Classes of outcomes, in the words of the providers' tables."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate_accepted"
    BAD_RECIPIENT = "bad_recipient (hard)"
    SOFT_RECIPIENT = "bad_recipient (soft)"
    BAD_CONTENT = "bad_content"
    BAD_REQUEST = "bad_request"
    LIMIT = "limit"
    UNSUPPORTED = "unsupported"
    SENDER_REJECTED = "sender_rejected"
    REJECTED_HERE = "rejected_here"
    SESSION_EXPIRED = "session_expired"
    AUTH = "auth"
    FORBIDDEN = "forbidden"
    NO_CREDITS = "no_credits"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not found"
    """Of a question only: nothing is known of what was asked for."""


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What is out of use after one refusal, and what ends it."""

    scope: Scope
    lasts: float = math.inf
    """Infinite: until the configuration changes, the operator acts, or a probe is taken."""
    probe: float = math.inf
    """After so long one message may try."""
    alert: bool = False


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of outcomes."""

    fault: Fault
    elsewhere: bool
    """A second provider gets the message."""
    repeats: int = 0
    """How often the same provider is asked again, at most, when there is no other."""
    waits: tuple[float, ...] = ()
    """Before each of these repeats."""
    out: Out | None = None
    counts: bool = False
    """Against the provider's health."""
    certain: bool = False


CONSEQUENCES: Mapping[Kind, Consequence] = {
    Kind.BAD_RECIPIENT: Consequence(fault=Fault.RECIPIENT, elsewhere=False, certain=True),
    Kind.SOFT_RECIPIENT: Consequence(fault=Fault.RECIPIENT, elsewhere=True),
    Kind.BAD_CONTENT: Consequence(fault=Fault.CONTENT, elsewhere=False),
    Kind.BAD_REQUEST: Consequence(fault=Fault.REQUEST, elsewhere=True),
    Kind.LIMIT: Consequence(fault=Fault.LIMIT, elsewhere=True),
    Kind.UNSUPPORTED: Consequence(fault=Fault.UNSUPPORTED, elsewhere=True, out=Out(scope=Scope.CHANNEL)),
    Kind.SENDER_REJECTED: Consequence(
        fault=Fault.SENDER, elsewhere=True, out=Out(scope=Scope.SENDER, lasts=24 * 3600.0, alert=True)
    ),
    Kind.REJECTED_HERE: Consequence(fault=Fault.DECLINED, elsewhere=True),
    Kind.AUTH: Consequence(
        fault=Fault.CREDENTIALS, elsewhere=True, out=Out(scope=Scope.PROVIDER, probe=1800.0, alert=True)
    ),
    Kind.FORBIDDEN: Consequence(
        fault=Fault.FORBIDDEN, elsewhere=True, out=Out(scope=Scope.PROVIDER, probe=1800.0, alert=True)
    ),
    Kind.NO_CREDITS: Consequence(
        fault=Fault.CREDITS, elsewhere=True, out=Out(scope=Scope.PROVIDER, probe=900.0, alert=True)
    ),
    Kind.THROTTLED: Consequence(
        fault=Fault.THROTTLED, elsewhere=False, repeats=6, waits=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    ),
    Kind.TRANSIENT: Consequence(fault=Fault.UNAVAILABLE, elsewhere=True, repeats=2, waits=(0.5, 2.0), counts=True),
}
"""A refusal of each class. What is accepted, in doubt or repaired by the engine has tests of its own."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a provider's table of codes."""

    code: str
    """The provider's own code, or `http_` and the status where the answer holds none."""
    kind: Kind
    cause: FaultRule
    """How the sandbox is told to answer so."""
    when: str = ""
    """Which of several conditions of a code this is."""
    line: str = ""
    """The code of the line to which the description points, where that is not the line of the code."""
    requests: int = 1
    """Requests of one attempt, when every one is answered so: more than one where another form is tried."""
    divides: bool = False
    """In a request for several, one of them may be the culprit."""

    @property
    def cause_wait(self) -> float | None:
        """Return the seconds for which the answer asks."""
        asked = dict(self.cause.headers).get("Retry-After")
        return None if asked is None else float(asked)

    def __str__(self) -> str:
        return f"{self.code} {self.when}".strip()
