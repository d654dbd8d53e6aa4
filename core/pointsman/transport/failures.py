"""From an exception of the HTTP client to a `Failure` that tells no secret."""

import errno
import ssl

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError

from pointsman.transport.values import Failure, FailureReason


class Broken(aiohttp.ClientError):
    """A connection broke after the request may have left. aiohttp does not repeat on this, as it does on its own."""


class Blocked(PermissionError):
    """This process may talk to loopback addresses only."""


def failure_of(error: Exception, *, left: bool) -> Failure:
    """Classify what went wrong."""
    reason, detail = _explain(error, left=left)
    return Failure(reason=reason, left=left, detail=detail)


def _explain(error: Exception, *, left: bool) -> tuple[FailureReason, str]:
    # Only words of ours and of the operating system: the texts of aiohttp's errors contain the URL with its query.
    match error:
        case aiohttp.ConnectionTimeoutError():
            return FailureReason.CONNECT_TIMEOUT, "no connection in time"
        case TimeoutError(errno=None) if left:
            return FailureReason.TIMEOUT, "no complete answer in time"
        case aiohttp.ClientConnectorDNSError():
            return FailureReason.DNS, "the host name could not be resolved"
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as cause):
            return FailureReason.TLS, f"certificate refused: {cause.verify_message}"
        case aiohttp.ClientSSLError(os_error=cause):
            return FailureReason.TLS, f"TLS handshake failed: {getattr(cause, 'reason', None) or 'unknown cause'}"
        case aiohttp.ClientConnectorError(os_error=Blocked()):
            return FailureReason.OTHER, "only loopback addresses may be called here"
        case aiohttp.ClientConnectorError(os_error=cause):
            return FailureReason.REFUSED, f"no connection: {_name(cause)}"
        case aiohttp.ClientPayloadError() if _caused_by(error, ContentEncodingError):
            return FailureReason.UNREADABLE, "the answer cannot be decompressed"
        case aiohttp.ClientPayloadError() | Broken() | aiohttp.ClientConnectionError() | OSError() if left:
            return FailureReason.DISCONNECTED, "the connection broke before the answer was complete"
        case aiohttp.ClientResponseError():
            return FailureReason.UNREADABLE, "the answer is not valid HTTP"
        case _:
            return FailureReason.OTHER, type(error).__name__


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _caused_by(error: BaseException | None, kind: type[Exception]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
