"""Hands calls from standard input to the client of `sw-python-sms-devino`: base URL, login and password are arguments.

A program, not a test: `test_devino_client.py` runs it.
"""

import json
import sys
from typing import Any

from sms_devino.client import DevinoClient, DevinoException


def only_here(event: str, args: tuple[Any, ...]) -> None:
    """Refuse to ask for names and to connect anywhere but to this machine."""
    if event not in {"socket.connect", "socket.getaddrinfo"}:
        return
    host = args[1][0] if event == "socket.connect" else args[0]
    if host not in {"127.0.0.1", None}:
        raise PermissionError(f"this test may only talk to this machine, not to {host}")


def plain(value: Any) -> Any:
    """Put what the client returns into JSON: its own classes as their attributes, times and amounts as text."""
    return vars(value) if type(value).__module__.startswith("sms_devino") else str(value)


def main() -> None:
    """Answer line by line."""
    sys.addaudithook(only_here)
    url, login, password = sys.argv[1:]
    client = DevinoClient(login, password, url=url)
    for line in sys.stdin:
        method, *args = json.loads(line)
        try:
            answer = {"returned": getattr(client, method)(*args)}
        except DevinoException as error:
            told = vars(error.error) if error.error else None
            answer = {"raised": {"type": "DevinoException", "http_status": error.http_status, "error": told}}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the client's and the test judges it
            answer = {"raised": {"type": type(error).__name__}}
        sys.stdout.write(json.dumps(answer, default=plain) + "\n")
        sys.stdout.flush()


main()
