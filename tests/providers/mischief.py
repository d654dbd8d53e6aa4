"""Draws what sandboxes do wrong: every kind of fault that they offer, as long as it is no lie.

A lie would be a documented "no, nothing was sent" for a message that was taken, or "known already" for one that never
came. No client can see through that, so it proves nothing about one.
"""

from collections.abc import Sequence
from random import Random

import msgspec

from pointsman.sandbox import (
    FaultRule,
    Sandbox,
    answer,
    close_after_accept,
    close_before_accept,
    delay,
    error,
    error_after_accept,
    garbage,
    hang_after_accept,
    hang_before_accept,
    quirk,
    slow,
    throttle,
    truncate,
)

HTML = "<html><body><h1>Bad Gateway</h1></body></html>"
LATEST = 8.0
"""Seconds after which a request takes effect at the latest; less than what SMStele is given for it (`settle`)."""
NOT_TAKEN = (400, 401, 403, 404, 405, 422, 429, 500, 502, 503, 504)
DOUBTFUL = (500, 502, 504)
"""Statuses of a proxy that say nothing about whether the request went through. 503 says that it did not."""


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """What can go wrong with one provider."""

    submits: tuple[str, ...]
    reads: tuple[str, ...]
    """Endpoints that change nothing."""
    codes: tuple[tuple[str, str], ...]
    """Codes of a refusal with their descriptions; empty for the usual one."""
    doubts: tuple[str, ...]
    """Codes that leave open whether something was sent."""
    quirks: tuple[tuple[str, str], ...]
    """Oddities of single answers, with the endpoints where they mean something."""


TRADES = {
    "devino": Trade(
        submits=("Sms/Send*", "Viber/Send*", "*Hlr/SendBulk"),
        reads=("Sms/State", "Viber/State", "*Hlr/State", "User/*", "Sms/In", "Sms/Statistics"),
        codes=(
            ("1", ""),
            ("2", ""),
            ("2", "Invalid destination address"),
            ("2", "Data: length"),
            ("3", ""),
            ("4", ""),
            ("5", ""),
            ("6", ""),
            ("6", "Something else"),
            ("7", ""),
            ("8", ""),
            ("9", ""),
            ("42", ""),
        ),
        doubts=("8", "9"),
        quirks=(
            ("one-id-less", "Sms/Send*"),
            ("one-id-less", "Viber/SendBulk"),
            ("one-id-less", "*Hlr/SendBulk"),
            ("document", "*"),
            ("foreign-row", "*Hlr/State"),
            ("other-number", "*Hlr/State"),
            ("empty-body", "User/Balance"),
            ("later-inbox", "Sms/In"),
            ("client-inbox", "Sms/In"),
        ),
    ),
    "smstele": Trade(
        submits=("sendsms",),
        reads=("status",),
        codes=tuple(
            (f"-{number}", "")
            for number in (1, 2, 6, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 41, 42, 43, 77)
        ),
        doubts=("0", "-99"),
        quirks=(
            ("document", "*"),
            ("table_numbers", "sendsms"),
            ("no_description", "*"),
            ("http_errors", "*"),
            ("count_segments", "sendsms"),
            ("accept_unknown", "sendsms"),
            ("late", "sendsms"),
        ),
    ),
    "affiliate_hlr": Trade(
        submits=("hlr/create",),
        reads=("hlr/status", "hlr/reference", "hlr/prices"),
        codes=tuple(
            (code, "")
            for code in ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "14", "15", "61", "64", "66")
        ),
        doubts=(),
        quirks=(
            ("document", "*"),
            ("numbers", "*"),
            ("shuffled", "hlr/create"),
            ("item_errors", "hlr/create"),
            ("no_put", "hlr/create"),
            ("no_details", "hlr/status"),
            ("newer_fields", "hlr/status"),
            ("http_errors", "*"),
        ),
    ),
}
KINDS = {"devino": "devino", "second": "devino", "smstele": "smstele", "affiliate_hlr": "affiliate_hlr"}
"""What a sandbox emulates, by its name."""
STANDING = {
    "smstele": ("document", "table_numbers", "no_description", "count_segments", "accept_unknown"),
    "affiliate_hlr": ("document", "numbers", "shuffled", "no_put", "item_errors", "no_details", "newer_fields"),
}
"""Oddities that may hold for every request."""


