"""Where things lie and how much is too much. Each limit can be set in the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024


class SettingsError(Exception):
    """A setting that cannot be used; the message says which and why."""


def data_folder() -> Path:
    """The project's that one stands in, else of the one that this command belongs to: a schedule
    that begins elsewhere must not make an empty world there, with a key of its own."""
    named = os.environ.get("SIGHTLINE_DATA")
    if named:
        return Path(named)
    return Path("data") if Path("dbt_project.yml").exists() else PROJECT / "data"


def landing_folder() -> Path:
    return data_folder() / "landing"


def work_file() -> Path:
    return data_folder() / "work.duckdb"


def published_file() -> Path:
    """What readers open: a link to the version that is published."""
    return data_folder() / "warehouse.duckdb"


def published_folder() -> Path:
    return data_folder() / "published"


def _number(name: str, default: int, least: int = 1) -> int:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        raise SettingsError(f"{name} must be a whole number, not {text!r}") from None
    if number < least:
        raise SettingsError(f"{name} must be at least {least}, not {number}")
    return number


@dataclass(frozen=True)
class Limits:
    """What the loader takes on. Beyond a limit a line is quarantined or a file rejected."""

    # No app sends an event of a megabyte; a line this long is a broken writer or an attack.
    max_line_bytes: int = MIB
    # Only an array or a single body is held in memory as a whole: lines and Parquet stream.
    max_document_bytes: int = 256 * MIB
    # A file may unpack to a lot of records, but not to a lot of nothing: more than this much
    # without a record, at more than a hundred times the packed size, is a decompression bomb.
    max_waste_bytes: int = 64 * MIB
    # The end of the world for one file, packed or not: beyond it a writer should split.
    max_unpacked_bytes: int = 64 * 1024 * MIB
    # Rows kept in memory before they are written: about 200 MB of Arrow at 600 bytes a row.
    batch_rows: int = 250_000
    batch_bytes: int = 192 * MIB
    # What a worker is handed at once. Python objects take ten times the text that they come from.
    chunk_bytes: int = MIB

    @classmethod
    def from_environment(cls) -> Limits:
        return cls(
            max_line_bytes=_number("SIGHTLINE_MAX_LINE_BYTES", cls.max_line_bytes, 1024),
            max_document_bytes=_number("SIGHTLINE_MAX_DOCUMENT_BYTES", cls.max_document_bytes),
            max_waste_bytes=_number("SIGHTLINE_MAX_WASTE_BYTES", cls.max_waste_bytes),
            max_unpacked_bytes=_number("SIGHTLINE_MAX_UNPACKED_BYTES", cls.max_unpacked_bytes),
            batch_rows=_number("SIGHTLINE_BATCH_ROWS", cls.batch_rows),
            batch_bytes=_number("SIGHTLINE_BATCH_BYTES", cls.batch_bytes),
            chunk_bytes=_number("SIGHTLINE_CHUNK_BYTES", cls.chunk_bytes, 1024),
        )


def worker_count() -> int:
    """Processes that parse. A laptop's cores are better spent on them than on anything else."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        cores = os.cpu_count() or 1
    return _number("SIGHTLINE_WORKERS", min(cores, 8))


def memory_limit(default: str = "512MB") -> str:
    """What DuckDB may use; the workers' memory comes on top and is bounded by chunk_bytes."""
    text = os.environ.get("SIGHTLINE_MEMORY_LIMIT") or default
    if not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", text.strip(), re.IGNORECASE):
        raise SettingsError(f"SIGHTLINE_MEMORY_LIMIT must be a size such as 512MB, not {text!r}")
    return text.strip()


def patience_seconds() -> float:
    """How long to wait for another writer or reader before giving up."""
    return float(_number("SIGHTLINE_WAIT_SECONDS", 30, least=0))
