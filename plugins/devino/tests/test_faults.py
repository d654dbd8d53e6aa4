"""Every error code of the document, in every operation where it may occur."""

import pytest

from pointsman.message import Channel
from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import FaultRow, Oddity, Operation, SessionExpired, Whole
from pointsman_devino.faults import FAULTS, RULES, Failure, rule_for
from pointsman_devino.settings import HlrAuth
from pointsman_devino.viber_rules import VIBER_RULES

LOGIN, SMS, SMS_STATE, BALANCE = "login", "Sms/Send", "Sms/State", "User/Balance"
HLR, HLR_STATE, HLR_V2, HLR_STATE_V2 = "Hlr/SendBulk", "Hlr/State", "v2/Hlr/SendBulk", "v2/Hlr/State"
VIBER, VIBER_STATE, INBOX, STATISTICS = "Viber/Send", "Viber/State", "Sms/In", "Sms/Statistics"
SUBMITS = (SMS, VIBER, HLR, HLR_V2)
POLLS = (SMS_STATE, VIBER_STATE, HLR_STATE, HLR_STATE_V2)
ACCOUNT = (LOGIN, BALANCE, INBOX, STATISTICS)
READS = (*POLLS, *ACCOUNT)
EXPIRED, IN_DOUBT = "session expired", "unknown"


def same(calls, meaning):
    """Give several calls one meaning."""
    return dict.fromkeys(calls, meaning)


BY_SESSION = same(
    (SMS, SMS_STATE, VIBER, VIBER_STATE, HLR, HLR_STATE, BALANCE, INBOX, STATISTICS),
    EXPIRED,
)
BY_PASSWORD = same((LOGIN, HLR_V2, HLR_STATE_V2), Fault.CREDENTIALS)

CODES = [
    (1, 400, "Argument cannot be null or empty", same(SUBMITS + READS, Fault.REQUEST)),
    (2, 400, "Invalid argument", same(SUBMITS + READS, Fault.DECLINED)),
    (3, 400, "Invalid session id", BY_SESSION | BY_PASSWORD),
    (4, 401, "Unauthorized access", BY_SESSION | BY_PASSWORD),
    (5, 403, "Not enough credits", same(SUBMITS + READS, Fault.CREDITS)),
    (6, 400, "Invalid operation", same(SUBMITS + READS, Fault.DECLINED)),
    (
        7,
        403,
        "Forbidden",
        same((*SUBMITS, *POLLS), Fault.DECLINED) | same(ACCOUNT, Fault.FORBIDDEN),
    ),
    (8, 500, "Gateway error", same(SUBMITS, IN_DOUBT) | same(READS, Fault.UNAVAILABLE)),
    (9, 500, "Object reference not set", same(SUBMITS, IN_DOUBT) | same(READS, Fault.UNAVAILABLE)),
]
MATRIX = [
    pytest.param(code, http, text, call, meaning, id=f"{code} on {call}")
    for code, http, text, meanings in CODES
    for call, meaning in meanings.items()
]

BY_DESCRIPTION = [
    (2, "Invalid destination address", Fault.RECIPIENT),
    (2, "Неверный номер получателя", Fault.RECIPIENT),
    (2, "Invalid source address", Fault.SENDER),
    (2, "Нельзя указывать диапазон дат более 90 дней.", Fault.REQUEST),
    (2, "Invalid SendDate", Fault.REQUEST),
    (2, "Превышена длина текста", Fault.LIMIT),
    (2, "Message is too long", Fault.LIMIT),
    (2, "Parameter name: data", Fault.CONTENT),
    (2, "Недопустимый текст", Fault.CONTENT),
    (2, "Validated and updated candidates", Fault.DECLINED),
    (2, "", Fault.DECLINED),
    (6, "Invalid source address", Fault.SENDER),
    (6, "Неверный адрес отправителя", Fault.SENDER),
    (6, "Operation is not possible", Fault.DECLINED),
    (9, "The parameters dictionary contains a null entry for parameter 'data'", Fault.REQUEST),
]


