"""What MetricFlow answers is what the marts say, on a simulated world whose days are cut in a zone
far from UTC: a metric that goes by UTC would have other days."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest
from click.testing import CliRunner

from loaders.cli import main
from loaders.landing import land
from loaders.metrics import configuration
from simulator import simulate
from tests.warehouse.conftest import PROJECT, Warehouse

ZONE = "Pacific/Auckland"
WHAT_IS_ASKED = ("+semantic_model:*", "+calendar_days", "+weekly_user_stats", "+topic_daily_stats")
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
# What nobody does in a world as small and as short; a metric that is always 0 shows nothing.
UNHEARD_OF = (
    "topic_mastery set mastery_level = 'mastered' where mastery_level = 'competent'",
    "course_progress set is_completed = true where is_started and lessons_started > 3",
    "active_users set resurrected_users = returning_users where isodow(activity_date) = 3",
)
DAY, WEEK, MONTH = (f"metric_time__{grain}" for grain in ("day", "week", "month"))


@dataclass(frozen=True)
class Marts:
    """The warehouse, and MetricFlow over it."""

    warehouse: Warehouse
    configured: object

    def says(self, query: str) -> list[tuple]:
        return _rows(self.warehouse.query(query))

    def asked(self, **query):
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        return self.configured.mf.query(MetricFlowQueryRequest.create(**query)).result_df

    def metrics(self, names: str, by: str = "", where: str = "") -> list[tuple]:
        """A row a group: what it is grouped by, then the metrics, in the order asked for."""
        answer = self.asked(
            metric_names=names.split(),
            group_by_names=by.split() or None,
            where_constraints=[where] if where else None,
        )
        # Metrics that are made of others come last.
        order = [answer.column_names.index(name) for name in (by + " " + names).split()]
        return _rows([row[place] for place in order] for row in answer.rows)

    def saved(self, name: str) -> list[dict]:
        answer = self.asked(saved_query_name=name)
        return [
            {column: _plain(value) for column, value in zip(answer.column_names, row, strict=True)}
            for row in answer.rows
        ]

    def manifest(self) -> dict:
        return json.loads((self.warehouse.target / "semantic_manifest.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder / "data", monkeypatch, folder / "target")
        warehouse.enter()
        landing = folder / "data" / "landing"
        simulate(landing, users=60, days=32, seed=5, start=date(2026, 3, 2), workers=1)
        assert land().failure is None
        zone = json.dumps({"reporting_timezone": ZONE})
        warehouse.dbt("build", "-s", *WHAT_IS_ASKED, *NO_TESTS, "--vars", zone)
        with duckdb.connect(str(folder / "data" / "work.duckdb")) as con:
            for update in UNHEARD_OF:
                con.execute(f"update {update}")
        # As a published file is: beside the work file, which stays free for whoever builds.
        shutil.copy(folder / "data" / "work.duckdb", folder / "data" / "warehouse.duckdb")
        monkeypatch.setenv("DBT_TARGET", "ro")
        yield Marts(warehouse, configuration())


def _rows(rows) -> list[tuple]:
    """In an order of their own, and of few types: MetricFlow gives decimals, and days as times."""
    return sorted((tuple(_plain(value) for value in row) for row in rows), key=repr)


def _plain(value):
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, Decimal)):
        return float(f"{float(value):.12g}")
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date()
    return value if isinstance(value, date) else str(value)


# --- every metric, over its own mart -------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Source:
    """A mart as an analyst would ask it: its day, and what else rows can be divided by."""

    mart: str
    day: str | None
    by: dict[str, str] = field(default_factory=dict)
    where: str = "true"

    def query(self, measures: list[str], by: list[str]) -> str:
        keys = [self.column(name) for name in by]
        listed = ", ".join([*keys, *measures])
        grouped = f" group by {', '.join(keys)}" if keys else ""
        return f"select {listed} from {self.mart} where {self.where}{grouped}"

    def column(self, name: str) -> str:
        if name.startswith("metric_time__"):
            return f"cast(date_trunc('{name.removeprefix('metric_time__')}', {self.day}) as date)"
        return self.by[name]

    def groupings(self) -> list[list[str]]:
        alone = [[name] for name in self.by]
        if self.day is None:
            return [[], *alone]
        return [[], [DAY], [WEEK], [MONTH], *alone, *([WEEK, *each] for each in alone[:1])]


_DEVICES = {
    "app": "source_app",
    "device": "coalesce(device_type, 'unknown')",
    "country": "coalesce(country, 'unknown')",
}
PEOPLE_BY_DAY = Source(
    "daily_user_stats left join users using (person_key)",
    "stat_date",
    _DEVICES
    | {
        "person_day__browser": "coalesce(browser, 'unknown')",
        "person_day__user_kind": "user_kind",
        "person__is_anonymous": "is_anonymous",
    },
)
PEOPLE = Source(
    "users",
    "cast(first_seen as date)",
    {"person__lifecycle_state": "coalesce(lifecycle_state, 'unknown')"},
)
SESSIONS = Source(
    "sessions left join users using (person_key)",
    "session_date",
    _DEVICES
    | {
        "session__entry_point": "entry_point",
        "person__lifecycle_state": "coalesce(lifecycle_state, 'unknown')",
    },
)
EVENTS = Source(
    "events",
    "event_date",
    _DEVICES | {"course": "course_id", "event__event_name": "event_name"},
    "not is_clock_skewed",
)
NEW = Source("active_users", "activity_date", {}, "breakdown_name = 'all' and source_app = 'all'")
NEW_IN_APP = Source(
    "active_users", "activity_date", {"app": "source_app"},
    "breakdown_name = 'all' and source_app <> 'all'",
)  # fmt: skip
ATTEMPTS = Source(
    "question_attempts left join topics using (topic_id)",
    "attempt_date",
    {
        "app": "source_app",
        "topic": "topic_id",
        "topic__topic_name": "topic_name",
        "question": "question_id",
    },
)
MASTERY = Source(
    "topic_mastery left join topics using (topic_id)",
    None,
    {"topic": "topic_id", "topic__topic_name": "topic_name", "mastery__trend": "trend"},
)
GAPS = Source(
    "knowledge_gaps left join topics using (topic_id)",
    None,
    {"topic": "topic_id", "topic__topic_name": "topic_name", "gap__gap_type": "gap_type"},
)
COURSES = Source("course_progress", None, {"course": "course_id"}, "content_level = 'course'")
QUALITY = Source("event_quality", "received_date", {"app": "source_app"})
FUNNELS = Source(
    "funnel_people", "entry_date",
    {
        "funnel": "funnel_name",
        "attempt_at_funnel__breakdown_value": "coalesce(breakdown_value, 'unknown')",
    },
)  # fmt: skip
STEPS = Source(
    "funnels", "entry_date",
    {"funnel": "funnel_name", "funnel_step__step_number": "step_number"},
    "breakdown_name = 'all'",
)  # fmt: skip


def cohorts(scope: str, grain: str, period: str, by: dict[str, str]) -> Source:
    return Source(
        "retention", "cohort_start", by,
        f"breakdown_name = 'all' and source_app {scope} 'all' and kind = 'on'"
        f" and cohort_grain = '{grain}' and {period}",
    )  # fmt: skip


def share(part: str, whole: str) -> str:
    return f"cast({part} as double) / nullif({whole}, 0)"


POOLED = share("sum(retained_count)", "sum(eligible_count)")
ACTIVE = "count(distinct case when deed_count > 0 then person_key end)"
ERRORS = "count(case when event_name in ('API_ERROR', 'CLIENT_ERROR', 'ERROR_OCCUR') then 1 end)"
PROMPTS = "count(case when event_name in ('LLM_PROMPT', 'PROMPT_SUBMIT') then 1 end)"
ANSWERED = (
    "count(case when event_name = 'PROMPT_SUCCEED' then 1"
    " when event_name = 'LLM_RESPONSE' and is_success then 1 end)"
)
DECIDED = "count(case when not is_open then 1 end)"
CONVERTED = "count(case when not is_open and is_converted then 1 end)"
FIRST = "count(case when attempt_number = 1 then 1 end)"
FIRST_RIGHT = "count(case when attempt_number = 1 and is_correct then 1 end)"
RIGHT = "count(case when is_correct then 1 end)"
HINTED = "count(case when hint_used then 1 end)"
MASTERED = "mastery_level = 'mastered'"
FINISHED = "count(case when is_started and is_completed then 1 end)"
STARTED = "count(case when is_started then 1 end)"

METRICS: dict[str, tuple[Source, str]] = {
    "active_users": (PEOPLE_BY_DAY, ACTIVE),
    "session_starts": (PEOPLE_BY_DAY, "sum(daily_user_stats.session_count)"),
    "sessions_per_user": (PEOPLE_BY_DAY, share("sum(daily_user_stats.session_count)", ACTIVE)),
    "xp": (PEOPLE_BY_DAY, "sum(daily_user_stats.xp_earned)"),
    "materials_viewed": (PEOPLE_BY_DAY, "sum(materials_viewed)"),
    "materials_completed": (PEOPLE_BY_DAY, "sum(materials_completed)"),
    "lessons_completed": (PEOPLE_BY_DAY, "sum(lessons_completed)"),
    "ai_interactions": (PEOPLE_BY_DAY, "sum(ai_interactions)"),
    "hints_requested": (PEOPLE_BY_DAY, "sum(hints_requested)"),
    "sketches_created": (PEOPLE_BY_DAY, "sum(sketches_created)"),
    "reading_seconds": (PEOPLE_BY_DAY, "sum(reading_seconds)"),
    "reading_minutes": (PEOPLE_BY_DAY, "sum(reading_seconds) / 60.0"),
    "people": (PEOPLE, "count(*)"),
    "signed_in_people": (PEOPLE, "count(case when not is_anonymous then 1 end)"),
    "new_users": (NEW, "sum(new_users)"),
    "resurrected_users": (NEW, "sum(resurrected_users)"),
    "new_users_in_app": (NEW_IN_APP, "sum(new_users)"),
    "sessions": (SESSIONS, "count(*)"),
    "bounces": (SESSIONS, "count(case when is_bounce then 1 end)"),
    "bounce_rate": (SESSIONS, "avg(case when is_bounce then 1 else 0 end)"),
    "session_seconds": (SESSIONS, "sum(duration_seconds)"),
    "average_session_seconds": (SESSIONS, "avg(duration_seconds)"),
    "active_seconds": (SESSIONS, "sum(active_seconds)"),
    "active_minutes": (SESSIONS, "sum(active_seconds) / 60.0"),
    "events": (EVENTS, "count(*)"),
    "errors": (EVENTS, ERRORS),
    "error_rate": (EVENTS, share(ERRORS, "count(*)")),
    "judged_actions": (EVENTS, "count(is_success)"),
    "failed_actions": (EVENTS, "count(case when not is_success then 1 end)"),
    "failure_rate": (EVENTS, "avg(case when is_success then 0 when not is_success then 1 end)"),
    "prompts": (EVENTS, PROMPTS),
    "successful_prompts": (EVENTS, ANSWERED),
    "prompt_success_rate": (EVENTS, share(ANSWERED, PROMPTS)),
    "funnel_entries": (FUNNELS, DECIDED),
    "funnel_conversions": (FUNNELS, CONVERTED),
    "open_funnel_entries": (FUNNELS, "count(case when is_open then 1 end)"),
    "funnel_conversion": (FUNNELS, share(CONVERTED, DECIDED)),
    "funnel_step_people": (STEPS, "sum(reached_count)"),
    "funnel_step_entries": (STEPS, "sum(entered_count)"),
    "funnel_step_conversion": (STEPS, share("sum(reached_count)", "sum(entered_count)")),
    "questions_attempted": (ATTEMPTS, "count(*)"),
    "questions_correct": (ATTEMPTS, RIGHT),
    "accuracy": (ATTEMPTS, share(RIGHT, "count(*)")),
    "first_attempts": (ATTEMPTS, FIRST),
    "first_attempts_correct": (ATTEMPTS, FIRST_RIGHT),
    "first_attempt_accuracy": (ATTEMPTS, share(FIRST_RIGHT, FIRST)),
    "hinted_attempts": (ATTEMPTS, HINTED),
    "hint_rate": (ATTEMPTS, share(HINTED, "count(*)")),
    "learners": (ATTEMPTS, "count(distinct person_key)"),
    "mean_mastery": (MASTERY, "avg(mastery_score)"),
    "topics_mastered": (MASTERY, f"count(case when {MASTERED} then 1 end)"),
    "learners_who_mastered": (MASTERY, f"count(distinct case when {MASTERED} then person_key end)"),
    "knowledge_gaps": (GAPS, "count(*)"),
    "learners_with_gaps": (GAPS, "count(distinct person_key)"),
    "course_starts": (COURSES, STARTED),
    "course_completions": (COURSES, FINISHED),
    "course_completion_rate": (COURSES, share(FINISHED, STARTED)),
    "lines_received": (QUALITY, "sum(line_count)"),
    "records_landed": (QUALITY, "sum(landed_count)"),
    "records_accepted": (QUALITY, "sum(accepted_count)"),
    "records_rejected": (QUALITY, "sum(rejected_count)"),
    "records_late": (QUALITY, "sum(late_count)"),
    "lines_quarantined": (QUALITY, "sum(quarantined_count)"),
    "collection_reliability": (QUALITY, share("sum(accepted_count)", "sum(landed_count)")),
    "rejected_share": (QUALITY, share("sum(rejected_count)", "sum(landed_count)")),
    "late_share": (QUALITY, share("sum(late_count)", "sum(landed_count)")),
    "daily_retention": (
        cohorts("=", "day", "true", {"cohort__period_number": "period_number"}), POOLED,
    ),
    "weekly_retention": (
        cohorts("=", "week", "true", {"cohort__period_number": "period_number"}), POOLED,
    ),
    **{
        f"day_{n}_retention": (cohorts("=", "day", f"period_number = {n}", {}), POOLED)
        for n in (1, 7, 28)
    },
    **{
        f"day_{n}_retention_in_app":
            (cohorts("<>", "day", f"period_number = {n}", {"app": "source_app"}), POOLED)
        for n in (1, 7, 28)
    },
}  # fmt: skip
# Of a window that ends with the day; they have a test of their own.
TRAILING = {"daily_active_users", "weekly_active_users", "monthly_active_users", "stickiness"}
# Only a part of rates that say what they pool.
PARTS = {"retained_people", "eligible_people"}


def test_every_metric_is_held_against_a_mart(marts):
    defined = {metric["name"] for metric in marts.manifest()["metrics"]}
    assert defined - TRAILING - PARTS == set(METRICS)


def test_every_metric_says_its_rule(marts):
    offenders = [
        metric["name"]
        for metric in marts.manifest()["metrics"]
        if not metric["label"] or len(metric["description"] or "") < 15
    ]
    assert offenders == []


SOURCES = list(dict.fromkeys(source for source, _ in METRICS.values()))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.mart.partition(" ")[0])
def test_metrics_are_what_the_mart_says(marts, source):
    """All metrics of a mart at once, at every grain and by all that it can be divided by."""
    names = [name for name, (of, _) in METRICS.items() if of is source]
    for by in source.groupings():
        found = marts.metrics(" ".join(names), " ".join(by))
        expected = marts.says(source.query([METRICS[name][1] for name in names], by))
        assert found == expected, f"{names} by {by}"
        if not by:
            assert [name for name, total in zip(names, expected[0], strict=True) if not total] == []


# --- the same number in another mart -------------------------------------------------------------

# metric, by, and the numbers that some other mart publishes.
ELSEWHERE = {
    "active_users of a day": (
        "active_users", DAY,
        "select activity_date, dau from active_users where source_app = 'all'"
        " and breakdown_name = 'all' and dau > 0",
    ),
    "active_users of a day, by app": (
        "active_users", f"{DAY} app",
        "select activity_date, source_app, dau from active_users where source_app <> 'all'"
        " and breakdown_name = 'all' and dau > 0",
    ),
    "active_users of a week": (
        "active_users", WEEK,
        "select activity_date - interval 6 day, wau from active_users where source_app = 'all'"
        " and breakdown_name = 'all' and isodow(activity_date) = 7",
    ),
    "sessions and their length": (
        "sessions average_session_seconds", f"{DAY} app",
        "select activity_date, source_app, session_count, avg_session_seconds from active_users"
        " where source_app <> 'all' and breakdown_name = 'all' and session_count > 0",
    ),
    "sessions of people": (
        "sessions", "person",
        "select person_key, session_count from users where session_count > 0",
    ),
    "sessions per user": (
        "sessions_per_user", DAY,
        "select activity_date, sessions_per_user from active_users where source_app = 'all'"
        " and breakdown_name = 'all' and dau > 0",
    ),
    "active time": (
        "active_seconds", f"{WEEK} app",
        "select week_start, source_app, sum(active_seconds) from weekly_user_stats"
        " group by week_start, source_app having sum(session_count) > 0",
    ),
    "events and errors": (
        "events errors", f"{DAY} app",
        "select stat_date, source_app, sum(event_count), sum(error_count) from daily_user_stats"
        " group by stat_date, source_app",
    ),
    "prompts of people": (
        "prompts successful_prompts", "",
        "select sum(total_prompts), sum(successful_prompts) from users",
    ),
    "new users are the cohorts": (
        "new_users", DAY,
        "select cohort_start, cohort_size from retention where source_app = 'all' and"
        " breakdown_name = 'all' and cohort_grain = 'day' and kind = 'on' and period_number = 0",
    ),
    "funnels of days": (
        "funnel_conversion funnel_entries open_funnel_entries", f"{DAY} funnel",
        "select entry_date, funnel_name, conversion_rate, entered_count, open_count from funnels"
        " where breakdown_name = 'all' and step_number = (select max(steps.step_number)"
        " from funnels as steps where steps.funnel_name = funnels.funnel_name)",
    ),
    "day 7 of a cohort": (
        "day_7_retention", DAY,
        "select cohort_start, retention_rate from retention where source_app = 'all' and"
        " breakdown_name = 'all' and cohort_grain = 'day' and kind = 'on' and period_name = 'D7'",
    ),
    "accuracy of topics": (
        "accuracy", f"{DAY} topic",
        "select stat_date, topic_id, accuracy from topic_daily_stats where questions_attempted > 0",
    ),
    "answers of people": (
        "questions_attempted questions_correct", "person",
        "select person_key, questions_attempted, questions_correct from users"
        " where questions_attempted > 0",
    ),
    "reliability": (
        "collection_reliability", f"{DAY} app",
        "select received_date, source_app, collection_reliability from event_quality",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_metrics_agree_with_what_other_marts_publish(marts, name):
    metrics, by, query = ELSEWHERE[name]
    expected, found = marts.says(query), marts.metrics(metrics, by)
    if name in ("active_users of a week", "new users are the cohorts"):
        # A cohort, and a week that ends on a Sunday of the data, is there once it is over; a metric
        # is there from its first day on, also of days on which it is 0.
        periods = {row[0] for row in expected}
        found = [row for row in found if row[0] in periods]
    if name == "active time":
        found, expected = (
            [row for row in rows if row[-1] is not None] for rows in (found, expected)
        )
    found = [row for row in found if any(row[len(by.split()) :])]
    expected = [row for row in expected if any(row[len(by.split()) :])]
    assert expected
    assert found == expected


@pytest.mark.parametrize(
    ("by", "scope"),
    [
        ("", "source_app = 'all' and breakdown_name = 'all'"),
        ("app", "source_app <> 'all' and breakdown_name = 'all'"),
        ("app device", "source_app <> 'all' and breakdown_name = 'device_type'"),
        ("app country", "source_app <> 'all' and breakdown_name = 'country'"),
    ],
)
def test_trailing_counts_are_those_of_active_users(marts, by, scope):
    """In whatever a person can be active under: a day, the 7 and the 28 that end with it."""
    keys = {"": [], "app": ["source_app"]}.get(by, ["source_app", "breakdown_value"])
    for metric, column in (
        ("daily_active_users", "dau"),
        ("weekly_active_users", "wau"),
        ("monthly_active_users", "mau"),
        ("stickiness", "stickiness"),
    ):
        listed = ", ".join(["activity_date", *keys, column])
        expected = marts.says(f"select {listed} from active_users where {scope} and {column} > 0")
        found = [row for row in marts.metrics(metric, f"{DAY} {by}") if row[-1]]
        assert len(expected) > 25
        assert found == expected, metric


def test_trailing_counts_of_a_month_are_those_of_its_days(marts):
    """The average of its days, or the last one of them."""
    everybody = "from active_users where source_app = 'all' and breakdown_name = 'all'"
    month = "cast(date_trunc('month', activity_date) as date)"
    for metric, of_month in (
        ("daily_active_users", "avg(case when dau > 0 then dau end)"),
        ("weekly_active_users", "max_by(wau, activity_date)"),
        ("monthly_active_users", "max_by(mau, activity_date)"),
    ):
        expected = marts.says(f"select {month}, {of_month} {everybody} group by all")
        assert len(expected) == 2
        assert marts.metrics(metric, MONTH) == expected, metric


def test_days_are_those_of_the_reporting_timezone(marts):
    """This world has sessions whose day is another one in UTC."""
    for metric, mart, day, time in (
        ("sessions", "sessions", "session_date", "started_at"),
        ("questions_attempted", "question_attempts", "attempt_date", "attempted_at"),
    ):
        found = marts.metrics(metric, DAY)
        of = f"count(*) from {mart} group by all"
        assert found == marts.says(f"select {day}, {of}")
        assert found == marts.says(
            f"select cast(timezone('{ZONE}', timezone('UTC', {time})) as date), {of}"
        )
        assert found != marts.says(f"select cast({time} as date), {of}")


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "by", "where", "query"),
    [
        (
            "sessions", "device", "{{ Entity('app') }} = 'studyin'",
            "select coalesce(device_type, 'unknown'), count(*) from sessions"
            " where source_app = 'studyin' group by all",
        ),
        (
            "accuracy", "topic__topic_name", "{{ Dimension('attempt__hint_used') }}",
            "select topic_name, avg(case when is_correct then 1 else 0 end) from question_attempts"
            " left join topics using (topic_id) where hint_used group by all",
        ),
        (
            "active_users", "", "{{ TimeDimension('metric_time', 'day') }} >= '2026-03-20'"
            " and not {{ Dimension('person__is_anonymous') }}",
            "select count(distinct person_key) from daily_user_stats join users using (person_key)"
            " where deed_count > 0 and stat_date >= '2026-03-20' and not is_anonymous",
        ),
        (
            # What comes before the days that are shown still counts in their windows.
            "weekly_active_users", DAY, "{{ TimeDimension('metric_time', 'day') }} = '2026-03-20'",
            "select activity_date, wau from active_users where source_app = 'all'"
            " and breakdown_name = 'all' and activity_date = '2026-03-20'",
        ),
        (
            "day_1_retention", "", "{{ TimeDimension('metric_time', 'day') }} < '2026-03-12'",
            "select sum(retained_count) / sum(eligible_count) from retention where"
            " source_app = 'all' and breakdown_name = 'all' and cohort_grain = 'day'"
            " and kind = 'on' and period_name = 'D1' and cohort_start < '2026-03-12'",
        ),
    ],
)  # fmt: skip
def test_a_filter_leaves_what_the_mart_has_of_it(marts, metric, by, where, query):
    expected = marts.says(query)
    assert expected
    assert marts.metrics(metric, by, where) == expected
    assert marts.metrics(metric, by) != expected


# --- saved queries, and asking from the command line ---------------------------------------------

SAVED = re.findall(
    r"^  - name: (\w+)", (PROJECT / "models/semantic/saved_queries.yml").read_text("utf-8"), re.M
)


def test_there_are_a_dozen_saved_queries():
    assert len(SAVED) >= 12


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_query_answers_what_the_marts_say(marts, name):
    [saved] = [each for each in marts.manifest()["saved_queries"] if each["name"] == name]
    assert saved["description"].endswith("?")
    parameters = saved["query_params"]
    by = [
        "__".join(re.findall(r"'(\w+)'", each)) for each in parameters["group_by"]
    ]  # TimeDimension('metric_time', 'week') is metric_time__week
    answer = marts.saved(name)
    assert answer
    order = [tuple(row[key] for key in by) for row in answer]
    assert order == sorted(order, key=lambda keys: [(key is None, key) for key in keys])
    for metric in parameters["metrics"]:
        if metric in TRAILING:
            continue
        source, measure = METRICS[metric]
        found = {tuple(row[key] for key in by): row[metric] for row in answer}
        assert len(found) == len(answer)
        said = {tuple(row[:-1]): row[-1] for row in marts.says(source.query([measure], by))}
        # Where another metric has a row, this one has none.
        assert _known(found) == _known(said), metric


def _known(values: dict) -> dict:
    return {key: value for key, value in values.items() if value is not None}


DOCS = (PROJECT / "docs" / "metrics.md").read_text("utf-8")
COMMANDS = re.findall(r"sightline metrics query (.*)", DOCS.replace("\\\n", " "))


def test_the_docs_say_of_every_metric_what_it_means(marts):
    told = re.findall(r"^\| `(\w+)` \| (.*) \| `\w+` \|$", DOCS, re.MULTILINE)
    meant = {each["name"]: each["description"].split() for each in marts.manifest()["metrics"]}
    assert {name: text.split() for name, text in told} == {
        name: meant[name] for name in meant.keys() - PARTS
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_docs_ask_is_answered(marts, command):
    from dbt_metricflow.cli.main import query

    asked = query.make_context("query", shlex.split(command)).params
    assert marts.asked(
        saved_query_name=asked["saved_query"],
        metric_names=asked["metrics"],
        group_by_names=asked["group_by"],
        where_constraints=asked["where"] or None,
        order_by_names=asked["order"],
        time_constraint_start=asked["start_time"],
        time_constraint_end=asked["end_time"],
        limit=asked["limit"],
    ).rows


# --- from the command line -----------------------------------------------------------------------

# Whoever looks for a host or calls one is written down and sent away.
NO_NETWORK = """
import socket

