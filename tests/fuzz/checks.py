"""What must hold of every answer, and of all that a server shows of itself."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from pointsman.daemon.endpoint import Listener
from pointsman.daemon.openapi import document
from pointsman.daemon.problems import MEDIA_TYPE, Problem
from pointsman.daemon.table import ENDPOINTS

from .wire import Answer, Request
from .world import PREFIX

NUMBER = re.compile(rf"(?<![0-9a-f]){PREFIX}\d{{4}}|\({PREFIX[:3]}\) {PREFIX[3:]}-\d{{4}}|[78+]{PREFIX}\d{{4}}")
TRACE = re.compile(r"Traceback|File \"/|raise [A-Z]\w+\(|was never awaited|was never retrieved|internal-error")
UNFORESEEN = ('"event":"http.failed"', '"event":"daemon.background"', '"event":"plugin.quarantined"')
ALLOWED_5XX = 503


class Paper:
    """What the OpenAPI document promises of a listener."""

    def __init__(self, listener: Listener) -> None:
        paths: Mapping[str, Any] = msgspec.json.decode(document(ENDPOINTS))["paths"]
        self._paths = [
            (_pattern(path), {method: one for method, one in operations.items() if listener in one["x-listeners"]})
            for path, operations in paths.items()
        ]

    def operation(self, method: str, target: str) -> Mapping[str, Any] | None:
        """Return what is said of a request; None when nothing is."""
        path = unquote(re.sub("%2f", "x", urlsplit(target).path, flags=re.IGNORECASE), errors="replace")
        for pattern, operations in self._paths:
            if pattern.fullmatch(path):
                found: Mapping[str, Any] | None = operations.get("get" if method == "HEAD" else method.lower())
                return found
        return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(
        "".join("[^{}/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path))
    )


def problems(paper: Paper, request: Request, answer: Answer) -> Iterator[str]:
    """Say what is wrong with an answer."""
    status = answer.status
    if status >= 500 and status != ALLOWED_5XX:
        yield f"{status}: {answer.body[:200]!r}"
    if (
        status == ALLOWED_5XX
        and "readyz" not in request.target.decode("latin-1")
        and "retry-after" not in answer.headers
    ):
        yield "503 without Retry-After"
    if request.broken and (status == 400 or status < 400):
        return  # the framework says so in its own words, or it was no broken request to it
    operation = paper.operation(request.method.decode("latin-1"), request.target.decode("latin-1"))
    if status == 405 and request.method == b"HEAD":
        pass  # streams and callbacks are not asked for their head
    elif operation is not None:
        yield from _undocumented(operation, answer, is_head=request.method == b"HEAD")
    elif status == 417:
        return  # of a path that is not there, with an expectation that nobody has: the framework's own words
    elif status not in {204, 400, 404, 405}:
        yield f"{status} where nothing is documented"
    if status >= 400 and request.method != b"HEAD":
        yield from _unclear(answer)


def _undocumented(operation: Mapping[str, Any], answer: Answer, *, is_head: bool) -> Iterator[str]:
    said = operation["responses"].get(str(answer.status))
    if said is None:
        yield f"{answer.status} is not documented for {operation['operationId']}"
    elif not is_head and answer.body and answer.media not in said.get("content", {}):
        yield f"{answer.status} of {operation['operationId']} is {answer.media}"


def _unclear(answer: Answer) -> Iterator[str]:
    """Say what is wrong with the explanation of an error."""
    if answer.media != MEDIA_TYPE:
        yield f"{answer.status} is explained as {answer.media}: {answer.body[:100]!r}"
        return
    try:
        problem = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError as error:
        yield f"{answer.status} is explained by what is no problem document: {error}"
        return
    if problem.status != answer.status:
        yield f"{answer.status} says that it is {problem.status}"
    if problem.status == 422 and not problem.errors and not problem.detail:
        yield "422 does not say what is wrong"


def leaks(shown: str, secrets: Mapping[str, str]) -> Iterator[str]:
    """Say what a text lets out that nobody may see."""
    for name, secret in secrets.items():
        if (at := shown.find(secret)) >= 0:
            yield f"shows the {name}: …{shown[max(at - 150, 0) : at + 20]}…"
    if found := NUMBER.search(shown):
        yield f"shows a number: …{shown[max(found.start() - 150, 0) : found.end() + 10]}…"


def traces(shown: str) -> Iterator[str]:
    """Say where something unforeseen shows."""
    if found := TRACE.search(shown):
        yield f"shows a failure: …{shown[max(found.start() - 200, 0) : found.end() + 800]}…"
    for event in UNFORESEEN:
        if (at := shown.find(event)) >= 0:
            yield f"something unforeseen: …{shown[max(at - 100, 0) : at + 300]}…"