@pytest.fixture
def ask(make_devino, sms_batch, viber_batch, hlr_batch, tracked, answer, window):
    """Read an answer as the answer to one of the calls; return the outcome, refusals of a batch unwrapped."""

    def read(call, response):
        devino = make_devino(viber=True, hlr_auth=HlrAuth.PASSWORD if call.startswith("v2/") else HlrAuth.SESSION)
        match call:
            case "Viber/Send":
                return devino.read_submit(viber_batch("79031234567"), response)
            case "Viber/State":
                return devino.read_poll(tracked(Channel.VIBER, a="79031234567"), response)
            case "Sms/In":
                return devino.read_inbox(window, response)
            case "Sms/Statistics":
                return devino.read_statistics(window, response)
            case "login":
                return devino.read_login(response)
            case "User/Balance":
                return devino.read_balance(response)
            case "Sms/Send":
                return devino.read_submit(sms_batch("79031234567"), response)
            case "Sms/State":
                return devino.read_poll(tracked(Channel.SMS, a="79031234567"), response)
            case "Hlr/SendBulk" | "v2/Hlr/SendBulk":
                return devino.read_submit(hlr_batch("79031234567"), response)
            case _:
                return devino.read_poll(tracked(Channel.HLR, a="79031234567"), response)

    def outcome(call, body, status):
        value = read(call, answer(body, status)).value
        return value.outcome if isinstance(value, Whole) else value

    return outcome


def meant(meaning, code, detail):
    """Build the outcome that a line of the tables above promises."""
    match meaning:
        case Fault():
            return Refused(fault=meaning, code=code, detail=detail)
        case "session expired":
            return SessionExpired(code=code, detail=detail)
        case _:
            return Unknown(reason=UnknownReason.GATEWAY, code=code, detail=detail)


@pytest.mark.trap("D04", "D05", "D10")
@pytest.mark.parametrize(("code", "http", "text", "call", "meaning"), MATRIX)
def test_a_code_means_what_its_operation_makes_of_it(ask, code, http, text, call, meaning):
    """Each documented code has one meaning for each call, and keeps the provider's number and words."""
    outcome = ask(call, f'{{"Code":{code},"Desc":"{text}"}}', http)

    assert meant(meaning, str(code), text) == outcome


@pytest.mark.trap("D11")
@pytest.mark.parametrize(("code", "http", "text", "call", "meaning"), MATRIX)
def test_the_body_decides_before_the_status(ask, code, http, text, call, meaning):
    """An error body means the same under status 200."""
    del http
    outcome = ask(call, f'{{"Code":{code},"Desc":"{text}"}}', 200)

    assert meant(meaning, str(code), text) == outcome


@pytest.mark.trap("D08", "D09")
@pytest.mark.parametrize(("code", "text", "fault"), BY_DESCRIPTION)
def test_a_description_divides_a_code_that_has_several_causes(ask, code, text, fault):
    """Where one code covers several causes, the words of its description tell whom to blame on a submit."""
    assert Refused(fault=fault, code=str(code), detail=text) == ask(SMS, f'{{"Code":{code},"Desc":"{text}"}}', 400)


@pytest.mark.trap("D09")
@pytest.mark.parametrize("call", [SMS, VIBER, HLR, BALANCE, SMS_STATE, INBOX, STATISTICS])
def test_a_missing_parameter_is_our_mistake_although_it_says_500(ask, literal, call):
    """Code 9 with the text of the parameter binder refuses the request: nothing broke, nothing was sent."""
    outcome = ask(call, literal("err9"), 500)

    assert (outcome.fault, outcome.code) == (Fault.REQUEST, "9")


SPELLINGS = [
    '{ Code: 4, Desc: "Invalid user login or password" }',
    '{"Code":4,"Desc":"Invalid user login or password"}',
    '{\n  Code: "4",\n  Desc: "Invalid user login or password"\n}',
    '{"code": "4", "desc": "Invalid user login or password",}',
    '{Code: 4 Desc: "Invalid user login or password"}',
    "{Code: 4, Desc: Invalid user login or password}",
]


