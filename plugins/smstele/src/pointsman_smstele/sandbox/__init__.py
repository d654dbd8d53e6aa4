"""The HTTP API of SMStele / REX400, emulated from its document on a loopback port."""

from pointsman_smstele.sandbox.documents import Quirk
from pointsman_smstele.sandbox.numbers import NUMBER_PLAN, Operator
from pointsman_smstele.sandbox.refusals import Refusal
from pointsman_smstele.sandbox.server import SmsteleSandbox

__all__ = ["NUMBER_PLAN", "Operator", "Quirk", "Refusal", "SmsteleSandbox"]
