"""Whether a provider could take a message as it is: length, sender, and what not everybody offers."""

from collections.abc import Callable

import msgspec

from pointsman.message import Envelope, FallbackBy, Sms, Viber
from pointsman.plugin.interface import ChannelLimits
from pointsman.routing.candidate import Excluded, Exclusion
from pointsman.routing.match import Route, Schedule


class Wants(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a message asks for that not every provider offers."""

    flash: bool = False
    schedule: bool = False
    """The provider is to keep it until it is due, by the clock of the world."""
    schedule_local: bool = False
    """The same by the recipient's clock; a provider that keeps the other one serves as well."""
    resend: bool = False


NOTHING = Wants()
"""What most messages ask for; compared by identity, because it is looked at for each provider."""


def wants_of(envelope: Envelope, route: Route | None, now: float) -> Wants:
    """Return what a message asks for at a moment (wall time)."""
    message = envelope.message
    kept = route is not None and route.schedule is Schedule.PROVIDER and envelope.due > now
    match message:
        case Sms(flash=flash) if flash or kept:
            return Wants(
                flash=flash,
                schedule=kept and envelope.local is None,
                schedule_local=kept and envelope.local is not None,
            )
        case Viber(fallback=fallback):
            resend = fallback is not None and fallback.by is FallbackBy.PROVIDER
            return Wants(
                schedule=kept and envelope.local is None,
                schedule_local=kept and envelope.local is not None,
                resend=resend,
            )
        case _:
            return NOTHING


def not_offered(provider: str, limits: ChannelLimits, wants: Wants) -> Excluded | None:
    """Return what a provider does not offer; None when it offers everything."""
    if wants is NOTHING:
        return None
    if wants.flash and not limits.flash:
        return Excluded(provider=provider, why=Exclusion.FLASH)
    if wants.schedule and not limits.schedules:
        return Excluded(provider=provider, why=Exclusion.SCHEDULE)
    if wants.schedule_local and not (limits.schedules or limits.schedules_local):
        return Excluded(provider=provider, why=Exclusion.SCHEDULE)
    if wants.resend and not limits.resends:
        return Excluded(provider=provider, why=Exclusion.RESEND)
    return None


def too_long(provider: str, limits: ChannelLimits, characters: int, parts: int) -> Excluded | None:
    """Return why a text does not fit; None when it does."""
    if limits.max_characters is not None and characters > limits.max_characters:
        detail = f"{characters} characters, at most {limits.max_characters}"
        return Excluded(provider=provider, why=Exclusion.TOO_LONG, detail=detail)
    if limits.max_segments is not None and parts > limits.max_segments:
        detail = f"{parts} segments, at most {limits.max_segments}"
        return Excluded(provider=provider, why=Exclusion.TOO_LONG, detail=detail)
    return None


def bad_sender(
    provider: str,
    allowed: frozenset[str],
    limits: ChannelLimits,
    sender: str | None,
    well_formed: Callable[[str], bool],
) -> Excluded | None:
    """Return why a provider cannot show a sender; None when it can. Without `allowed` every well-formed one is."""
    if sender is None:
        return Excluded(provider=provider, why=Exclusion.SENDER_MISSING) if limits.sender_required else None
    if not (limits.senders or well_formed)(sender):
        return Excluded(provider=provider, why=Exclusion.SENDER_FORM, detail=sender)
    if allowed and sender not in allowed:
        return Excluded(provider=provider, why=Exclusion.SENDER_NOT_ALLOWED, detail=sender)
    return None
