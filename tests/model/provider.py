"""What providers do with requests: every behaviour that the check allows, with the truth beside the answer."""

from collections.abc import Iterator

from pointsman.outcome import Accepted, Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import Absent
from pointsman.routing.reconcile import Finding

from .world import LATENESS, Copy, Kind, Scope, World

DECLINED = Refused(fault=Fault.DECLINED)
NOT_REACHED = Refused(fault=Fault.UNAVAILABLE)
BLOCKED = Refused(fault=Fault.CREDENTIALS)
SILENT = Unknown(reason=UnknownReason.UNREADABLE)

Answer = tuple[str, World, Accepted | Refused | None]
"""What happened in words, the world after it, and the answer; None when there was none."""


def accepted(provider: int, ref: str, *, duplicate: bool = False) -> Accepted:
    """Return the acceptance of a request."""
    return Accepted(ids=(f"{provider}:{ref}",), duplicate=duplicate)


def submitted(scope: Scope, world: World, provider: int, ref: str, call_ref: str) -> Iterator[Answer]:
    """Yield everything that may become of a submit; the good end first."""
    if scope.kinds[provider] is Kind.REPEAT and any(
        one.provider == provider and one.ref == ref for one in world.copies
    ):
        yield "is answered: duplicate", world, accepted(provider, ref, duplicate=True)
        yield "brings no answer; the provider had it already", world, None
        yield "is refused, though an earlier one was taken", world, BLOCKED
        return
    taken = _with_copy(world, Copy(provider, ref, call_ref, 0.0))
    yield "is taken and answered", taken, accepted(provider, ref)
    yield "is taken, but the answer is lost", taken, None
    yield "does not reach the provider, and we know it", world, NOT_REACHED
    yield "is refused", world, DECLINED
    yield "is lost without a trace", world, None
    late = Copy(provider, ref, call_ref, world.now + LATENESS)
    yield "brings no answer, and is going to be taken late", _with_copy(world, late), None


def asked(world: World, provider: int, call_ref: str) -> Iterator[tuple[str, Finding]]:
    """Yield what a provider that can be asked may say of a request; the truth first."""
    found = next(
        (one for one in world.copies if one.provider == provider and one.call_ref == call_ref and not one.until), None
    )
    if found is not None:
        yield "it is found", accepted(provider, found.ref)
    else:
        yield "it is not there", Absent()
    yield "there is no answer", SILENT


def processed(world: World) -> Iterator[tuple[str, World]]:
    """Yield the world after a provider got round to a request that it had kept waiting."""
    for place, one in enumerate(world.copies):
        if one.until:
            copies = (*world.copies[:place], one._replace(until=0.0), *world.copies[place + 1 :])
            yield f"provider {one.provider} takes request {one.call_ref} late", world._replace(copies=copies)


def _with_copy(world: World, copy: Copy) -> World:
    return world._replace(copies=(*world.copies, copy))
