"""What an endpoint of a sandbox receives and returns."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from pointsman.sandbox.params import Params

Header = tuple[str, str]


class Call(msgspec.Struct, kw_only=True):
    """One request to one endpoint, parameters decoded."""

    endpoint: str
    method: str
    path: str
    """Below the base path, as it was written."""
    params: Params
    """Path variables, query and body, in this order."""
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes
    number: int
    """The request's place in the ledger, from 1."""
    at: float
    """Wall time of the sandbox's clock when the request takes effect, in seconds since the epoch."""
    quirk: str = ""
    """The oddity that a scripted fault asks for; empty when the answer is to be normal."""


class Reply(msgspec.Struct, frozen=True):
    """One answer. Helpers make the usual ones."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[Header, ...] = ()

    @classmethod
    def json(cls, value: Any, status: int = 200) -> "Reply":
        """Answer with a value as compact JSON; Decimals become text."""
        return cls(status, msgspec.json.encode(value))

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> "Reply":
        """Answer with text in UTF-8."""
        return cls(status, text.encode(), content_type)


Handler = Callable[[Call], Awaitable[Reply]]


class Endpoint(msgspec.Struct, frozen=True):
    """One operation of a provider's API."""

    name: str
    """What fault rules and the ledger call it, such as `Sms/Send`."""
    methods: tuple[str, ...]
    """Upper case; any other method is answered with 405."""
    paths: tuple[str, ...]
    """Below the base path, matched in any case. `{name}` stands for one segment and becomes a parameter."""
    handler: Handler
