"""Reports that providers bring: who may bring them, what they say, and what the provider wants to hear."""

import hmac
from collections.abc import Mapping

from pointsman.engine.guard import Broke
from pointsman.engine.soundness import are_reports, is_reading
from pointsman.engine.station import Station
from pointsman.engine.tracking import Tracking
from pointsman.errors import StoreUnavailable
from pointsman.plugin import Callback, ReceivesCallbacks, Response
from pointsman.secret import Secret


class Receiving:
    """Takes callbacks in. Has no state of its own."""

    def __init__(self, stations: Mapping[str, Station], tracking: Tracking) -> None:
        self._stations = stations
        self._tracking = tracking

    async def take(self, provider: str, callback: Callback, token: str | None) -> Response:
        """Take in what a provider reports; return what it wants to hear. Raises `KeyError` for a stranger."""
        station = self._stations[provider]
        receiver = station.provider
        if station.closed or not isinstance(receiver, ReceivesCallbacks):
            raise KeyError(provider)
        if not is_known(station.callback_token, token):
            return Response(status=404, body=b"there is nothing here")
        if station.guard.quarantined:
            return Response(status=503, body=b"reports are not taken at present")
        try:
            reading = station.guard.call_for_strangers(
                "reading a callback",
                lambda: receiver.read_callback(callback),
                lambda value: is_reading(value, are_reports),
            )
            await self._tracking.take(provider, reading.value)
            return station.guard.call(
                "callback_reply", receiver.callback_reply, lambda value: isinstance(value, Response)
            )
        except StoreUnavailable:
            return Response(status=503, body=b"reports cannot be written down at present")
        except Broke:
            return Response(status=500, body=b"this report could not be read")


def is_known(expected: Secret | None, shown: str | None) -> bool:
    """Say whether a caller may report; how long the comparison takes tells nothing of the token."""
    if expected is None:
        return True
    return shown is not None and hmac.compare_digest(expected.reveal().encode(), shown.encode("utf-8", "surrogatepass"))
