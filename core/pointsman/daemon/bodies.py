"""Takes in the body of a request: so much of it and no more, within its time."""

import asyncio

from aiohttp import hdrs, web
from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError

from pointsman.daemon.endpoint import JSON
from pointsman.daemon.problems import Failure, Kind

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})


def check_media(request: web.Request) -> None:
    """Raise `Failure` unless the body of a request is said to be JSON, as it is."""
    if request.content_type != JSON:
        raise Failure(Kind.MEDIA, "send the body with the header Content-Type: application/json")
    if (request.charset or "utf-8").lower() not in {"utf-8", "us-ascii"}:
        raise Failure(Kind.MEDIA, "JSON is written in UTF-8")
    check_encoding(request)


def check_encoding(request: web.Request) -> None:
    """Raise `Failure` for a body that is packed: a small one may become a very large one."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Failure(Kind.MEDIA, "send the body as it is, without Content-Encoding")


def brings_nothing(request: web.Request) -> bool:
    """Say whether a request has no body, and was not made by a page: those tell their origin, or are forms."""
    is_of_page = hdrs.ORIGIN in request.headers or request.content_type in _FORMS
    return not request.can_read_body and not is_of_page


async def read_body(request: web.Request, most: int, patience: float) -> bytes:
    """Return the body. Raises `Failure` when it is larger than `most` bytes or takes longer than `patience` seconds."""
    if (request.content_length or 0) > most:
        raise _too_large(most)
    if not request.can_read_body:
        return b""
    body = bytearray()
    try:
        if request.content.is_eof():  # it came together with the head: nothing is waited for
            return _whole(request.content.read_nowait(), most)
        async with asyncio.timeout(patience):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Failure(Kind.TOO_SLOW, headers={"Connection": "close"}) from None
    except (ClientError, HttpProcessingError, ConnectionError):
        raise Failure(Kind.MALFORMED, "the body is cut short or badly framed") from None
    return bytes(body)


def _whole(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise _too_large(most)
    return body


def _too_large(most: int) -> Failure:
    return Failure(Kind.TOO_LARGE, f"a body has at most {most} bytes here; send less at once")
