"""Parsed chunks → the raw tables, a file's rows and its ledger row always in one transaction.

Small files are gathered, fully parsed, and written many to a transaction: a commit costs as much
as a thousand rows. A file that is larger than a batch has a transaction of its own, batch by batch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from loaders import ledger
from loaders.files import FileRejected, LandingFile
from loaders.outcomes import Outcome, Report
from loaders.parsing import Parsed
from loaders.settings import MIB, Limits
from loaders.sources import Stream

# A transaction of more files saves nothing more, and would put their numbers off for longer.
_GATHERED_FILES = 200


class Unaccounted(Exception):
    """Lines went missing on the way: a fault of Sightline's, and nothing of the file is kept."""


@dataclass(slots=True)
class Arrival:
    """A file on its way into the warehouse."""

    file: LandingFile
    stream: Stream | None
    read_with: str
    sha256: str = ""
    packing: str = "unknown"
    outcome: Outcome = None
    load_id: int = 0
    started_at: datetime | None = None
    received_at: datetime | None = None
    batches: list[pa.RecordBatch] = field(default_factory=list)
    quarantined: list[tuple] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    is_refused: bool = False
    physical_lines: int = 0
    waste_bytes: int = 0
    rows: int = 0  # in memory, not yet written
    bytes: int = 0

    @property
    def content(self) -> tuple:
        file = self.file
        return ledger.content_of(self.stream, file.source, file.stream, file.name, self.sha256)

    def take(self, parsed: Parsed) -> None:
        with pa.ipc.open_stream(parsed.rows) as reader:
            batch = reader.read_next_batch()
        if batch.num_rows:
            place = batch.schema.get_field_index("line")
            lines = pc.add(batch.column(place), self.physical_lines)
            self.batches.append(batch.set_column(place, "line", lines))
        for line, item, reason, *rest in parsed.quarantined:
            self.quarantined.append((line + self.physical_lines, item, reason, *rest))
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        self.outcome.lines += parsed.line_count
        self.outcome.blank += parsed.blank_count
        self.outcome.quarantined += len(parsed.quarantined)
        self.physical_lines += parsed.physical_lines
        self.waste_bytes += parsed.waste_bytes
        self.rows += batch.num_rows + len(parsed.quarantined)
        self.bytes += len(parsed.rows)

    def hand_over(self) -> tuple[pa.Table | None, list[tuple]]:
        """What is to be written, with the file's own columns; and forget it."""
        rows = None
        if self.batches:
            rows = pa.Table.from_batches(self.batches)
            place = rows.schema.get_field_index("received_at")
            received = pc.fill_null(
                rows.column(place), pa.scalar(self.received_at, "timestamp[us]")
            )
            rows = rows.set_column(place, "received_at", received)
            rows = rows.append_column("load_id", pa.repeat(self.load_id, rows.num_rows))
            # A dictionary of one: the name itself would be as much to move about as the rows.
            codes = pa.repeat(pa.scalar(0, pa.int8()), rows.num_rows)
            names = pa.DictionaryArray.from_arrays(codes, [self.file.name])
            rows = rows.append_column("file", names)
        lines = [(self.load_id, self.file.name, *line) for line in self.quarantined]
        self.batches, self.quarantined, self.rows, self.bytes = [], [], 0, 0
        return rows, lines