@pytest.mark.trap("D06")
@pytest.mark.parametrize("body", SPELLINGS)
def test_all_spellings_of_an_error_are_the_same_error(ask, body):
    """Bare keys, a quoted number, another case or a lost comma change nothing."""
    expected = Refused(fault=Fault.CREDENTIALS, code="4", detail="Invalid user login or password")

    assert expected == ask(LOGIN, body, 401)


@pytest.mark.trap("D06", "D08")
@pytest.mark.parametrize(
    ("name", "code", "fault"),
    [("err1", "1", Fault.REQUEST), ("err2", "2", Fault.REQUEST), ("err6", "6", Fault.SENDER)],
)
def test_the_documents_own_errors_are_read(ask, literal, name, code, fault):
    """The error bodies of the document, which are not JSON, are understood as printed."""
    outcome = ask(SMS, literal(name), 400)

    assert (fault, code) == (outcome.fault, outcome.code)


@pytest.mark.trap("D04")
def test_code_4_is_told_apart_by_the_call_not_by_its_text(ask, literal):
    """Both printed examples of code 4 mean an expired session in a session and a wrong password at the login."""
    for name in ("err4_login", "err4_session"):
        assert isinstance(ask(SMS, literal(name), 401), SessionExpired)
        assert Fault.CREDENTIALS is ask(LOGIN, literal(name), 401).fault
        assert Fault.CREDENTIALS is ask(HLR_V2, literal(name), 401).fault


@pytest.mark.trap("D07")
@pytest.mark.parametrize("code", [10, 42, 255, -1, 99])
def test_an_unknown_code_declines_and_is_reported_as_odd(devino, sms_batch, answer, code):
    """An error code is not a state: 10 is no bad sender, it is a code that nobody documented."""
    reading = devino.read_submit(sms_batch("79031234567"), answer(f'{{"Code":{code},"Desc":"x"}}', 400))

    assert Whole(outcome=Refused(fault=Fault.DECLINED, code=str(code), detail="x")) == reading.value
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, Refused(fault=Fault.THROTTLED, code="77", detail="x", retry_after=3.0)),
        (500, Unknown(reason=UnknownReason.GATEWAY, code="77", detail="x")),
        (403, Refused(fault=Fault.DECLINED, code="77", detail="x")),
    ],
)
def test_an_unknown_code_leaves_the_word_to_a_status_that_says_more(devino, sms_batch, answer, status, expected):
    """With a code that nobody knows and a 500, nobody can say that nothing was sent."""
    response = answer('{"Code":77,"Desc":"x"}', status, retry_after="3")

    assert expected == devino.read_submit(sms_batch("79031234567"), response).value.outcome


