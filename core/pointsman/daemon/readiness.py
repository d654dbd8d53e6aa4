"""Whether the server is ready for messages, and if not, why."""

from collections.abc import Sequence
from typing import Protocol

from pointsman.daemon.house import House, Reasons
from pointsman.daemon.shown import CheckShown
from pointsman.engine.status import ProviderStatus


class TellsProviders(Protocol):
    """What is asked how the providers are doing."""

    def providers(self) -> tuple[ProviderStatus, ...]:
        """Return how every provider is doing."""
        ...


class Readiness:
    """State: whether everything was started, and whether the end has begun."""

    def __init__(self, router: TellsProviders) -> None:
        self._router = router
        self.started = False
        self.draining = False

    def reasons(self, house: House) -> Reasons:
        """Return what readiness depends on, each with its reason."""
        return Reasons(
            (
                CheckShown(name="started", ok=self.started, reason="" if self.started else "it is starting"),
                CheckShown(name="draining", ok=not self.draining, reason="it is closing" if self.draining else ""),
                CheckShown(
                    name="store",
                    ok=not house.store_refuses,
                    reason="the last write failed; see the log" if house.store_refuses else "",
                ),
                _providers(self._router.providers()),
            )
        )


def _providers(statuses: Sequence[ProviderStatus]) -> CheckShown:
    """Say whether anybody can be sent to. Single providers that are out of use are named, and stop nothing."""
    out = [f"{one.name} is quarantined" for one in statuses if one.quarantined is not None]
    return CheckShown(name="providers", ok=len(out) < len(statuses), reason="; ".join(out))
