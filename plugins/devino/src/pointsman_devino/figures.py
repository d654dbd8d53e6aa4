"""What `Sms/Statistics` says: figures that nobody defines, so they are passed on and decide nothing."""

from pointsman.plugin import Statistics
from pointsman_devino.wire import Body, amount, fields_of, whole_number


def read_figures(body: Body) -> Statistics | None:
    """Return the figures, in the provider's own counting; None when the body holds none of them."""
    fields = fields_of(body.json)
    read = Statistics(
        sent=whole_number(fields.get("sent")),
        delivered=whole_number(fields.get("delivered")),
        errors=whole_number(fields.get("errors")),
        in_process=whole_number(fields.get("inprocess")),
        expired=whole_number(fields.get("expired")),
        rejected=whole_number(fields.get("rejected")),
        total=whole_number(fields.get("total")),
        total_with_errors=whole_number(fields.get("totalwitherrors")),
        delivery_ratio=amount(fields.get("deliveryratio")),
    )
    return read if read != Statistics() else None
