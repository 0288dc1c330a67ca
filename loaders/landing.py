"""`sightline land`: every new file in landing becomes rows, exactly once.

    find → open, hash → known already? → chunks → workers → writing

Reading runs ahead of writing by a few chunks, over the ends of files, so that the workers are
never idle; what is written, and in which order, does not depend on it. Whatever goes wrong with a
file is its own affair: the others load. Whatever goes wrong with the machine (disk, memory) ends
the run with the files at hand undone, and the next run does them again.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loaders import ledger
from loaders.files import FileChanged, FileRejected, LandingFile, find_files
from loaders.locking import only_writer
from loaders.outcomes import Outcome, Report
from loaders.parsing import Parsed, Parser, parse_in_worker, start_worker
from loaders.privacy import KeyProblem, load_secret
from loaders.reading import (
    Chunk,
    check_unchanged,
    format_of,
    open_file,
    read_chunks,
    sha256_of,
)
from loaders.settings import (
    MIB,
    Limits,
    SettingsError,
    landing_folder,
    work_file,
    worker_count,
)
from loaders.sources import Source, Stream, load_sources
from loaders.writing import Arrival, Unaccounted, Writer

# Starting workers takes a second; about this much is parsed in that time without them.
_WORTH_WORKERS = 48 * MIB
# Packed events are about a sixth of their text.
_PACKED = (".gz", ".zst", ".parquet")
# Files written this recently may be written again within the same tick of the clock.
_SETTLED_NS = 3_000_000_000


class LoadFailed(Exception):
    """The machine, not a file, is at fault: the run ended early and can simply be repeated."""


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
    try:
        landing.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{landing}: the landing folder cannot be made or opened ({error.strerror}); "
            "SIGHTLINE_DATA says where the data folder is"
        ) from None
    with only_writer():
        secret = load_secret()
        con = _open(work_file())
        try:
            return _Run(con, sources, secret, limits, on_progress).run(landing, paths)
        finally:
            with suppress(duckdb.Error):
                con.close()


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
    sha256: str = ""  # empty where the file was not even opened
    read_with: str = ""


@dataclass(slots=True)
class _Part:
    parsed: Future
    bytes_read: int


@dataclass(slots=True)
class _End:
    pass


@dataclass(slots=True)
class _Fail:
    error: FileRejected | FileChanged


def _let_go(pool: ProcessPoolExecutor) -> None:
    """So must nobody wait who hands work to workers that are gone: Python before 3.11.5 does, while
    the pipe to them is open for reading (python/cpython#94777)."""
    queue = getattr(pool, "_call_queue", None)
    reader = getattr(queue, "_reader", None)
    if reader is not None:
        reader.close()


class _Run:
    def __init__(self, con, sources, secret, limits, on_progress):
        self.con, self.sources, self.secret, self.limits = con, sources, secret, limits
        self.on_progress = on_progress
        self.report = Report()
        self.parser = Parser(secret)
        self.pool: ProcessPoolExecutor | None = None
        self.not_ours = set(multiprocessing.active_children())
        self.writer: Writer | None = None
        self.pending: set[tuple] = set()
        self.remembered: list[tuple] = []
        self.done_bytes = self.total_bytes = 0

    def run(self, landing: Path, paths: Iterable[Path]) -> Report:
        self.started = time.monotonic()
        known = {name: source.streams for name, source in self.sources.items()}
        found = find_files(landing, paths, known)
        self.report.links = found.links
        for name, why in found.unreadable:
            reason = f"the folder cannot be read ({why})"
            self.report.outcomes.append(Outcome(name, "deferred", reason=reason))
        try:
            self._check_key()
            with ledger.transaction(self.con):
                ledger.create_tables(self.con, self.sources)
            self.seen = ledger.read_seen(self.con, self.sources)
            key_id = self.parser.keyring.key_id
            self.writer = Writer(self.con, self.limits, key_id, self.report, self._committed)
            self._load(found.files)
            ledger.remember_files(self.con, self.remembered)
        except BaseException as error:
            # A worker that still wants to hand over what nobody takes any more would wait for ever.
            for worker in set(multiprocessing.active_children()) - self.not_ours:
                worker.kill()
            if self.pool is not None:
                _let_go(self.pool)
            problem = _machine_problem(error)
            if self.writer is not None:
                self.writer.undo(problem)
            if not isinstance(error, _MACHINE):
                raise
            self.report.failure = problem
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

    def _load(self, files: list[LandingFile]) -> None:
        self.total_bytes = sum(file.size for file in files if not self._is_remembered(file))
        work = sum(
            file.size * (6 if file.name.endswith(_PACKED) else 1)
            for file in files
            if not self._is_remembered(file)
        )
        if work > _WORTH_WORKERS and worker_count() > 1:
            self.pool = ProcessPoolExecutor(
                worker_count(),
                mp_context=multiprocessing.get_context("spawn"),
                initializer=start_worker,
                initargs=(self.secret, os.getpid()),
            )
        # Enough for the workers to go on with while a batch is being written.
        ahead = max(48, 2 * worker_count()) if self.pool else 1
        steps = self._steps(files)
        waiting: deque = deque()
        parts = 0
        while True:
            while parts < ahead and (step := next(steps, None)) is not None:
                waiting.append(step)
                parts += isinstance(step, _Part)
            if not waiting:
                break
            step = waiting.popleft()
            parts -= isinstance(step, _Part)
            self._take(step)
        self.writer.flush()

    # ── reading, ahead ────────────────────────────────────────────────────────────────────────

    def _steps(self, files: list[LandingFile]) -> Iterator:
        for file in files:
            try:
                yield from self._steps_of(file)
            except (FileRejected, FileChanged) as error:
                yield _Fail(error)
            except OSError as error:  # its disk or its permissions, not ours
                yield _Fail(FileChanged(f"cannot be read ({os.strerror(error.errno or 5)})"))
            except MemoryError:
                raise
            except Exception as error:
                yield _Fail(_unforeseen(error))

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
        arrival = Arrival(file, stream, read_with)
        try:
            handle = open_file(file)
        except FileChanged:
            yield arrival
            raise
        with handle:
            try:
                arrival.sha256 = sha256_of(handle)
                check_unchanged(file, handle)
            except (FileChanged, OSError):
                yield arrival
                raise
            known = self.known(file, arrival.sha256, read_with)
            if known is not None or arrival.content in self.pending:
                yield _Known(file, known, arrival.sha256, read_with)
                return
            self.pending.add(arrival.content)
            yield arrival
            if stream is None:
                raise _no_such_stream(self.sources, file)
            arrival.packing = format_of(handle)
            for chunk in read_chunks(handle, arrival.packing, stream, self.limits):
                if arrival.is_refused:  # what was read so far was enough to tell
                    return
                yield _Part(self._parse(stream, chunk), handle.tell())
            check_unchanged(file, handle)
            yield _End()

    def _read_with(self, source: Source | None) -> str:
        """A file that was rejected is looked at again once these are others."""
        text = f"{source.fingerprint if source else ''} {self.limits}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def known(self, file: LandingFile, sha256: str, read_with: str) -> Outcome | None:
        source = self.sources.get(file.source)
        stream = source.streams.get(file.stream) if source else None
        content = ledger.content_of(stream, file.source, file.stream, file.name, sha256)
        if content in self.seen.loaded:
            return Outcome(file.name, "already_loaded")
        if content in self.seen.rejected:
            reason, rejected_with = self.seen.rejected[content]
            if rejected_with == read_with:
                return Outcome(file.name, "rejected", reason=reason)
        return None

    def _parse(self, stream: Stream, chunk: Chunk) -> Future:
        if self.pool is not None:
            return self.pool.submit(parse_in_worker, stream, chunk)
        done: Future = Future()
        try:
            done.set_result(self.parser.parse(stream, chunk))
        except Exception as error:
            done.set_exception(error)
        return done

    # ── writing ───────────────────────────────────────────────────────────────────────────────

    def _take(self, step) -> None:
        writer = self.writer
        if isinstance(step, _Known):
            self._take_known(step)
        elif isinstance(step, Arrival):
            writer.begin(step)
        elif writer.arrival is None:
            pass  # what was read ahead of a file that has failed meanwhile
        elif isinstance(step, _Fail):
            self._fail(step.error)
        else:
            try:
                if isinstance(step, _Part):
                    writer.take(_result_of(step.parsed))
                    self._progress(step.bytes_read)
                else:
                    arrival = writer.arrival
                    writer.end()
                    self._finish(arrival)
            except FileRejected as error:
                self._fail(error)

    def _take_known(self, step: _Known) -> None:
        file, outcome = step.file, step.outcome
        if outcome is None:
            self.writer.flush()
            outcome = self.known(file, step.sha256, step.read_with)
        if outcome is None:
            reason = "a copy of a file that could not be loaded"
            outcome = Outcome(file.name, "deferred", reason=reason)
        self.report.outcomes.append(outcome)
        if step.sha256:
            self._remember(file, step.sha256)
            self.done_bytes += file.size

    def _fail(self, error: FileRejected | FileChanged) -> None:
        arrival = self.writer.arrival
        self.pending.discard(arrival.content)
        if isinstance(error, FileChanged):
            self.writer.defer(str(error))
        else:
            arrival.is_refused = True
            self.writer.reject(error)
        self._finish(arrival)

    def _finish(self, arrival: Arrival) -> None:
        self.done_bytes += arrival.file.size
        self._progress(0)

    def _committed(self, arrival: Arrival) -> None:
        if arrival.outcome.status == "loaded":
            self.seen.loaded.add(arrival.content)
        else:
            self.seen.rejected[arrival.content] = (arrival.outcome.reason, arrival.read_with)
        self._remember(arrival.file, arrival.sha256)

    def _remember(self, file: LandingFile, sha256: str) -> None:
        if time.time_ns() - file.mtime_ns > _SETTLED_NS:
            looks = (file.size, file.mtime_ns, file.inode)
            self.remembered.append((file.name, *looks, file.source, file.stream, sha256))

    def _progress(self, bytes_read: int) -> None:
        seconds = time.monotonic() - self.started
        done = min(self.done_bytes + bytes_read, self.total_bytes)
        rows = self.writer.rows_taken
        self.on_progress(Progress(done, self.total_bytes, rows, seconds))


def _no_such_stream(sources: dict[str, Source], file: LandingFile) -> FileRejected:
    source = sources.get(file.source)
    if not file.source or not file.stream:
        return FileRejected(
            "unknown_stream" if file.source else "unknown_source",
            "files belong two folders down, in landing/<source>/<stream>/",
        )
    if source is None:
        known = ", ".join(sorted(sources))
        return FileRejected(
            "unknown_source",
            f"no source {file.source!r}; known are {known}. Files belong in "
            "landing/<source>/<stream>/; a new source is a file in loaders/sources: "
            "docs/adding-an-app.md",
        )
    if file.stream in source.refused:
        return FileRejected("refused_stream", source.refused[file.stream])
    known = ", ".join(sorted(source.streams))
    return FileRejected(
        "unknown_stream", f"{file.source} has no stream {file.stream!r}; it has {known}"
    )


def _result_of(parsed: Future) -> Parsed:
    try:
        return parsed.result()
    except (FileRejected, BrokenProcessPool, MemoryError):
        raise
    except Exception as error:
        raise _unforeseen(error) from error


def _unforeseen(error: Exception) -> FileRejected:
    """One file that we did not think of must not keep the others from loading, on every run."""
    return FileRejected(
        "unforeseen", f"{type(error).__name__} while it was read; please report this file"
    )


_MACHINE = (duckdb.Error, OSError, MemoryError, BrokenProcessPool, Unaccounted)


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
    if "not a valid duckdb database" in lower:
        return (
            "the work file is no DuckDB database. Move it away and run again: everything in it can "
            f"be loaded anew from the landing folder. DuckDB says: {text}"
        )
    if "no space" in lower or "disk" in lower or "could not write" in lower:
        return f"the disk is full or not writable; free some space and run again. It says: {text}"
    if isinstance(error, duckdb.Error | OSError):
        return f"the warehouse could not be written: {text}"
    return f"{type(error).__name__}: {text}"
