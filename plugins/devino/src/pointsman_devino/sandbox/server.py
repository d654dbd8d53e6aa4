"""The sandbox itself: accounts, sessions, ids, scripts, and the list of endpoints."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Literal

import msgspec

from pointsman.clock import Clock
from pointsman.sandbox import (
    Call,
    DeliveryPlan,
    Endpoint,
    Handler,
    Reply,
    Sandbox,
    SandboxMessage,
    Tariff,
)
from pointsman_devino.sandbox import answers, hlr, inbox, reports, sms, viber
from pointsman_devino.sandbox.answers import Mode
from pointsman_devino.sandbox.checks import ApiError, ViberError, read_number, required, text_of
from pointsman_devino.sandbox.inbox import Letter, Received
from pointsman_devino.sandbox.issued import Ids, Sessions
from pointsman_devino.sandbox.numbers import OPERATORS, ZONES, by_prefix
from pointsman_devino.sandbox.quirks import Quirk

LOGIN = "demo-login"
PASSWORD = "demo-password"  # noqa: S105 - obviously fake, and known to whoever reads this
FIRST_SMS_ID = 579700854169272358
FIRST_HLR_ID = 703112828852109312
FIRST_VIBER_ID = 0x0261BBD6B3


class DevinoSandbox(Sandbox):
    """Devino's REST API below `/rest`.

    Scripts besides those of every sandbox: `states`, `viber_states` and `lookup_states` (final state code by number),
    `invalid_numbers` (refused with code 2, by Viber as an unknown address), `senders` (None admits every well-formed
    one), `state_lag` (seconds during which the state of a new SMS is 255), `zones` (hours ahead of UTC by prefix),
    `receive()`, `sessions.expire()`.
    """

    name = "devino"
    base_paths = ("/rest",)
    currency = "RUB"
    quirks = frozenset(Quirk)

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        balance: Decimal = Decimal(10000),
        delivery: DeliveryPlan | None = None,
        light: bool = False,
        mode: Mode | Literal["wire", "document"] = Mode.WIRE,
        login: str = LOGIN,
        password: str = PASSWORD,
        senders: Iterable[str] | None = ("DEVINO", "TESTSMS", "SHOP"),
        tariff: Tariff | None = None,
        lookup_tariff: Tariff | None = None,
        viber_tariff: Tariff | None = None,
    ) -> None:
        self.mode = Mode(mode)
        self.login = login
        self.password = password
        self.senders = None if senders is None else set(senders)
        self.tariff = tariff or Tariff(Decimal("1.5"))
        self.lookup_tariff = lookup_tariff or Tariff(Decimal("0.2"))
        self.viber_tariff = viber_tariff or Tariff(Decimal("0.9"))
        self.state_lag = 0.0
        self.operators: dict[str, tuple[str | None, str | None]] = dict(OPERATORS)
        self.zones: dict[str, float] = dict(ZONES)
        self.states: dict[str, int] = {}
        self.viber_states: dict[str, int] = {}
        self.lookup_states: dict[str, int] = {}
        self.invalid_numbers: set[str] = set()
        self.inbox: list[Received] = []
        self.resent: dict[str, SandboxMessage] = {}
        """The SMS in place of a Viber message, by the id of that."""
        self.sessions = Sessions(Random(seed))
        self.sms_ids = Ids(FIRST_SMS_ID)
        self.hlr_ids = Ids(FIRST_HLR_ID)
        self.viber_ids = Ids(FIRST_VIBER_ID, "GW{:010X}")
        super().__init__(clock=clock, seed=seed, balance=balance, delivery=delivery, light=light)

    @property
    def environment(self) -> Mapping[str, str]:
        """Login and password."""
        return {"DEVINO_LOGIN": self.login, "DEVINO_PASSWORD": self.password}

    def endpoints(self) -> Iterable[Endpoint]:
        """List the API."""
        table: tuple[tuple[str, str, Operation], ...] = (
            ("GET", "User/SessionId", _session_id),
            ("GET", "User/Balance", _balance),
            ("POST", "Sms/Send", sms.send),
            ("POST", "Sms/SendByTimeZone", sms.send_by_time_zone),
            ("POST", "Sms/SendBulk", sms.send_bulk),
            ("POST", "Sms/SendByTimeZoneToAddresses", sms.send_by_time_zone_to_addresses),
            ("GET", "Sms/State", sms.state),
            ("GET", "Sms/In", reports.incoming),
            ("GET", "Sms/Statistics", reports.statistics),
            ("POST", "Viber/Send", viber.send),
            ("POST", "Viber/SendBulk", viber.send_bulk),
            ("POST", "Viber/SendWithResend", viber.send_with_resend),
            ("POST", "Viber/SendWithResendBulk", viber.send_with_resend_bulk),
            ("GET", "Viber/State", viber.state),
            ("POST", "Hlr/SendBulk", hlr.send_bulk),
            ("GET", "Hlr/State", hlr.state),
            ("POST", "v2/Hlr/SendBulk", hlr.send_bulk),
            ("GET", "v2/Hlr/State", hlr.state),
        )
        return [Endpoint(name, (method,), (f"/{name}",), self._handler(does)) for method, name, does in table]

    def _handler(self, operation: "Operation") -> Handler:
        async def handle(call: Call) -> Reply:
            try:
                return operation(self, call)
            except ApiError as refusal:
                return answers.error(self.mode_of(call), refusal.code, refusal.text)
            except ViberError as refusal:
                return answers.viber_error(self.mode_of(call), refusal.word)

        return handle

    def error_reply(self, call: Call, code: str, text: str) -> Reply:
        """Word an injected error: a number, or a word of Viber's such as `error-system`.

        Where the document's examples depend on the endpoint, so does the text.
        """
        if code.startswith("error-"):
            return answers.viber_error(self.mode_of(call), code)
        number = int(code)
        if not text and number == 4:
            by_password = call.endpoint == "User/SessionId" or call.endpoint.startswith("v2/")
            text = "Invalid user login or password" if by_password else "SessionID expired"
        if not text and number == 6 and call.endpoint.startswith("Sms/"):
            text = "Invalid source address"
        return answers.error(self.mode_of(call), number, text)

    def reset(self) -> None:
        """Forget sessions and scripts as well; ids go on, as those of a real provider do."""
        super().reset()
        self.sessions.forget()
        self.states.clear()
        self.viber_states.clear()
        self.lookup_states.clear()
        self.resent.clear()
        self.invalid_numbers.clear()
        self.inbox.clear()

    def control(self, method: str, path: str, body: bytes) -> Reply | None:
        """`POST sessions/expire`, `POST states`, `viber-states`, `lookup-states` (codes by number), `POST inbox`."""
        match method, path:
            case "POST", "sessions/expire":
                self.sessions.expire()
                return Reply.json({"expired": True})
            case "POST", "states":
                self.states.update(msgspec.json.decode(body, type=dict[str, int]))
                return Reply.json(self.states)
            case "POST", "viber-states":
                self.viber_states.update(msgspec.json.decode(body, type=dict[str, int]))
                return Reply.json(self.viber_states)
            case "POST", "lookup-states":
                self.lookup_states.update(msgspec.json.decode(body, type=dict[str, int]))
                return Reply.json(self.lookup_states)
            case "POST", "inbox":
                letter = msgspec.json.decode(body, type=Letter)
                return Reply.json(self.receive(letter.text, sender=letter.sender, to=letter.to, at=letter.at))
            case _:
                return None

    def receive(self, text: str, *, sender: str, to: str, at: float | None = None) -> Received:
        """Put a message of a subscriber into the inbox; `at` is wall time, None means now."""
        moment = self.clock.now() if at is None else at
        letter = Received(id=inbox.FIRST_ID + len(self.inbox), sender=sender, to=to, text=text, at=moment)
        self.inbox.append(letter)
        return letter

    # Help for the endpoints

    def mode_of(self, call: Call) -> Mode:
        """Say how this answer is worded."""
        return Mode.DOCUMENT if call.quirk == Quirk.DOCUMENT else self.mode

    def check_session(self, call: Call) -> None:
        """Refuse an unknown session with code 3, an expired one with code 4."""
        self.sessions.check(text_of(call.params, "SessionID"), call.at)

    def check_password(self, call: Call) -> None:
        """Refuse wrong credentials with code 4."""
        given = text_of(call.params, "Login"), text_of(call.params, "Password")
        if given != (self.login, self.password):
            raise ApiError(4, "Invalid user login or password")

    def affordable_numbers(self, wanted: Sequence[str], parts: int, *, lookup: bool = False) -> tuple[str, ...]:
        """Read the numbers; code 5 when the balance does not cover all, then code 2 when one of them is none."""
        tariff = self.lookup_tariff if lookup else self.tariff
        numbers = [read_number(text) for text in wanted]
        if not self.account.covers(sum((tariff.price(number or "") * parts for number in numbers), Decimal(0))):
            raise ApiError(5)
        valid = tuple(number for number in numbers if number is not None and number not in self.invalid_numbers)
        if len(valid) < len(wanted):
            raise ApiError(2, "Invalid destination address")
        return valid

    def home_of(self, number: str) -> tuple[str | None, str | None]:
        """Return country and operator."""
        return by_prefix(self.operators, number, (None, None))

    def hours_ahead(self, number: str) -> float:
        """Return how far the clock of a recipient is ahead of UTC."""
        return by_prefix(self.zones, number, 0.0)


Operation = Callable[[DevinoSandbox, Call], Reply]


def _session_id(box: DevinoSandbox, call: Call) -> Reply:
    required(call.params, "Login", "Password")
    box.check_password(call)
    return answers.bare(f'"{box.sessions.open(call.at)}"')


def _balance(box: DevinoSandbox, call: Call) -> Reply:
    required(call.params, "SessionID")
    box.check_session(call)
    return answers.bare("" if call.quirk == Quirk.EMPTY_BODY else format(box.account.balance.normalize(), "f"))
