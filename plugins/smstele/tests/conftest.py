"""Makers of the values that the engine would hand to the plugin."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from pointsman.message import Alphabet, Channel, Fallback, HlrLookup, Message, Msisdn, Network, Segments, Sms, Viber
from pointsman.plugin import Batch, Secret, Submission, Tracked
from pointsman_smstele.provider import Smstele
from pointsman_smstele.settings import Settings, ValidityUnit

MakeBatch = Callable[..., Batch]


@pytest.fixture
def settings() -> Settings:
    """An account with everything on."""
    return Settings(
        login=Secret("test:http"),
        password=Secret("~test123"),
        hlr=True,
        validity_unit=ValidityUnit.SECONDS,
        deferred_offset="+03:00",
    )


@pytest.fixture
def provider(settings: Settings) -> Smstele:
    """The provider of that account."""
    return Smstele(settings)


@pytest.fixture
def batch() -> MakeBatch:
    """Make a batch of equal messages to several numbers."""

    def make(
        *phones: str,
        channel: Channel = Channel.SMS,
        ref: str = "01jx7y6k8m9n0p1q2r3s4t5v6w",
        text: str = "Test message 1",
        sender: str | None = None,
        ttl: timedelta | None = None,
        parts: int = 1,
        flash: bool = False,
        send_at: datetime | None = None,
        fallback: Fallback | None = None,
    ) -> Batch:
        def submission(number: int, phone: str) -> Submission:
            messages: dict[Channel, Message] = {
                Channel.SMS: Sms(to=phone, text=text, flash=flash),
                Channel.VIBER: Viber(to=phone, text=text, fallback=fallback),
                Channel.HLR: HlrLookup(to=phone),
            }
            segments = Segments(Alphabet.GSM7, len(text), parts) if channel is Channel.SMS else None
            return Submission(
                ref=f"{ref[:24]}{number:02}",
                message=messages[channel],
                to=Msisdn(phone),
                network=Network(country="RU"),
                segments=segments,
                sender=sender,
                ttl=ttl,
                send_at=send_at,
            )

        items = tuple(submission(number, phone) for number, phone in enumerate(phones or ("79160001234",)))
        return Batch(ref=ref, channel=channel, items=items)

    return make


@pytest.fixture
def tracked() -> Callable[..., tuple[Tracked, ...]]:
    """Make the question about one accepted message."""

    def make(
        ref: str = "custom-message-id-test-22",
        phone: str = "79160001234",
        channel: Channel = Channel.SMS,
        *,
        by_reference: bool = False,
    ) -> tuple[Tracked, ...]:
        ids = () if by_reference else (f"{ref}/{phone}",)
        one = Tracked(
            ids=ids, to=Msisdn(phone), channel=channel, accepted_at=0.0, ref="01jx7y6k8m9n0p1q2r3s4t5v00", call_ref=ref
        )
        return (one,)

    return make
