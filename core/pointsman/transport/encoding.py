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
_WITH_BODY = frozenset({"DELETE", "PATCH", "POST", "PUT"})
"""Methods that say how long their body is even where there is none."""
_TYPED = frozenset({"PATCH", "POST", "PUT"})
"""Methods that say what their body is even where there is none."""
_UNKNOWN_TYPE = "application/octet-stream"
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class BaseUrl:
    """The provider's address, checked once.

    Raises `ValueError` for anything but plain `http` or `https` without credentials, query and fragment; the message
    does not repeat the address, because credentials may be in it.
    """

    __slots__ = ("authority", "host", "is_tls", "origin", "path")

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
        self.authority = url.host_port_subcomponent or url.host
        self.origin = str(url.origin())
        self.path = url.raw_path

    def join(self, path: str) -> str:
        """Return the full path of one that is not yet percent-encoded; an empty one is the base itself."""
        if not path:
            return self.path
        return f"{self.path.rstrip('/')}/{_path(path.lstrip('/'))}"


class Encoded:
    """A request ready to be written. It holds revealed secrets, so its repr says nothing."""

    __slots__ = ("body", "headers", "method", "target")

    def __init__(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body


class Preamble:
    """What every request to a provider says of itself, unless the request says otherwise."""

    __slots__ = ("_lines", "_pairs")

    def __init__(self, base: BaseUrl, agent: str) -> None:
        # Answers are small: compressing them saves nothing. One that comes compressed anyway is still read.
        pairs = {"Host": base.authority, "User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._pairs = {name.lower(): _line(name, value) for name, value in pairs.items()}
        self._lines = "".join(self._pairs.values())

    def written(self, encoded: Encoded) -> bytes:
        """Return the bytes of a request."""
        lines = self._lines
        names = {name.lower() for name, _ in encoded.headers}
        if not names.isdisjoint(self._pairs):
            lines = "".join(line for name, line in self._pairs.items() if name not in names)
        own = "".join([_line(name, value) for name, value in encoded.headers])
        body = encoded.body or b""
        says_length = "content-length" not in names and (body or encoded.method in _WITH_BODY)
        framing = f"Content-Length: {len(body)}\r\n" if says_length else ""
        return f"{encoded.method} {encoded.target} HTTP/1.1\r\n{lines}{own}{framing}\r\n".encode() + body


def encode(request: Request, base: BaseUrl) -> Encoded:
    """Encode a request; everything is percent-encoded exactly once, and repeated keys stay as they are.

    Raises `ValueError` for what HTTP cannot carry: half a surrogate pair, control characters in a header.
    """
    if not _TOKEN.fullmatch(request.method):
        raise ValueError("a request has an invalid method")
    target = base.join(request.path)
    if request.query:
        # %20 and not +: every server understands it in a query, also those that read + as a plus sign.
        target += "?" + urlencode(_revealed(request.query), quote_via=quote, safe="")
    headers = _revealed(request.headers)
    for name, value in headers:
        _check_header(name, value)
    method = request.method.upper()
    body: bytes | None = None
    content_type = _UNKNOWN_TYPE if method in _TYPED else ""
    if request.body is not None:
        body, content_type = _body(request.body)
    if content_type and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    return Encoded(method, target, headers, body)


def _body(body: Body) -> tuple[bytes, str]:
    match body:
        case Form(fields=fields):
            pairs = [f"{_field_name(name)}={quote_plus(value)}" for name, value in _revealed(fields)]
            return "&".join(pairs).encode("ascii"), "application/x-www-form-urlencoded"
        case Multipart(fields=fields):
            return _multipart(_revealed(fields))
        case Raw(content=content, content_type=content_type):
            _check_header("Content-Type", content_type)
            return content, content_type


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


def _line(name: str, value: str) -> str:
    return f"{name}: {value}\r\n"


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ValueError("a header has an invalid name")
    if _CONTROL.search(value):
        raise ValueError("a header has a control character in its value")
    value.encode()
