"""The second pass: one file of one feed, gathered from the spool, written and accounted for."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from simulator.dirt import Dirt
from simulator.feeds import FEEDS
from simulator.formats import format_of
from simulator.parameters import Plan
from simulator.spool import Piece, read_piece, write_truth_piece
from simulator.writing import write_file

_KIND_NAMES = {kind: kind.name.lower() for kind in Dirt if kind}


@dataclass(frozen=True)
class FileCounts:
    """What a file holds, as the loader should find it. Batch bodies count event by event."""

    path: str
    source: str
    stream: str
    vocabulary: str
    arrival_date: str
    records_as: str
    compression: str
    bytes: int
    physical_lines: int
    lines: int
    records: int
    duplicate_records: int
    malformed_lines: int
    blank_lines: int
    unknown_type_records: int
    missing_field_records: int
    missing_id_records: int
    late_records: int
    skewed_records: int
    out_of_order_records: int


@dataclass(frozen=True)
class EventFile:
    """One file to be written: feed, arrival day, part of that day, and its pieces."""

    number: int
    feed: int
    day: int
    part: int
    pieces: tuple[Piece, ...]


def file_path(plan: Plan, source: str, stream: str, day: int, part: int, extension: str) -> Path:
    date = plan.start + timedelta(days=day)
    return Path(source, stream, date.isoformat(), f"part-{part:04d}.{extension}")


def write_event_file(plan: Plan, out: Path, file: EventFile) -> FileCounts:
    feed = FEEDS[file.feed]
    form = format_of(feed, file.day)
    table = pa.concat_tables(
        [read_piece(plan.spool, piece) for piece in file.pieces]
    ).combine_chunks()
    order = np.argsort(table["arrival"].to_numpy(), kind="stable")
    lines = table["line"].chunk(0).take(pa.array(order))
    detail = table["detail"].chunk(0).take(pa.array(order))
    dirt = table["dirt"].to_numpy()[order]
    is_record = (dirt & (Dirt.MALFORMED | Dirt.BLANK)) == 0
    relative = file_path(
        plan, feed.source, feed.stream, file.day, feed.first_part + file.part, form.extension
    )
    written = write_file(out / relative, feed.stream, form, lines, is_record)

    def having(kind: Dirt) -> int:
        return int(np.count_nonzero(dirt & kind))

    write_truth_piece(
        plan.spool,
        "dirt",
        file.number,
        _dirt_rows(str(relative), lines, dirt, detail, written.line_of),
    )
    return FileCounts(
        path=relative.as_posix(),
        source=feed.source,
        stream=feed.stream,
        vocabulary=feed.vocabulary,
        arrival_date=relative.parts[2],
        records_as=form.records,
        compression=form.compression,
        bytes=written.bytes,
        physical_lines=written.physical_lines,
        lines=len(lines),
        records=int(np.count_nonzero(is_record)),
        duplicate_records=having(Dirt.DUPLICATE),
        malformed_lines=having(Dirt.MALFORMED),
        blank_lines=having(Dirt.BLANK),
        unknown_type_records=having(Dirt.UNKNOWN_TYPE),
        missing_field_records=having(Dirt.MISSING_FIELD),
        missing_id_records=having(Dirt.MISSING_ID),
        late_records=having(Dirt.LATE),
        skewed_records=having(Dirt.SKEWED),
        out_of_order_records=having(Dirt.OUT_OF_ORDER),
    )


def _dirt_rows(
    path: str, lines: pa.StringArray, dirt: np.ndarray, detail: pa.StringArray, line_of: np.ndarray
) -> pa.Table:
    """One row per dirty line and kind of dirt."""
    at = np.flatnonzero(dirt)
    ids = []
    for text, kinds in zip(lines.take(pa.array(at)).to_pylist(), dirt[at].tolist(), strict=True):
        event_id = None
        if not kinds & (Dirt.MALFORMED | Dirt.BLANK):
            record = orjson.loads(text)
            event_id = record.get("event_id", record.get("id"))
        ids.append(event_id)
    ids = pa.array(ids, pa.string())
    tables = []
    for kind, name in _KIND_NAMES.items():
        mine = np.flatnonzero(dirt[at] & kind)
        if len(mine) == 0:
            continue
        rows = pa.array(at[mine])
        same = np.zeros(len(mine), dtype=np.int8)
        tables.append(
            pa.table(
                {
                    "path": pa.array([path]).take(pa.array(same)),
                    "line": line_of[at[mine]],
                    "record": at[mine] + 1,
                    "kind": pa.array([name]).take(pa.array(same)),
                    "event_id": ids.take(pa.array(mine)),
                    "detail": detail.take(rows),
                }
            )
        )
    return pa.concat_tables(tables) if tables else pa.table({})
