"""Many messages at once: who goes first, who goes elsewhere, and who holds up whom."""

import asyncio
from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from pointsman.events import BreakerMoved, Operation, Rested
from pointsman.message import MessageClass
from pointsman.outcome import Fault, State
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.testing import FakeClock, ScriptedSandbox, answer_status, delay, refuse
from pointsman.testing.sandbox import Question

from .rig import account, finish, lookup, price, routing, sending, sms

SUBMIT = Operation.SUBMIT
OTP, MARKETING = MessageClass.OTP, MessageClass.MARKETING
