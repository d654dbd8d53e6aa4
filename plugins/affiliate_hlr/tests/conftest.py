"""What the tests of this plugin share: a provider with an obviously false key, batches and answers."""

from collections.abc import Callable

import msgspec
import pytest

from pointsman.message import Channel, HlrLookup, Msisdn, Network
from pointsman.plugin import Batch, Response, Secret, Submission, Tracked
from pointsman_affiliate_hlr.provider import AffiliateHlr, build
from pointsman_affiliate_hlr.settings import Settings

MakeBatch = Callable[..., Batch]


@pytest.fixture
def settings() -> Settings:
    """Settings with nothing but a key."""
    return Settings(api_key=Secret("live_example"))


@pytest.fixture
def provider(settings: Settings) -> AffiliateHlr:
    """A provider with default settings."""
    return build(settings)


@pytest.fixture
def batch_of() -> MakeBatch:
    """Makes a batch of lookups with the given references; numbers count up from 380501000000."""

    def make(*refs: str, to: str | None = None, callback_url: str | None = None) -> Batch:
        items = []
        for place, ref in enumerate(refs):
            number = to or f"3805010000{place:02}"
            items.append(
                Submission(
                    ref=ref,
                    message=HlrLookup(to=number),
                    to=Msisdn(number),
                    network=Network(country="UA"),
                    segments=None,
                    sender=None,
                    ttl=None,
                    callback_url=None if callback_url is None else Secret(callback_url),
                )
            )
        return Batch(ref="batch1", channel=Channel.HLR, items=tuple(items))

    return make


@pytest.fixture
def answered() -> Callable[..., Response]:
    """Makes an answer out of bytes, or of a value to be shown as JSON."""

    def make(body: object = b"", status: int = 200, **headers: str) -> Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(status=status, headers=named, body=content)

    return make


@pytest.fixture
def tracked() -> Callable[..., tuple[Tracked, ...]]:
    """Makes what a poll asks about."""

    def make(provider_id: str = "12123", to: str = "380505142320") -> tuple[Tracked, ...]:
        return (Tracked(ids=(provider_id,), to=Msisdn(to), channel=Channel.HLR, accepted_at=0.0),)

    return make
