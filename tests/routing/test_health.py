"""Health is learnt by channel and network, blames nobody for what is not his doing, and prefers confirmations."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.message import Channel, Network
from pointsman.outcome import DeliveryState, Fault, LookupResult, LookupState, Report
from pointsman.routing.evidence import Learning
from pointsman.routing.health import MOST_CELLS, NOT_ITS_DOING, Commons, Health, Silence

SMS, HLR = Channel.SMS, Channel.HLR
MTS, MEGAFON, TELE2 = (Network(country="RU", mccmnc=mccmnc) for mccmnc in ("25001", "25002", "25020"))
HORIZON = Learning().horizon
GOOD = Report(provider_id="x", state=DeliveryState.DELIVERED, final=True)
BAD = Report(provider_id="x", state=DeliveryState.UNDELIVERABLE, final=True)
PRIOR = Learning().prior


class Watched:
    """The health of one provider; every message is reported some seconds after it was taken, or never."""

    def __init__(self, commons: Commons | None = None, *, silence: Silence = Silence.LOST, seed: int = 1) -> None:
        self.health = Health(commons or Commons(), silence=silence)
        self.random = Random(seed)
        self.now = 1000.0
        self._keys = 0
        self._coming: list[tuple[float, int, Report]] = []

    def send(
        self,
        messages: int,
        chance: float,
        network: Network = MTS,
        *,
        every: float = 1.0,
        bad: Report | None = BAD,
        counts: bool = True,
        confirms: float | None = None,
    ) -> None:
        """Send messages of which so many arrive; `bad` is told of the others, and `confirms` of recipients confirm."""
        for _ in range(messages):
            self.wait(every)
            self._keys += 1
            taken = {"counts": counts, "confirms": confirms is not None}
            self.health.accepted(self._keys, SMS, network, self.now, **taken)
            arrives = self.random.random() < chance
            report = GOOD if arrives else bad
            if report is not None:
                self._coming.append((self.now + 5.0, self._keys, report))
            if arrives and confirms is not None and self.random.random() < confirms:
                self.health.confirmed(self._keys, self.now + 4.0)
            self.chance(network)

    def wait(self, seconds: float) -> None:
        """Let time pass and reports come."""
        self.now += seconds
        while self._coming and self._coming[0][0] <= self.now:
            at, key, report = self._coming.pop(0)
            self.health.reported(key, report, at)

    def chance(self, network: Network | None = MTS) -> float:
        """Return what is believed now, without a network of the channel as a whole."""
        if network is None:
            return self.health.glance(SMS, self.now).chance
        return self.health.estimate(SMS, network, self.now).chance


def test_a_stranger_is_like_the_others() -> None:
    """Of a provider that nobody knows the usual is expected: the prior at first, then what the others do."""
    commons = Commons()
    stranger = Watched(commons)
    assert stranger.health.estimate(SMS, MTS, 0.0).weight == 0.0
    assert stranger.chance() == PRIOR

    Watched(commons).send(400, 0.6)
    assert stranger.chance() == pytest.approx(0.6, abs=0.08)
    assert stranger.health.estimate(HLR, MTS, 0.0).chance == PRIOR


def test_silence_costs_a_provider_its_good_name() -> None:
    """Who takes everything and says nothing any more is believed to lose it, as a whole and for the network."""
    watched = Watched()
    watched.send(300, 0.97)
    assert watched.chance() > 0.93
    watched.send(150, 0.0, bad=None)
    watched.wait(60.0)

    estimate = watched.health.estimate(SMS, MTS, watched.now)
    assert estimate.chance < 0.35
    assert watched.chance(None) < 0.35
    assert estimate.owned_up < 0.8


def test_silence_that_means_nothing() -> None:
    """Where silence says nothing only reports count, and a provider that tells none is like the others."""
    quiet = Watched(silence=Silence.NOTHING)
    quiet.send(300, 0.0, bad=None)
    quiet.wait(2 * HORIZON)
    assert quiet.chance() == pytest.approx(PRIOR, abs=0.01)

    quiet.send(200, 0.4)
    assert quiet.chance() == pytest.approx(0.4, abs=0.15)


GIVEN_UP = Report(provider_id="x", state=DeliveryState.UNKNOWN, final=True)
LOOKUP_GIVEN_UP = Report(provider_id="x", lookup=LookupResult(state=LookupState.UNKNOWN), final=True)


@pytest.mark.parametrize("given_up", [GIVEN_UP, LOOKUP_GIVEN_UP])
def test_giving_up_on_a_silent_provider_is_silence(given_up: Report) -> None:
    """Our own last word, that nobody told anything, is no news of the provider where its silence is none.

    Elsewhere it is a loss, but not one that was owned up to: nothing is sent again because of it.
    """
    quiet = Watched(silence=Silence.NOTHING)
    for _ in range(10):
        quiet.send(1, 0.0, bad=given_up)
        quiet.wait(2 * HORIZON)
    assert quiet.chance() == pytest.approx(PRIOR, abs=0.01)

    lossy = Watched()
    lossy.send(60, 0.0, bad=given_up)
    estimate = lossy.health.estimate(SMS, MTS, lossy.now)
    assert estimate.chance < 0.2
    assert estimate.owned_up < 0.2


@pytest.mark.parametrize("fault", sorted(NOT_ITS_DOING))
def test_what_is_the_messages_fault_does_not_count(fault: Fault) -> None:
    """Bad numbers and forbidden texts say nothing of the provider, however many they are."""
    watched = Watched()
    watched.send(300, 0.2, bad=Report(provider_id="x", state=DeliveryState.REJECTED, fault=fault, final=True))

    assert watched.chance() > 0.93


@pytest.mark.parametrize("fault", sorted({*Fault, None} - NOT_ITS_DOING, key=str))
def test_every_other_loss_counts(fault: Fault | None) -> None:
    """Whatever else a bad report names, or names nothing: the message was lost there."""
    watched = Watched()
    watched.send(200, 0.2, bad=Report(provider_id="x", state=DeliveryState.EXPIRED, fault=fault, final=True))

    assert watched.chance() < 0.4


def test_what_another_has_lost_before_does_not_count() -> None:
    """A message that was lost elsewhere may be the one that cannot be delivered, so its fate proves nothing here."""
    watched = Watched()
    watched.send(200, 0.0, counts=False)

    assert watched.chance() == PRIOR


def test_a_report_counts_once_and_only_the_last_word() -> None:
    """What is not final tells nothing, what is reported again nothing more, and a stranger's report nothing at all."""
    watched = Watched()
    sent = Report(provider_id="x", state=DeliveryState.SENT)
    watched.health.accepted("m", SMS, MTS, watched.now)
    for report in (sent, BAD, BAD, GOOD, BAD):
        watched.health.reported("m", report, watched.now + 1.0)
    watched.health.reported("stranger", BAD, watched.now + 1.0)

    assert "good=0 bad=1 silent=0" in repr(watched.health)


