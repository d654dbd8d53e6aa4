"""From a `Request` value to the bytes of HTTP: the one place where secrets are revealed."""

import re
import secrets
from functools import lru_cache
from urllib.parse import quote, quote_plus, urlencode

from yarl import URL

from pointsman.plugin.wire import Body, Form, Multipart, Raw, Request, Text
from pointsman.secret import Secret

_PATH_SAFE = "/:@!$&'()*+,;=~"
"""What RFC 3986 allows in a path besides letters and digits."""
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class BaseUrl:
    """The provider's address, checked once.

    Raises `ValueError` for anything but plain `http` or `https` without credentials, query and fragment; the message
    does not repeat the address, because credentials may be in it.
    """

    __slots__ = ("host", "is_tls", "origin", "path")

    def __init__(self, text: str) -> None:
        try:
            url = URL(text)
        except ValueError as error:
            raise ValueError("base_url is not an address; write it like https://host/path") from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("base_url must begin with http:// or https:// and name a host")
        if url.user is not None or url.password is not None:
            raise ValueError("base_url must not hold a login or password; use the settings of the provider for them")
        if url.raw_query_string or url.raw_fragment:
            raise ValueError("base_url must not have a query (?…) or a fragment (#…)")
        self.is_tls = url.scheme == "https"
        self.host = url.host
        self.origin = str(url.origin())
        self.path = url.raw_path

    def join(self, path: str) -> str:
        """Return the address of a path that is not yet percent-encoded; an empty one is the base itself."""
        if not path:
            return self.origin + self.path
        return f"{self.origin}{self.path.rstrip('/')}/{_path(path.lstrip('/'))}"


class Encoded:
    """A request ready to be written. It holds revealed secrets, so its repr says nothing."""

    __slots__ = ("body", "headers", "method", "url")

    def __init__(self, method: str, url: URL, headers: list[tuple[str, str]], body: bytes | None) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body


def encode(request: Request, base: BaseUrl) -> Encoded:
    """Encode a request; everything is percent-encoded exactly once, and repeated keys stay as they are.

    Raises `ValueError` for what HTTP cannot carry: half a surrogate pair, control characters in a header.
    """
    address = base.join(request.path)
    if request.query:
        # %20 and not +: every server understands it in a query, also those that read + as a plus sign.
        address += "?" + urlencode(_revealed(request.query), quote_via=quote, safe="")
    headers = _revealed(request.headers)
    for name, value in headers:
        _check_header(name, value)
    body: bytes | None = None
    if request.body is not None:
        body, content_type = _body(request.body)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", content_type))
    return Encoded(request.method, URL(address, encoded=True), headers, body)


def _body(body: Body) -> tuple[bytes, str]:
    match body:
        case Form(fields=fields):
            return _form(fields).encode("ascii"), "application/x-www-form-urlencoded"
        case Multipart(fields=fields):
            return _multipart(_revealed(fields))
        case Raw(content=content, content_type=content_type):
            _check_header("Content-Type", content_type)
            return content, content_type


def _form(fields: tuple[tuple[str, Text], ...]) -> str:
    pairs = []
    for name, value in fields:
        text = value.reveal() if isinstance(value, Secret) else value
        # Digits and letters, such as a number or an id, stay as they are.
        pairs.append(f"{_field_name(name)}={text if text.isalnum() and text.isascii() else quote_plus(text)}")
    return "&".join(pairs)


@lru_cache(maxsize=256)
def _path(path: str) -> str:
    return quote(path, safe=_PATH_SAFE)


@lru_cache(maxsize=256)
def _field_name(name: str) -> str:
    """Return a name of a form's field, encoded; they are few, and half of a form."""
    return quote_plus(name)


def _multipart(fields: list[tuple[str, str]]) -> tuple[bytes, str]:
    """Encode `multipart/form-data` (RFC 7578); 128 random bits make a boundary that no field contains."""
    boundary = f"pointsman-{secrets.token_hex(16)}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode(), f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _revealed(pairs: tuple[tuple[str, Text], ...]) -> list[tuple[str, str]]:
    return [(name, value.reveal() if isinstance(value, Secret) else value) for name, value in pairs]


def _check_header(name: str, value: str) -> None:
    # Checked here, because aiohttp notices it only after it has said that the headers are on their way.
    if not _TOKEN.fullmatch(name):
        raise ValueError("a header has an invalid name")
    if _CONTROL.search(value):
        raise ValueError("a header has a control character in its value")
    value.encode()
