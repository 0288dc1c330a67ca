"""`sightline land`: every new file in landing becomes rows, exactly once.

    find → open, hash → known already? → chunks → workers → one transaction a file

Reading runs ahead of writing by a few chunks, over the ends of files, so that the workers are
never idle; what is written, and in which order, does not depend on it. Whatever goes wrong with a
file is its own affair: the others load. Whatever goes wrong with the machine (disk, memory) ends
the run with the file undone, and the next run does it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from loaders import ledger
from loaders.files import LandingFile, find_files
from loaders.parsing import Parsed, Parser, parse_in_worker, start_worker
from loaders.privacy import KeyProblem, load_secret
from loaders.reading import (
    Chunk,
    FileChanged,
    FileRejected,
    check_unchanged,
    format_of,
    open_file,
    read_chunks,
    sha256_of,
)
from loaders.settings import MIB, Limits, landing_folder, patience_seconds, work_file, worker_count
from loaders.sources import Source, Stream, load_sources

# Starting workers takes a second; this much is parsed in that time without them.
_WORTH_WORKERS = 24 * MIB
# Files written this recently may be written again within the same tick of the clock.
_SETTLED_NS = 3_000_000_000


class AnotherLoadRunning(Exception):
    """Another `sightline land` holds the lock; nothing was changed."""


class LoadFailed(Exception):
    """The machine, not a file, is at fault: the run ended early and can simply be repeated."""


@dataclass
class Outcome:
    """What became of one file; `land --json` prints it."""

    path: str
    status: str  # loaded, already_loaded, rejected, deferred
    lines: int = 0
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0
    blank: int = 0
    reason: str | None = None

    def as_dict(self) -> dict:
        return dict(vars(self))


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)  # quarantine reason → lines
    seconds: float = 0.0
    bytes_read: int = 0
    failure: str | None = None

    def totals(self) -> dict[str, int]:
        names = ("lines", "landed", "duplicates", "quarantined", "blank")
        totals = {name: sum(getattr(entry, name) for entry in self.outcomes) for name in names}
        for status in ("loaded", "already_loaded", "rejected", "deferred"):
            totals[status] = sum(entry.status == status for entry in self.outcomes)
        return totals

    @property
    def needs_attention(self) -> bool:
        totals = self.totals()
        return bool(totals["quarantined"] or totals["rejected"])


@dataclass(frozen=True)
class Progress:
    done_bytes: int
    total_bytes: int
    rows: int
    seconds: float


def land(
    paths: Iterable[Path] = (),
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    sources: dict[str, Source] | None = None,
) -> Report:
    """Land what is new under the paths (default: everything in the landing folder)."""
    sources = sources if sources is not None else load_sources()
    limits = Limits.from_environment()
    landing = landing_folder()
    landing.mkdir(parents=True, exist_ok=True)
    with _only_loader(work_file()):
        secret = load_secret()
        con = _open(work_file())
        try:
            return _Run(con, sources, secret, limits, on_progress).run(landing, paths)
        finally:
            with suppress(duckdb.Error):
                con.close()


@contextmanager
def _only_loader(work: Path) -> Iterator[None]:
    """One loader at a time. The lock is a file of its own: opening the database's would drop
    the engine's lock on it."""
    work.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience_seconds()
    with open(work.with_name(f".{work.name}.lock"), "w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise AnotherLoadRunning(
                        "another load is running on this warehouse; wait for it, or set "
                        "SIGHTLINE_WAIT_SECONDS to wait longer"
                    ) from None
            time.sleep(0.1)
        yield


def _open(work: Path) -> duckdb.DuckDBPyConnection:
    try:
        return ledger.connect(work)
    except (duckdb.Error, OSError) as error:
        raise LoadFailed(_machine_problem(error)) from None


# What reading hands to writing, in order.
@dataclass(slots=True)
class _Known:
    file: LandingFile
    outcome: Outcome | None  # None: a copy of a file of this run, whose outcome will be its own
    sha256: str = ""
    read_with: str = ""


@dataclass(slots=True)
class _Begin:
    file: LandingFile
    stream: Stream | None
    sha256: str
    packing: str
    read_with: str


@dataclass(slots=True)
class _Part:
    parsed: Future


@dataclass(slots=True)
class _End:
    pass


@dataclass(slots=True)
class _Fail:
    error: Exception