def test_one_networks_outage_is_its_own() -> None:
    """What fails to one network is believed of that one, and not of the others or of a network never seen."""
    watched = Watched()
    for _ in range(150):
        watched.send(1, 0.97, MTS)
        watched.send(1, 0.97, MEGAFON)
    for _ in range(80):
        watched.send(1, 0.97, MTS)
        watched.send(1, 0.05, MEGAFON)

    assert watched.chance(MEGAFON) < 0.5
    assert watched.chance(MTS) > 0.9
    assert watched.chance(MTS) > watched.chance(TELE2) > watched.chance(MEGAFON)


def test_an_unknown_network_is_like_the_provider() -> None:
    """A network without messages is expected to be as the channel is as a whole there, be it good or bad."""
    for chance in (0.97, 0.4):
        watched = Watched()
        watched.send(300, chance, MTS)
        assert watched.chance(TELE2) == pytest.approx(watched.chance(None))
        assert watched.chance(TELE2) == pytest.approx(chance, abs=0.1)


def test_who_recovers_is_believed_again() -> None:
    """After an outage the good name comes back with the messages that go well."""
    watched = Watched()
    watched.send(300, 0.97)
    watched.send(100, 0.0)
    assert watched.chance() < 0.2
    watched.send(150, 0.97)

    assert watched.chance() > 0.85


def test_time_forgives() -> None:
    """What was learnt fades while nothing is sent: after days a provider is as good as unknown, and like the others."""
    commons = Commons()
    watched, other = Watched(commons), Watched(commons)
    watched.send(300, 0.3)
    other.send(300, 0.95, every=1000.0)
    assert watched.chance() < 0.4
    watched.now = other.now

    assert watched.chance() > 0.8
    assert watched.health.estimate(SMS, MTS, watched.now).weight < 2.0


def test_doubt_counts_as_a_loss() -> None:
    """An attempt that may be lost for good counts against delivery; one that was refused only against taking."""
    doubtful, refusing = Watched(), Watched()
    for one, in_doubt in ((doubtful, True), (refusing, False)):
        one.send(50, 1.0)
        for _ in range(50):
            one.wait(1.0)
            one.health.failed(SMS, MTS, one.now, in_doubt=in_doubt)
    doubts, refusals = (one.health.estimate(SMS, MTS, one.now) for one in (doubtful, refusing))

    assert doubts.chance < 0.65 < 0.93 < refusals.chance
    assert doubts.taken == pytest.approx(refusals.taken)
    assert refusals.taken < 0.3


