"""Files to land. All contestants read the same ones.

as sent    a simulated world's event files as its apps leave them: lines, batches and arrays,
           plain, gzip and zstd, Parquet; a file a day and stream
plain      the same records as plain lines, so that what is compared is reading JSON
large      one file of gigabytes, in several formats
small      thousands of files of a hundred lines
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from simulator import expected_events, simulate

STREAMS = (
    "academy/tracking_events",
    "studyin/study_events",
    "sketchychain/events",
    "interaction_log/interactions",
)
DAYS = 30
_SEED = 7
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Workload:
    """A landing folder: `<source>/<stream>/<day>/…`."""

    folder: Path
    records: int  # well-formed records, repeats and unknown types counted
    bytes: int

    @classmethod
    def of(cls, folder: Path, records: int) -> Workload:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return cls(folder, records, sum(path.stat().st_size for path in files))


@dataclass(frozen=True)
class World:
    """A simulated world in both shapes."""

    as_sent: Workload
    plain: Workload
    plain_streams: dict[str, Workload]


def build_world(folder: Path, rows: int, clean: bool) -> World:
    """About so many events of thirty days, with the planted faults or without."""
    per_user = expected_events(10_000, DAYS) / 10_000
    sent, plain = folder / "sent" / "landing", folder / "plain" / "landing"
    simulate(sent, users=max(1, round(rows / per_user)), days=DAYS, seed=_SEED, clean=clean)
    # Extracts are a hundredth of the rows; a peer would need as many more definitions.
    for stream in sorted(path for path in sent.glob("*/*")):
        if f"{stream.parent.name}/{stream.name}" not in STREAMS:
            shutil.rmtree(stream)
    streams = {}
    for stream in STREAMS:
        records = sum(
            _write_plain(path, plain / path.relative_to(sent).parent / f"{path.name[:9]}.ndjson")
            for path in sorted((sent / stream).rglob("*"))
            if path.is_file()
        )
        streams[stream] = Workload.of(plain / stream, records)
    total = sum(workload.records for workload in streams.values())
    return World(Workload.of(sent, total), Workload.of(plain, total), streams)


def one_stream(world: World, stream: str, folder: Path) -> Workload:
    """A landing folder that holds the plain files of one stream alone."""
    shutil.copytree(world.plain_streams[stream].folder, folder / stream)
    return Workload.of(folder, world.plain_streams[stream].records)


# ── as sent → plain ───────────────────────────────────────────────────────────────────────────


def _write_plain(path: Path, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    records = 0
    with open(target, "wb") as file:
        for line, is_record in _lines_of(path):
            file.write(line + b"\n")
            records += is_record
    return records


def records_of(path: Path) -> Iterator[dict]:
    return (orjson.loads(line) for line, is_record in _lines_of(path) if is_record)


def _lines_of(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Each line as it would stand in a plain file, and whether it is a record."""
    if path.suffix == ".parquet":
        for row in pq.read_table(path).to_pylist():
            row = _without_nulls(row)
            if isinstance(row.get("properties"), str):
                row["properties"] = orjson.loads(row["properties"])
            yield orjson.dumps(row, default=str, option=orjson.OPT_UTC_Z), True
        return
    text = unpack(path)
    if text.startswith(b"["):
        for record in orjson.loads(text):
            yield orjson.dumps(record), True
        return
    for line in text.splitlines():
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield line, False
            continue
        if isinstance(record, dict) and isinstance(record.get("events"), list):
            for entry in record["events"]:
                yield orjson.dumps(entry), True
        else:
            yield line, isinstance(record, dict)


def _without_nulls(row: dict) -> dict:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in row.items()
        if value is not None
    }


def unpack(path: Path) -> bytes:
    if path.suffix == ".gz":
        return zlib.decompress(path.read_bytes(), wbits=31)
    if path.suffix == ".zst":
        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
            return stream.read()
    return path.read_bytes()


# ── days that come next ───────────────────────────────────────────────────────────────────────


