"""The clairvoyant: knows what every provider is like at every moment, but not how the next coin falls."""

from math import log
from statistics import NormalDist

from pointsman.message import MessageClass
from pointsman.outcome import Accepted, Outcome, Unknown
from pointsman.routing.price import ChargedOn
from pointsman.testing.simulator.run import Action, Journey, Scene, Stop, Try
from pointsman.testing.simulator.world import Letter, Quality

_NORMAL = NormalDist()
MOST_ATTEMPTS = 4
RESENDS = 1
"""How often a message is sent again after a bad report."""
SECOND_LOSS = 0.05
"""The share of messages, reported as lost and sent again, that are lost for good."""
NUISANCE = 0.001
"""What a refused attempt costs, as a share of a lost message: enough to decide between equals."""


class Oracle:
    """Sends each message where it is expected to cost least, money and risk together."""

    name = "oracle"

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def journey(self, letter: Letter, now: float) -> Journey:
        """Return the way of a new message."""
        del now
        return _Way(self._scene, letter)


class _Way:
    def __init__(self, scene: Scene, letter: Letter) -> None:
        self._scene = scene
        self._letter = letter
        self._tried: set[str] = set()
        self._attempts = 0
        self._resends = 0
        self._done = False

    def act(self, now: float) -> Action:
        """Send by the best of those that are left."""
        if self._done or self._attempts >= MOST_ATTEMPTS or now >= self._letter.at + self._scene.world.life:
            return Stop()
        costs = {
            upstream.name: cost
            for upstream in self._scene.world.upstreams
            if upstream.name not in self._tried and (cost := self._cost(upstream.name, now)) is not None
        }
        if not costs:
            return Stop()
        self._attempts += 1
        return Try(min(costs, key=lambda name: costs[name]))

    def outcome(self, provider: str, outcome: Outcome, started: float, now: float) -> None:
        """Stop when it was taken; after a doubt only a one-time password is sent again."""
        del started, now
        self._tried.add(provider)
        otp = self._letter.message_class is MessageClass.OTP
        self._done = isinstance(outcome, Accepted) or (isinstance(outcome, Unknown) and not otp)

    def reported(self, provider: str, accepted_at: float, *, delivered: bool, now: float) -> bool:
        """Send again what was reported as lost, once."""
        del provider, accepted_at, now
        if delivered or self._letter.dead or self._resends >= RESENDS:
            return False
        self._resends += 1
        self._done = False
        return True

    def confirmed(self, provider: str, accepted_at: float, now: float) -> None:
        """Learn nothing new."""

    def _cost(self, name: str, now: float) -> float | None:
        """Return what sending by a provider is expected to cost now; None where it cannot be done."""
        scene, letter = self._scene, self._letter
        upstream = next(one for one in scene.world.upstreams if one.name == name)
        price = upstream.price(letter.network, now)
        balance = scene.balances[name]
        tokens = scene.tokens.get(name)
        if tokens is not None:
            tokens.refill(now)
        if now < upstream.joins or (balance is not None and balance < price) or (tokens and tokens.left < 1.0):
            return None
        quality = upstream.quality(letter.network, now)
        answered = quality.taken + quality.doubt
        if answered <= 0.0:
            return None
        arrives = 0.0 if letter.dead else quality.delivery * _in_time(quality, scene.world.life - (now - letter.at))
        paid = float(price)
        if upstream.charged_on is ChargedOn.DELIVERY:
            paid *= quality.delivery + (1.0 - quality.delivery) * quality.faked
        loss = 0.0 if letter.dead else letter.loss
        again = self._resends < RESENDS and not letter.dead
        told = quality.owned_up * (1.0 - quality.faked) if again else 0.0
        lost = (1.0 - told) * loss + told * (paid + SECOND_LOSS * loss)
        taken = paid + (1.0 - arrives) * lost
        doubtful = 0.5 * taken + 0.5 * loss
        return (quality.taken * taken + quality.doubt * doubtful) / answered + (1.0 / answered - 1.0) * NUISANCE * loss


def _in_time(quality: Quality, left: float) -> float:
    """Return the share of deliveries that come within the life that is left."""
    if left <= 0.0:
        return 0.0
    return _NORMAL.cdf((log(left) - log(quality.delay)) / quality.spread)