class Writer:
    """Takes files in order. Whoever uses it ends with `flush`, or with `undo` when all is lost."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        limits: Limits,
        key_id: str,
        report: Report,
        on_committed: Callable[[Arrival], None],
    ):
        self.con, self.limits, self.key_id, self.report = con, limits, key_id, report
        self.on_committed = on_committed
        self.next_load_id = ledger.next_load_id(con)
        self.arrival: Arrival | None = None
        self.gathered: list[Arrival] = []
        self.is_open = False
        self.rows_taken = 0

    def begin(self, arrival: Arrival) -> None:
        self.arrival = arrival
        arrival.outcome = Outcome(arrival.file.name, "loaded")
        arrival.load_id = self.next_load_id
        self.next_load_id += 1
        arrival.started_at = now()
        arrival.received_at = arrival.file.received_at(arrival.started_at)

    def take(self, parsed: Parsed) -> None:
        arrival, limits = self.arrival, self.limits
        arrival.take(parsed)
        self.rows_taken += parsed.row_count
        if arrival.waste_bytes > limits.max_waste_bytes:
            packed = arrival.file.size
            if arrival.waste_bytes > 100 * packed:
                raise FileRejected(
                    "expands_to_nothing",
                    f"{packed} bytes unpack to more than {limits.max_waste_bytes // MIB} MiB "
                    "without a record in them: a decompression bomb, or not a file of events",
                )
        if self._is_full(arrival):
            self.flush()
        if self._is_full(arrival):
            self._open()
            self._write([arrival])

    def _is_full(self, arrival: Arrival) -> bool:
        waiting = [*self.gathered, arrival]
        return (
            sum(entry.rows for entry in waiting) >= self.limits.batch_rows
            or sum(entry.bytes for entry in waiting) >= self.limits.batch_bytes
        )

    def end(self) -> None:
        """The file was read to its end, and is whole."""
        arrival = self.arrival
        if self.is_open:
            self._write([arrival])
            self._close([arrival])
        else:
            if self.gathered and self.gathered[0].stream != arrival.stream:
                self.flush()
            self.gathered.append(arrival)
            if len(self.gathered) >= _GATHERED_FILES:
                self.flush()
        self.arrival = None

    def reject(self, error: FileRejected) -> None:
        """Nothing of the file stays but the reason, in the ledger."""
        arrival = self.arrival
        self._roll_back()
        self.flush()
        arrival.outcome = Outcome(arrival.file.name, "rejected", reason=str(error))
        arrival.batches, arrival.quarantined, arrival.reasons = [], [], {}
        self._open()
        self._close([arrival])
        self.arrival = None

    def defer(self, reason: str) -> None:
        """The file is for the next run."""
        self._roll_back()
        self.report.outcomes.append(Outcome(self.arrival.file.name, "deferred", reason=reason))
        self.arrival = None

    def flush(self) -> None:
        """Write what was gathered."""
        if self.gathered:
            self._open()
            self._write(self.gathered)
            self._close(self.gathered)
            self.gathered = []

    def undo(self, reason: str) -> None:
        """The machine failed: whatever is not committed is as if it had never been begun."""
        self._roll_back()
        for arrival in [*self.gathered, *([self.arrival] if self.arrival else [])]:
            self.report.outcomes.append(
                Outcome(arrival.file.name, "deferred", reason=f"not loaded: {reason}")
            )
        self.gathered, self.arrival = [], None

    def _open(self) -> None:
        if not self.is_open:
            self.con.execute("begin transaction")
            self.is_open = True

    def _roll_back(self) -> None:
        if self.is_open:
            with suppress(duckdb.Error):  # the engine may have done so itself
                self.con.execute("rollback")
            self.is_open = False

    def _write(self, arrivals: list[Arrival]) -> None:
        stream = arrivals[0].stream
        tables, put_aside = [], []
        counts = {}
        for arrival in arrivals:
            rows, lines = arrival.hand_over()
            put_aside += lines
            if rows is not None:
                tables.append(rows)
                counts[arrival.load_id] = rows.num_rows
        if tables:
            rows = pa.concat_tables(tables)
            repeats = ledger.insert_rows(self.con, stream, rows)
            for arrival in arrivals:
                duplicates = repeats.get(arrival.load_id, 0)
                arrival.outcome.duplicates += duplicates
                arrival.outcome.landed += counts.get(arrival.load_id, 0) - duplicates
        ledger.insert_quarantine(self.con, stream, put_aside)

    def _close(self, arrivals: list[Arrival]) -> None:
        for arrival in arrivals:
            outcome = arrival.outcome
            if not outcome.is_accounted_for:
                raise Unaccounted(
                    f"{outcome.path}: of {outcome.lines} lines, {outcome.landed} landed, "
                    f"{outcome.duplicates} duplicates, {outcome.quarantined} quarantined and "
                    f"{outcome.blank} blank. This is a fault in Sightline; please report it"
                )
        ledger.insert_ledger(self.con, [self._entry(arrival) for arrival in arrivals])
        self.con.execute("commit")
        self.is_open = False
        for arrival in arrivals:
            self.report.outcomes.append(arrival.outcome)
            for reason, count in arrival.reasons.items():
                self.report.reasons[reason] = self.report.reasons.get(reason, 0) + count
            self.on_committed(arrival)

    def _entry(self, arrival: Arrival) -> dict:
        outcome = arrival.outcome
        return {
            "load_id": arrival.load_id,
            "source": arrival.file.source,
            "stream": arrival.file.stream,
            "file": arrival.file.name,
            "sha256": arrival.sha256,
            "status": outcome.status,
            "reason": outcome.reason,
            "format": arrival.packing,
            "size_bytes": arrival.file.size,
            "line_count": outcome.lines,
            "landed_count": outcome.landed,
            "duplicate_count": outcome.duplicates,
            "quarantined_count": outcome.quarantined,
            "blank_count": outcome.blank,
            "received_at": arrival.received_at,
            "started_at": arrival.started_at,
            "finished_at": now(),
            "key_id": self.key_id,
            "read_with": arrival.read_with,
        }


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
