"""What a request that creates lookups carries: flat objects, and addresses with a token for each of them."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from pointsman.plugin import Json, Secret, Text
from pointsman_affiliate_hlr.wire import reference_of

PARAMETER: Final = "our_ref"
"""The parameter of our callback address that holds the reference of the lookup.

No field of theirs is called so. Whoever calls the address back names the lookup by it, whatever else he says or leaves
out, for the provider does not publish what it says.
"""
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s]*")


class NewLookup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One number to look up, as the provider wants it.

    The samples of the documentation are broken JSON and nest the optional fields oddly; a flat object is what
    working clients send.
    """

    msisdn: str
    reference: str
    tariff: int
    callback_url: Secret | None = None
    """See `callback_address`."""

    def form(self) -> tuple[tuple[str, Text], ...]:
        """The fields of a request for this number alone."""
        fields = (("msisdn", self.msisdn), ("reference", self.reference), ("tariff", str(self.tariff)))
        return fields if self.callback_url is None else (*fields, ("callback_url", self.callback_url))


def payload(lookups: tuple[NewLookup, ...]) -> Text:
    """The field `payload` of a request for several numbers: a flat JSON array, secret if an address is in it."""
    written = msgspec.json.encode(lookups, enc_hook=_revealed).decode()
    return written if all(one.callback_url is None for one in lookups) else Secret(written)


def _revealed(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} is not part of a request")


def callback_address(url: Secret | None, reference: str) -> Secret | None:
    """Return our address with the token of one lookup in its query.

    None for what is no address: the provider would silently use the account's own, which may be a stranger.
    """
    spelt = url.reveal() if url is not None else ""
    if not _WEB_ADDRESS.fullmatch(spelt):
        return None
    try:
        parts = urlsplit(spelt)
    except ValueError:
        return None
    token = f"{PARAMETER}={reference}"
    return Secret(parts._replace(query=f"{parts.query}&{token}" if parts.query else token, fragment="").geturl())


def token_in(query: Mapping[str, Json]) -> str:
    """Return the reference that our address held, from the folded query of a callback; empty where it held none."""
    return reference_of(query.get(PARAMETER.replace("_", "")))
