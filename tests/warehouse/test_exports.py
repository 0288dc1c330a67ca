"""Somebody with the counts of a built world tells nobody's, and with all tables nobody's key."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import duckdb
import pytest

from loaders.exporting import Exported, Wish, export
from loaders.suppression import Cells
from tests.loaders.publications import publish
from tests.project.test_exports import MARTS, described
from tests.warehouse.attacker import Attacker, Table
from tests.warehouse.planted import Planted

WHOLE_APP = {"source_app": "all"}
WHOLE_BREAKDOWN = {"breakdown_name": "all", "breakdown_value": "all"}
BY_APP = "(source_app <> 'all' or breakdown_name = 'all')"


@pytest.fixture(scope="module")
def exported(planted: Planted, tmp_path_factory) -> Exported:
    data = tmp_path_factory.mktemp("published")
    tables = {
        f"{path.parent.name}/{name}": (
            f"from work.main.{name}", described(name)["config"]["meta"]["export"],
        )
        for name, path in MARTS.items()
    }  # fmt: skip
    [(today,)] = planted.query("select as_of_date from intermediate.int_data_watermark")
    publish(data, tables, work=planted.folder / "work.duckdb", as_of_date=today)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SIGHTLINE_DATA", str(data))
        return export(Wish(set_name="all", format="parquet"))


class Attack:
    """What is known of how the numbers of the tables hang together."""

    def __init__(self, planted: Planted, exported: Exported):
        self.planted, self.exported = planted, exported
        self.attacker = Attacker()
        self.tables: list[Table] = []

    def rows(self, query: str) -> list[dict]:
        found = self.planted.con.cursor().execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def table(self, name: str, key: str, columns: str, where: str = "true") -> Table:
        true = self.rows(f"select * from {name} where {where}")
        table = Table(self.attacker, name, key.split(), true)
        path = self.exported.folder / f"{name}.parquet"
        table.shows(self.rows(f"select * from '{path}'"), columns.split())
        self.tables.append(table)
        return table

    def are_the_same(self, one, other) -> None:
        if one and other and one != other:
            self.attacker.knows_sum(one, [other])

    def of_active_users(self) -> Table:
        kinds = ("new_users", "returning_users", "resurrected_users", "unrecognised_users")
        users = self.table(
            "active_users",
            "activity_date source_app breakdown_name breakdown_value",
            f"dau wau mau {' '.join(kinds)}",
            f"{BY_APP} and breakdown_name <> 'visitor_kind'",
        )
        for row in users.rows.values():
            dau, wau, mau = (users.number(row, name) for name in ("dau", "wau", "mau"))
            of_kinds = [users.number(row, kind) for kind in kinds]
            self.attacker.knows_sum(dau, of_kinds)
            for more, less in ((wau, dau), (mau, wau), (mau, dau), *((dau, of) for of in of_kinds)):
                users.difference(more, less)
            self._through_time(users, row)
        for column in ("dau", "wau", "mau", *kinds):
            overlaps = column in ("wau", "mau")
            knows = self.attacker.knows_union if overlaps else self.attacker.knows_sum
            for whole, parts in users.divisions(column, "breakdown_name", **WHOLE_BREAKDOWN):
                knows(whole, parts)
            for whole, parts in users.divisions(column, **WHOLE_APP):
                if any(place[2] != "all" for _, place, _ in parts):
                    continue
                if column in ("dau", "wau", "mau", "unrecognised_users"):
                    self.attacker.knows_union(whole, parts)
                else:  # who is new to an app need not be new to all
                    self.attacker.knows_at_most([(1, whole), *((-1, part) for part in parts)])
        return users

    def _through_time(self, users: Table, row: dict) -> None:
        day, mau = row["activity_date"], users.number(row, "mau")
        before = day - timedelta(days=1)
        if users.number(row, "mau", activity_date=before):
            came = ("new_users", "resurrected_users", "unrecognised_users")
            before_mau = users.number(row, "mau", activity_date=before)
            joined = [(-1, users.number(row, kind)) for kind in came]
            self.attacker.knows_at_most([(1, mau), (-1, before_mau), *joined])
            wau, dau = users.number(row, "wau"), users.number(row, "dau")
            before_wau = users.number(row, "wau", activity_date=before)
            self.attacker.knows_at_most([(1, wau), (-1, before_wau), (-1, dau)])
        for ago in range(1, 28):
            earlier = users.number(row, "dau", activity_date=day - timedelta(days=ago))
            if earlier:
                self.attacker.knows_at_most([(1, earlier), (-1, mau)])
                if ago < 7:
                    self.attacker.knows_at_most([(1, earlier), (-1, users.number(row, "wau"))])

    def of_cohorts(self, users: Table, today: date) -> None:
        key = "source_app breakdown_name breakdown_value cohort_start"
        of_weeks = "cohort_size eligible_count retained_count"
        only = f"kind = 'on' and cohort_grain = 'week' and {BY_APP}"
        weeks = self.table("retention", f"{key} period_number", of_weeks, only)
        of_cohorts = "cohort_size active_people_count finishing_people_count"
        cohorts = self.table("cohort_behaviour", f"{key} week_number", of_cohorts, BY_APP)
        for row in cohorts.rows.values():
            size, active, finishing = (cohorts.number(row, name) for name in of_cohorts.split())
            for more, less in ((size, active), (active, finishing), (size, finishing)):
                cohorts.difference(more, less)
            self.are_the_same(size, cohorts.number(row, "cohort_size", week_number=0))
            there = row | {"period_number": row["week_number"]}
            self.are_the_same(size, weeks.number(there, "cohort_size"))
            if row["is_complete"]:
                self.are_the_same(active, weeks.number(there, "retained_count"))
        for row in weeks.rows.values():
            eligible, retained = (
                weeks.number(row, "eligible_count"),
                weeks.number(row, "retained_count"),
            )
            weeks.difference(eligible, retained)
            if row["period_number"] == 0 and row["cohort_start"] + timedelta(days=6) <= today:
                days = [row["cohort_start"] + timedelta(days=number) for number in range(7)]
                new = [users.number(row, "new_users", activity_date=day) for day in days]
                new = [name for name in new if name]
                if sum(users.true[name] for name in new) == row["cohort_size"]:
                    self.attacker.knows_sum(weeks.number(row, "cohort_size"), new)
        for table, columns in ((weeks, of_weeks), (cohorts, of_cohorts)):
            for column in columns.split():
                for whole, parts in table.divisions(column, "breakdown_name", **WHOLE_BREAKDOWN):
                    self.attacker.knows_sum(whole, parts)
            for whole, parts in table.divisions("cohort_size", **WHOLE_APP):
                self.attacker.knows_at_most([(1, whole), *((-1, part) for part in parts)])

    def of_funnels(self) -> None:
        counts = "entered_count reached_count open_count"
        key = "funnel_name entry_date breakdown_name breakdown_value step_number"
        funnels = self.table("funnels", key, counts)
        for row in funnels.rows.values():
            entered, reached, open_ = (funnels.number(row, name) for name in counts.split())
            funnels.difference(entered, reached)
            following = {"step_number": row["step_number"] + 1}
            funnels.difference(reached, funnels.number(row, "reached_count", **following))
            if row["step_number"] == 1:
                self.are_the_same(entered, reached)
            self.are_the_same(entered, funnels.number(row, "entered_count", step_number=1))
            self.are_the_same(open_, funnels.number(row, "open_count", step_number=1))
        for column in counts.split():
            for whole, parts in funnels.divisions(column, "breakdown_name", **WHOLE_BREAKDOWN):
                self.attacker.knows_sum(whole, parts)

    def of_paths(self) -> None:
        edges = self.table("path_edges", "source_app depth from_step to_step", "person_count")
        steps: dict[tuple, list] = {}
        for row in edges.rows.values():
            edge = edges.number(row, "person_count")
            app, depth = row["source_app"], row["depth"]
            steps.setdefault(("out", app, depth, row["from_step"]), []).append(edge)
            steps.setdefault(("in", app, depth + 1, row["to_step"]), []).append(edge)
        for (_, *step), parts in steps.items():
            self.attacker.knows_union(("at", *step), parts)

    def of_features(self) -> None:
        counts = "user_count recognised_user_count new_adopter_count repeat_user_count"
        features = self.table("feature_adoption", "week_start source_app feature_name", counts)
        for row in features.rows.values():
            users, recognised, new, repeat = (features.number(row, name) for name in counts.split())
            features.difference(users, recognised)
            for less in (new, repeat):
                features.difference(recognised, less)
                features.difference(users, less)
            self.attacker.knows_at_most([(1, recognised), (-1, new), (-1, repeat)])
        for column in ("user_count", "recognised_user_count"):
            for whole, parts in features.divisions(column, **WHOLE_APP):
                self.attacker.knows_union(whole, parts)


def test_no_small_number_can_be_told_from_all_counts_together(planted, exported):
    attack = Attack(planted, exported)
    [(today,)] = planted.query("select as_of_date from intermediate.int_data_watermark")
    attack.of_cohorts(attack.of_active_users(), today)
    attack.of_funnels()
    attack.of_paths()
    attack.of_features()
    attack.attacker.thinks()
    small, narrow, told = Counter(), Counter(), []
    for table in attack.tables:
        for name, value in table.true.items():
            if 1 <= value <= 9 and name in attack.attacker.low:
                small[table.name] += 1
                choices = attack.attacker.choices(name)
                narrow[table.name] += choices < 10
                if choices < 5:
                    told.append((name, value, choices))
    print(small, narrow, sep="\n")
    assert min(small.values()) > 50
    assert told == []
    # Windows that slide from day to day lie inside each other, which bounds a few.
    assert narrow["active_users"] < 0.005 * small["active_users"]
    assert sum(narrow.values()) == narrow["active_users"]


def test_no_export_shows_a_number_of_few_people(exported):
    """Whatever the table, as its yml counts them: the simplest mistake of all."""
    shown = 0
    with duckdb.connect() as con:
        for entry in exported.manifest["files"]:
            if entry["kind"] != "cells":
                continue
            path = exported.folder / entry["file"]
            columns = {column["name"] for column in entry["columns"]}
            declared = Cells.of(described(entry["table"])["config"]["meta"]["export"])
            for count in [count for group in declared.people for count in group.counts]:
                # Those that are one column; sums and differences are for the attacker above.
                if count in columns:
                    few = f"count(*) filter (where {count} between 1 and 9)"
                    query = f"select {few}, count({count}) from '{path}'"
                    few, some = con.execute(query).fetchone()
                    assert few == 0, (entry["table"], count)
                    shown += some
    assert shown > 2000


def test_no_rate_gives_back_a_number_of_few_people(exported):
    rates = [
        ("question_items", "hint_rate", "answer_count"),
        ("question_items", "guess_rate", "answer_count"),
        ("question_items", "p_value", "first_answer_count"),
        ("mastery_calibration", "actual_rate", "attempt_count"),
        ("mastery_calibration", "1 - actual_rate", "attempt_count"),
        ("topic_daily_stats", "accuracy", "questions_attempted"),
    ]
    with duckdb.connect() as con:
        for table, rate, count in rates:
            query = f"""select count(*) filter (where round(({rate}) * {count}) between 1 and 9)
                from '{exported.folder / table}.parquet'"""
            assert con.execute(query).fetchone() == (0,), (table, rate)


def test_the_answers_of_a_day_give_none_of_a_topic_away(exported):
    """All of a day but those of the topics that are shown: nobody's, or ten and more."""
    with duckdb.connect() as con:
        query = f"""
            select attempt_count - coalesce(sum(questions_attempted), 0) as hidden
            from '{exported.folder / "attempt_reconciliation"}.parquet' as days
            left join '{exported.folder / "topic_daily_stats"}.parquet' as topics
                on attempt_date = stat_date
            where source_app = 'studyin' and attempt_count is not null
            group by attempt_date, attempt_count
        """
        hidden = [row[0] for row in con.execute(query).fetchall()]
    assert len(hidden) > 10
    assert [count for count in hidden if 1 <= count <= 9] == []


def test_nobodys_key_is_in_an_export(planted, exported):
    columns = ["person_key", "user_key", "anonymous_key", "session_id", "event_key", "event_id"]
    keys = {
        str(key)
        for column in columns
        for (key,) in planted.query(f"select distinct {column} from events")
        if key is not None
    }
    ids = {
        str(person[name])
        for person in planted.people.values()
        for name in person
        if name.endswith("_user_id")
    }
    assert len(keys) > 10_000
    assert len(ids) > 1_000
    with duckdb.connect() as con:
        con.execute("create table canaries as select unnest(?) as canary", [sorted(keys | ids)])
        for entry in exported.manifest["files"]:
            path = exported.folder / entry["file"]
            texts = [c["name"] for c in entry["columns"] if c["type"] == "VARCHAR"]
            for name in texts:
                query = f"""select count(*) from '{path}' where "{name}" in (from canaries)"""
                assert con.execute(query).fetchone() == (0,), (entry["table"], name)
