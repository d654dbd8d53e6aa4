"""The log and the metrics of the demo: written as in production, and read back for the verdict."""

from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import msgspec

from pointsman.events import Event
from pointsman.secret import Secret
from pointsman.telemetry import (
    Labels,
    LogFormat,
    LogObserver,
    Masker,
    MetricsObserver,
    ThreadSink,
    build_logger,
    render,
)

LOG = "calls.jsonl"
METRICS = "metrics.prom"
_COUNTER = "pointsman_provider_calls_total{"


class Records:
    """Files in a folder, written while the router runs. Use it as `with`; complete when that ends.

    Raises `OSError` when the folder cannot be made or written to.
    """

    def __init__(self, folder: Path, providers: frozenset[str], environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / LOG
        self.metrics = folder / METRICS
        self._stream = self.log.open("wb")
        self._sink = ThreadSink(self._stream)
        secrets = [Secret(value) for value in environment.values()]
        logger = build_logger(self._sink, format=LogFormat.JSON, secrets=secrets)
        self._lines = LogObserver(logger, Masker())
        self._counts = MetricsObserver(Labels(providers=providers), metadata.version("pointsman"))

    def __call__(self, event: Event) -> None:
        """Write a line and count."""
        self._lines(event)
        self._counts(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.close()
        self._stream.close()
        self.metrics.write_bytes(render(self._counts.registry))

    @property
    def lines_lost(self) -> int:
        """Lines that could not be written."""
        return self._sink.dropped

    def calls(self) -> tuple[int, int]:
        """Return how many lines `provider.call` the log has, and how many of them say that the request left."""
        left = [line["left"] for line in self._read() if line["event"] == "provider.call"]
        return len(left), sum(left)

    def counted(self) -> int:
        """Return the sum of the counter of calls in the file of metrics."""
        lines = self.metrics.read_text(encoding="utf-8").splitlines()
        return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(_COUNTER))

    def _read(self) -> Iterator[dict[str, Any]]:
        with self.log.open("rb") as lines:
            for line in lines:
                yield msgspec.json.decode(line)
