"""Devino's SMS and HLR API as its document describes it, emulated on loopback for tests and the demo."""

from pointsman_devino.sandbox.answers import Mode
from pointsman_devino.sandbox.checks import ApiError
from pointsman_devino.sandbox.quirks import Quirk
from pointsman_devino.sandbox.server import DevinoSandbox

__all__ = ["ApiError", "DevinoSandbox", "Mode", "Quirk"]
