"""Everything is encoded exactly once, and arrives as it was meant."""

from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from pointsman.plugin.wire import Form, Multipart, Raw, Request
from pointsman.secret import Secret
from pointsman.transport.encoding import BaseUrl, encode

BASE = BaseUrl("http://127.0.0.1:9/rest/")

ADDRESSES = [
    (Request(method="GET", path="send"), "/rest/send"),
    (Request(method="GET", path="/send"), "/rest/send"),
    (Request(method="GET", path=""), "/rest/"),
    (Request(method="GET", path="/a b/ю?#%41"), "/rest/a%20b/%D1%8E%3F%23%2541"),
    (Request(method="GET", path="/s", query=(("t", "a b"), ("t", "1+1=2&"))), "/rest/s?t=a%20b&t=1%2B1%3D2%26"),
    (Request(method="GET", path="/s", query=(("key", Secret("p@ss/")),)), "/rest/s?key=p%40ss%2F"),
    (Request(method="GET", path="/s", query=(("done", "%D1"),)), "/rest/s?done=%25D1"),
]


@pytest.mark.trap("A17")
@pytest.mark.parametrize(("request_", "expected"), ADDRESSES)
def test_addresses(request_, expected):
    """A path is joined with one slash; path and query are percent-encoded once, and repeated keys are kept."""
    assert encode(request_, BASE).url.raw_path_qs == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://host", "https://host/send"),
        ("https://host/a%20b", "https://host/a%20b/send"),
        ("https://пример.example/api/", "https://xn--e1afmkfd.example/api/send"),
    ],
)
def test_the_base_keeps_its_own_encoding(base, expected):
    """What the configuration has encoded already is not encoded again."""
    assert str(encode(Request(method="GET", path="/send"), BaseUrl(base)).url) == expected


def test_a_form_is_encoded_as_browsers_do():
    """Blanks become plus signs, plus signs %2B, the rest UTF-8."""
    encoded = encode(
        Request(method="POST", path="/", body=Form((("to", "+79"), ("to", "8"), ("text", Secret("да нет"))))), BASE
    )

    assert encoded.body == b"to=%2B79&to=8&text=%D0%B4%D0%B0+%D0%BD%D0%B5%D1%82"
    assert encoded.headers == [("Content-Type", "application/x-www-form-urlencoded")]


def test_a_content_type_of_the_plugin_wins():
    """A plugin that knows better is not corrected."""
    request = Request(method="POST", path="/", headers=(("content-type", "text/xml"),), body=Raw(b"<a/>", "text/plain"))

    assert encode(request, BASE).headers == [("content-type", "text/xml")]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(TEXTS)
def test_a_path_comes_back_as_it_was(path):
    """Decoding the address once gives the path that was asked for."""
    encoded = encode(Request(method="GET", path="/x" + path), BASE)

    assert unquote(encoded.url.raw_path_qs) == "/rest/x" + path


@pytest.mark.trap("A01")
async def test_a_real_server_reads_what_was_meant(connect):
    """Form, multipart and query arrive at a server that was written by others, strange characters and all."""
    seen = []

    async def handle(request):
        seen.append((request.query.getall("q"), list((await request.post()).items()), request.headers["User-Agent"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/s", handle)
    fields = (("text", 'a+b &=%"\r\nю😀'), ("text", ""), ('na"me', Secret("s;c")))
    query = (("q", "a+b c"), ("q", "ю"))
    async with TestServer(app) as server:
        transport = await connect(str(server.make_url("/")))

        for body in (Form(fields), Multipart(fields)):
            await transport.exchange(Request(method="POST", path="/s", query=query, body=body))

    form = [("text", 'a+b &=%"\r\nю😀'), ("text", ""), ('na"me', "s;c")]
    # RFC 7578 leaves the escaping of quotes in names to HTML, which sends %22; servers keep it.
    multipart = [*form[:2], ("na%22me", "s;c")]
    assert [(query, fields) for query, fields, _ in seen] == [(["a+b c", "ю"], form), (["a+b c", "ю"], multipart)]
    assert seen[0][2].startswith("pointsman/")


async def test_a_request_without_a_body_says_so(serve, connect, answering):
    """Servers that insist on a length get one."""
    server = await serve(answering())
    transport = await connect(server.url)

    await transport.exchange(Request(method="POST", path="/"))

    assert b"content-length: 0" in server.requests[0].lower()


UNCARRIABLE = {
    "half a surrogate pair": Request(method="POST", path="/", body=Form((("text", "\ud83d"),))),
    "a line break in a header": Request(method="GET", path="/", headers=(("X-Key", "a\r\nX-Other: b"),)),
    "a blank in the name of a header": Request(method="GET", path="/", headers=(("X Key", "a"),)),
    "a surrogate in a header": Request(method="GET", path="/", headers=(("X-Key", "\udc80"),)),
}


@pytest.mark.parametrize("case", UNCARRIABLE)
async def test_what_http_cannot_carry_is_not_sent(serve, connect, answering, case):
    """It is refused as a whole before anything leaves."""
    server = await serve(answering())
    transport = await connect(server.url)

    exchange = await transport.exchange(UNCARRIABLE[case])

    assert (exchange.left, server.requests) == (False, [])
    assert exchange.result.detail == "the request holds characters that HTTP cannot carry"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("provider.example/rest", "must begin with http:// or https://"),
        ("ftp://provider.example", "must begin with http:// or https://"),
        ("https://", "must begin with http:// or https://"),
        ("https://shop:hunter2@provider.example", "must not hold a login or password"),
        ("https://provider.example/?key=hunter2", "must not have a query"),
        ("https://provider.example/#hunter2", "must not have a query"),
        ("http://[hunter2", "is not an address"),
    ],
)
def test_a_base_that_cannot_be_used_is_explained(url, problem):
    """The message says what to do and does not repeat what may be a secret."""
    with pytest.raises(ValueError, match=problem) as caught:
        BaseUrl(url)

    assert "hunter2" not in str(caught.value)