def split_by_day(world: World, rows: int, folder: Path) -> tuple[Workload, Workload]:
    """The plain files before and on the world's last days; these hold about so many rows."""
    files: dict[str, list[Path]] = {}
    for path in world.plain.folder.glob("*/*/*/*"):
        files.setdefault(path.parent.name, []).append(path)
    taken, parts = 0, {"earlier": 0, "last": 0}
    for day in sorted(files, reverse=True):
        records = sum(map(_count_records, files[day]))
        part = "last" if taken < rows else "earlier"
        taken += records
        parts[part] += records
        for path in files[day]:
            target = folder / part / path.relative_to(world.plain.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    earlier, last = (Workload.of(folder / part, records) for part, records in parts.items())
    return earlier, last


def _count_records(path: Path) -> int:
    return path.read_bytes().count(b"}\n")


def sample(world: World, records: int, folder: Path) -> Workload:
    """The first lines of each stream: so many records altogether, a file a stream."""
    for stream, workload in world.plain_streams.items():
        target = folder / stream / "sample.ndjson"
        target.parent.mkdir(parents=True)
        texts = (path.read_bytes() for path in sorted(workload.folder.rglob("*.ndjson")))
        lines = (line for text in texts for line in text.splitlines(keepends=True))
        target.write_bytes(b"".join(islice(lines, records // len(STREAMS))))
    return Workload.of(folder, sum(map(_count_records, folder.rglob("*.ndjson"))))


def with_first_day(batch: Workload, first_day: date, folder: Path) -> Workload:
    """The same files, but each ends with an event of the history's first day."""
    shutil.copytree(batch.folder, folder)
    for path in sorted(folder.glob("*/*/*/*")):
        lines = path.read_bytes().splitlines()
        record = next(orjson.loads(line) for line in lines if line.endswith(b"}"))
        record["timestamp"] = f"{first_day.isoformat()}T12:00:00.000Z"
        for key in ("id", "event_id"):
            if key in record:
                record[key] = f"{path.parent.name}-{path.stem}-first"
        path.write_bytes(b"\n".join([*lines, orjson.dumps(record)]) + b"\n")
    return Workload.of(folder, batch.records + len(list(folder.glob("*/*/*/*"))))


# ── large and small ───────────────────────────────────────────────────────────────────────────

# Sketchychain: compact lines of an ordinary size, and a shape that Parquet can hold.
LARGE_STREAM = "sketchychain/events"
_EVENT_ID = re.compile(rb'("event_id":")[0-9a-f]{8}')


def write_large(world: World, target: Path, size: int) -> int:
    """One plain file of about that size: the stream over and over, under new ids. Its records."""
    target.parent.mkdir(parents=True, exist_ok=True)
    paths = sorted(world.plain_streams[LARGE_STREAM].folder.rglob("*.ndjson"))
    records = written = copy = 0
    with open(target, "wb") as file:
        while written < size:
            for path in paths:
                text = path.read_bytes()
                if copy:
                    text = _EVENT_ID.sub(rb"\g<1>%08x" % copy, text)
                if written + len(text) > size:
                    text = text[: text.rfind(b"\n", 0, size - written) + 1]
                file.write(text)
                written += len(text)
                records += text.count(b"\n")
                if written >= size - 4096:
                    return records
            copy += 1
    return records


def write_gzip(plain: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    packer = zlib.compressobj(1, wbits=31)
    with open(plain, "rb") as source, open(target, "wb") as file:
        while block := source.read(4 * _MIB):
            file.write(packer.compress(block))
        file.write(packer.flush())


def write_array(plain: Path, target: Path) -> int:
    """The plain file's lines as one JSON array; its records."""
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = plain.read_bytes().splitlines()
    target.write_bytes(b"[" + b",\n".join(lines) + b"]\n")
    return len(lines)


def write_parquet(plain: Path, target: Path) -> None:
    """As an app would that keeps its bags as JSON text."""
    target.parent.mkdir(parents=True, exist_ok=True)
    names = ("event_id", "event_type", "timestamp", "session_id", "user_id", "sketch_id")
    columns = dict.fromkeys(names, "VARCHAR") | {"properties": "JSON", "metadata": "JSON"}
    with duckdb.connect() as con:
        con.execute(
            f"copy (select * replace (timestamp::timestamptz as timestamp, "
            f"properties::varchar as properties, metadata::varchar as metadata) "
            f"from read_json($source, format = 'newline_delimited', columns = {columns!r})) "
            f"to '{target}' (format parquet, compression zstd)",
            {"source": str(plain)},
        )


def write_small(world: World, folder: Path, files: int, lines_each: int) -> Workload:
    """A folder of many files of few lines each."""
    target = folder / LARGE_STREAM
    target.mkdir(parents=True)
    lines = _all_lines(world)
    for number in range(files):
        text = b"\n".join(next(lines) for _ in range(lines_each)) + b"\n"
        (target / f"part-{number:05d}.ndjson").write_bytes(text)
    return Workload.of(folder, files * lines_each)


def _all_lines(world: World) -> Iterator[bytes]:
    copy = 0
    while True:
        for path in sorted(world.plain_streams[LARGE_STREAM].folder.rglob("*.ndjson")):
            text = path.read_bytes()
            if copy:
                text = _EVENT_ID.sub(rb"\g<1>%08x" % copy, text)
            yield from text.splitlines()
        copy += 1
