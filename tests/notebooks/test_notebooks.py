"""The notebooks run on what is published, draw what its tables say, and write nothing."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import altair as alt
import duckdb
import marimo as mo
import pandas as pd
import pytest

import pages
import warehouse

PROJECT = Path(__file__).resolve().parents[2]
CHARTS = {
    "explore": ("active", "cohort", "files", "quality", "put_aside", "restated"),
    "journeys": ("visits", "steps", "funnel", "conversions", "stops", "breakdowns", "paths"),
    "learning": ("mastery", "levels", "own", "gaps", "questions", "calibration", "lessons"),
}
NAMES = tuple(CHARTS)
# The planted world is clean, and published once. These are drawn of another below.
NOT_OF_PLANTED = {"put_aside", "restated"}


def run(name: str, folder: Path, **chosen: object) -> tuple[tuple, dict]:
    """With what is chosen in place of what the controls offer first."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SIGHTLINE_DATA", str(folder))
        return pages.run(
            name, **{control: SimpleNamespace(value=value) for control, value in chosen.items()}
        )


def ask(folder: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def rows_drawn(chart: alt.TopLevelMixin, *columns: str) -> list[tuple]:
    """From what the browser is handed, of the data set that has these columns."""
    with alt.data_transformers.enable("default"):
        data_sets = chart.to_dict()["datasets"].values()
    [rows] = [rows for rows in data_sets if rows and set(columns) <= set(rows[0])]
    return sorted(tuple(_plain(row[column]) for column in columns) for row in rows)


def rows_of_mart(folder: Path, query: str) -> list[tuple]:
    return sorted(tuple(_plain(value) for value in row) for row in ask(folder, query))


def _plain(value: object) -> object:
    """Times as the browser is told them, to the second; what is missing before all else."""
    if value is None:
        return -1
    if isinstance(value, float):
        return round(value, 9)
    text = str(value).replace("T", " ")
    return text.removesuffix(".000000").removesuffix(" 00:00:00") if "-" in text else value


@pytest.fixture(scope="module")
def files_around_running(whole) -> list[dict[str, str]]:
    """What lies in the data folder and beside the notebooks before they run; see `ran`."""
    return [files(whole)]


@pytest.fixture(scope="module")
def ran(whole, files_around_running) -> dict[str, tuple[tuple, dict]]:
    found = {name: run(name, whole) for name in NAMES}
    files_around_running.append(files(whole))
    return found


def files(data: Path) -> dict[str, str]:
    """By the hash of what is in them."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (data, PROJECT / "notebooks")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def charts(ran) -> dict[str, alt.TopLevelMixin]:
    """What is shown under the names that the notebooks give it; a sentence is no chart."""
    shown = {id(output) for outputs, _ in ran.values() for output in outputs}
    return {
        chart: ran[name][1][f"{chart}_chart"]
        for name, of_notebook in CHARTS.items()
        for chart in of_notebook
        if id(ran[name][1][f"{chart}_chart"]) in shown
    }


def test_there_is_a_chart_and_a_table_to_every_picture(ran, charts):
    assert {chart for names in CHARTS.values() for chart in names} - set(charts) == NOT_OF_PLANTED
    for name, (outputs, _) in ran.items():
        shown = [output for output in outputs if output is not None]
        assert sum(isinstance(output, pd.DataFrame) for output in shown) >= len(CHARTS[name])
        assert any("Version 1" in getattr(output, "text", "") for output in shown)


OF_NUMBERS = {
    "active": (
        ("activity_date", "source_app", "dau", "wau", "mau", "is_complete"),
        "select {} from active_users where breakdown_name = 'all' and mau > 0",
    ),
    "cohort": (
        ("cohort_start", "period_number", "cohort_size", "retained_count", "retention_rate"),
        "select {} from retention where source_app = 'all' and breakdown_name = 'all'"
        " and cohort_grain = 'week' and kind = 'on' and period_number > 0",
    ),
    "files": (
        ("source_app", "received_date", "landed_count"),
        "select source_app, received_at::date, sum(landed_count)::bigint from load_ledger"
        " group by source_app, stream, received_at::date",
    ),
    "quality": (
        ("source_app", "received_date", "collection_reliability", "accepted_count"),
        "select {} from event_quality where collection_reliability is not null",
    ),
    "conversions": (
        ("entry_date", "entered_count", "reached_count", "conversion_rate", "is_complete"),
        "select {} from funnels where funnel_name = 'prompt_saved' and breakdown_name = 'all'"
        " and step_number = 3 and conversion_rate is not null",
    ),
    # Of its people, and not of the sums that the notebook adds up.
    "funnel": (
        ("step_number", "reached_count", "entered_count"),
        "select step, count(*) filter (where level_reached >= step), count(*)"
        " from funnel_people, unnest([1, 2, 3]) as steps (step) where"
        " funnel_name = 'prompt_saved' and entry_date in (select entry_date from funnels"
        " where funnel_name = 'prompt_saved' and is_complete) group by step",
    ),
    "stops": (
        ("level_reached", "stop_reason", "attempt_count"),
        "select level_reached, stop_reason, count(*) from funnel_people"
        " where funnel_name = 'prompt_saved' and not is_converted and entry_date in"
        " (select entry_date from funnels where funnel_name = 'prompt_saved' and is_complete)"
        " group by all",
    ),
    "breakdowns": (
        ("breakdown_value", "entered_count", "reached_count"),
        "select breakdown_value, count(*), count(*) filter (where is_converted) from funnel_people"
        " where funnel_name = 'prompt_saved' and entry_date in"
        " (select entry_date from funnels where funnel_name = 'prompt_saved' and is_complete)"
        " group by all",
    ),
    "levels": (
        ("topic_id", "mastery_level", "person_count"),
        "select topic_id, mastery_level, count(*) from topic_mastery"
        " where mastery_level is not null group by all",
    ),
    "gaps": (
        ("topic_id", "gap_type", "person_count"),
        "select topic_id, replace(gap_type, '_', ' '), count(*) from knowledge_gaps"
        " where gap_type <> 'not_covered' group by all",
    ),
    "questions": (
        ("question_id", "p_value", "first_answer_count", "is_flagged"),
        "select {} from question_items where first_answer_count >= 30",
    ),
    "calibration": (
        ("tenth", "attempt_count", "predicted_rate", "actual_rate"),
        "select {} from mastery_calibration where week_start is null and attempt_kind = 'all'",
    ),
    "lessons": (
        ("lesson_id", "recognised_started", "recognised_completed", "completion_rate"),
        "select {} from course_content_stats where lesson_id is not null and course_id ="
        " (select arg_max(course_id, people_started) from course_content_stats"
        " where content_level = 'course')",
    ),
}


@pytest.mark.parametrize("chart", OF_NUMBERS)
def test_what_is_drawn_is_what_the_mart_says(whole, charts, chart):
    columns, query = OF_NUMBERS[chart]
    expected = rows_of_mart(whole, query.format(", ".join(columns)))
    assert len(expected) > 2
    assert rows_drawn(charts[chart], *columns) == expected


def test_whose_journey_it_is_is_the_one_with_most_visits(whole, charts, ran):
    [(person, count)] = ask(
        whole,
        "select person_key::varchar, session_count from users where not is_anonymous"
        " order by app_count desc, session_count desc, person_key limit 1",
    )
    columns = ("session_id", "source_app", "duration_seconds", "event_count")
    drawn = rows_drawn(charts["visits"], *columns)
    assert len(drawn) == count
    assert drawn == rows_of_mart(
        whole,
        "select session_id::varchar, source_app, duration_seconds, event_count from sessions"
        f" where person_key = '{person}'",
    )
    visit = ran["journeys"][1]["visit_choice"].value
    assert [name for (name,) in rows_drawn(charts["steps"], "event_name")] == sorted(
        name
        for (name,) in ask(whole, f"select event_name from events where session_id = '{visit}'")
    )


def test_the_ways_drawn_are_the_widest(whole, charts):
    drawn = rows_drawn(charts["paths"], "depth", "from_step", "to_step", "session_count")
    [(app,)] = ask(
        whole, "select arg_max(source_app, n) from (select source_app, sum(session_count) as n"
        " from path_edges group by source_app)"
    )  # fmt: skip
    every = rows_of_mart(
        whole,
        "select depth, from_step, to_step, session_count from path_edges"
        f" where source_app = '{app}' and depth between 1 and 4",
    )
    assert set(drawn) <= set(every)
    for depth in range(1, 5):
        widths = sorted((row[3] for row in every if row[0] == depth), reverse=True)
        assert sorted((row[3] for row in drawn if row[0] == depth), reverse=True) == widths[:15]
    arrived = rows_drawn(charts["paths"], "place", "step", "session_count")
    assert set(arrived) <= set(
        rows_of_mart(
            whole,
            "select depth + 1, to_step, sum(session_count)::bigint from path_edges"
            f" where source_app = '{app}' group by all",
        )
    )


def test_the_map_shows_forty_people_with_their_intervals(whole, charts):
    columns = ("person_key", "topic_id", "mastery_score", "mastery_low", "mastery_high")
    drawn = rows_drawn(charts["mastery"], *columns)
    names = "person_key::varchar, topic_id, mastery_score, mastery_low, mastery_high"
    most = "select person_key from topic_mastery group by 1 order by sum(evidence) desc limit 40"
    assert len({row[0] for row in drawn}) == 40
    assert drawn == rows_of_mart(
        whole,
        f"select {names} from topic_mastery where mastery_score is not null"
        f" and person_key in ({most})",
    )


def test_choosing_another_shows_another(whole):
    [(person, topics)] = ask(
        whole,
        "select person_key::varchar, count(mastery_score) from topic_mastery group by 1"
        " having count(mastery_score) > 2 order by 2, 1 limit 1",
    )
    _, learned = run("learning", whole, learner_choice=person, attempt_kind="first")
    assert len(rows_drawn(learned["own_chart"], "topic", "mastery_low", "mastery_high")) == topics
    _, went = run("journeys", whole, funnel_choice="lesson_completed", path_app="academy")
    assert [name for (name,) in rows_drawn(went["funnel_chart"], "step_name")] == [
        "lesson completed",
        "lesson started",
    ]
    _, written = run("journeys", whole, person_written=f" {person} ")
    assert written["person"] == person
    _, looked = run("explore", whole, retention_app="studyin", days_shown=366)
    assert looked["returning"].cohort_size.sum() < ask(
        whole, "select sum(cohort_size) from retention where source_app = 'all'"
    )[0][0]  # fmt: skip


@pytest.mark.parametrize("person", ["nobody", "00000000-0000-0000-0000-000000000000"])
def test_a_key_that_is_nobodys_shows_no_visit(whole, person):
    outputs, _ = run("journeys", whole, person_written=person)
    told = [output.text for output in outputs if isinstance(output, mo.Html)]
    assert any("This person has no visit." in text for text in told)


@pytest.mark.parametrize("name", NAMES)
def test_one_app_without_learning_is_enough(one_app, name):
    outputs, found = run(name, one_app)
    shown = {id(output) for output in outputs}
    drawn = {chart for chart in CHARTS[name] if id(found[f"{chart}_chart"]) in shown}
    assert (
        drawn
        == {
            "explore": set(CHARTS["explore"]),
            "journeys": {"visits", "steps", "paths"},
            "learning": set(),
        }[name]
    )


def test_what_is_put_aside_is_drawn(one_app):
    _, found = run("explore", one_app)
    drawn = rows_drawn(found["put_aside_chart"], "record_count", "fate", "reason")
    assert drawn == [
        (1, "not accepted", "missing_field:actor"),
        (2, "not readable", "bad_json"),
        (3, "not accepted", "unknown_event_type"),
    ]


def test_what_is_restated_is_drawn(one_app):
    _, found = run("explore", one_app)
    assert rows_drawn(found["restated_chart"], "version", "reason", "number_count") == [
        (1, "identity merge", 1),
        (1, "late events", 2),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_where_there_is_nothing_it_says_so(empty, name):
    outputs, found = run(name, empty)
    told = " ".join(output.text for output in outputs if isinstance(output, mo.Html))
    assert "No day is complete yet" in told
    shown = {id(output) for output in outputs}
    assert not {chart for chart in CHARTS[name] if id(found[f"{chart}_chart"]) in shown}


@pytest.mark.parametrize("name", NAMES)
def test_before_the_first_publication_there_is_one_sentence(tmp_path, name):
    outputs, _ = run(name, tmp_path)
    heading, sentence = [output.text for output in outputs if output is not None]
    assert "<h1" in heading
    assert "Nothing is published yet" in sentence
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written(ran, files_around_running):
    before, after = files_around_running
    assert len(before) > len(NAMES)
    assert after == before


def test_a_notebook_reads_one_version(whole, tmp_path, monkeypatch):
    """Though another is published while it runs, until that version is removed."""
    version, link = tmp_path / "version.duckdb", tmp_path / "warehouse.duckdb"
    shutil.copy(whole / "warehouse.duckdb", version)
    link.symlink_to(version)
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path))
    published = warehouse.latest()
    link.unlink()
    assert warehouse.latest() is None
    assert len(published.ask("select version from publication")) == 1
    version.unlink()
    with pytest.raises(warehouse.VersionGone):
        published.ask("select version from publication")


def test_more_rows_than_anybody_sees_are_refused(whole, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(whole))
    with pytest.raises(warehouse.TooManyRows):
        warehouse.latest().ask("from events")


def test_pages_open_without_a_network(whole, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(whole))
    monkeypatch.setattr(pages, "data_folder", lambda: whole.parent / "elsewhere")
    pages.main([])
    written = sorted((whole.parent / "elsewhere" / "pages").iterdir())
    assert [file.name for file in written] == sorted(f"{name}.html" for name in NAMES)
    for file in written:
        text = file.read_text("utf-8")
        charts = len(set(CHARTS[file.stem]) - NOT_OF_PLANTED)
        assert text.count("<svg") == charts
        assert text.count("<table>") >= charts - 1
        assert "<script" not in text
        assert set(re.findall(r'(?:src|href)="(.*?)"|url\((.*?)\)', text)) <= {
            (f"{name}.html", "") for name in NAMES
        } | {("", each) for each in re.findall(r"url\((#.*?)\)", text)}
    assert "Show: <b>60 days</b>" in (whole.parent / "elsewhere/pages/explore.html").read_text()


def test_pictures_are_small(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(whole))
    pages.main(["--pictures", str(tmp_path)])
    assert {file.stem for file in tmp_path.iterdir()} == set(pages.PICTURES)
    for file in (PROJECT / "docs" / "pictures").iterdir():
        assert file.stem in pages.PICTURES
        assert file.stat().st_size < 60_000


def test_make_pages_says_so_when_nothing_is_published(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match="Nothing is published yet"):
        pages.main([])
    assert list(tmp_path.iterdir()) == []


def test_what_the_docs_show_runs(whole, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(whole)
    monkeypatch.chdir(tmp_path)
    docs = (PROJECT / "docs" / "notebooks.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", docs, re.DOTALL)
    found: dict[str, pd.DataFrame] = {}
    exec(code, found)
    assert len(found["weeks"]) > 100
    queries = re.findall(r'^duckdb -readonly data/warehouse.duckdb "(.*)"$', docs, re.MULTILINE)
    assert len(queries) == 3
    assert all(ask(whole, query) for query in queries)
    assert set(re.findall(r"(\w+)\.py", docs)) == set(NAMES)
