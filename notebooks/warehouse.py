"""The published file, as the notebooks read it: one version of it, read-only, bounded answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from loaders.settings import published_file

NOTHING_PUBLISHED = (
    "Nothing is published yet: `sightline publish` puts what `dbt build` made where notebooks look."
)
# What marimo draws at most; a year of days of a few dozen streams is half of it.
MOST_ROWS = 20_000


class VersionGone(Exception):
    """Only a few versions are kept, and a notebook may stay open for longer."""


class TooManyRows(Exception):
    """A query that leaves to the browser what DuckDB should have summed up."""


@dataclass(frozen=True)
class Published:
    # Not the link to it: what is published while a notebook runs must not mix with what it read.
    file: Path
    version: int
    published_at: datetime
    last_landed_at: datetime | None
    as_of: date | None

    def ask(self, question: str, **parameters: object) -> pd.DataFrame:
        """The answer to one query. The file is let go of at once."""
        if not self.file.exists():
            raise VersionGone(f"version {self.version} is gone: run the notebook from its top")
        return _answer(self.file, question, parameters)

    def freshness(self) -> str:
        said = f"**Version {self.version}**, published {_told(self.published_at)}"
        if self.last_landed_at is not None:
            said += f"; the last file landed {_told(self.last_landed_at)}"
        if self.as_of is None:
            return f"{said}. **No day is complete yet**: every number can still grow."
        return (
            f"{said}. **The last complete day is {self.as_of:%A}, {self.as_of.day} "
            f"{self.as_of:%B %Y}**: of later days not all has come in, so their numbers can still "
            "grow. They are drawn hollow, or not at all."
        )


def latest() -> Published | None:
    """What is published now; None if nothing is."""
    file = published_file()
    if not file.exists():
        return None
    file = file.resolve()
    columns = "version, published_at, last_landed_at, as_of_date"
    [row] = _answer(file, f"select {columns} from publication", {}).itertuples(index=False)
    version, published_at, last_landed_at, as_of = (None if pd.isna(v) else v for v in row)
    return Published(file, int(version), published_at, last_landed_at, as_of and as_of.date())


def _answer(file: Path, question: str, parameters: dict[str, object]) -> pd.DataFrame:
    with duckdb.connect(str(file), read_only=True) as con:
        result = con.execute(question, parameters or None)
        rows = result.fetch_df_chunk()
        while not (more := result.fetch_df_chunk()).empty:
            rows = pd.concat([rows, more], ignore_index=True)
            if len(rows) > MOST_ROWS:
                raise TooManyRows(f"more than {MOST_ROWS:,} rows: {question}")
    return rows


def _told(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
