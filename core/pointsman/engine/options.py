"""Who may take one message next, and the decisions about it."""

from collections.abc import Iterable

from pointsman.engine.desk import Desk
from pointsman.events import Decided
from pointsman.message import Envelope
from pointsman.routing.candidate import Decision
from pointsman.routing.match import Route


class Options:
    """Chooses for one message.

    State: who had their turn, who was waited for, and how many decisions were made, so that each has an id of its own.
    """

    def __init__(self, desk: Desk, tried: Iterable[str] = (), decisions: int = 0) -> None:
        self._desk = desk
        self._decisions = decisions
        self.tried = set(tried)
        """Providers that are not asked again."""
        self.only: str | None = None
        """The provider that was waited for."""

    def next(self, envelope: Envelope, route: Route | None) -> Decision:
        """Choose among all, or the provider that was waited for unless it went out of use during the wait."""
        only, self.only = self.only, None
        if only is not None:
            decision = self._choose(envelope, route, only)
            if decision.chosen is not None and not decision.chosen.forced:
                return decision
            if decision.chosen is None:
                self.tried.add(only)
        return self._choose(envelope, route, None)

    def another(self, envelope: Envelope, route: Route | None, provider: str) -> bool:
        """Say whether somebody else than a provider would take the message now."""
        desk = self._desk
        peek = desk.chooser.choose(envelope, route, desk.moment(), tried={*self.tried, provider}, decision_id="")
        return peek.chosen is not None

    def _choose(self, envelope: Envelope, route: Route | None, only: str | None) -> Decision:
        tried: Iterable[str] = self.tried
        if only is not None and route is not None:
            tried = [name for name in route.providers if name != only]
        desk = self._desk
        self._decisions += 1
        decision = desk.chooser.choose(
            envelope,
            route,
            desk.moment(desk.purse.allowance(envelope.channel)),
            tried=tried,
            decision_id=f"{envelope.id}-{self._decisions}",
        )
        desk.bus.emit(
            Decided(
                at=decision.at,
                message_id=envelope.id,
                decision_id=decision.id,
                provider=decision.chosen.provider if decision.chosen is not None else None,
                strategy=decision.strategy,
                reason=decision.reason,
            )
        )
        return decision