@pytest.mark.parametrize("state", LookupState)
def test_a_lookup_is_good_when_it_holds_an_answer(state: LookupState) -> None:
    """Whatever the register says is an answer; "failed" and "unknown" are none."""
    watched = Watched()
    report = Report(provider_id="x", lookup=LookupResult(state=state), final=True)
    for key in range(100):
        watched.wait(1.0)
        watched.health.accepted(key, HLR, MTS, watched.now)
        watched.health.reported(key, report, watched.now + 0.5)
        watched.health.estimate(HLR, MTS, watched.now)

    chance = watched.health.estimate(HLR, MTS, watched.now).chance
    answers = {LookupState.REACHABLE, LookupState.ABSENT, LookupState.NONEXISTENT}
    assert (chance > 0.9) == (state in answers)


# -- confirmations -----------------------------------------------------------------------------------------------------


def test_confirmations_beat_made_up_reports() -> None:
    """Who reports everything as delivered, while nobody confirms it, is not believed; who is confirmed is."""
    commons = Commons()
    honest, liar = Watched(commons, seed=1), Watched(commons, seed=2)
    for _ in range(150):
        honest.send(1, 0.97, confirms=0.6)
        liar.send(1, 0.1, confirms=0.6, bad=GOOD)
    for one in (honest, liar):
        one.wait(120.0)

    assert honest.chance() > 0.85
    assert liar.chance() < 0.35


def test_how_many_confirm_does_not_matter() -> None:
    """Recipients who never confirm are as many everywhere, so a low share of confirmations speaks against nobody."""
    commons = Commons()
    one, other = Watched(commons, seed=1), Watched(commons, seed=2)
    for _ in range(200):
        one.send(1, 0.95, confirms=0.3)
        other.send(1, 0.95, confirms=0.3)

    assert one.chance() > 0.85
    assert other.chance() > 0.85


def test_a_confirmation_counts_once_and_only_where_it_is_expected() -> None:
    """It is taken in for messages whose recipients may confirm, once each, and a stranger's is ignored."""
    watched = Watched()
    watched.health.accepted("plain", SMS, MTS, watched.now)
    watched.health.accepted("code", SMS, MTS, watched.now, confirms=True)
    for key in ("plain", "code", "code", "stranger"):
        watched.health.confirmed(key, watched.now + 3.0)
    line = watched.health._lines[SMS]

    assert "good=1 bad=0 silent=0" in repr(line.confirmed)
    assert "silent=2" in repr(line.whole)


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_networks_are_bounded() -> None:
    """Of more networks than there are places the latest are kept."""
    watched = Watched()
    for number in range(MOST_CELLS + 50):
        watched.health.accepted(number, SMS, Network(country="RU", mccmnc=f"{number:05}"), watched.now)
    cells = watched.health._lines[SMS].networks

    assert len(cells) == MOST_CELLS
    assert "00549" in cells
    assert "00000" not in cells


def test_open_messages_are_forgotten_after_the_horizon() -> None:
    """Messages of which nothing more can be learnt are not kept, and their reports change nothing."""
    watched = Watched()
    for key in range(1500):
        watched.wait(1.0)
        watched.health.accepted(key, SMS, MTS, watched.now)
        watched.chance()
    assert len(watched.health._open) < HORIZON + 20

    shown = repr(watched.health)
    watched.health.reported(0, GOOD, watched.now)
    assert repr(watched.health) == shown


def test_a_delivery_after_the_horizon_came_too_late() -> None:
    """Who delivers everything, but after the time in which it could have been of use, does not deliver in time."""
    watched = Watched()
    for key in range(60):
        watched.wait(30.0)
        watched.health.accepted(key, SMS, MTS, watched.now)
        if key >= 21:
            watched.health.reported(key - 21, GOOD, watched.now)
        watched.chance()

    assert watched.chance() < 0.5


