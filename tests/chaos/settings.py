"""How everything is set up: the daemon's configuration, how long providers take, and what goes wrong at them."""

from collections.abc import Mapping

from pointsman.sandbox import DeliveryPlan, FaultRule
from pointsman.sandbox.delivery import Fate
from pointsman.sandbox.faults import close_after_accept, close_before_accept, garbage, hang_after_accept, throttle
from pointsman_affiliate_hlr.sandbox import Callbacks, CallbackStyle

TOKEN = "chaos_only_token_0123"
"""In the address to which a provider reports."""

CALLBACKS = Callbacks(style=CallbackStyle.JSON, copies=2, stale_after_final=True, repeats=100_000, pause=1.0)
"""Each result is told twice, with what it was before behind it, and again until somebody has it."""

DELIVERY = DeliveryPlan(
    seconds_to_sent=0.1,
    seconds_to_final=0.4,
    spread=0.5,
    messages={Fate.DELIVERED: 0.8, Fate.UNDELIVERED: 0.2},
)

FAULTS: Mapping[str, tuple[FaultRule, ...]] = {
    "devino": (
        close_after_accept(endpoint="Sms/*", times=None, probability=0.02),
        close_before_accept(endpoint="Sms/*", times=None, probability=0.02),
        garbage(endpoint="Sms/*", times=None, probability=0.02, accepted=True),
        throttle(endpoint="Sms/Send*", times=None, probability=0.01),
    ),
    "smstele": (
        close_after_accept(endpoint="sendsms", times=None, probability=0.03),
        hang_after_accept(endpoint="sendsms", times=None, probability=0.01),
        close_before_accept(endpoint="*", times=None, probability=0.02),
    ),
    "affiliate_hlr": (
        close_after_accept(endpoint="hlr/create", times=None, probability=0.05),
        garbage(endpoint="hlr/*", times=None, probability=0.02),
    ),
}
"""What goes wrong at random at each provider, for a run with faults."""

CONFIG = """
[router]
store = "sqlite:{journal}"
region = "RU"
currency = "EUR"
log_format = "json"

[rates]
RUB = "0.0105"

[daemon]
listen = "127.0.0.1:{port}"
admin = "127.0.0.1:{admin}"
public_url = "http://127.0.0.1:{port}"
drain_delay = "10ms"

[clients.shop]
key_sha256 = "{key}"
webhook_secret = {{ env = "HOOK_SECRET" }}
allow_plain_callbacks = true
allow_private_callbacks = true

[providers.devino]
plugin = "devino"
base_url = "{devino}"
login = {{ env = "DEVINO_LOGIN" }}
password = {{ env = "DEVINO_PASSWORD" }}
senders = ["SHOP"]
viber = true
currency = "RUB"
max_in_flight = 8
read_timeout = "2s"
poll = {{ first = "300ms", longest = "1s" }}
prices = [
    {{ country = "RU", channel = "sms", price = "3.10" }},
    {{ country = "RU", channel = "viber", price = "1.60" }},
]

[providers.smstele]
plugin = "smstele"
base_url = "{smstele}"
login = {{ env = "SMSTELE_LOGIN" }}
password = {{ env = "SMSTELE_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"
opening_balance = "1000000"
settle = 1.0
max_in_flight = 8
read_timeout = "2s"
poll = {{ first = "300ms", longest = "1s" }}
prices = [
    {{ country = "RU", channel = "sms", price = "3.00" }},
    {{ country = "RU", channel = "viber", price = "1.50" }},
]

[providers.affiliate_hlr]
plugin = "affiliate_hlr"
base_url = "{affiliate_hlr}"
api_key = {{ env = "AFFILIATE_KEY" }}
tariff = 0
currency = "EUR"
opening_balance = "100000"
max_in_flight = 4
read_timeout = "2s"
callback_token = {{ env = "CALLBACK_TOKEN" }}
# Nobody asks in time: a report that was taken and lost leaves its lookup open.
poll = {{ first = "10m", longest = "20m" }}
prices = [ {{ country = "RU", channel = "hlr", price = "0.002" }} ]

[policies.default]
strategy = "weighted"

[[routes]]
name = "codes"
match = {{ channel = "sms", class = "otp" }}
providers = ["smstele", "devino"]
on_unknown = "next"

[[routes]]
name = "careful"
match = {{ channel = "sms" }}
providers = ["devino", "smstele"]
on_unknown = "reconcile"

[[routes]]
name = "viber"
match = {{ channel = "viber" }}
providers = ["devino", "smstele"]
on_unknown = "reconcile"

[[routes]]
name = "lookups"
match = {{ channel = "hlr" }}
providers = ["affiliate_hlr"]
"""
