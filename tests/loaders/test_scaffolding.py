"""What `sightline add-app` refuses and writes; docs/adding-an-app.md builds what it writes."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import yaml

from loaders.scaffolding import ScaffoldingProblem, add_app
from loaders.settings import PROJECT

SOURCE = """\
source: birds
timezone: UTC
streams:
  sightings:
    kind: events
    event_id: ref
    event_type: what
    occurred_at: when
    user_id: who
    country: land
    columns:
      topic_id: bird.species
      duration_ms: {path: took, type: number}
      prompt_id: {path: query, type: key, purpose: prompt}
      watch_key: {path: watch, type: key, purpose: user}
  species:
    kind: entities
    key: [species_id]
    columns: {species_id: id, rarity: {path: rarity, type: number}}
"""
ROW = (
    "birds,SIGHTING,SIGHTING_REPORT,CONTENT,"
    "bird.species:string took:number:0..,bird.count:int land:string,true,false\n"
)
CONFORMED = "models/intermediate/events/int_birds_events_conformed"
STAGED = "models/staging/birds/stg_birds__sightings"


@pytest.fixture
def project(tmp_path) -> Path:
    for part in ("models/intermediate/events", "loaders/sources", "seeds"):
        shutil.copytree(PROJECT / part, tmp_path / part)
    (tmp_path / "loaders/sources/birds.yml").write_text(SOURCE, "utf-8")
    with (tmp_path / "seeds/event_registry.csv").open("a", encoding="utf-8") as registry:
        registry.write(ROW)
    return tmp_path


def columns_of(project: Path, model: str) -> list[str]:
    [documented] = yaml.safe_load((project / f"{model}.yml").read_text("utf-8"))["models"]
    return [column["name"] for column in documented["columns"]]


def test_columns_that_all_apps_share_are_taken_up_and_others_are_null(project):
    add_app("birds", project)
    sql = (project / f"{CONFORMED}.sql").read_text("utf-8")
    for line in (
        "    topic_id,",
        "    duration_ms,",
        "    cast(prompt_id as varchar) as prompt_id,",
        "    cast(null as varchar) as material_id,",
        "    cast(null as bigint) as xp_amount,",
        "    country,",
    ):
        assert line in sql.splitlines(), line
    assert "watch_key" not in sql
    shared = columns_of(PROJECT, "models/intermediate/events/int_events_conformed")
    assert columns_of(project, CONFORMED) == shared


def test_the_registry_finds_its_fields_where_they_are(project):
    """Lifted out by the door, as text; else in what staging unpacks."""
    add_app("birds", project)
    verdict = (project / f"{CONFORMED}.sql").read_text("utf-8").partition("-- the verdict")[2]
    assert "'bird.species': 'topic_id'" in verdict
    assert "'took': 'cast(duration_ms as varchar)'" in verdict
    assert "'land': 'country'" in verdict
    staged = (project / f"{STAGED}.sql").read_text("utf-8")
    assert "'bird': {\n                'count': 'string',\n            }" in staged
    assert "species'" not in staged.partition("unpacked as")[2].partition("select\n    -- keys")[0]
    assert {"watch_key", "sent", "ip_prefix"} <= set(columns_of(project, STAGED))


def test_of_dumps_the_newest_row_counts(project):
    add_app("birds", project)
    sql = (project / "models/staging/birds/stg_birds__species.sql").read_text("utf-8")
    assert "partition by species_id" in sql


def test_the_app_is_listed_once(project):
    add_app("birds", project)
    shared = (project / "models/intermediate/events/int_events_conformed.sql").read_text("utf-8")
    assert shared.count("'birds'") == 1
    assert shared.replace("'birds', ", "") == (
        PROJECT / "models/intermediate/events/int_events_conformed.sql"
    ).read_text("utf-8")


def test_nothing_is_overwritten(project):
    add_app("birds", project)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    with pytest.raises(ScaffoldingProblem, match="is there already"):
        add_app("birds", project)
    assert before == {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: number}\n      prompt", "type: text}\n      prompt", "duration_ms: is varchar"),
        ("watch_key:", "sent:", "columns.sent: every app has"),
        ("  species:\n    kind: entities\n    key: [species_id]", "  species:\n    kind: events\n"
         "    event_id: id\n    event_type: id\n    occurred_at: id", "has 2 streams of events"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_says_why(project, old, new, said):
    path = project / "loaders/sources/birds.yml"
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ScaffoldingProblem, match=said):
        add_app("birds", project)
    assert not (project / "models/staging").exists()


def test_source_file_and_registry_come_first(project):
    with pytest.raises(ScaffoldingProblem, match=r"fish\.yml: is not there"):
        add_app("fish", project)
    registry = project / "seeds/event_registry.csv"
    registry.write_text(registry.read_text("utf-8").replace(ROW, ""), "utf-8")
    with pytest.raises(ScaffoldingProblem, match="has no row of birds"):
        add_app("birds", project)
    with registry.open(encoding="utf-8", newline="") as file:
        assert all(row["source_app"] != "birds" for row in csv.DictReader(file))
