"""What a worker process does with a chunk: bytes in, Arrow and counts out. No database here."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import hmac
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass

import pyarrow as pa

from loaders.checking import Fault, Records, check_lines
from loaders.lifting import Lifter
from loaders.privacy import Keyring, mask
from loaders.reading import Chunk, lines_of
from loaders.rows import rows_as_lines
from loaders.settings import MIB
from loaders.shaping import shape
from loaders.sources import Stream

# What a line without a record costs us besides its bytes: a row of quarantine, a look.
_COST_OF_FAULT, _COST_OF_BLANK = 256, 64


@dataclass(slots=True)
class Parsed:
    """A chunk's outcome. Lines are numbered within the chunk: where it began, the caller knows."""

    rows: bytes  # an Arrow stream with one batch
    row_count: int
    quarantined: list[tuple]  # line, item, reason, detail, length, hash, shape
    line_count: int  # records and blanks, as the ledger counts them
    blank_count: int
    physical_lines: int
    waste_bytes: int  # bytes that held no record


class Parser:
    """Holds what is remembered from chunk to chunk: the hashes of the ids that were seen."""

    def __init__(self, secret: bytes):
        self.keyring = Keyring(secret)
        self._secret = secret
        self._lifters: dict[str, Lifter] = {}

    def parse(self, stream: Stream, chunk: Chunk) -> Parsed:
        lifted = self._lifter(stream).chunk()
        if chunk.fault is not None:
            found = Records(faults=[chunk.fault], line_count=1)
            lines: list[bytes] = [b""]
        else:
            lines = self._lines(chunk)
            found = check_lines(
                lines,
                1,
                chunk.max_line_bytes,
                lifted.take,
                stream.batch,
                frozenset(path[0] for path in _never_inherited(stream)),
            )
        batch = shape(found, lifted, stream, self.keyring)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return Parsed(
            rows=sink.getvalue().to_pybytes(),
            row_count=batch.num_rows,
            quarantined=[self._put_aside(fault) for fault in found.faults],
            line_count=found.line_count,
            blank_count=found.blank_count,
            physical_lines=len(lines),
            waste_bytes=sum(fault.length + _COST_OF_FAULT for fault in found.faults)
            + found.blank_count * _COST_OF_BLANK,
        )

    def _lifter(self, stream: Stream) -> Lifter:
        if stream.table not in self._lifters:
            self._lifters[stream.table] = Lifter(stream, self.keyring.fingerprint)
        return self._lifters[stream.table]

    def _lines(self, chunk: Chunk) -> list[bytes]:
        if chunk.rows is not None:
            with pa.ipc.open_stream(chunk.rows) as reader:
                return [line for batch in reader for line in rows_as_lines(batch)]
        return lines_of(chunk.text) if chunk.lines is None else chunk.lines

    def _put_aside(self, fault: Fault) -> tuple:
        fingerprint = hmac.new(self._secret, b"quarantine\x1f" + fault.text, hashlib.sha256)
        return (
            fault.line,
            fault.item,
            fault.reason,
            fault.detail,
            fault.length,
            fingerprint.hexdigest()[:32],
            mask(fault.text),
        )


def _never_inherited(stream: Stream):
    if stream.event_id is not None:
        yield stream.event_id
    yield from stream.roles.get("event_type", ())


# ── as a process of its own ───────────────────────────────────────────────────────────────────

_parser: Parser | None = None


# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


class _NoPandas:
    """pyarrow imports pandas with the first list that it is given, to see whether it is one of
    pandas' own: a second and 50 MB for nothing, in each process."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ImportError("landing does without pandas")


def settle_down() -> None:
    """For a process that does nothing but land: what it need not load, and need not give back."""
    sys.meta_path.insert(0, _NoPandas)
    # A chunk takes as much memory as the one before it. glibc would give it back to the system in
    # between and fetch it anew, page by page, which costs a third of the time.
    with contextlib.suppress(AttributeError, OSError):  # another libc does as it likes
        mallopt = ctypes.CDLL(None).mallopt
        for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(option, 256 * MIB)


def start_worker(secret: bytes, parent: int) -> None:
    global _parser
    settle_down()
    _parser = Parser(secret)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the loader ends its workers itself
    gc.disable()  # records are trees: counting references frees them, looking for cycles is waste
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose loader was killed must not wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def parse_in_worker(stream: Stream, chunk: Chunk) -> Parsed:
    return _parser.parse(stream, chunk)
