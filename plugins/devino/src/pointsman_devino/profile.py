"""What a Devino account can do, and within which limits."""

import re
from datetime import timedelta

from pointsman.message import Channel
from pointsman.plugin import ChannelLimits, Polling, Profile, Windows
from pointsman_devino.faults import FAULTS
from pointsman_devino.settings import Settings

MAX_CHARACTERS = 2000
MAX_VIBER_CHARACTERS = 1000
HLR_BATCH = 200
HLR_STATE_BATCH = 50
"""The answers show ASP.NET behind the API; its default limit of 2,048 characters of query holds some 60 ids."""
HLR_MARGIN = 60.0
"""Seconds that a lookup may take beyond its validity, after which it is given up."""
YEAR = timedelta(days=365)
"""How far back the inbox can be asked."""
LEEWAY = timedelta(hours=1)
"""The question travels, clocks differ, and a refused question would be refused again: the whole year is never used."""
STATISTICS_SPAN = timedelta(days=90)
"""One place of the document says three months, but the error that it prints says 90 days."""

_VIBER_SENDER = re.compile(r"[0-9A-Za-z]{1,11}")


def viber_sender_fits(sender: str) -> bool:
    """Say whether a name can stand over a Viber message: at most 11 Latin letters or digits, nothing else."""
    return _VIBER_SENDER.fullmatch(sender) is not None


def profile_of(settings: Settings) -> Profile:
    """Return what the provider declares about itself under these settings."""
    channels = {
        Channel.SMS: ChannelLimits(
            max_characters=MAX_CHARACTERS,
            batch=settings.bulk_size,
            sender_required=True,
            one_per_recipient=True,
            schedules=settings.schedule,
            schedules_local=settings.schedule,
        ),
        Channel.HLR: ChannelLimits(batch=HLR_BATCH, one_per_recipient=True),
    }
    polling = {
        Channel.SMS: Polling(batch=1),
        Channel.HLR: Polling(
            batch=HLR_STATE_BATCH,
            first=2.0,
            longest=60.0,
            give_up=settings.hlr_validity * 60.0 + HLR_MARGIN,
        ),
    }
    if settings.viber:
        channels[Channel.VIBER] = ChannelLimits(
            max_characters=MAX_VIBER_CHARACTERS,
            batch=settings.bulk_size,
            senders=viber_sender_fits,
            sender_required=True,
            one_per_recipient=True,
            resends=True,
        )
        polling[Channel.VIBER] = Polling(batch=1)
    return Profile(
        channels=channels,
        faults=FAULTS,
        polling=polling,
        currency=settings.currency,
        account=settings.login,
        inbox=Windows(longest=YEAR, oldest=YEAR - LEEWAY),
        statistics=Windows(longest=STATISTICS_SPAN),
    )
