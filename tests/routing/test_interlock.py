"""Our breakers against an independent library, where both mean the same thing.

What is common: a window of the last results that must be full, a share of failures that opens it, a rest that doubles
up to a longest one, one probe at a time whose result decides, a probe given back without a verdict, and results of an
earlier era that say nothing. With a window of which all must fail, the share is the same as so many failures in a row.

What is not common: they also open for a good result that fills the window up, we for failures only. A comparison ends
where that happens; it begins with a window full of good results, so that it seldom does.
"""

from collections.abc import Coroutine, Generator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interlock import CircuitBreaker, CircuitOpenError, Config, State

from pointsman.routing.breaker import Breaker, BreakerSettings, Lease
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.cells import CellLease

REST, LONGEST = 8.0, 40.0


class Failed(Exception):
    """What a call to the other library fails with."""


class Pause:
    """Keeps a call of the other library in flight until it is told how it went."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def call() -> None:
    """One attempt that lasts until somebody ends it."""
    await Pause()


class Theirs:
    """The other library behind three verbs. Its calls are driven step by step, so that many are in flight at once."""

    def __init__(self, window: int, failures: int) -> None:
        self.now = 0.0
        config = Config(
            window_size=window,
            minimum_number_of_calls=window,
            failure_rate_threshold=failures / window,
            permitted_calls_in_half_open=1,
            max_concurrent_probes=1,
            wait_duration_in_open=REST,
            wait_duration_backoff_multiplier=2.0,
            wait_duration_in_open_max=LONGEST,
        )
        self._breaker = CircuitBreaker(name="theirs", config=config, clock=self)

    def monotonic(self) -> float:
        """The time, as the library asks for it."""
        return self.now

    def start(self) -> Coroutine[Any, Any, None] | None:
        """Begin a call; None when it is not admitted."""
        running = self._breaker.call_async(call)
        try:
            running.send(None)
        except CircuitOpenError:
            return None
        return running

    @property
    def is_closed(self) -> bool:
        """Whether it admits everybody."""
        return self._breaker.state is State.CLOSED

    @staticmethod
    def end(running: Coroutine[Any, Any, None], good: bool | None) -> None:
        """End a call well or badly, or without a verdict."""
        if good is None:
            running.close()
            return
        if good:
            with pytest.raises(StopIteration):
                running.send(None)
        else:
            with pytest.raises(Failed):
                running.throw(Failed())


class Ours:
    """A breaker of ours behind the same verbs."""

    def __init__(self, settings: BreakerSettings) -> None:
        self.now = 0.0
        self._breaker = Breaker(settings, Random(1))

    def start(self) -> Lease | None:
        """Begin an attempt."""
        admitted = self._breaker.admits(self.now)
        lease, _ = self._breaker.acquire(self.now)

        assert (lease is not None) == admitted
        return lease

    def end(self, lease: Lease, good: bool | None) -> None:
        """End an attempt."""
        if good is None:
            self._breaker.release(lease)
        else:
            self._breaker.record(lease, self.now, good=good)


class OursOfOneNetwork:
    """The breakers of a channel on which one network only is in use, behind the same verbs."""

    def __init__(self, settings: BreakerSettings, network: str | None = "25001") -> None:
        self.now = 0.0
        self._network = network
        self._breakers = CellBreakers(settings, Random(1))

    def start(self) -> CellLease | None:
        """Begin an attempt."""
        return self._breakers.acquire(self.now, self._network)[0]

    def end(self, lease: CellLease, good: bool | None) -> None:
        """End an attempt."""
        if good is None:
            self._breakers.release(lease)
        else:
            self._breakers.record(lease, self.now, good=good)


def by_share(window: int, failures: int) -> BreakerSettings:
    """Open when so many of a full window failed."""
    share = (failures - 0.5) / window
    return BreakerSettings(
        in_a_row=10**6, window=window, share=share, rest=REST, longest_rest=LONGEST, probes=1, jitter=0.0
    )


def in_a_row(failures: int) -> BreakerSettings:
    """Open when so many failed in a row, and for no share."""
    return BreakerSettings(
        in_a_row=failures, window=50, share=1.0, rest=REST, longest_rest=LONGEST, probes=1, jitter=0.0
    )


STEPS = st.lists(
    st.one_of(
        st.just(("start", 0, None)),
        st.tuples(st.just("end"), st.integers(0, 5), st.sampled_from([True, False, False, None])),
        st.tuples(st.just("wait"), st.sampled_from([1, 4, 8, 16, 32]), st.none()),
    ),
    max_size=120,
)
"""Attempts begin, end in any order (a number picks one in flight), and time passes."""


@pytest.mark.parametrize("kind", [Ours, OursOfOneNetwork, lambda settings: OursOfOneNetwork(settings, None)])
@given(steps=STEPS, window=st.integers(1, 8), data=st.data())
@settings(max_examples=100, deadline=None)
def test_both_admit_the_same(kind: Any, steps: list[tuple[str, int, bool | None]], window: int, data: Any) -> None:
    """Whatever begins, ends, is given up and comes late, and however long it takes, both admit the same attempts."""
    failures = data.draw(st.integers(1, window))
    consecutive = failures == window and data.draw(st.booleans())
    ours = kind(in_a_row(failures) if consecutive else by_share(window, failures))
    theirs = Theirs(window, failures)
    flying: list[tuple[Any, Any]] = []
    for verb, number, good in [*[("start", 0, None), ("end", 0, True)] * window, *steps]:
        match verb:
            case "start":
                mine, other = ours.start(), theirs.start()
                assert (mine is not None) == (other is not None)
                if mine is not None and other is not None:
                    flying.append((mine, other))
            case "end" if flying:
                mine, other = flying.pop(number % len(flying))
                closed = theirs.is_closed
                ours.end(mine, good)
                theirs.end(other, good)
                if good and closed and not theirs.is_closed:
                    break
            case "wait":
                ours.now += number
                theirs.now += number
    for _, other in flying:
        other.close()


def test_they_open_and_close_at_all() -> None:
    """The comparison is not empty: a plain story opens both, rests both, and closes both by a probe."""
    ours, theirs = Ours(by_share(4, 2)), Theirs(4, 2)
    admitted = []
    for seconds, good in [(0, True), (0, False), (0, True), (0, False), (1, True), (8, False), (8, True), (8, True)]:
        ours.now += seconds
        theirs.now += seconds
        mine, other = ours.start(), theirs.start()
        admitted.append((mine is not None, other is not None))
        if mine is not None and other is not None:
            ours.end(mine, good)
            theirs.end(other, good)

    assert admitted == [(True, True)] * 4 + [(False, False), (True, True), (False, False), (True, True)]
