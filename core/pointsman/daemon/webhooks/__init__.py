"""Webhooks: news of messages, signed and posted to the addresses that clients gave."""

from pointsman.daemon.webhooks.poster import Poster
from pointsman.daemon.webhooks.settings import Settings
from pointsman.daemon.webhooks.urls import check_callback_url

__all__ = ["Poster", "Settings", "check_callback_url"]
