"""Goes through all states that can be reached, the shortest ways first, and tells the way to the first bad one."""

import gc
from collections import deque
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from pointsman.store.change import Own
from pointsman.store.record import is_final
from pointsman.store.stage import Stage

from .process import Machine
from .properties import Broken, of_move, of_state
from .provider import processed
from .rules import REAL, Rules
from .world import DEADLINE, ENVELOPE, LEASE, SETTLE, Copy, Early, Pc, Process, Scope, World, key_of, owner

MOMENT = 1.0
"""Passes only while somebody waits for it."""
STEPS = (MOMENT, SETTLE, DEADLINE)
"""How time passes: a moment, the time a provider may take, the life of a message."""
ENOUGH = 100
"""Steps in which a message must come to rest once nothing goes wrong any more."""


class Counterexample(NamedTuple):
    """What is broken, and the way to it."""

    broken: Broken
    story: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.broken.rule}: {self.broken.text}"]
        lines += [f"{place:3}. {line}" for place, line in enumerate(self.story, start=1)]
        return "\n".join(lines)


class Result(NamedTuple):
    """How far the exploring came."""

    states: int
    found: Counterexample | None


class Explorer:
    """One exploration. State: the ways to the states that are known, and those from which it is known to end well."""

    def __init__(self, scope: Scope, rules: Rules, ignore: frozenset[str], *, precise: bool) -> None:
        self.scope = scope
        self._precise = precise
        self.machine = Machine(scope, rules)
        self.rules = rules
        self._ignore = ignore
        self._ways: dict[Hashable, tuple[Hashable | None, str]] = {}
        self._ends_well: set[Hashable] = set()

    def run(self, most: int = 10_000_000) -> Result:
        """Visit every state; stop at the first that breaks a rule.

        Raises `AssertionError` for more than `most` states.
        """
        gc.disable()  # nothing here is in a circle, and what is kept grows: collecting takes as long as the search
        try:
            return self._run(most)
        finally:
            gc.enable()

    def _run(self, most: int) -> Result:
        first = self._first()
        key = self._key(first)
        self._ways[key] = None, f"a message is accepted; {self.scope}"
        waiting = deque([(key, first)])
        while waiting:
            key, world = waiting.popleft()
            for text, after in self.moves(world):
                next_key = self._key(after)
                known = next_key in self._ways
                broken = self._checked(of_move(world, after))
                if not known:
                    self._ways[next_key] = key, text
                    broken = broken or self._checked(of_state(after, self.scope)) or self._checked(self._stuck(after))
                    waiting.append((next_key, after))
                if broken is not None:
                    story = self._story(key, text) if known else self._story(next_key)
                    return Result(len(self._ways), Counterexample(broken, story))
            if len(self._ways) > most:
                raise AssertionError(f"more than {most} states: {self.scope}")
        return Result(len(self._ways), None)

    def moves(self, world: World) -> Iterator[tuple[str, World]]:
        """Yield everything that can happen: in words, and the world after it."""
        for who, process in world.alive():
            for text, after in self.machine.moves(world, who, process):
                yield f"{owner(who)} {text}", after
            if world.crashes:
                dead = world.with_process(who, None)._replace(crashes=world.crashes - 1)
                yield f"{owner(who)} dies", dead
        if self.scope.cancels and world.unwanted is None and any(world.alive()) and not is_final(world.record):
            yield "it is written down that nobody wants it", self.machine.unwant(world)
        yield from self._starts(world)
        yield from processed(world)
        yield from self._reports(world)
        yield from self._passing(world)

    def _first(self) -> World:
        record = self.rules.begin(ENVELOPE, owner(0), LEASE)
        processes: tuple[Process | None, ...] = (Process(Pc.CHOOSE, LEASE), *[None] * (self.scope.processes - 1))
        return World(0.0, record, (), (), processes, self.scope.crashes, 0)

    def _starts(self, world: World) -> Iterator[tuple[str, World]]:
        """Yield what processes do that start now and find the message."""
        for who, process in enumerate(world.processes):
            if process is None:
                new = Process(Pc.IDLE, 0.0)
                for text, after in self.machine.take_over(world.with_process(who, new), who, new):
                    yield f"{owner(who)} starts and {text}", after

    def _reports(self, world: World) -> Iterator[tuple[str, World]]:
        for place, one in enumerate(world.copies):
            if one.until or one.fate:
                continue
            for fate in self.scope.fates:
                told = one._replace(fate=fate)
                news = world._replace(copies=(*world.copies[:place], told, *world.copies[place + 1 :]))
                yield from self._report(news, told)

    def _report(self, world: World, copy: Copy) -> Iterator[tuple[str, World]]:
        report = Early(copy.provider, copy.ref, copy.fate)
        text = f"is told by provider {copy.provider} that {copy.call_ref} was {copy.fate}"
        for who, _ in world.alive():
            yield f"{owner(who)} {text}", self.machine.told(world, who, report)
            cut = self.machine.cut_short(world, who, report) if world.crashes else None
            if cut is not None:
                unsure = tuple([one._replace(fate="") if one == copy else one for one in cut.copies])
                half = cut._replace(copies=unsure, crashes=world.crashes - 1)
                yield f"{owner(who)} {text}, and dies between its two writes", half

    def _passing(self, world: World) -> Iterator[tuple[str, World]]:
        """Yield what becomes of time, for each way in which the owner keeps its lease or sleeps over it."""
        if not self._waits(world):
            return
        for seconds in STEPS:
            now = world.now + seconds
            if any(one.until and one.until < now for one in world.copies):
                continue
            if seconds == MOMENT and not any(process.due > world.now for _, process in world.alive()):
                continue
            if seconds == DEADLINE and world.now >= DEADLINE:
                continue
            yield f"{seconds:.0f} s pass", self.passed(world, seconds)
            keeper = next((who for who, _ in world.alive() if owner(who) == world.record.owner), None)
            if keeper is not None and seconds > LEASE:
                yield f"{seconds:.0f} s pass, in which {owner(keeper)} is paused", world._replace(now=now)

    def passed(self, world: World, seconds: float) -> World:
        """Return the world after some time in which the owner, if it lives, kept its lease."""
        now = world.now + seconds
        after = world._replace(now=now)
        for who, process in world.alive():
            if owner(who) == world.record.owner:
                record = self.rules.advance(world.record, Own(owner(who), now + LEASE), now)
                after = after._replace(record=record).with_process(who, process._replace(lease=now + LEASE))
        return after

    def _waits(self, world: World) -> bool:
        """Say whether anything is going to be different later."""
        if any(process.pc is not Pc.IDLE for _, process in world.alive()):
            return True
        return self.rules.stage_of(world.record) in {Stage.WAITING, Stage.IN_FLIGHT}

    def _stuck(self, world: World) -> Broken | None:
        """Say whether a message never comes to rest, even if nothing goes wrong any more."""
        seen: list[Hashable] = []
        for _ in range(ENOUGH):
            key = self._key(world)
            if key in self._ends_well:
                break
            seen.append(key)
            if self.rules.stage_of(world.record) in {Stage.OVER, Stage.FOLLOWED}:
                break
            after = self._onward(world)
            if after is None:
                return Broken("lost", f"nobody ever goes on with it; it is {world.record.state.value}")
            world = after
        else:
            return Broken("lost", f"it does not come to rest; it is {world.record.state.value}")
        self._ends_well.update(seen)
        return None

    def _onward(self, world: World) -> World | None:
        """Return what happens next when nothing goes wrong."""
        for _, after in processed(world):
            return after
        for who, process in world.alive():
            for _, after in self.machine.moves(world, who, process):
                return after
        for _, after in self._starts(world):
            return after
        if any(process.due > world.now for _, process in world.alive()) or world.record.lease_until > world.now:
            return self.passed(world, SETTLE)
        return None

    def _key(self, world: World) -> Hashable:
        return key_of(world, precise=self._precise)

    def _checked(self, broken: Broken | None) -> Broken | None:
        return None if broken is None or broken.rule in self._ignore else broken

    def _story(self, key: Hashable, *last: str) -> tuple[str, ...]:
        lines = list(last)
        way: Hashable | None = key
        while way is not None:
            way, text = self._ways[way]
            lines.insert(0, text)
        return tuple(lines)


def explore(
    scope: Scope, rules: Rules = REAL, *, ignore: frozenset[str] = frozenset(), precise: bool = False
) -> Result:
    """Explore a scope; rules that are to be ignored may be broken."""
    return Explorer(scope, rules, ignore, precise=precise).run()
