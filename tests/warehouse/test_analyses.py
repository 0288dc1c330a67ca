"""Every worked question has an answer, on a simulated world with four weeks to look back on."""

from __future__ import annotations

import math
import re
from datetime import date

import duckdb
import pytest
import sqlglot

from loaders.landing import land
from simulator import simulate
from tests.project.test_layers import selected_columns
from tests.warehouse.conftest import PROJECT, Warehouse

NAMES = sorted(path.stem for path in (PROJECT / "analyses").glob("*.sql"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The work file and, by name, what dbt makes of the analyses."""
    folder = tmp_path_factory.mktemp("analyses")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder / "data", monkeypatch, folder / "target")
        warehouse.enter()
        landing = folder / "data" / "landing"
        simulate(landing, users=60, days=32, seed=5, start=date(2026, 3, 2), workers=1)
        assert land().failure is None
        warehouse.dbt("seed")
        warehouse.dbt("run")
        warehouse.dbt("compile", "-s", "path:analyses")
        nodes = warehouse.nodes("analysis")
    compiled = {
        path.stem: path.read_text("utf-8")
        for path in (folder / "target" / "compiled").rglob("analyses/*.sql")
    }
    with duckdb.connect(str(folder / "data" / "work.duckdb"), read_only=True) as con:
        yield con, compiled, nodes


def answer(world, name: str) -> tuple[list[str], list[tuple]]:
    con, compiled, _ = world
    result = con.execute(compiled[name])
    return [column for column, *_ in result.description], result.fetchall()


def test_there_are_a_dozen():
    assert len(NAMES) >= 12


@pytest.mark.parametrize("name", NAMES)
def test_it_asks_a_question_and_says_how_to_read_the_answer(name):
    head, _, _ = (PROJECT / "analyses" / f"{name}.sql").read_text("utf-8").partition("\n\n")
    question, blank, *reading = head.splitlines()
    assert question.startswith("-- ")
    assert question.endswith("?")
    assert blank == "--"
    assert len(reading) >= 2
    assert all(line.startswith("-- ") for line in reading)


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_marts_only(world, name):
    node = world[2][name]
    models = [parent for parent in node["depends_on"]["nodes"] if parent.startswith("model.")]
    marts = {path.stem for path in (PROJECT / "models" / "marts").rglob("*.sql")}
    assert models == node["depends_on"]["nodes"]
    assert {model.rpartition(".")[2] for model in models} <= marts


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_answer(world, name):
    columns, rows = answer(world, name)
    assert rows
    assert columns == selected_columns(world[2][name]["raw_code"])
    empty = {
        column
        for column, values in zip(columns, zip(*rows, strict=True), strict=True)
        if all(value is None for value in values)
    }
    assert empty == set()


@pytest.mark.parametrize("name", NAMES)
def test_dbt_show_can_limit_it(world, name):
    """`dbt show` writes a limit of its own below the question."""
    con, compiled, _ = world
    assert len(con.execute(compiled[name] + "\nlimit 1").fetchall()) == 1


def test_who_drops_off_is_asked_of_complete_days(world):
    """Of days whose windows are not over only the quick ones are known."""
    con, _, _ = world
    expected = con.execute(
        "select funnel_name, count(*) from funnel_people where exists ("
        " from funnels where is_complete and funnels.funnel_name = funnel_people.funnel_name"
        " and funnels.entry_date = funnel_people.entry_date) group by funnel_name"
    ).fetchall()
    columns, rows = answer(world, "where_people_drop_off")
    found: dict[str, int] = {}
    for row in rows:
        name = row[columns.index("funnel_name")]
        found[name] = found.get(name, 0) + row[columns.index("attempt_count")]
    assert found == dict(expected)


@pytest.mark.parametrize("name", NAMES)
def test_its_order_leaves_no_ties(world, name):
    columns, rows = answer(world, name)
    order = sqlglot.parse_one(world[1][name], dialect="duckdb").args["order"]
    places = [columns.index(key.this.name) for key in order.expressions]
    keys = [tuple(row[place] for place in places) for row in rows]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", NAMES)
def test_its_days_and_weeks_are_those_of_the_reporting_timezone(name):
    """A timestamp is in UTC: cut as it is, Monday's first hours would be of the week before. When a
    file reached us is said in UTC, as event_quality does."""
    raw = (PROJECT / "analyses" / f"{name}.sql").read_text("utf-8")
    cut = re.findall(r"date_trunc\('\w+', '([\w.]+_at)'\)|cast\(([\w.]+_at) as date\)", raw)
    assert [time for times in cut for time in times if time and "received_at" not in time] == []


@pytest.mark.parametrize("name", NAMES)
def test_shares_are_shares(world, name):
    columns, rows = answer(world, name)
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        if column.endswith(("_rate", "_share")) or "share_" in column:
            assert all(value is None or 0 <= value <= 1 for value in values), column


def test_what_is_said_to_add_up_does(world):
    for name, whole, share in (
        ("where_people_drop_off", "funnel_name", "share_of_entered"),
        ("lifecycle_flows", "state_before", "share_of_state_before"),
    ):
        columns, rows = answer(world, name)
        totals: dict[str, float] = {}
        for row in rows:
            key = row[columns.index(whole)]
            totals[key] = totals.get(key, 0) + row[columns.index(share)]
        assert all(math.isclose(total, 1) for total in totals.values()), totals
