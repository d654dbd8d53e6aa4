"""The limits of clients and the spend guard against pumped traffic: says whether a client may have messages sent."""

from pointsman.guard.guard import Guard
from pointsman.guard.keeping import restore, save
from pointsman.guard.view import Used

__all__ = ["Guard", "Used", "restore", "save"]