HTML = "<html><body>Error Code: 4</body></html>"
STATUSES = [
    (SMS, 200, Unknown(reason=UnknownReason.UNREADABLE, detail="neither a list of ids nor an error")),
    (SMS, 401, SessionExpired(code="http_401")),
    (HLR_V2, 401, Refused(fault=Fault.CREDENTIALS, code="http_401")),
    (LOGIN, 401, Refused(fault=Fault.CREDENTIALS, code="http_401")),
    (SMS, 403, Refused(fault=Fault.FORBIDDEN, code="http_403")),
    (SMS, 404, Refused(fault=Fault.REQUEST, code="http_404")),
    (SMS, 405, Refused(fault=Fault.REQUEST, code="http_405")),
    (SMS, 413, Refused(fault=Fault.LIMIT, code="http_413")),
    (SMS, 429, Refused(fault=Fault.THROTTLED, code="http_429")),
    (SMS, 502, Unknown(reason=UnknownReason.GATEWAY, code="http_502")),
    (SMS, 503, Refused(fault=Fault.UNAVAILABLE, code="http_503")),
    (SMS, 504, Unknown(reason=UnknownReason.GATEWAY, code="http_504")),
    (LOGIN, 200, Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")),
    (SMS_STATE, 200, Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")),
    (SMS_STATE, 502, Refused(fault=Fault.UNAVAILABLE, code="http_502")),
    (HLR_STATE, 200, Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")),
    (BALANCE, 200, Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")),
    (BALANCE, 403, Refused(fault=Fault.FORBIDDEN, code="http_403")),
    (VIBER, 200, Unknown(reason=UnknownReason.UNREADABLE, detail="neither a list of ids nor an error")),
    (VIBER, 401, SessionExpired(code="http_401")),
    (VIBER, 502, Unknown(reason=UnknownReason.GATEWAY, code="http_502")),
    (VIBER_STATE, 200, Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")),
    (INBOX, 200, Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")),
    (INBOX, 401, SessionExpired(code="http_401")),
    (INBOX, 429, Refused(fault=Fault.THROTTLED, code="http_429")),
    (STATISTICS, 200, Refused(fault=Fault.UNAVAILABLE, detail="the answer could not be read")),
    (STATISTICS, 403, Refused(fault=Fault.FORBIDDEN, code="http_403")),
    (STATISTICS, 502, Refused(fault=Fault.UNAVAILABLE, code="http_502")),
]


@pytest.mark.trap("D11", "X05")
@pytest.mark.parametrize(("call", "status", "expected"), STATUSES)
def test_a_page_of_html_is_judged_by_its_status(ask, call, status, expected):
    """Words in a page that look like an error code are not one; an unreadable submit is never a refusal."""
    assert expected == ask(call, HTML, status)


@pytest.mark.trap("D39")
@pytest.mark.parametrize(
    ("body", "status", "divisible"),
    [
        ('{"Code":2,"Desc":"Invalid destination address"}', 400, True),
        ('{"Code":2,"Desc":"Invalid argument"}', 400, True),
        ('{"Code":2,"Desc":"Invalid source address"}', 400, False),
        ('{"Code":2,"Desc":"text"}', 400, False),
        ('{"Code":6,"Desc":"Invalid operation"}', 400, True),
        ('{"Code":6,"Desc":"Invalid source address"}', 400, False),
        ('{"Code":1,"Desc":""}', 400, False),
        ('{"Code":5,"Desc":""}', 403, False),
        ('{"Code":7,"Desc":""}', 403, False),
        ('{"Code":8,"Desc":""}', 500, False),
        ('{"Code":77,"Desc":""}', 400, False),
        ("", 413, True),
        ("", 404, False),
    ],
)
def test_a_bulk_is_divided_only_where_one_number_may_be_at_fault(devino, sms_batch, answer, body, status, divisible):
    """What the whole bulk shares cannot be one recipient's fault; and one message cannot be divided."""
    bulk = devino.read_submit(sms_batch("79031234567", "79161002030"), answer(body, status))
    single = devino.read_submit(sms_batch("79031234567"), answer(body, status))

    assert divisible is bulk.value.divisible
    assert single.value.divisible is False


def test_a_zero_refuses_nothing(ask):
    """The table leaves the code of success blank; a body of that alone on a submit is no answer, but no refusal."""
    assert UnknownReason.UNREADABLE is ask(SMS, '{"Code":0,"Desc":"Operation complete"}', 200).reason


def test_every_row_of_the_table_can_be_reached(ask):
    """No row is hidden by an earlier one: the cases of this file reach them all."""
    texts = {code: [text] for code, _, text, _ in CODES}
    for code, text, _ in BY_DESCRIPTION:
        texts[code].append(text)
    cases = [(str(code), text) for code, known in texts.items() for text in known]
    cases += [("http_401", ""), *((rule.row.code, rule.row.code) for rule in VIBER_RULES)]
    reached: set[FaultRow] = set()
    for code, text in cases:
        for operation in Operation:
            for session in (False, True):
                rule = rule_for(Failure(code=code, detail=text, operation=operation, session=session))
                reached |= {rule.row} if rule else set()

    assert [row for row in FAULTS if row not in reached] == []
    assert len(RULES) == len(FAULTS)


def test_rows_agree_with_themselves():
    """A row has a fault, or says that the session expired, or that a submit is in doubt: exactly one of these."""
    for row in FAULTS:
        assert [row.fault is not None, row.session, row.unknown].count(True) == 1, row
