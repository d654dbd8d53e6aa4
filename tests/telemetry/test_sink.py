"""Whoever does not read the log stalls nobody but the writer's own thread."""

import asyncio
import io
import os
import subprocess
import sys
import threading

import pytest

from pointsman.telemetry import ThreadSink


@pytest.fixture
def pipe():
    """The two ends of a pipe, as a file to write to and a descriptor to read from."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        yield reader, stream
    os.close(reader)


def read_to_end(reader: int, into: list[bytes]) -> threading.Thread:
    """Read in a thread until the other end is closed or says `end`."""

    def run() -> None:
        data = b""
        while not data.endswith(b"end\n"):
            piece = os.read(reader, 65536)
            if not piece:
                break
            data += piece
        into.append(data)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


async def test_a_pipe_that_nobody_reads_stalls_nobody(pipe):
    """Far more lines than the pipe and the queue hold are taken at once; a reader who comes back gets whole lines."""
    reader, stream = pipe
    sink = ThreadSink(stream, capacity=500)
    written = [b"%06d " % number + b"x" * 300 for number in range(20_000)]

    turns = 0
    for number, line in enumerate(written):
        sink.write(line)
        if number % 1000 == 0:
            await asyncio.sleep(0)
            turns += 1

    assert turns == 20
    assert sink.dropped >= 20_000 - 500 - 65_536 // 300 - 200
    received: list[bytes] = []
    thread = read_to_end(reader, received)
    assert await asyncio.to_thread(sink.flush)
    sink.write(b"end")
    sink.close()
    thread.join()
    lines = received[0].splitlines()
    assert [line for line in lines[:-1] if line not in set(written)] == []
    assert lines == sorted(lines)
    assert len(lines) - 1 + sink.dropped == len(written)


def test_lines_keep_their_order():
    """A quick reader gets every line, in order."""
    stream = io.BytesIO()
    sink = ThreadSink(stream)

    for number in range(2000):
        sink.write(b"%d" % number)
    sink.close()

    assert stream.getvalue().split() == [b"%d" % number for number in range(2000)]
    assert sink.dropped == 0


def test_a_text_stream_will_do():
    """Such as `sys.stderr`: bytes go to the buffer below it."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    sink = ThreadSink(stream)

    sink.write("ю".encode())
    sink.close()

    assert stream.buffer.getvalue() == "ю\n".encode()
    assert not sink.isatty()


def test_a_non_blocking_pipe_gets_whole_lines(pipe):
    """Another part of the process may have made the descriptor non-blocking."""
    reader, stream = pipe
    os.set_blocking(stream.fileno(), False)
    received: list[bytes] = []
    thread = read_to_end(reader, received)
    sink = ThreadSink(stream)

    for _ in range(3000):
        sink.write(b"x" * 300)
    sink.write(b"end")
    sink.close()
    thread.join()

    assert received[0] == (b"x" * 300 + b"\n") * 3000 + b"end\n"


def test_a_reader_who_left_is_counted(pipe):
    """A broken pipe ends nothing; the lines count as dropped."""
    reader, stream = pipe
    sink = ThreadSink(stream)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, reader)
    os.close(null)

    sink.write(b"lost")
    assert sink.flush()
    sink.write(b"lost too")
    sink.close()

    assert sink.dropped == 2


def test_after_closing_lines_are_dropped():
    """Nothing is queued that nobody would write."""
    sink = ThreadSink(io.BytesIO())
    sink.close()

    sink.write(b"late")

    assert sink.dropped == 1


def test_flush_gives_up(pipe):
    """Waiting for a reader who does not read ends after the time that was given."""
    _, stream = pipe
    sink = ThreadSink(stream)
    sink.write(b"x" * 200_000)

    assert not sink.flush(timeout=0.05)
    sink.close(timeout=0.0)


def test_a_process_with_a_stalled_reader_can_end():
    """The interpreter exits in good order while the writer's thread still waits for the reader."""
    code = (
        "import sys; from pointsman.telemetry import ThreadSink; s = ThreadSink(sys.stdout);"
        "s.write(b'x' * 1_000_000); s.flush(0.1); s.close(0.1); print('done', file=sys.stderr)"
    )

    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    with process:
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == b"done\n"
