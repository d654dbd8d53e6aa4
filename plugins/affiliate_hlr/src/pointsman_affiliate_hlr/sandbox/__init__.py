"""The HLR API of affiliate-sms.com, emulated from its document on a loopback port."""

from pointsman_affiliate_hlr.sandbox.callbacks import Callbacks, CallbackStyle, SentCallback
from pointsman_affiliate_hlr.sandbox.codes import Quirk
from pointsman_affiliate_hlr.sandbox.server import AffiliateSandbox

__all__ = ["AffiliateSandbox", "CallbackStyle", "Callbacks", "Quirk", "SentCallback"]