class _Run:
    def __init__(self, con, sources, secret, limits, on_progress):
        self.con, self.sources, self.secret, self.limits = con, sources, secret, limits
        self.on_progress = on_progress
        self.report = Report()
        self.parser = Parser(secret)
        self.pool: ProcessPoolExecutor | None = None
        self.pending: set[tuple[str, str, str]] = set()
        self.remembered: list[tuple] = []

    def run(self, landing: Path, paths: Iterable[Path]) -> Report:
        self.started = time.monotonic()
        found = find_files(landing, paths)
        self.report.links = found.links
        try:
            self._check_key()
            with ledger.transaction(self.con):
                ledger.create_tables(self.con, self.sources)
            self.seen = ledger.read_seen(self.con)
            self._load(found.files)
            ledger.remember_files(self.con, self.remembered)
        except (duckdb.Error, OSError, MemoryError, BrokenProcessPool) as error:
            self.report.failure = _machine_problem(error)
        finally:
            if self.pool is not None:
                self.pool.shutdown(wait=True, cancel_futures=True)
        self.report.seconds = time.monotonic() - self.started
        return self.report

    def _check_key(self) -> None:
        """Rows under two keys are two people each: rather nothing than that."""
        used = ledger.key_ids(self.con) if ledger.has_ledger(self.con) else set()
        if used and self.parser.keyring.key_id not in used:
            raise KeyProblem(
                f"this warehouse was loaded with key {', '.join(sorted(used))}, and the key at "
                f"hand is {self.parser.keyring.key_id}: the same people would get new keys. Put "
                "the old key back (keys/identity.key or SIGHTLINE_KEY), or start a new warehouse"
            )

    # ── reading, ahead ────────────────────────────────────────────────────────────────────────

    def _load(self, files: list[LandingFile]) -> None:
        self.total_bytes = sum(file.size for file in files if not self._is_remembered(file))
        self.done_bytes = self.rows_done = 0
        if self.total_bytes > _WORTH_WORKERS and worker_count() > 1:
            self.pool = ProcessPoolExecutor(
                worker_count(),
                mp_context=multiprocessing.get_context("spawn"),
                initializer=start_worker,
                initargs=(self.secret, os.getpid()),
            )
        ahead = 2 * worker_count() if self.pool else 1
        steps = self._steps(files)
        waiting: deque = deque()
        parts = 0
        writing = _Writing(self)
        while True:
            while parts < ahead:
                step = next(steps, None)
                if step is None:
                    break
                waiting.append(step)
                parts += isinstance(step, _Part)
            if not waiting:
                break
            step = waiting.popleft()
            parts -= isinstance(step, _Part)
            writing.take(step)

    def _steps(self, files: list[LandingFile]) -> Iterator:
        for file in files:
            try:
                yield from self._steps_of(file)
            except (FileRejected, FileChanged) as error:
                yield _Fail(error)
            except OSError as error:  # its disk or its permissions, not ours
                yield _Fail(FileChanged(f"cannot be read ({os.strerror(error.errno or 5)})"))

    def _is_remembered(self, file: LandingFile) -> bool:
        known = self.seen.files.get(file.name)
        return known is not None and known[:3] == (file.size, file.mtime_ns, file.inode)

    def _steps_of(self, file: LandingFile) -> Iterator:
        source = self.sources.get(file.source)
        stream = source.streams.get(file.stream) if source else None
        read_with = self._read_with(source)
        if self._is_remembered(file):
            sha256 = self.seen.files[file.name][5]
            if (known := self.known(file, sha256, read_with)) is not None:
                yield _Known(file, known)
                return
        begin = _Begin(file, stream, "", "unknown", read_with)
        try:
            handle = open_file(file)
        except FileChanged:
            yield begin
            raise
        with handle:
            try:
                begin.sha256 = sha256_of(handle)
                check_unchanged(file, handle)
            except (FileChanged, OSError):
                yield begin
                raise
            known = self.known(file, begin.sha256, read_with)
            content = (file.source, file.stream, begin.sha256)
            if known is not None or content in self.pending:
                yield _Known(file, known, begin.sha256, read_with)
                return
            self.pending.add(content)
            yield begin
            if stream is None:
                raise _no_such_stream(self.sources, file)
            begin.packing = format_of(handle)
            for chunk in read_chunks(handle, begin.packing, stream, self.limits):
                yield _Part(self._parse(stream, chunk))
            check_unchanged(file, handle)
            yield _End()

    def _read_with(self, source: Source | None) -> str:
        """A file that was rejected is looked at again once these are others."""
        text = f"{source.fingerprint if source else ''} {self.limits}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def known(self, file: LandingFile, sha256: str, read_with: str) -> Outcome | None:
        content = (file.source, file.stream, sha256)
        if content in self.seen.loaded:
            return Outcome(file.name, "already_loaded")
        if content in self.seen.rejected:
            reason, rejected_with = self.seen.rejected[content]
            if rejected_with == read_with:
                return Outcome(file.name, "rejected", reason=reason)
        return None

    def remember(self, file: LandingFile, sha256: str) -> None:
        if time.time_ns() - file.mtime_ns > _SETTLED_NS:
            looks = (file.size, file.mtime_ns, file.inode)
            self.remembered.append((file.name, *looks, file.source, file.stream, sha256))

    def _parse(self, stream: Stream, chunk: Chunk) -> Future:
        if self.pool is not None:
            return self.pool.submit(parse_in_worker, stream, chunk)
        done: Future = Future()
        done.set_result(self.parser.parse(stream, chunk))
        return done

    def progress(self) -> None:
        seconds = time.monotonic() - self.started
        done = min(self.done_bytes, self.total_bytes)
        self.on_progress(Progress(done, self.total_bytes, self.rows_done, seconds))