def refuse(*called, **_):
    with open({calls!r}, "a") as calls:
        print(called, file=calls)
    raise OSError("there is no network")

socket.getaddrinfo = socket.socket.connect = socket.create_connection = refuse
"""


SIGHTLINE = ("-c", "from loaders.cli import main; main()")


def ask(marts, folder, *command: str, code: int = 0) -> tuple[str, list[str]]:
    """What the command says, and what it asked the network for."""
    calls = folder / "calls"
    calls.touch()
    (folder / "sitecustomize.py").write_text(NO_NETWORK.format(calls=str(calls)), "utf-8")
    environment = os.environ | marts.warehouse.environment()
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)]),
        "DBT_TARGET": "ro",
        # Where Python keeps what outlives a program: the newest version that mf has heard of.
        "TMPDIR": str(folder),
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, calls.read_text("utf-8").splitlines()


def test_the_command_line_asks_the_same_and_nobody_else(marts, tmp_path):
    query = [*SIGHTLINE, "metrics", "query", "--quiet", "--csv", "answer.csv"]
    said, calls = ask(marts, tmp_path, *query, "--saved-query", "sessions_by_device")
    with (tmp_path / "answer.csv").open(encoding="utf-8") as answer:
        rows = [(row["device"], float(row["sessions"])) for row in csv.DictReader(answer)]
    assert sorted(rows) == marts.metrics("sessions", "device")
    assert (said, calls) == ("", [])
    # It keeps no log, which would have the values that people filter by.
    assert list(tmp_path.rglob("*.log*")) == []


def test_a_misspelled_metric_is_answered_in_words(marts, tmp_path):
    query = [*SIGHTLINE, "metrics", "query", "--metrics", "sesions"]
    said, calls = ask(marts, tmp_path, *query, code=1)
    assert "does not exactly match any known metrics" in said
    assert "'sessions'" in said
    assert calls == []


def test_without_a_published_file_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path))
    monkeypatch.delenv("DBT_TARGET", raising=False)
    done = CliRunner().invoke(main, ["metrics", "list", "metrics"])
    assert done.exit_code == 1
    assert "warehouse.duckdb is not there. Run: sightline publish." in done.output


@pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning")  # of its spinner
def test_configurations_are_valid(marts):
    """In themselves, and each measure and dimension in the tables. A mistake ends the program."""
    from dbt_metricflow.cli.main import validate_configs

    validate_configs.main([], obj=marts.configured, standalone_mode=False)


def test_mf_itself_can_be_asked(marts, tmp_path, monkeypatch):
    """It looks in target/ only, and asks for a newer one of itself: hence a command of our own."""
    for name in ("dbt_project.yml", "profiles.yml", "models", "macros", "seeds", "tests"):
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / "target").symlink_to(marts.warehouse.target)
    monkeypatch.setattr(marts.warehouse, "project", tmp_path)
    query = ["query", "--metrics", "accuracy", "--group-by", "topic__topic_name"]
    _, calls = ask(marts, tmp_path, "-m", "dbt_metricflow.cli.main", *query, "--csv", "answer.csv")
    with (tmp_path / "answer.csv").open(encoding="utf-8") as answer:
        _, *rows = csv.reader(answer)
    rows = _rows((topic or None, float(accuracy)) for topic, accuracy in rows)
    assert rows == marts.metrics("accuracy", "topic__topic_name")
    assert calls, "it asks nobody any more: then it needs no stand-in for its update checker"
