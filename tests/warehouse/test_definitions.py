"""The examples of docs/definitions.md: the events of each section are landed as an app of its own,
all are built once, and the tables must say what the page says."""

from __future__ import annotations

import csv
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

import pytest

from loaders.landing import land
from loaders.privacy import Keyring
from loaders.scaffolding import add_app
from loaders.sources import load_sources
from tests.warehouse.conftest import PROJECT, Warehouse, as_file

PAGE = (PROJECT / "docs" / "definitions.md").read_text("utf-8")
SOURCE = """\
source: {app}
timezone: UTC
consent: {{path: agrees, default: full}}
streams:
  events:
    kind: events
    event_id: number
    event_type: event
    occurred_at: at
    user_id: user
    anonymous_id: device
    session_id: session
    columns:
      question_id: question
      is_correct: {{path: right, type: boolean}}
"""
# The page's words, and what the registry calls them.
EVENTS = {
    "page": "PAGE_VIEW",
    "click": "ELEMENT_CLICK",
    "start": "LESSON_START",
    "done": "LESSON_COMPLETE",
    "pause": "SESSION_PAUSE",
    "resume": "SESSION_RESUME",
    "logout": "USER_LOGOUT",
    "answer": "QUESTION_SUBMIT",
    "nightly": "STREAK_BROKEN",
}
YES_OR_NO = {"yes": True, "no": False}
# Tables of which an example shows all its rows; of the others it shows some.
SHOWN_WHOLE = {"sessions", "events", "question_attempts"}


@dataclass
class Example:
    app: str
    events: list[dict] = field(default_factory=list)
    funnels: list[str] = field(default_factory=list)
    tables: list[tuple[str, list[str], list[tuple]]] = field(default_factory=list)  # mart, header


def moment(text: str) -> datetime:
    return datetime.strptime(f"2026 {text}", f"%Y %d %b %H:%M{':%S' * (text.count(':') - 1)}")


def examples_of(page: str) -> list[Example]:
    found = []
    for section in page.split("\n## ")[1:]:
        heading = section.partition("\n")[0]
        example = Example("_".join(re.findall(r"\w+", heading.lower())))
        for csv_block in re.findall(r"```csv\n(.*?)```", section, re.DOTALL):
            example.funnels += csv_block.splitlines()
        for before, table in re.findall(r"([^\n]*)\n\n((?:\|.*\n)+)", section + "\n"):
            header, _, *rows = (
                [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
            )
            mart = re.search(r"`(\w+)`:$", before)
            if mart:
                example.tables.append((mart[1], header, [tuple(row) for row in rows]))
            elif "event" in header:
                example.events += [dict(zip(header, row, strict=True)) for row in rows]
        if example.events:
            found.append(example)
    return found


EXAMPLES = examples_of(PAGE)
CASES = [(example, *table) for example in EXAMPLES for table in example.tables]


def record_of(event: dict, number: int) -> dict:
    record = {name: value for name, value in event.items() if value}
    record |= {"number": f"n{number}", "at": moment(event["at"]).isoformat()}
    for name in ("agrees", "right"):
        if name in record:
            record[name] = YES_OR_NO[record[name]]
    return record


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("definitions")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder / "data", monkeypatch, folder / "target")
        project = warehouse.with_own_project()
        sources = project / "loaders" / "sources"
        sources.mkdir(parents=True)
        for path in (PROJECT / "loaders" / "sources").glob("*.yml"):
            (sources / path.name).write_text(path.read_text("utf-8"), "utf-8")
        registry = project / "seeds" / "event_registry.csv"
        with registry.open(encoding="utf-8", newline="") as file:
            known = {row["event_name"]: row for row in csv.DictReader(file)}
        for number, example in enumerate(EXAMPLES):
            (sources / f"{example.app}.yml").write_text(SOURCE.format(app=example.app), "utf-8")
            with registry.open("a", encoding="utf-8") as file:
                for word in sorted({event["event"] for event in example.events}):
                    name = EVENTS[word]
                    row = known[name]
                    what = f"{row['event_category']},,,{row['is_activity']},{row['is_view']}"
                    file.write(f"{example.app},{word},{name},{what}\n")
            with (project / "seeds" / "funnel_definitions.csv").open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in example.funnels)
            path = warehouse.folder / "landing" / example.app / "events" / "2026-05-01" / "1.ndjson"
            path.parent.mkdir(parents=True)
            records = enumerate(example.events, start=1000 * number)
            path.write_bytes(as_file([record_of(event, one) for one, event in records]))
        for example in EXAMPLES:
            add_app(example.app, project)
        warehouse.enter()
        report = land(sources=load_sources(sources, registry))
        assert report.failure is None
        assert {outcome.quarantined for outcome in report.outcomes} == {0}
        marts = sorted({mart for _, mart, *_ in CASES})
        selected = [f"+{mart}" for mart in marts]
        warehouse.dbt("build", "--exclude-resource-type", "test", "unit_test", "-s", *selected)
        yield warehouse


def names_of_people(example: Example) -> dict[str, str]:
    """By the key under which they are in the tables."""
    ring = Keyring(b"a key for tests, the same in every warehouse")
    names = {}
    for kind, column in (("user", "user"), ("anonymous", "device")):
        keys = ring.column(kind, example.app, False)
        for name in {event.get(column) for event in example.events} - {None, ""}:
            names[str(uuid.UUID(bytes=keys[name]))] = name
    return names


def shown(value: object) -> str:
    """As the page has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return f"{value.day} {value:%b %H:%M}" + (f":{value:%S}" if value.second else "")
    if isinstance(value, date):
        return f"{value.day} {value:%b}"
    return str(value)


@pytest.mark.parametrize(
    ("example", "mart", "header", "expected"), CASES, ids=[f"{c[0].app}-{c[1]}" for c in CASES]
)
def test_the_tables_say_what_the_page_says(built, example, mart, header, expected):
    people = names_of_people(example)
    columns = [name for name, *_ in built.query(f"describe {mart}")]
    asked = ["person_key" if name == "person" else name for name in header]
    conditions = ["true"]
    if "source_app" in columns:
        conditions.append(f"source_app = '{example.app}'")
    elif "person_key" in columns:
        conditions.append("cast(person_key as varchar) in ('{}')".format("', '".join(people)))
    if "breakdown_name" in columns:
        conditions.append("breakdown_name = 'all'")
    rows = built.query(f"select {', '.join(asked)} from {mart} where {' and '.join(conditions)}")
    found = Counter(
        tuple(
            people.get(str(value), str(value)) if name == "person" else shown(value)
            for name, value in zip(header, row, strict=True)
        )
        for row in rows
    )
    of_page = Counter(expected)
    missing = of_page - found
    near = {row for row in found if any(row[:2] == other[:2] for other in missing)}
    assert not missing, f"the page has {sorted(missing)}, the table {sorted(near or found)}"
    if mart in SHOWN_WHOLE:
        assert found == of_page


def test_the_page_is_read_as_written():
    """A table that is not recognised would be an example that nobody checks."""
    read = len(CASES) + sum(bool(example.events) for example in EXAMPLES)
    assert read == len(re.findall(r"^\|[-|]+\|$", PAGE, re.MULTILINE))
    assert [word for word in EVENTS if f"*{word}*" not in PAGE] == []
