"""Funnels in SQL against plain Python: the worked examples, and random people."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from random import Random

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import Warehouse, models_alone
from tests.warehouse.funnel_reference import DAY, Event, Funnel, Person, people_of
from tests.warehouse.worlds import world

INPUTS = (
    "intermediate.int_funnel_events", "intermediate.int_actor_persons",
    "intermediate.int_data_watermark", "intermediate.int_session_openings",
)  # fmt: skip
MODELS = (
    "intermediate.int_funnel_attempts", "intermediate.int_funnel_steps", "main.funnel_people",
    "main.funnel_people_steps",
)  # fmt: skip
# What the letters stand for in the seed, where only events of the registry are allowed.
EVENTS = {
    "A": "PAGE_VIEW",
    "B": "LLM_PROMPT",
    "C": "PROMPT_SAVE",
    "D": "USER_LOGIN",
    "X": "CODE_VIEW",
}
MINUTE = 60 * 1_000_000
# A Monday at midnight; the data ends four days later.
BEGIN = 1_772_409_600 * 1_000_000
END = BEGIN + 4 * DAY
AS_OF = "2026-03-05"

FUNNELS = [
    Funnel("two", ("A", "B")),
    Funnel("three", ("A", "B", "C")),
    Funnel("again", ("A", "A")),
    Funnel("there_and_back", ("A", "B", "A")),
    Funnel("either", ("AD", "B", "CD")),
    Funnel("strict", ("A", "B", "C"), ordering="strict"),
    Funnel("strict_again", ("A", "A"), ordering="strict"),
    Funnel("any", ("A", "B", "C"), ordering="any_order"),
    Funnel("any_two", ("A", "B"), ordering="any_order"),
    Funnel("without", ("A", "B"), excluded="X"),
    Funnel("three_without", ("A", "B", "C"), excluded="X"),
    Funnel("any_without", ("A", "B", "C"), ordering="any_order", excluded="X"),
]
BY_NAME = {funnel.name: funnel for funnel in FUNNELS}


def seed_of(funnels: list[Funnel]) -> str:
    lines = [
        "funnel_name,step_number,step_name,event_name,source_app,property_name,property_value,"
        "window_minutes,ordering,unit,breakdown_name"
    ]
    for funnel in funnels:
        options = f"{funnel.window // MINUTE},{funnel.ordering},{funnel.unit},"
        for number, letters in enumerate(funnel.steps, 1):
            for letter in letters:
                lines.append(f"{funnel.name},{number},step {number},{EVENTS[letter]},,,,{options}")
                options = ",,,"
        for letter in funnel.excluded:
            lines.append(f"{funnel.name},0,excluded,{EVENTS[letter]},,,,,,,")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def sql(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("funnels")
    with models_alone(folder, INPUTS, MODELS, funnel_definitions=seed_of(FUNNELS)) as con:
        con.execute(f"insert into work.intermediate.int_data_watermark values ('{AS_OF}')")
        yield con


def key_of(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def fill(con: duckdb.DuckDBPyConnection, events: list[Event]) -> None:
    rows = []
    for funnel in FUNNELS:
        for event in events:
            steps: list[int | None] = list(funnel.steps_of(event.letter))
            steps += [0] if event.letter in funnel.excluded else []
            steps += [None] if funnel.ordering == "strict" else []
            rows += [(funnel.name, step, event) for step in steps]
    table = pa.table(
        {
            "visitor_key": [event.unit for _, _, event in rows],
            "actor_key": [event.unit for _, _, event in rows],
            "actor_kind": ["user" for _ in rows],
            "session_id": pa.array([None for _ in rows], pa.string()),
            "funnel_name": [name for name, _, _ in rows],
            "step_number": pa.array([step for _, step, _ in rows], pa.int32()),
            "event_key": [event.key for _, _, event in rows],
            "breakdown_value": pa.array([None for _ in rows], pa.string()),
            "occurred_at": pa.array([event.time for _, _, event in rows], pa.timestamp("us")),
        }
    )
    con.execute("truncate work.intermediate.int_funnel_events")
    con.register("filled", table)
    con.execute("insert into work.intermediate.int_funnel_events by name select * from filled")
    con.unregister("filled")


def answers(con: duckdb.DuckDBPyConnection) -> dict[str, dict[tuple[str, int], Person]]:
    found: dict[str, dict[tuple[str, int], Person]] = {name: {} for name in BY_NAME}
    rows = con.execute(
        "select people.funnel_name, cast(person_key as varchar),"
        " epoch_us(any_value(entered_at)) // 86400000000, any_value(level_reached),"
        " epoch_us(any_value(entered_at)), epoch_us(any_value(last_step_at)),"
        " any_value(is_open), any_value(stop_reason),"
        " epoch_us(cast(entry_date as timestamp)) // 86400000000,"
        " list(step_number order by step_number), list(epoch_us(reached_at) order by step_number),"
        " bool_and(started_at = entered_at)"
        " from work.main.funnel_people as people"
        " left join work.main.funnel_people_steps as steps"
        " using (funnel_name, entry_date, person_key) group by all"
    ).fetchall()
    for (
        name, unit, day, level, entered, reached, is_open, reason, entry_day, steps, times, is_one
    ) in rows:  # fmt: skip
        assert day == entry_day
        assert (unit, day) not in found[name]
        # All that is shown is of one attempt.
        assert steps == list(range(1, level + 1))
        assert is_one
        assert times[-1] == reached
        found[name][unit, day] = Person(level, entered, tuple(times), is_open, reason)
    return found


def events_of(text: str) -> list[Event]:
    """ "A0 B30": letters with minutes."""
    return [
        Event(key_of("one"), BEGIN + int(part[1:]) * MINUTE, key_of(f"{place} {part}"), part[0])
        for place, part in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("name", "text", "level", "reason"),
    [
        ("three", "A0 A30 B45 C75", 3, None),  # by the attempt from A30
        ("two", "A0 A120 B150", 2, None),
        ("strict", "A0 X1 A2 B3 C4", 3, None),
        ("strict", "A0 X1 B2 C3", 1, "not the next event"),
        ("without", "A0 X1 B2", 1, "excluded"),
        ("without", "A0 X1 A2 B3", 2, None),
        ("again", "A0", 1, "no event"),
        ("again", "A0 A5", 2, None),
        ("two", "B0 A10", 1, "no event"),
        ("two", "A0 B0", 2, None),
        ("two", "A0 B60", 2, None),
        ("two", "A0 B61", 1, "out of window"),
        ("any", "C0 B10 A60", 3, None),
        ("any", "C0 B10 A61", 2, "out of window"),
        ("any", "C0 B10", 2, "no event"),
        ("any_two", "A0 B90", 1, "out of window"),
        ("any_two", "A0 B60", 2, None),
        ("any_two", "A0", 1, "no event"),
        ("any_without", "A0 X5 B10", 1, "excluded"),
        ("any_without", "A0 B5 X10 C15", 2, "excluded"),
        ("any_without", "A0 X5 B90", 1, "out of window"),
        # Of attempts that got as far, the latest is explained.
        ("without", "A0 A30 X35 B70", 1, "excluded"),
        ("without", "A0 X35 A40 B101", 1, "out of window"),
        ("three", "A0 B5 A30", 2, "no event"),
        ("three", "A0 B5 A30 B35 C91", 2, "out of window"),
        ("there_and_back", "A0 B5", 2, "no event"),
        ("there_and_back", "A0 B5 A9", 3, None),
    ],
)
def test_the_worked_examples(sql, name, text, level, reason):
    fill(sql, events_of(text))
    [person] = answers(sql)[name].values()
    assert (person.level, person.reason) == (level, reason)
    assert answers(sql)[name] == people_of(BY_NAME[name], events_of(text), END)


def test_a_completion_belongs_to_the_latest_start_and_its_day(sql):
    fill(sql, events_of("A1430 A1445 B1450"))
    people = answers(sql)["two"]
    assert [(person.level, person.reason) for _, person in sorted(people.items())] == [
        (1, "counted for a later start"),
        (2, None),
    ]


def test_who_may_convert_from_a_later_start_is_open(sql):
    """The attempt that got furthest is over, but the day is not decided."""
    end = 4 * 24 * 60
    fill(sql, events_of(f"A{end - 90} B{end - 80} A{end - 10}"))
    [person] = answers(sql)["three"].values()
    assert (person.level, person.is_open, person.reason) == (2, True, "open")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        # The completion is of the later start, not of both.
        ("A1430 A1445 B1450", {0: 1, 1: 2}),
        # Who took the second step after midnight does not enter anew with it.
        ("A1430 B1450", {0: 2}),
        ("A1430 B1438 B1450", {0: 2}),
        ("A1430 B1438 A1450", {0: 2}),
        # But with what comes later, and with what is itself completed.
        ("A1430 B1450 B1520", {0: 2, 1: 1}),
        ("A1430 B1450 A1500", {0: 2, 1: 2}),
        # A step that was not enough is a start like any other.
        ("A1430 B1495", {0: 1, 1: 1}),
    ],
)
def test_in_any_order_a_completion_is_of_one_day(sql, text, days):
    fill(sql, events_of(text))
    people = answers(sql)["any_two"]
    first_day = BEGIN // DAY
    assert {day - first_day: person.level for (_, day), person in people.items()} == days
    assert people == people_of(BY_NAME["any_two"], events_of(text), END)


def test_whose_window_is_not_closed_is_open(sql):
    end = 4 * 24 * 60
    fill(sql, events_of(f"A{end - 60}"))
    [person] = answers(sql)["two"].values()
    assert person.is_open
    fill(sql, events_of(f"A{end - 61}"))
    [person] = answers(sql)["two"].values()
    assert (person.is_open, person.reason) == (False, "no event")


GAPS = [0, 0, 0, 1, 20, 29, 30, 31, 59, 60, 61, 300, 1380]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32 - 1))
def test_everybody_gets_as_far_as_the_reference_says(sql, seed):
    """250 people an example, ten thousands in all, in each of the funnels."""
    random = Random(seed)
    letters = random.choice(["AB", "ABC", "ABX", "AABBCX", "ABCDX"])
    events = []
    for number in range(250):
        unit, time = key_of(f"{seed} {number}"), BEGIN + random.choice([0, 1400, 4000]) * MINUTE
        for place in range(random.randint(1, 9)):
            time += random.choice(GAPS) * MINUTE
            event_key = key_of(f"{seed} {number} {place}")
            events.append(Event(unit, time, event_key, random.choice(letters)))
    fill(sql, events)
    found = answers(sql)
    for name, funnel in BY_NAME.items():
        assert found[name] == people_of(funnel, events, END), name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("two,3,gap,PAGE_VIEW,,,,,,,", "two step 3, step_number: there is no step 2"),
        ("new,1,first,PAGE_VIEW,,,,30,sorted,person,", "new step 1, ordering"),
        ("new,1,first,PAGE_VIEW,,,,,ordered,person,", "new step 1, window_minutes"),
        ("new,1,first,PAGE_VIEW,,,,30,ordered,family,", "new step 1, unit"),
        ("two,1,other name,CODE_VIEW,,,,,,,", "two step 1, step_name"),
        ("two,0,excluded,CODE_VIEW,,is_correct,,,,,", "two step 0, property_name"),
        ("two,0,excluded,CODE_VIEW,,,,30,,,", "two step 0, window_minutes"),
        ("new,1,first,PAGE_VEIW,,,,30,ordered,person,", "new step 1, event_name"),
        ("new,1,first,PAGE_VIEW,,is_right,true,30,ordered,person,", "new step 1, property_name"),
        ("new,1,first,PAGE_VIEW,,,,30,ordered,person,devise", "new step 1, breakdown_name"),
        ("two,-1,less,CODE_VIEW,,,,,,,", "two step -1, step_number"),
        ("two,2,second,CODE_VEIW,,,,,,,", "two step 2, event_name: event_registry.csv has no"),
        ("two,2,second,CODE_VIEW,studyin,,,,,,", "two step 2, event_name: event_registry.csv has"),
        (
            "any,1,a,CODE_VIEW,,,,30,any_order,person,\nany,2,b,CODE_VIEW,,,,,,,",
            "any step 2, event_name: in any order an event takes one step",
        ),
        (
            "any,1,a,CODE_VIEW,,is_correct,true,30,any_order,person,\n"
            "any,2,b,CODE_VIEW,,is_success,false,,,,",
            "any step 2, event_name: in any order an event takes one step",
        ),
        (
            "any,1,a,CODE_VIEW,,is_correct,true,30,any_order,person,\nany,2,b,CODE_VIEW,,,,,,,",
            "any step 2, event_name: in any order an event takes one step",
        ),
        ("two,0,excluded,PAGE_VIEW,,,,,,,", "two step 1, event_name: what takes a step cannot"),
        ("two,1,step 1,PAGE_VIEW,,,,,,,", "two step 1, event_name: there are two rows of PAGE"),
        ("new,1,first,PAGE_VIEW,,,,1.5,ordered,person,", "new step 1, window_minutes"),
        ("new,1,first,PAGE_VIEW,,,,99999999999999,ordered,person,", "new step 1, window_minutes"),
        ("two,2,b,CODE_VIEW,,properties.it's,1,,,,", "two step 2, property_name: letters, dig"),
        (
            "new,1,first,PAGE_VIEW,,,,30,ordered,person,properties.it's",
            "new step 1, breakdown_name: letters, digits",
        ),
        (
            "new,1,first,PAGE_VIEW,,,,30,ordered,person,person_key",
            "new step 1, breakdown_name: who",
        ),
        ("two,2, second,CODE_VIEW,,,,,,,", "two step 2, step_name: there is a space"),
        ("two ,2,second,CODE_VIEW,,,,,,,", "two  step 2, funnel_name: there is a space"),
    ],
)
def test_a_mistake_in_the_seed_names_row_and_column(broken_seed, line, expected):
    seed, build = broken_seed
    seed.write_text(seed_of([Funnel("two", ("A",))]) + line + "\n", "utf-8")
    assert f"funnel_definitions.csv, {expected}" in build()


def test_the_options_can_stand_in_any_row_of_step_1(broken_seed):
    """Of several events of step 1 the file's first row need not be the first by name."""
    seed, build = broken_seed
    rows = "new,1,first,PAGE_VIEW,,,,30,ordered,person,\nnew,1,first,CODE_VIEW,,,,,,,\n"
    # A later mistake is what stops it.
    seed.write_text(seed_of([]) + rows + "new,3,gap,PAGE_VIEW,,,,,,,\n", "utf-8")
    assert "new step 3, step_number: there is no step 2" in build()


