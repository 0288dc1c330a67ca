"""Reading landing files back, without any of the simulator's own code."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Line:
    """One thing in a file: a record, a blank line, or a line that is no record (`record` None)."""

    record: dict | None
    is_blank: bool = False


def text_of(path: Path) -> str:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    elif path.suffix == ".zst":
        with pa.CompressedInputStream(pa.BufferReader(raw), "zstd") as stream:
            raw = stream.read()
    return raw.decode("utf-8")


def lines_of(path: Path) -> Iterator[Line]:
    """All that lies in a file; the events of a batch one by one."""
    if path.suffix == ".parquet":
        for record in pq.read_table(path, page_checksum_verification=True).to_pylist():
            if isinstance(record.get("properties"), str):
                record["properties"] = json.loads(record["properties"])
            yield Line(record)
        return
    text = text_of(path)
    if path.suffix == ".json":
        yield from (Line(record) for record in json.loads(text))
        return
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if not line.strip():
            yield Line(None, is_blank=True)
            continue
        record = record_in(line)
        if record is not None and set(record) == {"events"}:
            yield from (Line(event) for event in record["events"])
        else:
            yield Line(record)


def record_in(line: str) -> dict | None:
    """The record that a line holds; None if it is no JSON object."""
    try:
        value = json.loads(line, parse_constant=_refuse)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def records_of(path: Path) -> Iterator[dict]:
    return (line.record for line in lines_of(path) if line.record is not None)


def event_files(landing: Path, source: str = "*") -> list[Path]:
    """Event files in order of arrival."""
    streams = ("tracking_events", "study_events", "events", "interactions")
    return sorted(
        path for stream in streams for path in landing.glob(f"{source}/{stream}/*/part-*")
    )


def events_of(landing: Path, source: str) -> Iterator[dict]:
    for path in event_files(landing, source):
        yield from records_of(path)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
