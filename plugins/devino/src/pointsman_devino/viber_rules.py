"""What Devino says when it refuses a Viber message: words of a table of their own, beside a number that tells nothing.

The provider's later edition of the document prints one example, `{Code: 1 Desc: "error-address-format"}`, and the list
of words. Whatever comes without one of them is read by the table of REST codes.
"""

from pointsman.outcome import Fault
from pointsman.plugin import FaultRow, Operation
from pointsman_devino.rules import Rule

_SUBMIT = (Operation.SUBMIT,)
_DOC = "HTTP API, later edition"

NOT_AN_ERROR = "ok"
"""The table of refusals lists it as well."""


def _refused(code: str, name: str, fault: Fault, *, divisible: bool = False, certain: bool = False) -> Rule:
    row = FaultRow(code=code, name=name, fault=fault, operations=_SUBMIT, when="Viber", source=_DOC)
    return Rule(row=row, divisible=divisible, certain=certain)


def _broken(operations: tuple[Operation, ...], fault: Fault | None) -> Rule:
    row = FaultRow(
        code="error-system",
        name="system error",
        fault=fault,
        operations=operations,
        when="Viber",
        unknown=fault is None,
        source=_DOC,
    )
    return Rule(row=row)


VIBER_RULES: tuple[Rule, ...] = (
    _refused("error-address-format", "address is malformed", Fault.RECIPIENT, divisible=True, certain=True),
    _refused("error-address-not-specified", "address is missing", Fault.RECIPIENT, divisible=True, certain=True),
    # A range that this account is not served in says nothing about what others serve.
    _refused("error-address-unknown", "number range is not served", Fault.RECIPIENT, divisible=True),
    _refused("error-content-not-specified", "text is missing", Fault.CONTENT),
    _refused("error-subject-format", "sender is malformed", Fault.SENDER),
    _refused("error-subject-unknown", "sender is not allowed", Fault.SENDER),
    _refused("error-subject-not-specified", "sender is missing", Fault.REQUEST),
    _refused("error-validity-period-seconds-format", "life time is malformed", Fault.REQUEST),
    _broken(_SUBMIT, None),
    _broken((Operation.POLL,), Fault.UNAVAILABLE),
)
