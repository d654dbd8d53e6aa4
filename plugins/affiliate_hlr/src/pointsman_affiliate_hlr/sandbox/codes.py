"""The oddities that can be asked for, and every code that the provider and its siblings name."""

import enum
from collections.abc import Mapping


class Quirk(enum.StrEnum):
    """Ways in which the API is odd or unclear; for `AffiliateSandbox.standing` or a fault rule."""

    DOCUMENT = "document"
    """Damage of the document's samples: the key ` errorDescription` in items, a line break in the key `price`."""
    NUMBERS = "numbers"
    """`error` and `id` are JSON numbers."""
    SHUFFLED = "shuffled"
    """The items of an answer come in another order than those of the request."""
    NO_PUT = "no_put"
    """PUT is answered with HTTP 405."""
    ITEM_ERRORS = "item_errors"
    """A bad number in a batch is that item's error 11 and not error 14 for all."""
    NO_DETAILS = "no_details"
    """`details` is null whatever the status."""
    NEWER_FIELDS = "newer_fields"
    """Status answers carry what those of the siblings have come to carry: a code 0, the brand, the IMSI."""
    HTTP_ERRORS = "http_errors"
    """Refusals have an HTTP status and the newer form `{"code", "message", "errors"}`, without the provider's code."""


class Code(enum.StrEnum):
    """0, 11, 13 and 14 are in the document, 6 and 10 on the provider's pages, the rest in lists of its siblings."""

    OK = "0"
    INVALID_KEY = "1"
    BLOCKED = "2"
    NOT_ENOUGH_PARAMETERS = "3"
    BAD_METHOD = "4"
    UNKNOWN = "5"
    INVALID_TARIFF = "6"
    INVALID_PARAMETERS = "7"
    NO_MONEY = "8"
    INACTIVE_TARIFF = "9"
    NOT_FOUND = "10"
    INCORRECT_MSISDN = "11"
    REFERENCE_ABSENT = "12"
    EXISTS = "13"
    INCORRECT_PAYLOAD = "14"
    INVALID_REFERENCE = "15"
    NEW_NOT_FOUND = "60"
    NEW_INCORRECT_MSISDN = "61"
    NEW_REFERENCE_ABSENT = "62"
    NEW_EXISTS = "63"
    NEW_INCORRECT_PAYLOAD = "64"
    NEW_INVALID_REFERENCE = "65"
    NEW_MSISDN_TWICE = "66"


DESCRIPTIONS: Mapping[str, str] = {
    Code.INVALID_KEY: "Invalid API key",
    Code.BLOCKED: "Account is blocked",
    Code.NOT_ENOUGH_PARAMETERS: "Not enough parameters",
    Code.BAD_METHOD: "Bad method",
    Code.UNKNOWN: "Unknown error",
    Code.INVALID_TARIFF: "Invalid tariff code",
    Code.INVALID_PARAMETERS: "Invalid parameters",
    Code.NO_MONEY: "Not enough money",
    Code.INACTIVE_TARIFF: "Tariff is not active",
    Code.NOT_FOUND: "HLR not found",
    Code.INCORRECT_MSISDN: "Incorrect msisdn",
    Code.REFERENCE_ABSENT: "External ID is absent",
    Code.EXISTS: "HLR already exists",
    Code.INCORRECT_PAYLOAD: "Incorrect payload",
    Code.INVALID_REFERENCE: "Invalid external ID",
    Code.NEW_NOT_FOUND: "HLR not found",
    Code.NEW_INCORRECT_MSISDN: "Incorrect msisdn",
    Code.NEW_REFERENCE_ABSENT: "External ID is absent",
    Code.NEW_EXISTS: "HLR already exists",
    Code.NEW_INCORRECT_PAYLOAD: "Incorrect payload",
    Code.NEW_INVALID_REFERENCE: "Invalid external ID",
    Code.NEW_MSISDN_TWICE: "Duplicate msisdn",
}

STATUSES: Mapping[str, int] = {
    Code.INVALID_KEY: 401,
    Code.BLOCKED: 403,
    Code.BAD_METHOD: 405,
    Code.UNKNOWN: 500,
    Code.NOT_FOUND: 404,
    Code.NEW_NOT_FOUND: 404,
    Code.NOT_ENOUGH_PARAMETERS: 400,
    Code.INVALID_PARAMETERS: 400,
}
"""HTTP status of a code under `Quirk.HTTP_ERRORS`; 422 for all others."""

FIELDS: Mapping[str, str] = {
    Code.INVALID_TARIFF: "tariff",
    Code.NO_MONEY: "balance",
    Code.INCORRECT_MSISDN: "msisdn",
    Code.REFERENCE_ABSENT: "reference",
    Code.INVALID_REFERENCE: "reference",
    Code.INCORRECT_PAYLOAD: "payload",
}
"""The field that a code is about, as the newer form names it."""