def _no_such_stream(sources: dict[str, Source], file: LandingFile) -> FileRejected:
    source = sources.get(file.source)
    if source is None:
        known = ", ".join(sorted(sources))
        return FileRejected(
            "unknown_source",
            f"no source {file.source!r}; known are {known}. Files belong in "
            "landing/<source>/<stream>/; a new source is a file in loaders/sources",
        )
    if file.stream in source.refused:
        return FileRejected("refused_stream", source.refused[file.stream])
    known = ", ".join(sorted(source.streams))
    return FileRejected(
        "unknown_stream", f"{file.source} has no stream {file.stream!r}; it has {known}"
    )


# ── writing ───────────────────────────────────────────────────────────────────────────────────


class _Writing:
    """Takes the steps in order; holds the open transaction of the file at hand."""

    def __init__(self, run: _Run):
        self.run, self.con = run, run.con
        self.file: _Begin | None = None

    def take(self, step) -> None:
        try:
            if isinstance(step, _Known):
                self._known(step)
            elif isinstance(step, _Begin):
                self._begin(step)
            elif isinstance(step, _Part):
                if self.file is not None:
                    self._part(step.parsed.result())
            elif isinstance(step, _End):
                if self.file is not None:
                    self._end()
            elif self.file is not None:
                self._fail(step.error)
        except (FileRejected, FileChanged) as error:
            self._fail(error)
        except BaseException as error:
            self._undo(error)
            raise

    def _known(self, step: _Known) -> None:
        run, file = self.run, step.file
        outcome = step.outcome or run.known(file, step.sha256, step.read_with)
        if outcome is None:
            reason = "a copy of a file that could not be loaded"
            outcome = Outcome(file.name, "deferred", reason=reason)
        run.report.outcomes.append(outcome)
        if step.sha256:
            run.remember(file, step.sha256)
            run.done_bytes += file.size
            run.progress()

    def _begin(self, step: _Begin) -> None:
        self.file = step
        self.outcome = Outcome(step.file.name, "loaded")
        self.started_at = _now()
        self.received_at = step.file.received_at(self.started_at)
        self.batches: list[pa.RecordBatch] = []
        self.quarantined: list[tuple] = []
        self.reasons: dict[str, int] = {}
        self.batch_rows = self.batch_bytes = self.physical_lines = self.waste = 0
        self.is_open = False

    def _open_transaction(self) -> None:
        if not self.is_open:
            self.con.execute("begin transaction")
            self.is_open = True
            self.load_id = ledger.next_load_id(self.con)

    def _part(self, parsed: Parsed) -> None:
        limits, outcome = self.run.limits, self.outcome
        with pa.ipc.open_stream(parsed.rows) as reader:
            batch = reader.read_next_batch()
        if batch.num_rows:
            place = batch.schema.get_field_index("line")
            lines = pa.compute.add(batch.column(place), self.physical_lines)
            self.batches.append(batch.set_column(place, "line", lines))
        for line, *rest in parsed.quarantined:
            self.quarantined.append((line + self.physical_lines, *rest))
            self.reasons[rest[1]] = self.reasons.get(rest[1], 0) + 1
        outcome.lines += parsed.line_count
        outcome.blank += parsed.blank_count
        outcome.quarantined += len(parsed.quarantined)
        self.physical_lines += parsed.physical_lines
        self.batch_rows += batch.num_rows + len(parsed.quarantined)
        self.batch_bytes += len(parsed.rows)
        self.waste += parsed.waste_bytes
        packed = self.file.file.size
        if self.waste > limits.max_waste_bytes and self.waste > 100 * packed:
            raise FileRejected(
                "expands_to_nothing",
                f"{packed} bytes unpack to more than {self.waste // MIB} MiB without a record "
                "in them: a decompression bomb, or not a file of events",
            )
        if self.batch_rows >= limits.batch_rows or self.batch_bytes >= limits.batch_bytes:
            self._flush()
            self.run.progress()

    def _flush(self) -> None:
        self._open_transaction()
        file, outcome = self.file, self.outcome
        if self.batches:
            rows = pa.Table.from_batches(self.batches)
            landed = ledger.insert_rows(
                self.con, file.stream, rows, self.load_id, file.file.name, self.received_at
            )
            outcome.landed += landed
            outcome.duplicates += rows.num_rows - landed
            self.run.rows_done += rows.num_rows
        if self.quarantined:
            ledger.insert_quarantine(
                self.con, self.load_id, file.stream, file.file.name, self.quarantined
            )
        self.batches, self.quarantined = [], []
        self.batch_rows = self.batch_bytes = 0

    def _end(self) -> None:
        self._flush()
        outcome = self.outcome
        counted = outcome.landed + outcome.duplicates + outcome.quarantined + outcome.blank
        if counted != outcome.lines:
            raise LoadFailed(
                f"{outcome.path}: {outcome.lines} lines, but {counted} accounted for. This is a "
                "fault in Sightline: nothing of the file was kept; please report it"
            )
        self._write_ledger()
        self.con.execute("commit")
        self.is_open = False
        run, file = self.run, self.file
        for reason, count in self.reasons.items():
            run.report.reasons[reason] = run.report.reasons.get(reason, 0) + count
        run.seen.loaded.add((file.file.source, file.file.stream, file.sha256))
        self._close()

    def _fail(self, error: Exception) -> None:
        """Nothing of the file stays; a rejected one leaves its reason in the ledger."""
        self._roll_back()
        file, run = self.file, self.run
        run.pending.discard((file.file.source, file.file.stream, file.sha256))
        if isinstance(error, FileChanged):
            self.outcome = Outcome(file.file.name, "deferred", reason=str(error))
        else:
            self.outcome = Outcome(file.file.name, "rejected", reason=str(error))
            self._open_transaction()
            self._write_ledger()
            self.con.execute("commit")
            self.is_open = False
            content = (file.file.source, file.file.stream, file.sha256)
            run.seen.rejected[content] = (str(error), file.read_with)
        self._close()

    def _close(self) -> None:
        run, file = self.run, self.file
        run.report.outcomes.append(self.outcome)
        run.report.bytes_read += file.file.size
        run.done_bytes += file.file.size
        if self.outcome.status != "deferred":
            run.remember(file.file, file.sha256)
        self.file = None
        run.progress()

    def _undo(self, error: BaseException) -> None:
        """The run ends here; the file at hand is as if it had never been begun."""
        if self.file is not None:
            self._roll_back()
            reason = _machine_problem(error)
            self.run.report.outcomes.append(
                Outcome(self.file.file.name, "deferred", reason=f"not loaded: {reason}")
            )
            self.file = None

    def _roll_back(self) -> None:
        if self.is_open:
            with suppress(duckdb.Error):  # the engine may have done so itself
                self.con.execute("rollback")
            self.is_open = False

    def _write_ledger(self) -> None:
        file, outcome = self.file, self.outcome
        ledger.insert_ledger(
            self.con,
            {
                "load_id": self.load_id,
                "source": file.file.source,
                "stream": file.file.stream,
                "file": file.file.name,
                "sha256": file.sha256,
                "status": outcome.status,
                "reason": outcome.reason,
                "format": file.packing,
                "size_bytes": file.file.size,
                "line_count": outcome.lines,
                "landed_count": outcome.landed,
                "duplicate_count": outcome.duplicates,
                "quarantined_count": outcome.quarantined,
                "blank_count": outcome.blank,
                "received_at": self.received_at,
                "started_at": self.started_at,
                "finished_at": _now(),
                "key_id": self.run.parser.keyring.key_id,
                "read_with": file.read_with,
            },
        )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _machine_problem(error: BaseException) -> str:
    """What went wrong, and what to do about it, without a value of any row."""
    text = str(error).strip().partition("\n")[0][:300]
    lower = text.lower()
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, BrokenProcessPool):
        return "a worker process was ended (out of memory?); set SIGHTLINE_WORKERS=1 and try again"
    if isinstance(error, (MemoryError, duckdb.OutOfMemoryException)):
        return (
            "not enough memory; give DuckDB more with SIGHTLINE_MEMORY_LIMIT, or take less at "
            f"once with SIGHTLINE_BATCH_ROWS. DuckDB says: {text}"
        )
    if "no space" in lower or "disk" in lower or "could not write" in lower:
        return f"the disk is full or not writable; free some space and run again. It says: {text}"
    if isinstance(error, duckdb.Error | OSError):
        return f"the warehouse could not be written: {text}"
    return f"{type(error).__name__}: {text}"
