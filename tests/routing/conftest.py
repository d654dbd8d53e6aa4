"""What the tests of routing share: envelopes of valid messages."""

from collections.abc import Callable

import pytest

from pointsman.message import (
    Alphabet,
    Envelope,
    HlrLookup,
    Message,
    MessageClass,
    Msisdn,
    Network,
    NetworkSource,
    Segments,
    Sms,
    channel_of,
)

MakeEnvelope = Callable[..., Envelope]


@pytest.fixture(scope="session")
def make_envelope() -> MakeEnvelope:
    """Wrap a message as parsing would; what is not given is an SMS of one segment to a number of MTS."""

    def make(
        message: Message | None = None,
        *,
        to: str = "79161234567",
        country: str | None = "RU",
        mccmnc: str | None = "25001",
        parts: int = 1,
        deadline: float = 1000.0,
        **fields: object,
    ) -> Envelope:
        whole = message or Sms(to=to, text="x", message_class=MessageClass.OTP, **fields)  # type: ignore[arg-type]
        lookup = isinstance(whole, HlrLookup)
        return Envelope(
            id="m1",
            message=whole,
            channel=channel_of(whole),
            to=Msisdn(to),
            network=Network(country=country, mccmnc=mccmnc, source=NetworkSource.RANGE),
            segments=None if lookup else Segments(Alphabet.GSM7, parts, parts),
            accepted_at=0.0,
            deadline=deadline,
        )

    return make
