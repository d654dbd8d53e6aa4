"""What is posted: the body, and the headers of Standard Webhooks."""

from collections.abc import Mapping, Sequence

import msgspec
from standardwebhooks import Webhook

from pointsman.clock import as_utc
from pointsman.secret import Secret
from pointsman.store.interface import News


class Payload(msgspec.Struct, frozen=True):
    """The body of a post."""

    type: str
    """`message.` and the state that it came into."""
    timestamp: str
    """When it did, RFC 3339 in UTC."""
    data: msgspec.Raw
    """The news as the store keeps them."""


_encode = msgspec.json.Encoder().encode


def body_of(news: News) -> bytes:
    """Return the body of a piece of news: the same one for every try."""
    at = as_utc(news.at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _encode(Payload(f"message.{news.state}", at, msgspec.Raw(news.body)))


def webhook_id(journal: str, news: News) -> str:
    """Return the id by which a receiver knows a letter that comes again; `journal` tells stores apart."""
    return f"msg_{journal}_{news.seq}"


def signed_headers(secrets: Sequence[Secret], ident: str, now: float, body: bytes) -> Mapping[str, str]:
    """Return the headers of one try, with a signature by each of the secrets."""
    seconds, text = int(now), body.decode()
    moment = as_utc(seconds)  # whole seconds: rounding a fraction up would sign another time than the header tells
    signatures = [Webhook(secret.reveal()).sign(ident, moment, text) for secret in secrets]
    return {
        "webhook-id": ident,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }
