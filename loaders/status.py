"""`sightline status`: what readers have, what came through the door, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from loaders.building import project_folder
from loaders.ledger import WarehouseBusy, has_ledger, key_ids, value_of
from loaders.outcomes import together
from loaders.privacy import KeyProblem
from loaders.progress import count
from loaders.published import Published, read_published
from loaders.settings import landing_folder, memory_limit, work_file

# What a user can do about each reason; a reason without an entry speaks for itself.
_ADVICE = {
    "bad_json": "cut, garbled, or records of several lines each: write one a line, or one array",
    "duplicate_key": "one key stood twice in a record, and nobody can say which value was meant",
    "missing_id": "without its id a record cannot be told from its copies; mend the app",
    "missing_time": "a record without a time cannot be placed; mend the app",
    "missing_type": "a record without a type cannot be understood; mend the app",
    "bad_time": "the time is none of the forms that docs and sources name; mend the app",
    "time_out_of_range": "the device's clock was off by decades",
    "too_long": "a line over the limit (SIGHTLINE_MAX_LINE_BYTES) is a broken writer or an attack",
    "not_an_object": "a record is a JSON object; this was something else",
}


class NothingLanded(Exception):
    """There is no warehouse yet."""


@dataclass
class Status:
    streams: list[dict]
    reasons: list[dict]
    rejected: list[dict]
    files: list[dict]
    last_load: object
    published: Published | None
    unpublished: int  # loads
    without_models: list[str]  # sources whose events are in no table

    @property
    def needs_attention(self) -> bool:
        return bool(self.reasons or self.rejected or self.without_models)

    def totals(self) -> dict[str, int]:
        names = ("files", "lines", "landed", "duplicates", "quarantined", "blank")
        return {name: sum(entry[name] for entry in self.streams) for name in names}

    def as_dict(self) -> dict:
        statuses = [entry["status"] for entry in self.files]
        totals = self.totals()
        del totals["files"]
        return {
            "files": self.files,
            "totals": totals | {name: statuses.count(name) for name in ("loaded", "rejected")},
            "streams": self.streams,
            "quarantine": self.reasons,
            "last_load": self.last_load,
            "published": self.published.as_dict() if self.published else None,
            "unpublished_loads": self.unpublished,
            "without_models": self.without_models,
        }

    def as_text(self) -> str:
        if not self.files:
            return (
                "Nothing has been landed yet. Put files into "
                f"{landing_folder()}/<source>/<stream>/ and run: sightline land"
            )
        text = [self._publication()]
        names = [f"{entry['source']}/{entry['stream']}" for entry in self.streams]
        width = max(map(len, ["all", *names]))
        heads = ("files", "lines", "landed", "duplicates", "quarantined", "blank")
        text.append("\n" + " " * width + "".join(f"{head:>13}" for head in heads))
        for entry in [*self.streams, {"source": "all", "stream": "", **self.totals()}]:
            name = f"{entry['source']}/{entry['stream']}".rstrip("/")
            text.append(f"{name:<{width}}" + "".join(f"{count(entry[head]):>13}" for head in heads))
        text.append(f"\nLast load: {self.last_load:%Y-%m-%d %H:%M} UTC")
        text += [f"\n{told_without_models(name)}" for name in self.without_models]
        if self.reasons:
            text.append("\nQuarantined lines (raw.quarantine has file, line and shape of each):")
            for entry in self.reasons:
                advice = _ADVICE.get(entry["reason"], "")
                text.append(
                    f"  {count(entry['lines']):>8}  {entry['reason']:<20} "
                    f"first in {entry['file']}, line {entry['line']}"
                    + (f"\n{'':32}{advice}" if advice else "")
                )
        if self.rejected:
            text.append("\nRejected files (nothing of them was loaded; mend or remove them):")
            text += [
                f"  {line}"
                for line in together((entry["path"], entry["reason"]) for entry in self.rejected)
            ]
        if not self.needs_attention:
            text.append("\nNothing needs attention.")
        return "\n".join(text)

    def _publication(self) -> str:
        if self.published is None:
            return "Nothing is published yet. To build, test and publish: sightline run"
        if not self.unpublished:
            return self.published.as_text()
        return (
            f"{self.published.as_text()}\n\n{count(self.unpublished)} files landed since then, and "
            "readers do not have them yet. To build and publish: sightline run"
        )


def check_key(key_id: str) -> None:
    """Another key than the warehouse's would answer for nobody, and look like an answer."""
    with open_to_read() as con:
        used = key_ids(con)
    if used and key_id not in used:
        raise KeyProblem(
            f"this warehouse was loaded with key {', '.join(sorted(used))}, and the key at hand is "
            f"{key_id}. Put the old key back (keys/identity.key or SIGHTLINE_KEY)"
        )


