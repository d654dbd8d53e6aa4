"""What `router.toml` may say about an account."""

from typing import Annotated

import msgspec

from pointsman.plugin import Secret


class ToySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of the provider's table, besides the common ones."""

    key: Secret
    batch: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
