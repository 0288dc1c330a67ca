"""`sightline run`: land, build, publish, under one lock; then what is new, in a few lines.

Whatever ends it half-way, readers keep the last version, and the next run goes on from what is
there: loading and each model are transactions, and a version is swapped in as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb

from loaders import publishing
from loaders.building import Dbt, Progress, project_folder
from loaders.landing import LoadFailed, land
from loaders.landing import Progress as LandingProgress
from loaders.locking import only_writer
from loaders.outcomes import Report
from loaders.progress import count
from loaders.publishing import Publication
from loaders.registry import check_registry
from loaders.settings import published_file
from loaders.sources import SOURCES_FOLDER
from loaders.status import open_to_read, told_without_models, without_models

# As many restated numbers are shown; the table has them all.
_SHOWN = 8


@dataclass
class Outcome:
    landed: Report
    before: Publication | None
    after: Publication | None
    is_new: bool
    is_withdrawn: bool = False
    restated: list[tuple] = field(default_factory=list)
    without_models: list[str] = field(default_factory=list)

    @property
    def is_news(self) -> bool:
        totals = self.landed.totals()
        return self.is_new or bool(totals["loaded"] or totals["rejected"])

    @property
    def needs_attention(self) -> bool:
        return self.landed.needs_attention or bool(self.without_models)

    def as_dict(self) -> dict:
        return {
            "landed": self.landed.totals(),
            "version": self.after.version if self.after else None,
            "is_new": self.is_new,
            "rows": self.after.row_counts if self.after else {},
            "rows_before": self.before.row_counts if self.before else {},
            "restated": self.after.restatement_count if self.is_new and self.after else 0,
            "without_models": self.without_models,
        }

    def as_text(self) -> str:
        totals = self.landed.totals()
        lines = [
            f"Landed      {count(totals['landed'])} rows of {count(totals['loaded'])} new files"
            + _put_aside(totals)
        ]
        if self.is_withdrawn:
            lines.append(
                "Published   nothing: what is built was rolled back, and readers have version "
                f"{self.after.version}. To publish it all the same: sightline publish"
            )
        elif not self.is_new:
            lines.append(f"Published   nothing new: version {self.after.version} has it all")
        else:
            lines.append(
                f"Published   version {self.after.version}, complete through "
                f"{self.after.as_of_date or 'no day yet'}: {published_file()}"
            )
            lines += self._changes()
        lines += [f"Missing     {told_without_models(name)}" for name in self.without_models]
        return "\n".join(lines)

    def _changes(self) -> list[str]:
        if self.before is None:
            return [
                f"Tables      {len(self.after.row_counts)}, the first that are published",
                f"Quality     {_quality(self.after)}",
            ]
        before = self.before.row_counts
        grown = [
            (rows - before.get(name, 0), name, rows)
            for name, rows in self.after.row_counts.items()
            if rows != before.get(name, 0)
        ]
        grown.sort(key=lambda change: (-abs(change[0]), change[1]))
        shown = ", ".join(f"{name} {change:+,}" for change, name, _ in grown[:5])
        rest = f", and {len(grown) - 5} others" if len(grown) > 5 else ""
        lines = [
            f"Rows        {shown or 'as many as before'}{rest}",
            f"Quality     {_quality(self.after)}; before: {_quality(self.before)}",
        ]
        restated = self.after.restatement_count
        if not restated:
            return [*lines, "Restated    no number that was published before"]
        lines.append(f"Restated    {count(restated)} numbers of complete days, among them")
        for table, name, day, of, was, is_now, reason in self.restated:
            lines.append(
                f"              {table}.{name} {day} ({of}): {_number(was)} -> {_number(is_now)}, "
                f"{reason.replace('_', ' ')}"
            )
        return lines


class Runner:
    """Runs once, or again and again: then dbt reads the project only where it has changed."""

    def __init__(
        self,
        on_step: Callable[[str], None] = lambda step: None,
        on_landing: Callable[[LandingProgress], None] = lambda progress: None,
        on_building: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self.dbt = Dbt()
        self.on_step, self.on_landing, self.on_building = on_step, on_landing, on_building
        self._failed_with: str | None = None  # the project's fingerprint

    def run(self) -> Outcome | None:
        """None: the last run failed, and what made it fail is still all there is."""
        with only_writer():
            check_registry(project_folder() / "seeds" / "event_registry.csv", SOURCES_FOLDER)
            report = land(on_progress=self.on_landing)
            if report.failure:
                raise LoadFailed(report.failure)
            fingerprint = self.dbt.fingerprint()
            totals = report.totals()
            if fingerprint == self._failed_with and not (totals["loaded"] or totals["rejected"]):
                return None
            self._failed_with = fingerprint
            outcome = self._build_and_publish(report, fingerprint)
            with open_to_read() as con:
                outcome.without_models = without_models(con)
            self._failed_with = None
            return outcome

    def _build_and_publish(self, report: Report, fingerprint: str) -> Outcome:
        before = publishing.current()
        known = publishing.version_of_last_build()
        if known is not None and known.project_fingerprint == fingerprint:
            is_withdrawn = before is None or known.version != before.version
            return Outcome(report, before, before, False, is_withdrawn)
        project = self.dbt.project()
        # Each model notices when it is another; that a macro is, dbt does not tell it.
        is_anew = before is not None and before.macros_fingerprint != project.macros_fingerprint
        self.on_step(
            "a macro has changed: building all tables anew, and testing them"
            if is_anew
            else "building the tables, and testing them"
        )
        self.dbt.build(self.on_building, full_refresh=is_anew)
        after, is_new = publishing.publish(project, self.on_step)
        return Outcome(report, before, after, is_new, restated=_restated(after) if is_new else [])


def _restated(publication: Publication) -> list[tuple]:
    """The newest numbers first, one of each name before a second of any."""
    with duckdb.connect(str(published_file()), read_only=True) as con:
        return con.execute(
            "select table_name, number_name, number_date, number_of, value_before, value_after, "
            "reason from restatements where version = $version order by row_number() over ("
            "partition by table_name, number_name order by number_date desc, number_of), "
            "table_name, number_name limit $shown",
            {"version": publication.version, "shown": _SHOWN},
        ).fetchall()


def _quality(publication: Publication) -> str:
    rows = publication.row_counts
    accepted, rejected = rows.get("events", 0), rows.get("rejected_events", 0)
    share = f"{accepted / (accepted + rejected):.2%} accepted" if accepted else "no events"
    return f"{share}, {count(rejected)} rejected, {count(rows.get('quarantine', 0))} in quarantine"


def _put_aside(totals: dict[str, int]) -> str:
    parts = [
        f"{count(totals[name])} {what}"
        for name, what in (
            ("duplicates", "duplicates"),
            ("quarantined", "lines in quarantine"),
            ("rejected", "files rejected"),
            ("deferred", "files left for the next run"),
        )
        if totals[name]
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:,.4g}" if value % 1 else f"{value:,.0f}"
