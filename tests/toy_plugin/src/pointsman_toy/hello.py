"""The smallest provider: it sends one SMS at a time, and that is all."""

import msgspec

from pointsman.message import Channel, Sms
from pointsman.outcome import Accepted, Refused, Unknown, UnknownReason
from pointsman.plugin import (
    Batch,
    ChannelLimits,
    Each,
    Operation,
    Profile,
    Provider,
    Raw,
    Reading,
    Request,
    Response,
    Secret,
    Session,
    SubmitReading,
    Unreadable,
    Whole,
    http_verdict,
    read_json,
)


class HelloSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of the provider's table in `router.toml`, besides the common ones."""

    key: Secret


class Hello(Provider):
    """One account."""

    profile = Profile(channels={Channel.SMS: ChannelLimits()}, faults=())

    def __init__(self, settings: HelloSettings) -> None:
        self._key = settings.key

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Build the request that sends a message; without a batch key it is alone in its batch."""
        del session
        (item,) = batch.items
        text = item.message.text if isinstance(item.message, Sms) else ""
        return Request(
            method="POST",
            path="/hello",
            headers=(("X-Key", self._key),),
            body=Raw(msgspec.json.encode({"ref": item.ref, "to": item.to, "text": text}), "application/json"),
        )

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read the answer; what cannot be read is unknown, because the message may have been sent."""
        verdict: Refused | Unknown | None = http_verdict(response, Operation.SUBMIT)
        if verdict is not None:
            return Reading(Whole(outcome=verdict))
        try:
            answer, lenient = read_json(response.body)
        except Unreadable as error:
            return Reading(Whole(outcome=Unknown(reason=UnknownReason.UNREADABLE, detail=str(error))))
        match answer:
            case {"id": str(provider_id)}:
                return Reading(Each((Accepted(ids=(provider_id,)),)), lenient)
            case _:
                return Reading(Whole(outcome=Unknown(reason=UnknownReason.UNREADABLE)), lenient)
