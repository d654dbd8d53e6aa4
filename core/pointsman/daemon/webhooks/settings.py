"""How patient the poster is, and how much it does at once."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the poster. Times in seconds."""

    at_once: int = 64
    """Posts on their way over all."""
    at_once_each: int = 8
    """Of these to one receiver: a client at one host."""
    connect_timeout: float = 5.0
    """For name, connection and TLS together."""
    timeout: float = 15.0
    """For the whole post."""
    first_pause: float = 5.0
    """After a letter, or a receiver, failed for the first time; then twice as long each time."""
    longest_pause: float = 2 * 3600.0
    """Of a letter."""
    longest_rest: float = 300.0
    """Of a receiver that answers nothing useful; one letter tries it then."""
    longest_wanted: float = 3600.0
    """For which a receiver may ask by `Retry-After`; more is taken for this."""
    give_up: float = 24 * 3600.0
    """A letter is dead this long after its news, or after somebody said to try it again."""
    least_tries: int = 8
    """But not before so many, in case the daemon was not running meanwhile."""
    least_outage: float = 3600.0
    """Or, for a letter that is not tried because its receiver rests, before the receiver failed for this long."""
    held: int = 1000
    """Letters in memory at most."""
    closing: float = 5.0
    """How long posts on their way may take when the daemon stops."""
