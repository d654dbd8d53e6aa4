"""Changes to a running sandbox over HTTP. Each call replaces what was there and takes JSON.

| call | JSON |
|---|---|
| `POST standing` | the quirks that hold for every request, an array of names |
| `POST callbacks` | how results are reported, an object with the fields of `Callbacks` |
| `POST bad-numbers` | the numbers that are refused as incorrect, an array |
| `POST ported` | the networks of numbers that have moved, an object of network by number |
"""

from typing import TYPE_CHECKING

import msgspec

from pointsman.sandbox import Reply
from pointsman_affiliate_hlr.sandbox.callbacks import Callbacks
from pointsman_affiliate_hlr.sandbox.codes import Quirk

if TYPE_CHECKING:
    from pointsman_affiliate_hlr.sandbox.server import AffiliateSandbox


def steer(sandbox: "AffiliateSandbox", path: str, body: bytes) -> Reply | None:
    """Answer one of these calls; None for any other. Raises `msgspec.ValidationError` for what is not understood."""
    match path:
        case "standing":
            sandbox.standing = msgspec.json.decode(body, type=set[Quirk])
            return Reply.json(sorted(sandbox.standing))
        case "callbacks":
            sandbox.callbacks = msgspec.json.decode(body, type=Callbacks)
            return Reply.json(sandbox.callbacks)
        case "bad-numbers":
            sandbox.bad_numbers = msgspec.json.decode(body, type=set[str])
            return Reply.json(sorted(sandbox.bad_numbers))
        case "ported":
            moved = msgspec.json.decode(body, type=dict[str, str])
            sandbox.ported.clear()
            sandbox.ported.update(moved)
            return Reply.json(moved)
        case _:
            return None
