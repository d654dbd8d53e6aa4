"""What the table of a client says about its webhooks: the secrets that they are signed with, and the hosts."""

import base64
import binascii
import re
from collections.abc import Callable

import msgspec

from pointsman.secret import Secret

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with, not one
LEAST_BYTES, MOST_BYTES = 24, 64
_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:.]+\]")


class WebhookSecrets(msgspec.Struct, frozen=True):
    """One secret, or several while they are exchanged: each of them signs."""

    secrets: tuple[Secret, ...]


class HostPattern(str):
    """A host to which webhooks may go: `"hooks.shop.example"`, or `"*.shop.example"` for all below it."""

    __slots__ = ()

    def covers(self, host: str) -> bool:
        """Say whether this is the host, or one below the domain where it begins with `*.`."""
        host = host.lower().rstrip(".")
        return host.endswith(self[1:]) if self.startswith("*.") else host == self.strip("[]")


def parse_host_pattern(value: object) -> HostPattern:
    """Return a pattern. Raises `ValueError` that says how to write one."""
    if not isinstance(value, str) or len(value) > 253 or not _HOST.fullmatch(value):
        raise ValueError('expected a host in small letters, such as "hooks.shop.example" or "*.shop.example"')
    return HostPattern(value)


def parse_webhook_secrets(value: object, read: Callable[[object], Secret]) -> WebhookSecrets:
    """Return the secrets of one reference or of a list of them. Raises `ValueError`, which does not repeat them."""
    references = value if isinstance(value, list) else [value]
    if not 1 <= len(references) <= 3:
        raise ValueError("expected one secret, or up to 3 in a list while they are exchanged")
    secrets = tuple(read(reference) for reference in references)
    for secret in secrets:
        _check(secret)
    if len(set(secrets)) < len(secrets):
        raise ValueError("the same secret twice; remove one")
    return WebhookSecrets(secrets)


def _check(secret: Secret) -> None:
    text = secret.reveal()
    how = f'make one with: echo "{SECRET_PREFIX}$(openssl rand -base64 32)"'
    if not text.startswith(SECRET_PREFIX):
        raise ValueError(f"a webhook secret begins with {SECRET_PREFIX}; {how}")
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {SECRET_PREFIX} is not base64; {how}") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"a webhook secret has {LEAST_BYTES} to {MOST_BYTES} bytes, this one {len(key)}; {how}")
