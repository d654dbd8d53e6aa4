"""Tells systemd how the service is doing (sd_notify), where it wants to know."""

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends states to the socket that the environment names; without one it does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog = _watchdog(environment)
        """Seconds after which systemd gives up a service that is silent; None when it does not watch."""

    def ready(self) -> None:
        """Everything runs."""
        self._send("READY=1\nSTATUS=taking messages")

    def reloading(self, monotonic: float) -> None:
        """The configuration is being taken in; `ready` tells the end."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}\nSTATUS=reading the configuration")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1\nSTATUS=finishing what is in flight")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        # Nobody may be there any more; that is no reason to fail.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)  # noqa: FBT003 - the library has no other way to say it
            channel.sendto(state.encode(), address)


def _watchdog(environment: Mapping[str, str]) -> float | None:
    period, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not period.isdecimal() or int(period) == 0 or (process and process != str(os.getpid())):
        return None
    return int(period) / 1_000_000
