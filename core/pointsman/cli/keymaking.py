"""`pointsman key`: a new key for a client of the server."""

from pointsman.cli.exits import ExitCode
from pointsman.cli.options import JsonOption
from pointsman.cli.output import Output
from pointsman.daemon.keys import make_key


def key(*, json: JsonOption = False) -> int:
    """Make a key and show it once, with the hash that goes into the configuration. Nothing is written anywhere.

    Give the key to the client over a safe way, and keep only the hash: key_sha256 in [clients.<name>], or
    admin_key_sha256 in [daemon].
    """
    output = Output(json=json)
    made = make_key()
    output.record(made)
    output.show(f"key         {made.key}")
    output.show(f"key_sha256  {made.key_sha256}")
    return output.ended(ExitCode.GOOD)
