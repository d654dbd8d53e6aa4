"""Whether a client may have its news posted to an address: said when a message is accepted, and before each post.

This is for clear answers to honest clients. Against the others counts what is checked when a connection is made.
"""

import re

from yarl import URL

from pointsman.config import ClientConfig
from pointsman.daemon.webhooks.addresses import Reach, reach_of
from pointsman.errors import InvalidMessage

FIELD = "callback_url"
LONGEST_URL = 2048
"""Characters."""
_PRINTABLE = re.compile(r"[!-~]+")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
"""A last label that makes a whole host an address of version 4, in one of its odd spellings."""
_LOCAL = ("localhost", "localhost.localdomain")


def check_callback_url(client: ClientConfig, url: str) -> None:
    """Raise `InvalidMessage` for the field `callback_url` unless this client may have news posted there.

    Its text never repeats the address, whose path may be a secret.
    """
    if client.webhook_secret is None:
        raise _invalid("this client has no webhook_secret, so nothing could be signed; set one in its table")
    parsed = _parsed(url)
    if parsed.scheme != "https" and not (parsed.scheme == "http" and client.allow_plain_callbacks):
        raise _invalid("the address must begin with https://")
    _check_host(client, parsed.raw_host or "")


def _parsed(url: str) -> URL:
    if len(url) > LONGEST_URL:
        raise _invalid(f"the address is longer than {LONGEST_URL} characters")
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise _invalid("the address has a blank, a backslash or a character outside of ASCII; encode it with %")
    try:
        parsed = URL(url, encoded=True)
        usable = bool(parsed.host) and parsed.port != 0 and parsed.authority != ""
    except ValueError:
        usable = False
    if not usable:
        raise _invalid("this is not an address; write it like https://host/path")
    if "@" in parsed.raw_authority:
        raise _invalid("the address must not hold a user or a password; webhooks are signed instead")
    if "#" in url:
        raise _invalid('the address must not have a fragment; remove everything from "#" on')
    return parsed


def _check_host(client: ClientConfig, host: str) -> None:
    if client.callback_hosts and not any(pattern.covers(host) for pattern in client.callback_hosts):
        raise _invalid("the host is not among the callback_hosts of this client")
    if "%" in host:
        raise _invalid("the host must not name an interface or hold encoded characters")
    name = host.lower().rstrip(".")
    is_literal = ":" in name or _NUMERIC.fullmatch(name.rpartition(".")[2]) is not None
    is_local = name in _LOCAL or name.endswith(".localhost")
    reach = reach_of(name) if is_literal else Reach.OURS if is_local else Reach.PUBLIC
    if reach is Reach.OURS and not client.allow_private_callbacks:
        raise _invalid("the address is on this machine or in a private network")
    if reach is Reach.NOBODY:
        raise _invalid("the address is not one that webhooks may go to")


def _invalid(problem: str) -> InvalidMessage:
    return InvalidMessage(FIELD, problem)
