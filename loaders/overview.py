"""`sightline overview`: the published numbers on one screen. It shows what marts say, and computes
nothing of its own but sums over days."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from loaders.progress import count
from loaders.publishing import NothingPublished, current
from loaders.settings import published_file

_BARS = " ▁▂▃▄▅▆▇█"
_LABEL = 12
_LEAST_ANSWERS = 100  # of a topic, before anything is said of it


def overview() -> str:
    publication = current()
    if publication is None:
        raise NothingPublished("nothing is published yet. Run: sightline run")
    with duckdb.connect(str(published_file()), read_only=True) as con:
        parts = [
            _line(
                "Sightline",
                f"version {publication.version}, {count(_value(con, _EVENTS))} events, days "
                f"complete through {publication.as_of_date or 'none yet'}",
            ),
            "",
            *_apps(con),
            *_weeks(con),
            *_funnel(con),
            *_learning(con),
            *_quality(con),
        ]
    return "\n".join(parts)


def _apps(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(_APPS).fetchall()
    if not rows:
        return [_line("People", "no day is complete yet")]
    width = max(_LABEL, *(len(row[0]) + 2 for row in rows))
    heads = (
        "people a day",
        "7 days",
        "28 days",
        "signed in",
        "visits",
        "minutes each",
        "back next day",
        "after a week",
    )
    widths = [max(len(head) + 2, 9) for head in heads]
    text = [" " * width + _cells(heads, widths)]
    for app, dau, wau, mau, signed_in, visits, minutes, day_1, day_7 in rows:
        cells = (count(dau), count(wau), count(mau), count(signed_in), count(visits or 0))
        cells += (_decimal(minutes), _percent(day_1), _percent(day_7))
        text.append(f"{app:<{width}}" + _cells(cells, widths))
    if any(row[4] < row[3] for row in rows):
        text.append(
            f"{'':<{width}}  Of the people of 28 days so many had signed in. Of the others each "
            f"device is one,\n{'':<{width}}  and without consent each visit: fewer people came."
        )
    return [*text, ""]


def _cells(texts: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{text:>{width}}" for text, width in zip(texts, widths, strict=True))


def _weeks(con: duckdb.DuckDBPyConnection) -> list[str]:
    weeks = [people for (people,) in con.execute(_WEEKS).fetchall()]
    if len(weeks) < 2:
        return []
    most = max(weeks)
    bars = "".join(_BARS[-(-people * (len(_BARS) - 1) // most)] for people in weeks)
    return [
        _line("Weeks", f"{bars}  people active in each, {count(weeks[0])} to {count(weeks[-1])}")
    ]


def _funnel(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(_FUNNEL).fetchall()
    if not rows:
        return []
    [(name, *_)] = rows[:1]
    text = [_line("Funnel", f"{name}, {count(rows[0][3])} that entered and are decided")]
    for _, number, step, entered, reached in rows:
        share = reached / entered
        text.append(
            f"{'':<{_LABEL}}{number} {step:<28} {'█' * round(share * 30):<30} {share:>6.1%}"
        )
    return text


def _learning(con: duckdb.DuckDBPyConnection) -> list[str]:
    [(answers, right)] = con.execute(_ANSWERS).fetchall()
    if not answers:
        return []
    [(judged, proficient)] = con.execute(_PROFICIENT).fetchall()
    text = f"{_percent(right / answers)} of {count(answers)} first answers right"
    if judged:
        text += f"; {count(proficient)} of {count(judged)} pairs of learner and topic proficient"
    lines = [_line("Learning", text)]
    hardest = con.execute(_HARDEST, {"least": _LEAST_ANSWERS}).fetchall()
    if hardest:
        named = ", ".join(f"{name} ({_percent(accuracy)})" for name, accuracy in hardest)
        lines.append(_line("", f"hardest: {named}"))
    return lines


def _quality(con: duckdb.DuckDBPyConnection) -> list[str]:
    [(lines, landed, quarantined, accepted)] = con.execute(_QUALITY).fetchall()
    if not landed:
        return []
    return [
        _line(
            "Quality",
            f"{count(lines)} lines of events: {_percent(accepted / landed)} of the records "
            f"accepted, {count(quarantined)} lines in quarantine",
        )
    ]


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _value(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return con.execute(query).fetchall()[0][0]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _decimal(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f}"


_EVENTS = "select count(*) from events"

_APPS = """
with
today as (
    select as_of_date from publication
),
visits as (
    select
        source_app,
        sum(session_count) as session_count,
        sum(active_seconds) as active_seconds
    from daily_user_stats
    cross join today
    where stat_date between as_of_date - 27 and as_of_date
    group by rollup (source_app)
),
back as (
    select
        source_app,
        sum(retained_count) filter (where period_number = 1)
        / nullif(sum(eligible_count) filter (where period_number = 1), 0) as day_1,
        sum(retained_count) filter (where period_number = 7)
        / nullif(sum(eligible_count) filter (where period_number = 7), 0) as day_7
    from retention
    where
        breakdown_name = 'all' and cohort_grain = 'day' and kind = 'on' and is_complete
    group by source_app
),
signed_in as (
    select source_app, mau as people
    from active_users
    inner join today on activity_date = as_of_date
    where breakdown_name = 'user_kind' and breakdown_value = 'signed_in'
)
select
    active_users.source_app,
    dau,
    wau,
    mau,
    coalesce(signed_in.people, 0) as signed_in,
    visits.session_count,
    visits.active_seconds / 60 / nullif(visits.session_count, 0) as minutes,
    day_1,
    day_7
from active_users
inner join today on activity_date = as_of_date
left join visits on active_users.source_app = coalesce(visits.source_app, 'all')
left join back on active_users.source_app = back.source_app
left join signed_in on active_users.source_app = signed_in.source_app
where breakdown_name = 'all'
order by active_users.source_app = 'all', active_users.source_app
"""

_WEEKS = """
select wau
from active_users
cross join publication
where
    source_app = 'all' and breakdown_name = 'all'
    and activity_date <= as_of_date and (as_of_date - activity_date) % 7 = 0
order by activity_date
"""

# The one that most people entered.
_FUNNEL = """
with
summed as (
    select
        funnel_name,
        step_number,
        max(step_name) as step_name,
        sum(entered_count) as entered_count,
        sum(reached_count) as reached_count
    from funnels
    where breakdown_name = 'all' and is_complete
    group by funnel_name, step_number
)
select *
from summed
where funnel_name = (
    select funnel_name from summed where entered_count > 0
    order by entered_count desc, funnel_name limit 1
)
order by step_number
"""

_ANSWERS = """
select count(*), sum(is_correct::integer)
from question_attempts
where is_first_attempt
"""

_PROFICIENT = """
select count(*), count(*) filter (where mastery_level in ('proficient', 'mastered'))
from topic_mastery
where mastery_score is not null
"""

_HARDEST = """
select topic_name, sum(questions_correct) / sum(questions_attempted) as accuracy
from topic_daily_stats
where is_complete and topic_name is not null
group by topic_name
having sum(questions_attempted) >= $least
order by accuracy, topic_name
limit 3
"""

_QUALITY = """
select
    sum(line_count), sum(landed_count), sum(quarantined_count), sum(accepted_count)
from event_quality
"""