def draw_script(random: Random, trade: Trade, *, waits: bool) -> Sequence[FaultRule]:
    """Draw some rules. With `waits` some requests take time on the sandbox's clock, else some are never answered.

    Not both: while a request hangs, which costs real time, the clock must stand still, and a request that waits needs
    it to go on.
    """
    rules = [_submit_rule(random, trade, waits=waits) for _ in range(random.randint(8, 24))]
    rules += [_read_rule(random, trade, waits=waits) for _ in range(random.randint(4, 12))]
    rules += [_quirk(random, trade) for _ in range(random.randint(1, 6))]
    random.shuffle(rules)
    return rules


def upset(box: Sandbox, random: Random, *, waits: bool) -> None:
    """Script a sandbox."""
    box.faults.add(*draw_script(random, TRADES[KINDS[box.name]], waits=waits))


def _submit_rule(random: Random, trade: Trade, *, waits: bool) -> FaultRule:
    return _with_place(random, _submit_fault(random, trade, waits=waits), random.choice(trade.submits))


def _submit_fault(random: Random, trade: Trade, *, waits: bool) -> FaultRule:
    taken = random.random() < 1 / 2
    match random.randrange(12):
        case 0:
            return delay(random.uniform(0.1, LATEST), accepted=taken) if waits else _hang(taken=taken)
        case 1:
            return slow(random.uniform(0.01, 0.5), random.randint(4, 60)) if waits else _hang(taken=taken)
        case 2:
            return close_after_accept() if taken else close_before_accept()
        case 3:
            return close_after_accept()
        case 4:
            return truncate(random.randint(0, 60))
        case 5:
            return garbage(HTML, status=random.choice((200, *DOUBTFUL)), accepted=taken)
        case 6:
            return answer(random.choice(DOUBTFUL), accepted=taken)
        case 7:
            return answer(random.choice(NOT_TAKEN), random.choice(("", HTML, "{}")))
        case 8:
            return throttle(random.choice((None, 0, 1, 3, 60)), status=random.choice((429, 429, 503)))
        case 9 if trade.doubts:
            code = random.choice(trade.doubts)
            return error_after_accept(code) if taken else error(code)
        case _:
            code, text = random.choice(trade.codes)
            return error(code, text)


def _read_rule(random: Random, trade: Trade, *, waits: bool) -> FaultRule:
    return _with_place(random, _read_fault(random, trade, waits=waits), random.choice(trade.reads))


def _read_fault(random: Random, trade: Trade, *, waits: bool) -> FaultRule:
    match random.randrange(8):
        case 0:
            return delay(random.uniform(0.1, 40)) if waits else hang_before_accept()
        case 1:
            return close_before_accept()
        case 2:
            return truncate(random.randint(0, 80))
        case 3:
            return garbage(HTML, status=random.choice((200, 502)))
        case 4:
            return answer(random.choice(NOT_TAKEN), random.choice(("", HTML, "{}", "[]")))
        case 5:
            return throttle(random.choice((None, 0, 5)))
        case _:
            code, text = random.choice(trade.codes)
            return error(code, text)


def _quirk(random: Random, trade: Trade) -> FaultRule:
    name, endpoint = random.choice(trade.quirks)
    return _with_place(random, quirk(name), endpoint)


def _hang(*, taken: bool) -> FaultRule:
    return hang_after_accept() if taken else hang_before_accept()


def _with_place(random: Random, rule: FaultRule, endpoint: str) -> FaultRule:
    """Say where and when a rule strikes."""
    return msgspec.structs.replace(
        rule,
        endpoint=endpoint,
        times=random.choice((1, 1, 1, 2, 3)),
        after=random.choice((0, 0, 1, 2, 5, 10)),
        probability=random.choice((1.0, 1.0, 0.5)),
    )
