"""Lookups before sending: whether one is made for a message, and how long the message waits for it.

A lookup is a message of its own: it has its own record, route, budget and price. Whatever becomes of it, the message
that wanted it goes on when its patience is over; what the lookup tells later is known to the next one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from pointsman.engine.desk import Desk
from pointsman.engine.lookups import TELLING, Lookups
from pointsman.engine.parsing import Door, Parsed
from pointsman.message import Channel, Envelope, HlrLookup, Msisdn, Network, NetworkSource
from pointsman.outcome import Fault, LookupResult, LookupState, Refused
from pointsman.routing.candidate import Candidate, Decision
from pointsman.routing.choose import Moment, loss_of
from pointsman.routing.match import Lookup, Route, patience
from pointsman.routing.paying import SameLuck, advise, out_of_curiosity
from pointsman.routing.ported import Odds, Porting
from pointsman.routing.verdict import Verdict, Why
from pointsman.text import bundled_networks

_log = logging.getLogger("pointsman.locating")

NONEXISTENT = Refused(
    fault=Fault.RECIPIENT, code="hlr_nonexistent", detail="a lookup says that the number does not exist", certain=True
)
"""Why a message is not sent whose number does not exist."""

LookUp = Callable[[HlrLookup], Awaitable[LookupResult | None]]
"""Sends a lookup and waits for its result."""


async def _nobody_answers(question: HlrLookup) -> LookupResult | None:
    del question
    return None


class Locating:
    """Finds out where numbers are. State: what lookups told of ranges, and which networks the price lists name."""

    def __init__(self, desk: Desk, door: Door, lookups: Lookups) -> None:
        self._desk = desk
        self._door = door
        self._lookups = lookups
        self._porting = Porting()
        self._listed: dict[tuple[Channel, str | None], frozenset[str]] = {}
        self.look_up: LookUp = _nobody_answers

    def renew(self) -> None:
        """Look at the price lists anew: others may name other networks."""
        self._listed.clear()

    def learn(self, to: Msisdn, result: LookupResult) -> None:
        """Take in the result of a lookup; what is told again of a number counts once while it is fresh."""
        known = self._lookups.fresh(to)
        self._lookups.learn(to, result)
        if result.state in TELLING and (known is None or _tells(known) != _tells(result)):
            self._porting.note(self._door.by_range(to), result)

    async def find(self, parsed: Parsed, unwanted: asyncio.Event) -> LookupResult | None:
        """Return what is known of a message's number, after a lookup where its route wants one.

        None where no lookup is wanted or its result does not come in time; `unwanted` is set when the message is not
        wanted any more. Raises nothing: the message is sent all the same.
        """
        route = _asking(parsed)
        if route is None:
            return None
        try:
            known = self._lookups.fresh(parsed.envelope.to)
            if known is not None or not self._wanted(parsed.envelope, route):
                return known
            return await self._in_time(parsed.envelope, patience(route, parsed.envelope), unwanted)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep the message from being sent
            _log.error("no lookup for %s: %s", parsed.envelope.id, type(error).__name__)
            return None

    def explained(self, parsed: Parsed, decision: Decision) -> Decision:
        """Return a decision with the verdict about a lookup before; nothing is asked."""
        route = _asking(parsed)
        if route is None:
            return decision
        known = self._lookups.fresh(parsed.envelope.to) is not None
        verdict = Verdict(look=False, why=Why.KNOWN) if known else self._verdict(parsed.envelope, route)[0]
        return msgspec.structs.replace(decision, lookup=verdict)

    def _wanted(self, envelope: Envelope, route: Route) -> bool:
        verdict, odds = self._verdict(envelope, route)
        if verdict.why is Why.DEAR:
            verdict = out_of_curiosity(verdict, odds.evidence, self._desk.random.random())
        return verdict.look

    def _verdict(self, envelope: Envelope, route: Route) -> tuple[Verdict, Odds]:
        """Return whether a number that no fresh result is known of is looked up, and what it may turn out to be."""
        by_range = envelope.network
        if by_range.source is NetworkSource.HLR:
            return Verdict(look=False, why=Why.KNOWN), _NOTHING
        moment = self._moment()
        asked = self._asked(envelope, route, moment)
        if asked is None:
            return Verdict(look=False, why=Why.NO_LOOKUP), _NOTHING
        price = asked.expected_price
        if route.lookup is Lookup.ALWAYS:
            return Verdict(look=True, why=Why.ALWAYS, cost=price), _NOTHING
        odds = self._porting.odds(by_range, self._networks(envelope.channel, by_range.country))

        def choose(network: Network) -> Decision:
            there = msgspec.structs.replace(envelope, network=network)
            return self._desk.chooser.choose(there, self._door.route(there), moment, decision_id="")

        return advise(by_range, odds, choose, lambda candidates: loss_of(envelope, route, candidates), price), odds

    def _asked(self, envelope: Envelope, route: Route, moment: Moment) -> Candidate | None:
        """Return who would be asked about a number now, and could answer before the message must go."""
        question = msgspec.structs.replace(
            envelope,
            message=_question(envelope),
            channel=Channel.HLR,
            segments=None,
            due=0.0,
            local=None,
            deadline=moment.wall + patience(route, envelope),
        )
        decision = self._desk.chooser.choose(question, self._door.route(question), moment, decision_id="")
        return decision.chosen

    def _moment(self) -> Moment:
        clock = self._desk.clock
        return Moment(wall=clock.now(), monotonic=clock.monotonic(), random=_SAME)

    def _networks(self, channel: Channel, country: str | None) -> frozenset[str]:
        """Return the networks of a country that the price lists name: those that cost something of their own."""
        key = channel, country
        if key not in self._listed:
            table = bundled_networks()
            stations = [station for station in self._desk.stations.values() if not station.gone]
            named = (station.view.tariff.networks(channel) for station in stations)
            self._listed[key] = frozenset(one for one in frozenset().union(*named) if table.country(one) == country)
        return self._listed[key]

    async def _in_time(self, envelope: Envelope, seconds: float, unwanted: asyncio.Event) -> LookupResult | None:
        """Look a number up, or wait for the answer with those who asked already, for so many seconds."""
        asking = asyncio.ensure_future(self._lookups.together(envelope.to, lambda: self.look_up(_question(envelope))))
        waiting = {
            asking,
            asyncio.ensure_future(self._desk.clock.sleep(seconds)),
            asyncio.ensure_future(unwanted.wait()),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        result = asking.result() if asking.done() and not asking.cancelled() else None
        told = result is not None and result.state in TELLING
        if told or not unwanted.is_set():
            self._porting.asked(told=told)
        return result if told else None


_SAME = SameLuck()
_NOTHING = Odds(dead=0.0, networks=())


def _asking(parsed: Parsed) -> Route | None:
    """Return the route of a message if it wants lookups before sending."""
    route = parsed.route
    if route is None or route.lookup is Lookup.NEVER or parsed.envelope.channel is Channel.HLR:
        return None
    return route


def _question(envelope: Envelope) -> HlrLookup:
    """Return the lookup of a message's number, as urgent as the message."""
    return HlrLookup(to=f"+{envelope.to}", message_class=envelope.message.message_class, reference=envelope.id)


def _tells(result: LookupResult) -> tuple[bool, str | None]:
    """Return what of a result is counted."""
    return result.state is LookupState.NONEXISTENT, result.network.mccmnc if result.network is not None else None
