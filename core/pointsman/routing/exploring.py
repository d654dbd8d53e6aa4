"""What learning may cost: a share of what is spent anyway is put aside, and exploring is paid from that."""

from pointsman.message import Channel
from pointsman.routing.candidate import Decision, Reason

SHARE = 0.015
"""What learning may cost, as a share of the expected cost of all messages."""
AT_FIRST = 10.0
"""What is lent at the beginning, when nothing is known of anybody, in messages."""
SAVED = 20.0
"""How much is put aside at most, in messages."""

_BY_COST = frozenset({Reason.SCORE, Reason.EXPLORE})
"""Reasons of an order by expected cost: the scores of other orders are places or seconds, not money."""


class Purse:
    """What has been put aside for learning, by channel, in the router's currency."""

    def __init__(self) -> None:
        self._saved: dict[Channel, float] = {}

    def __repr__(self) -> str:
        return f"<Purse {dict(self._saved)}>"

    def allowance(self, channel: Channel) -> float:
        """Return how much more than the best the next choice may cost."""
        return self._saved.get(channel, 0.0)

    def note(self, channel: Channel, decision: Decision) -> None:
        """Put aside a share of what a message is expected to cost, or pay for one that was used to learn.

        A decision that was not made by expected cost changes nothing.
        """
        if decision.reason not in _BY_COST:
            return
        scores = [one.score for one in decision.ranking if one.score is not None]
        if not scores:
            return
        best = min(scores)
        saved = min(self._saved.get(channel, AT_FIRST * best) + SHARE * best, SAVED * best)
        first = decision.ranking[0]
        if first.explored and first.score is not None:
            saved -= first.score - best
        self._saved[channel] = saved
