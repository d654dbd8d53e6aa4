"""Decoding of parameters."""

import aiohttp
import pytest

from pointsman.sandbox import Params, read_form, read_multipart


def test_params_ignore_case_and_keep_order() -> None:
    """Names in any case are one parameter; its first value and the order of all are kept."""
    params = Params([("Data", "one"), ("To", "x"), ("data", "two")])

    assert params.first("DATA") == "one"
    assert params.all("dAtA") == ["one", "two"]
    assert "to" in params
    assert params.first("absent") is None
    assert params.pairs == (("Data", "one"), ("To", "x"), ("data", "two"))


@pytest.mark.parametrize(
    ("raw", "charset", "expected"),
    [
        (b"a=1&b=&a=2", "utf-8", [("a", "1"), ("b", ""), ("a", "2")]),
        (b"p=a%2Bb%3D%3D13%25!", "utf-8", [("p", "a+b==13%!")]),
        (b"to=+7916", "utf-8", [("to", " 7916")]),
        (b"mes=Test message 1&%20x=y", "utf-8", [("mes", "Test message 1"), (" x", "y")]),
        (b"m=%D0%9F%D1%80", "utf-8", [("m", "Пр")]),
        (b"m=%D0%9F%D1%80", "windows-1251", [("m", "РџСЂ")]),
        ("m=Пр".encode(), "utf-8", [("m", "Пр")]),
        (b"m=%CF\xf0", "windows-1251", [("m", "Пр")]),
        (b"m=%FF", "utf-8", [("m", "\ufffd")]),
    ],
)
def test_form(raw: bytes, charset: str, expected: list[tuple[str, str]]) -> None:
    """Forms are decoded in the charset that is meant, percent-encoded or not, and never fail."""
    assert expected == read_form(raw, charset)


async def test_multipart_of_a_real_client() -> None:
    """Fields of a form that aiohttp wrote are read back."""
    writer = aiohttp.MultipartWriter("form-data")
    for name, value in (("msisdn", "380505142320"), ("текст", "привет")):
        writer.append(value).set_content_disposition("form-data", name=name)
    body = await writer.as_bytes()

    assert read_multipart(body, writer.content_type) == [("msisdn", "380505142320"), ("текст", "привет")]


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", ""])
def test_what_is_not_multipart(content_type: str) -> None:
    """Without a boundary a body is not multipart, whatever the header says."""
    assert read_multipart(b'{"a": 1}', content_type) is None
