"""Finds the endpoint of a request; paths in any case, with or without variables."""

import re
from collections.abc import Iterable

import msgspec

from pointsman.sandbox.call import Endpoint
from pointsman.sandbox.params import Pair


class Match(msgspec.Struct, frozen=True):
    """An endpoint, the path below the base path, and what the path's variables held."""

    endpoint: Endpoint
    path: str
    variables: tuple[Pair, ...] = ()


class Routes:
    """The paths of all endpoints under every spelling of the base path."""

    def __init__(self, base_paths: Iterable[str], endpoints: Iterable[Endpoint]) -> None:
        self._fixed: dict[str, list[Match]] = {}
        self._patterns: list[tuple[re.Pattern[str], Endpoint]] = []
        bases = tuple(base_paths)
        for endpoint in endpoints:
            for path in endpoint.paths:
                for base in bases:
                    self._add(base, path, endpoint)

    def find(self, method: str, path: str) -> Match | int:
        """Return the endpoint for a decoded path, else the HTTP status that says why there is none: 404 or 405."""
        candidates = self._fixed.get(path.lower()) or self._variable(path)
        for match in candidates:
            if method in match.endpoint.methods:
                return match
        return 405 if candidates else 404

    def _add(self, base: str, path: str, endpoint: Endpoint) -> None:
        if "{" in path:
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(base + path))
            self._patterns.append((re.compile(pattern, re.IGNORECASE), endpoint))
        else:
            self._fixed.setdefault((base + path).lower(), []).append(Match(endpoint, path))

    def _variable(self, path: str) -> list[Match]:
        found = []
        for pattern, endpoint in self._patterns:
            if matched := pattern.fullmatch(path):
                found.append(Match(endpoint, path, tuple(matched.groupdict().items())))
        return found
