"""Which format a file has: a matter of the feed and of the day on which it arrives.

A record that is sent twice must be the same record in both files. Its text is, for all but
Parquet, which has types of its own; so there `same_text` says which days may share a record.
"""

from dataclasses import dataclass

import numpy as np

from simulator.feeds import (
    ACADEMY_EVENTS,
    INTERACTIONS,
    SKETCH_EVENTS,
    STUDY_EVENTS,
    STUDY_EVENTS_SECOND,
    Feed,
)

LINES, BATCHES, ARRAY, PARQUET, PARQUET_TEXT = (
    "ndjson", "batches", "array", "parquet", "parquet_text_properties",
)  # fmt: skip


@dataclass(frozen=True)
class FileFormat:
    """How a file's records are put, and how the file is compressed."""

    records: str
    compression: str = "none"

    @property
    def extension(self) -> str:
        if self.records.startswith("parquet"):
            return "parquet"
        base = "json" if self.records == ARRAY else "ndjson"
        return base + {"none": "", "gzip": ".gz", "zstd": ".zst"}[self.compression]

    @property
    def has_lines(self) -> bool:
        """Whether a broken or blank line leaves the rest of the file readable."""
        return self.records in (LINES, BATCHES)


_PLAIN, _GZIP, _ZSTD = FileFormat(LINES), FileFormat(LINES, "gzip"), FileFormat(LINES, "zstd")
_BATCHES = FileFormat(BATCHES, "gzip")

# Each feed's formats in turn, day by day.
_TURNS: dict[Feed, tuple[FileFormat, ...]] = {
    ACADEMY_EVENTS: (_GZIP, _GZIP, _BATCHES, _GZIP, _GZIP),
    STUDY_EVENTS: (_ZSTD, _ZSTD, _ZSTD, _PLAIN),
    STUDY_EVENTS_SECOND: (_GZIP, _BATCHES, _PLAIN),
    SKETCH_EVENTS: (FileFormat(PARQUET), _GZIP, FileFormat(PARQUET_TEXT), _ZSTD),
    INTERACTIONS: (_PLAIN, FileFormat(ARRAY)),
}
EXTRACT_FORMATS = {
    "users": _GZIP,
    "anonymous_tracking_profiles": _PLAIN,
    "prompts": FileFormat(PARQUET),
    "prompt_evaluations": _GZIP,
    "prompt_results": _ZSTD,
    "example_prompts": FileFormat(ARRAY),
    "user_identity_mappings": _PLAIN,
    "sketches": FileFormat(PARQUET),
    "topics": _PLAIN,
    "materials": FileFormat(PARQUET),
    "chunks": FileFormat(PARQUET),
    "questions": _GZIP,
}


def format_of(feed: Feed, day: int) -> FileFormat:
    """The format of the feed's files that arrive on a day (from 0)."""
    return _TURNS[feed][day % len(_TURNS[feed])]


def same_text(feed: Feed, days: np.ndarray) -> np.ndarray:
    """Days with the same number hold a given record in the same form."""
    forms = [LINES if f.has_lines or f.records == ARRAY else f.records for f in _TURNS[feed]]
    numbers = np.array([forms.index(form) for form in forms])
    return numbers[days % len(forms)]


def has_lines(feed: Feed, days: np.ndarray) -> np.ndarray:
    """Days on which the feed's files are made of lines."""
    turns = np.array([f.has_lines for f in _TURNS[feed]])
    return turns[days % len(turns)]