@contextmanager
def open_to_read() -> Iterator[duckdb.DuckDBPyConnection]:
    """The work file, opened read-only for as short as it takes."""
    if not work_file().exists():
        raise NothingLanded(
            f"{work_file()}: there is no warehouse yet. Put files into "
            f"{landing_folder()}/<source>/<stream>/ and run: sightline land"
        )
    settings = {
        "memory_limit": memory_limit(),
        # Beyond it DuckDB spills in plain text, so inside the data folder.
        "temp_directory": str(work_file().parent / "tmp"),
        "autoinstall_known_extensions": False,
    }
    try:
        con = duckdb.connect(str(work_file()), read_only=True, config=settings)
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise
        raise WarehouseBusy(
            f"{work_file()} is being written to by another program (a load, dbt?). Try again soon"
        ) from None
    with con:
        if not has_ledger(con):
            raise NothingLanded(f"{work_file()}: nothing has been landed yet. Run: sightline land")
        yield con


def read_status() -> Status:
    published = read_published()
    through = published.publication.through_load_id if published else 0
    with open_to_read() as con:
        return Status(
            streams=_rows(con, _STREAMS),
            reasons=_rows(con, _REASONS),
            # One that was taken away needs nobody's attention any more.
            rejected=[
                entry
                for entry in _rows(con, _REJECTED)
                if (landing_folder() / entry["path"]).exists()
            ],
            files=_rows(con, _FILES),
            without_models=without_models(con),
            last_load=value_of(con, "select max(finished_at) from raw.load_ledger"),
            published=published,
            unpublished=value_of(
                con, f"select count(*) from raw.load_ledger where load_id > {through}"
            ),
        )


def without_models(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Sources of which events have landed, and that no model reads."""
    staging = project_folder() / "models" / "staging"
    return [
        entry["source"]
        for entry in _rows(con, _SOURCES)
        if not (staging / entry["source"]).exists()
    ]


def told_without_models(source: str) -> str:
    return (
        f"The events of {source} have landed, and no table has them, for it has no models yet. "
        f"To write them: sightline add-app {source}"
    )


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict]:
    found = con.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


_SOURCES = """
select distinct source
from raw.load_ledger
inner join duckdb_columns() as columns
    on columns.schema_name = 'raw' and columns.table_name = concat(source, '__', stream)
where status = 'loaded' and landed_count > 0 and column_name = 'event_key'
order by source
"""

_STREAMS = """
select
    source,
    stream,
    count(*)::bigint as files,
    sum(line_count)::bigint as lines,
    sum(landed_count)::bigint as landed,
    sum(duplicate_count)::bigint as duplicates,
    sum(quarantined_count)::bigint as quarantined,
    sum(blank_count)::bigint as blank
from raw.load_ledger
where status = 'loaded'
group by source, stream
order by source, stream
"""

_REASONS = """
select
    reason,
    count(*)::bigint as lines,
    arg_min(file, (load_id, line, item)) as file,
    arg_min(line, (load_id, line, item)) as line
from raw.quarantine
group by reason
order by lines desc, reason
"""

# A file that was rejected and then loaded, mended under the same name or read with other limits,
# needs nobody's attention any more.
_REJECTED = """
select file as path, arg_max(reason, load_id) as reason
from raw.load_ledger
group by file
having arg_max(status, load_id) = 'rejected'
order by path
"""

_FILES = """
select
    file as path,
    status,
    line_count as lines,
    landed_count as landed,
    duplicate_count as duplicates,
    quarantined_count as quarantined,
    blank_count as blank,
    reason,
    load_id,
    sha256,
    finished_at
from raw.load_ledger
order by load_id
"""