def test_two_rows_of_an_event_are_told_apart_by_a_property(broken_seed):
    seed, build = broken_seed
    rows = (
        "any,1,right,CODE_VIEW,,is_correct,true,30,any_order,person,\n"
        "any,2,wrong,CODE_VIEW,,is_correct,false,,,,\n"
        "new,1,right,CODE_VIEW,,is_correct,true,5256000,ordered,person,\n"
        "new,0,wrong,CODE_VIEW,,is_correct,false,,,,\n"
    )
    # A later mistake is what stops it.
    seed.write_text(seed_of([]) + rows + "new,3,gap,PAGE_VIEW,,,,,,,\n", "utf-8")
    assert "new step 3, step_number: there is no step 2" in build()


def test_a_property_that_no_event_has_is_warned_of(tmp_path, monkeypatch):
    warehouse = Warehouse(tmp_path, monkeypatch, tmp_path / "target")
    project = warehouse.with_own_project()
    rows = (
        "f,1,a,QUESTION_VIEW,studyin,,,30,ordered,person,topic_id\n"
        "f,2,b,QUESTION_SUBMIT,studyin,properties.is_correct,1,,,,\n"
        "f,2,b,QUESTION_SUBMIT,studyin,properties.properties.is_correct,1,,,,\n"
        "g,1,a,QUESTION_VIEW,studyin,,,30,ordered,person,properties.topic\n"
    )
    (project / "seeds" / "funnel_definitions.csv").write_text(seed_of([]) + rows, "utf-8")
    warehouse.land(world(Random(1), 60))
    warehouse.dbt("run-operation", "create_build_progress")
    warehouse.dbt("seed")
    warehouse.dbt("run", "-s", "+int_events")
    warehouse.dbt("compile", "-s", "assert_properties_of_funnels_occur")
    [path] = (tmp_path / "target" / "compiled").rglob("assert_properties_of_funnels_occur.sql")
    assert sorted(warehouse.query(path.read_text("utf-8"))) == [
        ("f", 2, "QUESTION_SUBMIT", "property_name", "properties.is_correct"),
        ("g", 1, "QUESTION_VIEW", "breakdown_name", "properties.topic"),
    ]


@pytest.fixture(scope="module")
def broken_seed(tmp_path_factory):
    """A file for a seed, and what the model that reads it says of it."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder / "data", monkeypatch, folder / "target")
        warehouse.land(world(Random(1), 5))
        warehouse.dbt("seed")
        warehouse.dbt("run", "--empty", "-s", "+int_funnel_events")
        seed = folder / "funnel_definitions.csv"

        def build() -> str:
            # As `dbt seed` does, in a tenth of its time.
            with duckdb.connect(str(folder / "data" / "work.duckdb")) as con:
                con.execute("truncate seeds.funnel_definitions")
                con.execute(f"copy seeds.funnel_definitions from '{seed}' (header, quote '\"')")
            with pytest.raises(AssertionError) as error:
                warehouse.dbt("compile", "-s", "int_funnel_events")
            return str(error.value)

        yield seed, build
