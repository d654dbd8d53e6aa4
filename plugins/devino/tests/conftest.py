"""Builders of the values that the engine would hand to the plugin."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.message import Alphabet, Channel, HlrLookup, Msisdn, Network, Segments, Sms, Viber
from pointsman.plugin import Batch, Response, Secret, Session, Submission, Tracked, Window
from pointsman_devino import Devino, Settings

TOKEN = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"


@pytest.fixture
def session() -> Session:
    """The session of the document's examples."""
    return Session(token=Secret(TOKEN), valid_for=timedelta(minutes=120))


@pytest.fixture
def make_devino() -> Callable[..., Devino]:
    """Build a provider with a fake account."""

    def make(**settings) -> Devino:
        return Devino(Settings(login=Secret("test_login"), password=Secret("test123"), **settings))

    return make


@pytest.fixture
def devino(make_devino: Callable[..., Devino]) -> Devino:
    """A provider with default settings."""
    return make_devino()


@pytest.fixture
def sms_batch() -> Callable[..., Batch]:
    """Build a batch of one text to some numbers."""

    def make(*numbers: str, text: str = "test", parts: int = 1, sender="DEVINO", ttl=None, **when) -> Batch:
        return _batch(
            Channel.SMS,
            [
                Submission(
                    ref=f"ref{place}",
                    message=Sms(to=number, text=text),
                    to=Msisdn(number),
                    network=Network(country="RU"),
                    segments=Segments(Alphabet.GSM7, len(text), parts),
                    sender=sender,
                    ttl=ttl,
                    **when,
                )
                for place, number in enumerate(numbers)
            ],
        )

    return make


@pytest.fixture
def viber_batch() -> Callable[..., Batch]:
    """Build a batch of one Viber text to some numbers."""

    def make(*numbers: str, text: str = "test", sender="DEVINO", ttl=None, resend=False, fallback=None) -> Batch:
        return _batch(
            Channel.VIBER,
            [
                Submission(
                    ref=f"ref{place}",
                    message=Viber(to=number, text=text, fallback=fallback),
                    to=Msisdn(number),
                    network=Network(country="RU"),
                    segments=None,
                    sender=sender,
                    ttl=ttl,
                    resend=resend,
                )
                for place, number in enumerate(numbers)
            ],
        )

    return make


@pytest.fixture
def hlr_batch() -> Callable[..., Batch]:
    """Build a batch of lookups."""

    def make(*numbers: str) -> Batch:
        return _batch(
            Channel.HLR,
            [
                Submission(
                    ref=f"ref{place}",
                    message=HlrLookup(to=number),
                    to=Msisdn(number),
                    network=Network(country="RU"),
                    segments=None,
                    sender=None,
                    ttl=None,
                )
                for place, number in enumerate(numbers)
            ],
        )

    return make


def _batch(channel: Channel, items: list[Submission]) -> Batch:
    return Batch(ref="batch0", channel=channel, items=tuple(items))


@pytest.fixture
def tracked() -> Callable[..., tuple[Tracked, ...]]:
    """Build what is awaited: ids with the numbers that they belong to."""

    def make(channel: Channel, *, resend: bool = False, **numbers: str) -> tuple[Tracked, ...]:
        return tuple(
            Tracked(ids=(message_id,), to=Msisdn(number), channel=channel, accepted_at=0.0, resend=resend)
            for message_id, number in numbers.items()
        )

    return make


@pytest.fixture
def window() -> Window:
    """The period of the document's example of incoming messages."""
    return Window(datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 1, 11, tzinfo=UTC))


@pytest.fixture
def answer() -> Callable[..., Response]:
    """Build an answer from a body (text or bytes) and a status."""

    def make(body: str | bytes = b"", status: int = 200, **headers: str) -> Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(status=status, headers=names, body=body.encode() if isinstance(body, str) else body)

    return make


@pytest.fixture
def literal() -> Callable[[str], bytes]:
    """Read a body that stands in the provider's document, byte for byte."""
    return lambda name: (Path(__file__).parent / "fixtures" / f"{name}_literal.txt").read_bytes()
