"""What readers have: which version, how fresh, how complete. Part of `sightline status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from loaders.progress import count
from loaders.publishing import Publication, current
from loaders.settings import published_file

# What to do about events that landed and were not accepted.
_ADVICE = {
    "unknown_event_type": "add it to seeds/event_registry.csv, or stop sending it",
    "missing_field": "the app no longer sends it; mend the app, or the registry's required fields",
    "bad_value": "not of the registry's type or range; mend the app, or the registry",
    "conflicting_duplicate": "one id stood for two events; the first counts; mend the app",
}


@dataclass
class Published:
    publication: Publication
    apps: list[dict]
    rejected: list[dict]

    def as_dict(self) -> dict:
        return {
            "version": self.publication.version,
            "published_at": self.publication.published_at,
            "as_of_date": self.publication.as_of_date,
            "through_load_id": self.publication.through_load_id,
            "restatement_count": self.publication.restatement_count,
            "apps": self.apps,
            "rejected": self.rejected,
        }

    def as_text(self) -> str:
        publication = self.publication
        text = [
            f"Published: version {publication.version}, {_ago(publication.published_at)}, "
            f"{len(publication.row_counts)} tables in {published_file()}",
            f"Days are complete through {publication.as_of_date or 'none yet'}; "
            f"{count(publication.restatement_count)} numbers were restated by this version.",
        ]
        if self.apps:
            width = max(len(app["source_app"]) for app in self.apps)
            text.append(
                f"\n{'':<{width}}{'events':>13}{'accepted':>10}{'last event, UTC':>18}"
                f"{'last file':>18}"
            )
            for app in self.apps:
                last = app["last_event_at"]
                last_event = f"{last:%Y-%m-%d %H:%M}" if last else "none"
                text.append(
                    f"{app['source_app']:<{width}}{count(app['events']):>13}"
                    f"{_share(app['accepted_share']):>10}{last_event:>18}"
                    f"{_ago(app['last_landed_at']):>18}"
                )
        if self.rejected:
            text.append("\nEvents that were not accepted (rejected_events has each):")
            for entry in self.rejected[:5]:
                advice = _ADVICE.get(entry["reason"].partition(":")[0])
                text.append(
                    f"  {count(entry['events']):>8}  {entry['reason']} "
                    f"({entry['source_app']}, {entry['event_type']})"
                    + (f"\n{'':12}{advice}" if advice else "")
                )
            if len(self.rejected) > 5:
                text.append(f"  {'':>8}  … and {len(self.rejected) - 5} more kinds")
        return "\n".join(text)


def read_published() -> Published | None:
    publication = current()
    if publication is None:
        return None
    with duckdb.connect(str(published_file()), read_only=True) as con:
        return Published(publication, _rows(con, _APPS), _rows(con, _REJECTED))


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict]:
    found = con.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _share(share: float | None) -> str:
    # 99.96 % must not look like all of them.
    return "-" if share is None else f"{int(share * 1000) / 10:.1f} %"


def _ago(then: datetime | None) -> str:
    if then is None:
        return "never"
    seconds = (datetime.now(UTC).replace(tzinfo=None) - then).total_seconds()
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}{'s' if number > 1 else ''} ago"
    return "just now"


_APPS = """
with
accepted as (
    select
        source_app,
        count(*) as events,
        max(occurred_at) filter (where not is_clock_skewed) as last_event_at
    from events
    group by source_app
),
judged as (
    select
        source_app,
        sum(accepted_count) / nullif(sum(landed_count), 0) as accepted_share
    from event_quality
    group by source_app
),
landed as (
    select source_app, max(finished_at) as last_landed_at
    from load_ledger
    where status = 'loaded'
    group by source_app
)
select *
from accepted
left join judged using (source_app)
left join landed using (source_app)
order by source_app
"""

_REJECTED = """
select
    source_app,
    event_type,
    reason,
    count(*)::bigint as events
from rejected_events
group by source_app, event_type, reason
order by events desc, reason, event_type, source_app
"""