def test_a_glance_says_the_same_and_changes_nothing() -> None:
    """What is shown of a channel is what choosing would reckon with, before and after confirmations; nothing moves."""
    commons = Commons()
    one, other = Watched(commons, seed=1), Watched(commons, seed=2)
    assert one.health.glance(SMS, 0.0) == one.health.estimate(SMS, TELE2, 0.0)
    for _ in range(60):
        one.send(1, 0.95, confirms=0.5)
        other.send(1, 0.3, confirms=0.5, bad=GOOD)
    for watched in (one, other):
        watched.wait(2 * HORIZON)
        shown = repr(watched.health), len(watched.health._lines[SMS].whole._silent)
        glance = watched.health.glance(SMS, watched.now)
        assert (repr(watched.health), len(watched.health._lines[SMS].whole._silent)) == shown
        assert glance.chance == pytest.approx(watched.health.estimate(SMS, TELE2, watched.now).chance, abs=0.02)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "resent", "confirmable", "good", "bad", "content", "doubt", "refusal", "confirm"]),
        st.sampled_from([MTS, MEGAFON, Network(country="KZ"), Network(country=None)]),
        st.floats(0.0, 400.0),
    ),
    max_size=80,
)


@given(events=EVENTS, silence=st.sampled_from(list(Silence)))
@settings(max_examples=100, deadline=None)
def test_whatever_happens_estimates_are_chances(events: Sequence[tuple[str, Network, float]], silence: Silence) -> None:
    """In any order of events every estimate is made of chances, and its weight and delay are not below zero."""
    commons = Commons()
    healths = Health(commons, silence=silence), Health(commons, silence=silence)
    content = Report(provider_id="x", state=DeliveryState.REJECTED, fault=Fault.CONTENT)
    now, keys = 0.0, 0
    for step, network, passed in events:
        now += passed
        health = healths[keys % 2]
        match step:
            case "accept" | "resent" | "confirmable":
                keys += 1
                more = {"counts": step != "resent", "confirms": step == "confirmable"}
                health.accepted(keys, SMS, network, now, **more)
            case "doubt" | "refusal":
                health.failed(SMS, network, now, in_doubt=step == "doubt")
            case "confirm":
                health.confirmed(keys, now)
            case _:
                health.reported(keys, {"good": GOOD, "bad": BAD, "content": content}[step], now)
        for one in healths:
            for estimate in (one.estimate(SMS, network, now), one.glance(SMS, now)):
                chances = estimate.chance, estimate.taken, estimate.owned_up
                assert all(0.0 <= chance <= 1.0 for chance in chances)
                assert estimate.weight >= 0.0
                assert estimate.delay is None or estimate.delay > 0.0


# -- a slow reference --------------------------------------------------------------------------------------------------


class Sent:
    """A message as the reference knows it: when it was taken, and when its fate became known."""

    def __init__(self, at: float, told_at: float, good: bool) -> None:
        self.at, self.told_at, self.good = at, told_at, good


def most_likely(messages: Sequence[Sent], now: float, size: float, prior: float, weight: float) -> float:
    """Work out the chance from the full list of messages, for one memory and by bisection instead of iteration.

    It is the chance that is consistent with its own weights: good over good, bad and what silence counts for.
    """
    fade, newest = 1.0 - 1.0 / size, len(messages) - 1
    good, bad, silent = prior * weight, (1.0 - prior) * weight, []
    for place, one in enumerate(messages):
        counts = fade ** (newest - place)
        if one.told_at <= now:
            good, bad = good + counts * one.good, bad + counts * (not one.good)
        elif now - one.at > HORIZON:
            bad += counts
        else:
            silent.append((counts, min((now - one.at) / 10.0, 1.0)))

    def lost(chance: float) -> float:
        return sum(counts * share * (1.0 - chance) / (1.0 - chance * share + 1e-9) for counts, share in silent)

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if good / (good + bad + lost(middle)) > middle else (low, middle)
    return low


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("chance", [0.95, 0.7, 0.3])
def test_beliefs_are_those_of_a_slow_reference(seed: int, chance: float) -> None:
    """While nothing changes, the belief is what the list of all messages gives, silent losses included.

    Reports take ten seconds at most, evenly spread, so the share that should have come is known to the reference.
    """
    random, health, now = Random(seed), Health(), 1000.0
    messages: list[Sent] = []
    for key in range(400):
        now += 1.0
        health.estimate(SMS, MTS, now)
        for told, one in enumerate(messages):
            if now - 1.0 < one.told_at <= now:
                health.reported(told, GOOD if one.good else BAD, one.told_at)
        good, silent = random.random() < chance, random.random() < 0.5
        never = not good and silent
        messages.append(Sent(now, float("inf") if never else now + random.uniform(0.0, 10.0), good))
        health.accepted(key, SMS, MTS, now)
    now += 0.5
    believed = health._lines[SMS].whole.belief(now, health._lines[SMS].delays, PRIOR, 4.0)

    expected = most_likely(messages, now, Learning().memories[believed.memory], PRIOR, 4.0)
    assert believed.chance == pytest.approx(expected, abs=0.05)
