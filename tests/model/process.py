"""One process as a small machine: which durable writes and which calls the engine makes, and in which order.

Only this order is modelled; what is decided and what is written down is said by the real functions (`Rules`). Each step
makes at most one durable write or one call, so that a process can die, and time can pass, between any two of them.

| step | engine |
|---|---|
| `choose` | `Flow.run`, `Flow._next_choice`, `Flow._nobody` |
| `begin` | `Lane._submit.leaving`, `Attempts.start`: the second durable write |
| `post`, `write` | the look at the lease just before the request, and `Caller._once` |
| `settle` | `Attempts._settle`: the third durable write |
| `replay` | `Tracking.replay` |
| `_after`, `_followed` | `Flow._after`, and the `match` over the next step in `Flow.run` |
| `look` | `Looking.look_into`, `Looking.ask` |
| `resolve` | `Resolving.resolve` |
| `end` | `Flow._end` |
| `doubt`, `clear` | `Doubts._look`, `Doubts._settle` |
| `take_over` | `Store.recover` and `Store.take`, then `routing.resuming` |
| `told` | `Tracking.take` |
| `unwant`, `_abandoned` | `Serving.cancel`; `Flow.abandon` |
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from pointsman.outcome import Accepted, Attempt, DeliveryState, Outcome, Refused, Report, SettledBy, State, Unknown
from pointsman.plugin import Reconciling
from pointsman.routing.failover import Finish, GoOn, LookInto, OnUnknown, Past, Repeat, Situation, Step
from pointsman.routing.reconcile import Finding, Inquiry, Proved
from pointsman.routing.resuming import Follow, Found
from pointsman.store.change import Begin, Change, End, Intent, Note, Own, Recover, Resolve, Settle, Unwant
from pointsman.store.stage import Stage

from .provider import NOT_REACHED, asked, submitted
from .rules import NO_ANSWER, Rules
from .world import DEADLINE, LEASE, MAX_ATTEMPTS, Early, Kind, Pc, Process, Scope, World, owner

Moves = Iterator[tuple[str, World]]
"""What a process may do next: in words, and the world after it."""

LOOKS: Mapping[OnUnknown, float] = {OnUnknown.NEXT: 1.0, OnUnknown.RECONCILE: 2.0, OnUnknown.STOP: 0.0}
"""Seconds that are waited before looks. Shorter than in truth, with pauses of a second: what is proved depends on the
moment of a look alone, not on how many there were before."""
LATE_LOOKS = 2.0
NOTHING_LEFT = "-"
"""Stands for the reference of a request that was never begun."""
T = TypeVar("T")
_FATES = {"delivered": DeliveryState.DELIVERED, "undelivered": DeliveryState.UNDELIVERABLE}


class Machine:
    """What processes do in one scope under a set of rules."""

    def __init__(self, scope: Scope, rules: Rules) -> None:
        self.scope = scope
        self.rules = rules
        self._steps: Mapping[Pc, Callable[[World, int, Process], Moves]] = {
            Pc.CHOOSE: self.choose,
            Pc.BEGIN: self.begin,
            Pc.POST: self.post,
            Pc.WRITE: self.write,
            Pc.SETTLE: self.settle,
            Pc.REPLAY: self.replay,
            Pc.LOOK: self.look,
            Pc.RESOLVE: self.resolve,
            Pc.END: self.end,
            Pc.DOUBT: self.doubt,
            Pc.CLEAR: self.clear,
            Pc.IDLE: self.take_over,
        }

    def moves(self, world: World, who: int, process: Process) -> Moves:
        """Yield what a process may do now, the good end of a call first; nothing while it waits."""
        if process.due <= world.now:
            yield from self._steps[process.pc](world, who, process)

    # -- the way of a message ----------------------------------------------------------------------------------------

    def choose(self, world: World, who: int, process: Process) -> Moves:
        """Choose a provider, or find that nobody is left."""
        if process.taken:
            yield "sees that it was taken after all", _idle(world, who, process)
            return
        if world.record.unwanted:
            yield "sees that nobody wants it", self._abandoned(world, who, process)
            return
        free = [one for one in range(len(self.scope.kinds)) if one not in process.tried]
        chosen = process.only if process.only >= 0 else free[0] if free else -1
        if chosen < 0:
            yield "finds nobody left", self._ending(world, who, process, self._nobody(world, process))
            return
        number = len(process.past) + 1
        put = process._replace(
            pc=Pc.BEGIN if self.rules.intent_first else Pc.POST,
            provider=chosen,
            number=number,
            only=-1,
            ref=dict(process.refs).get(chosen, f"r{number}"),
            started_at=world.now,
        )
        yield f"chooses provider {chosen} for attempt {number}", world.with_process(who, put)

    def begin(self, world: World, who: int, process: Process) -> Moves:
        """Write the intent down, unless the login before it is refused; who may not must not send."""
        first = self.rules.intent_first
        if first and process.taken:
            yield "sees that it was taken after all", _idle(world, who, process)
            return
        if first and world.now >= DEADLINE:
            yield "withdraws, it is too late", self._ending(world, who, process, self._nobody(world, process))
            return
        call_ref = f"c{world.requests}" if first else process.call_ref
        intent = Intent(
            number=process.number,
            provider=str(process.provider),
            ref=process.ref,
            call_ref=call_ref,
            decision_id="",
            started_at=process.started_at,
            owner=owner(who),
        )
        after = self._changed(world, Begin(intent))
        if after is world and world.record.unwanted:
            yield "may not begin, nobody wants it", self._abandoned(world, who, process)
        elif after is world:
            yield "may not begin", _idle(world, who, process)
        else:
            begun = process._replace(pc=Pc.POST if first else Pc.SETTLE, call_ref=call_ref)
            after = after._replace(requests=world.requests + first).with_process(who, begun)
            yield f"writes down that attempt {process.number} begins at provider {process.provider}", after
        if first:
            refused = process._replace(pc=Pc.SETTLE, call_ref=NOTHING_LEFT, outcome=NOT_REACHED)
            yield "is not let in by the provider", world.with_process(who, refused)

    def post(self, world: World, who: int, process: Process) -> Moves:
        """Look at the lease, and send unless it has ended."""
        if not self.rules.intent_first:
            process = process._replace(call_ref=f"c{world.requests}")
            world = world._replace(requests=world.requests + 1)
        if world.now >= process.lease:
            stays = process._replace(pc=Pc.SETTLE, outcome=NOT_REACHED)
            yield "does not send: its lease is over", world.with_process(who, stays)
        elif self.scope.prompt:
            yield from self.write(world, who, process)
        else:
            yield "finds its lease in order", world.with_process(who, process._replace(pc=Pc.WRITE))

    def write(self, world: World, who: int, process: Process) -> Moves:
        """Send the request."""
        where, back = process.provider, Pc.SETTLE if self.rules.intent_first else Pc.BEGIN
        for text, after, answer in submitted(self.scope, world, where, process.ref, process.call_ref):
            told = process._replace(pc=back, outcome=self.rules.no_answer() if answer is None else answer)
            yield f"sends {process.call_ref} to provider {where}: it {text}", after.with_process(who, told)

    def settle(self, world: World, who: int, process: Process) -> Moves:
        """Write down how the attempt ended, and go on."""
        outcome = _given(process.outcome)
        after = self._changed(world, Settle(_attempt(process), owner(who)))
        text = f"writes down the end of attempt {process.number}: {_word(outcome)}"
        if world.early and not isinstance(outcome, Refused):
            yield text, after.with_process(who, process._replace(pc=Pc.REPLAY))
        else:
            yield text, self._after(after, who, process)

    def replay(self, world: World, who: int, process: Process) -> Moves:
        """Take in the reports that came before anybody knew of what."""
        after = world._replace(early=())
        for one in world.early:
            after = self._take(after, one)
        if process.outcome is None:
            yield "takes in early reports", self._resume(after, who, process)
        else:
            yield "takes in early reports", self._after(after, who, process)

    def look(self, world: World, who: int, process: Process) -> Moves:
        """Ask what became of the attempt in hand."""
        inquiry = _given(process.inquiry)
        if not self.rules.may_ask(inquiry, late=world.now >= DEADLINE):
            yield "does not ask any more, it is too late", self._unsolved(world, who, process)
            return
        if not self.rules.may_repeat(world.record) and self.scope.kinds[process.provider] is Kind.REPEAT:
            yield "does not repeat what nobody wants", self._unsolved(world, who, process)
            return
        for text, after, finding in self._asked(world, process):
            learnt = self.rules.learn(inquiry, finding, world.now)
            if isinstance(learnt, Proved):
                proved = process._replace(pc=Pc.RESOLVE, outcome=learnt.outcome, inquiry=None, due=0.0)
                yield f"asks about {process.call_ref}: {text}", after.with_process(who, proved)
            else:
                yield f"asks about {process.call_ref}: {text}", self._look_on(after, who, process, learnt)

    def resolve(self, world: World, who: int, process: Process) -> Moves:
        """Write down what was found out, and go on."""
        outcome = _given(process.outcome)
        after = self._changed(world, Resolve(process.number, outcome, SettledBy.RECONCILED))
        text = f"writes down what became of attempt {process.number}: {_word(outcome)}"
        yield text, self._looked_into(after, who, process, outcome)

    def end(self, world: World, who: int, process: Process) -> Moves:
        """Write down that there are no more attempts."""
        state = _given(process.state)
        after = self._changed(world, End(state, None, owner(who)))
        yield f"writes down that it is over: {state.value}", self._doubting(after, who, process)

    def doubt(self, world: World, who: int, process: Process) -> Moves:
        """Ask about an attempt for which nobody waits any more."""
        inquiry = _given(process.inquiry)
        if not isinstance(world.record.attempts[process.number - 1].outcome, Unknown):
            yield "sees that the doubt is over", self._doubting(world, who, process)
            return
        for text, after, finding in self._asked(world, process):
            learnt = self.rules.learn(inquiry, finding, world.now)
            text = f"asks late about {process.call_ref}: {text}"
            if isinstance(learnt, Proved):
                proved = process._replace(pc=Pc.CLEAR, outcome=learnt.outcome, inquiry=None, due=0.0)
                yield text, after.with_process(who, proved)
            elif (pause := self.rules.next_look(learnt, world.now)) is not None:
                learnt = self.rules.waited(learnt, pause)
                yield text, after.with_process(who, process._replace(inquiry=learnt, due=world.now + pause))
            else:
                yield text, _idle(after, who, process)

    def clear(self, world: World, who: int, process: Process) -> Moves:
        """Write down what was found out late."""
        outcome = _given(process.outcome)
        after = self._changed(world, Resolve(process.number, outcome, SettledBy.RECONCILED))
        text = f"writes down late what became of attempt {process.number}: {_word(outcome)}"
        yield text, self._doubting(after, who, process)

    # -- taking over -------------------------------------------------------------------------------------------------

    def take_over(self, world: World, who: int, process: Process) -> Moves:
        """Make a message ours that has nobody, and go on with it; one that is only followed is left as it is."""
        record, me = world.record, owner(who)
        is_new = process.number == 0
        stage = self.rules.stage_of(record)
        if stage in {Stage.OVER, Stage.FOLLOWED}:
            if is_new and stage is Stage.FOLLOWED:
                yield "follows it", self._doubting(world, who, process)
            return
        if record.lease_until > world.now and not (is_new and record.owner == me):
            return
        after = self._changed(self._changed(world, Own(me, world.now + LEASE)), Recover(me))
        mine = Process(Pc.REPLAY, world.now + LEASE, number=-1)
        if world.early and after.record.attempts:
            yield "takes it over", after.with_process(who, mine)
        else:
            yield "takes it over", self._resume(after, who, mine)

    def _resume(self, world: World, who: int, process: Process) -> World:
        """Go on with what is written down of a message."""
        attempts = world.record.attempts
        past = self.rules.past_of(attempts)
        process = Process(Pc.CHOOSE, process.lease, past=past)
        if attempts:
            last = attempts[-1]
            process = process._replace(
                provider=int(last.provider),
                number=last.number,
                ref=last.ref,
                call_ref=last.call_ref,
                started_at=last.started_at,
            )
        found = Found(attempts=attempts, ended=world.record.ended is not None, resuming=world.record.resuming)
        step = self.rules.next_step(found, self._situation(world, process))
        if isinstance(step, GoOn):
            tried = frozenset(int(one.provider) for one in attempts)
            return world.with_process(who, Process(Pc.CHOOSE, process.lease, past=past, tried=tried))
        return self._followed(world, who, process, step)

    def _doubting(self, world: World, who: int, process: Process) -> World:
        """Ask about attempts in doubt from now on, where that is possible."""
        record = world.record
        if record.ended is not None:
            for one in record.attempts:
                rule = self._rule(int(one.provider))
                if isinstance(one.outcome, Unknown) and rule is not None:
                    inquiry = self.rules.later(rule, one, world.now)
                    if inquiry is None:
                        continue
                    inquiry = self.rules.waited(_hurried(inquiry, LATE_LOOKS), 1.0)
                    return world.with_process(
                        who,
                        Process(
                            Pc.DOUBT,
                            process.lease,
                            provider=int(one.provider),
                            number=one.number,
                            ref=one.ref,
                            call_ref=one.call_ref,
                            inquiry=inquiry,
                            due=world.now + 1.0,
                        ),
                    )
        return _idle(world, who, process)

    # -- reports -----------------------------------------------------------------------------------------------------

    def told(self, world: World, who: int, report: Early) -> World:
        """Return the world after a process took a report in; if its flow waits for no more, it is told."""
        before = world.record
        after = self._take(world, report)
        process = after.processes[who]
        resolved = any(
            isinstance(one.outcome, Unknown) and isinstance(other.outcome, Accepted)
            for one, other in zip(before.attempts, after.record.attempts, strict=True)
        )
        if process is None or process.pc in {Pc.IDLE, Pc.DOUBT, Pc.CLEAR}:
            return after
        return after.with_process(who, process._replace(taken=True)) if resolved else after

    def cut_short(self, world: World, who: int, report: Early) -> World | None:
        """Return the world if a process dies between the two writes of a report that settles an attempt in doubt."""
        number = self._in_doubt(world, report)
        if number is None:
            return None
        return self._changed(world, _taken(number, report)).with_process(who, None)

    def _take(self, world: World, report: Early) -> World:
        told = Report(provider_id=_id(report), state=_FATES[report.fate], final=True, reference=report.ref)
        places = [
            one.number
            for one in world.record.attempts
            if one.provider == str(report.provider)
            and isinstance(one.outcome, Accepted)
            and told.provider_id in one.outcome.ids
        ]
        if not places:
            number = self._in_doubt(world, report)
            if number is None:
                return world if report in world.early else world._replace(early=(*world.early, report))
            world = self._changed(world, _taken(number, report))
            places = [number]
        for number in places:
            world = self._changed(world, Note(number, told))
        return world

    def _in_doubt(self, world: World, report: Early) -> int | None:
        """Return the attempt in doubt that a report proves, where providers tell our reference."""
        if self.scope.kinds[report.provider] is Kind.BLIND:
            return None
        for one in reversed(world.record.attempts):
            if one.provider == str(report.provider) and one.ref == report.ref:
                return one.number if isinstance(one.outcome, Unknown) else None
        return None

    # -- between two steps -------------------------------------------------------------------------------------------

    def _after(self, world: World, who: int, process: Process) -> World:
        """Return the world after a settled attempt led to the next step."""
        outcome = self._known(world, process)
        process = process._replace(past=(*process.past, Past(str(process.provider), outcome)))
        if isinstance(outcome, Accepted):
            return _idle(world, who, process)
        return self._followed(world, who, process, self.rules.decide(self._situation(world, process)))

    def _known(self, world: World, process: Process) -> Outcome:
        outcome = _given(process.outcome)
        if not isinstance(outcome, Unknown):
            return outcome
        known = [one.outcome for one in world.record.attempts if one.number == process.number]
        return known[0] if known else outcome

    def _followed(self, world: World, who: int, process: Process, step: Step | Follow) -> World:
        """Return the world after what the next step leads to."""
        match step:
            case Follow():
                return self._doubting(world, who, process)
            case Finish(State.SENT):
                return _idle(world, who, process)
            case Finish(state):
                return self._ending(world, who, process, state)
            case GoOn():
                return world.with_process(
                    who, _at_choice(process)._replace(tried=process.tried | {process.provider}, only=-1)
                )
            case Repeat(wait):
                refs = dict(process.refs)
                if self.scope.kinds[process.provider] is Kind.REPEAT:
                    refs[process.provider] = process.ref
                again = _at_choice(process)._replace(
                    only=process.provider, refs=tuple(sorted(refs.items())), due=world.now + wait
                )
                return world.with_process(who, again)
            case LookInto():
                attempt = _attempt(process._replace(outcome=NO_ANSWER))
                rule = _given(self._rule(process.provider))
                inquiry = self.rules.at_once(rule, self.rules.last_left(attempt, world.now), LOOKS[self.scope.policy])
                return self._look_on(world, who, process, _hurried(inquiry, inquiry.patience))

    def _look_on(self, world: World, who: int, process: Process, inquiry: Inquiry) -> World:
        pause = self.rules.next_look(inquiry, world.now)
        if pause is None:
            return self._unsolved(world, who, process)
        looking = process._replace(
            pc=Pc.LOOK, outcome=None, inquiry=self.rules.waited(inquiry, pause), due=world.now + pause
        )
        return world.with_process(who, looking)

    def _unsolved(self, world: World, who: int, process: Process) -> World:
        """Return the world after looking brought nothing, unless a report told meanwhile."""
        found = self._known(world, process._replace(outcome=NO_ANSWER))
        return self._looked_into(world, who, process, found)

    def _looked_into(self, world: World, who: int, process: Process, found: Outcome) -> World:
        last = Past(str(process.provider), found, looked_into=True)
        process = process._replace(past=(*process.past[:-1], last), outcome=None, inquiry=None, due=0.0)
        return self._followed(world, who, process, self.rules.decide(self._situation(world, process)))

    def _asked(self, world: World, process: Process) -> Iterator[tuple[str, World, Finding]]:
        where = process.provider
        if self.scope.kinds[where] is Kind.REPEAT:
            for text, after, answer in submitted(self.scope, world, where, process.ref, process.call_ref):
                yield f"the repeat {text}", after, NO_ANSWER if answer is None else answer
        else:
            for text, finding in asked(world, where, process.call_ref):
                yield text, world, finding

    def _situation(self, world: World, process: Process) -> Situation:
        here = process.provider
        others = set(range(len(self.scope.kinds))) - process.tried - {here}
        return Situation(
            past=process.past,
            max_attempts=MAX_ATTEMPTS,
            now=world.now,
            deadline=DEADLINE,
            another=bool(others),
            can_reconcile=here >= 0 and self._rule(here) is not None,
            on_unknown=self.scope.policy,
        )

    def _rule(self, provider: int) -> Reconciling | None:
        return self.scope.kinds[provider].rule

    def _nobody(self, world: World, process: Process) -> State:
        return self.rules.final_state(process.past, world.now >= DEADLINE)

    def _ending(self, world: World, who: int, process: Process, state: State) -> World:
        return world.with_process(who, Process(Pc.END, process.lease, past=process.past, state=state))

    def unwant(self, world: World) -> World:
        """Return the world after it is written down that nobody wants the message: `Serving.cancel`.

        Whoever has it in hand is told as well, but that only makes him stop earlier than the record does.
        """
        intent = world.record.intent
        in_flight = intent.call_ref if intent is not None else ""
        return self._changed(world, Unwant())._replace(unwanted=in_flight)

    def _abandoned(self, world: World, who: int, process: Process) -> World:
        """Return the world after a process stops for good: `Flow.abandon`."""
        in_doubt = world.record.intent is not None or any(isinstance(one.outcome, Unknown) for one in process.past)
        return self._ending(world, who, process, State.UNKNOWN if in_doubt else State.CANCELLED)

    def _changed(self, world: World, change: Change) -> World:
        """Return the world after a durable write; the same one if it changed nothing."""
        after = self.rules.advance(world.record, change, world.now)
        return world if after is world.record else world._replace(record=after)


def _hurried(inquiry: Inquiry, patience: float) -> Inquiry:
    return msgspec.structs.replace(inquiry, pause=1.0, longest_pause=1.0, patience=patience)


def _idle(world: World, who: int, process: Process) -> World:
    return world.with_process(who, Process(Pc.IDLE, process.lease, number=-1))


def _at_choice(process: Process) -> Process:
    return Process(
        Pc.CHOOSE, process.lease, past=process.past, tried=process.tried, refs=process.refs, taken=process.taken
    )


def _attempt(process: Process) -> Attempt:
    return Attempt(
        number=process.number,
        provider=str(process.provider),
        ref=process.ref,
        call_ref=process.call_ref,
        calls=1,
        outcome=_given(process.outcome),
        started_at=process.started_at,
        duration=0.0,  # by its own account, which leaves out every wait
        decision_id="",
    )


def _taken(number: int, report: Early) -> Resolve:
    return Resolve(number, Accepted(ids=(_id(report),)), SettledBy.REPORT)


def _id(report: Early) -> str:
    return f"{report.provider}:{report.ref}"


def _word(outcome: Outcome) -> str:
    match outcome:
        case Accepted():
            return "accepted"
        case Refused(fault=fault, code=code):
            return f"refused ({code or fault.value})"
        case Unknown():
            return "unknown"


def _given(value: T | None) -> T:
    if value is None:
        raise AssertionError("a process has lost what it had in hand")
    return value
