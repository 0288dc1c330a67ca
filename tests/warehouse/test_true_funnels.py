"""Who really took the steps of a funnel is who the tables say took them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

import pytest

from simulator.true_funnels import FUNNELS
from tests.warehouse.planted import APPS, SHORT_WINDOWS, assert_documented, registry

STEPS = {funnel.name: [name for name, _ in funnel.steps] for funnel in FUNNELS}
SOON = {
    f"{name}_soon": (STEPS[name], timedelta(minutes=minutes))
    for name, minutes in SHORT_WINDOWS.items()
}
WEEK = timedelta(days=7)
WITHIN = SOON | {
    "material_completed": (["MATERIAL_OPEN", "MATERIAL_READ", "MATERIAL_COMPLETE"], WEEK)
}
# In the interaction log most people come without an account at least once, and are then nobody.
MOST_ARE_KNOWN = {"academy": 50, "studyin": 100, "sketchychain": 100, "interaction_log": 6}
APP_OF = {"sketch_prompt_soon": "sketchychain"}


@pytest.mark.parametrize("funnel", FUNNELS, ids=[funnel.name for funnel in FUNNELS])
def test_whoever_took_a_step_is_known_to_have_taken_it_and_when(planted, known, funnel):
    """Person by person: how far each got, and when the first came to the last step."""
    taken = defaultdict(dict)
    for row in planted.truth("funnel_people"):
        if row["funnel"] == funnel.name and row["person"] in known[funnel.source]:
            taken[row["person"]][row["step"]] = row["reached_at"]
    found = {
        planted.person_of_key[person]: (level, converted_at)
        for person, level, converted_at in planted.query(
            "select cast(person_key as varchar), max(level_reached), min(converted_at)"
            f" from funnel_people where funnel_name = '{funnel.name}' group by person_key"
        )
        if person in planted.person_of_key
    }
    last = len(funnel.steps)
    wanted = {person: (max(steps), steps.get(last)) for person, steps in taken.items()}
    assert {person: found[person] for person in found if person in known[funnel.source]} == wanted
    assert len(wanted) >= MOST_ARE_KNOWN[funnel.source]
    assert len({level for level, _ in wanted.values()}) > 1
    names = ", ".join(STEPS[funnel.name])
    everybody = len(people_of(planted, funnel))
    assert_documented(f"| {names} | {everybody} | {len(wanted)} | 0 |")


def people_of(planted, funnel) -> set[int]:
    return {row["person"] for row in planted.truth("funnel_people") if row["funnel"] == funnel.name}


@pytest.fixture(scope="module")
def known(planted) -> dict[str, set[int]]:
    """People of each app all of whose events are theirs in the tables, and theirs alone.

    Not whoever denies consent, a visitor who never signed in on one of her devices, or anybody
    whose deeds on a shared device went to another: test_truth.py says whose those are.
    """
    people = {app: set(planted.consenting) for app in APPS}
    person_of_visit = {
        planted.key("session", row["source_app"], row["client_session_id"]): row["person"]
        for row in planted.truth("sessions")
    }
    for app, visit, key in planted.query(
        "select distinct source_app, cast(client_session_id as varchar),"
        " cast(person_key as varchar) from events where client_session_id is not null"
    ):
        true, found = person_of_visit.get(visit), planted.person_of_key.get(key)
        if true != found:
            people[app] -= {true, found}
    return people


@pytest.mark.parametrize("name", WITHIN)
def test_each_day_as_many_enter_convert_and_are_open_as_did(planted, name):
    """From the files, with the truth's persons: no table of the warehouse is read for it."""
    steps, window = WITHIN[name]
    [(today,)] = planted.query("select as_of_date from intermediate.int_data_watermark")
    wanted = days_of(visits_of(planted, APP_OF.get(name, "studyin"), steps), steps, window, today)
    found = {}
    for day, step, entered, reached, still_open in planted.query(
        "select entry_date, step_number, entered_count, reached_count, open_count from funnels"
        f" where funnel_name = '{name}' and breakdown_name = 'all'"
    ):
        found[day, step] = (entered, reached, still_open)
    assert found == wanted
    assert len({day for day, _ in wanted}) > 40


def visits_of(planted, app: str, steps: list[str]) -> dict[object, list[tuple[datetime, int]]]:
    """Steps by person, or by visit of who denies consent and is somebody else each time."""
    names = registry(app)
    people = {}
    for number, person in planted.people.items():
        plain = person[f"{app}_user_id"]
        people[plain] = people[hashlib.sha256(plain.encode()).hexdigest()] = number
    units = defaultdict(list)
    for event in planted.landed(app):
        event_name = names[event["event_type"].lower()]["event_name"]
        if event_name in steps:
            person = people[event["user_id"]]
            unit = person if person in planted.consenting else event["session_id"]
            at = event["timestamp"]
            at = datetime.fromisoformat(at) if isinstance(at, str) else at
            units[unit].append((at.replace(tzinfo=None), steps.index(event_name) + 1))
    return units


def days_of(
    units: dict[object, list[tuple[datetime, int]]],
    steps: list[str],
    window: timedelta,
    today: date,
) -> dict[tuple[date, int], tuple[int, int, int]]:
    """(day of entry, step) → how many entered and are decided, reached the step, are open."""
    end = datetime.combine(today, datetime.min.time()) + timedelta(days=1)
    counts = Counter()
    for events in units.values():
        levels: dict[date, int] = defaultdict(int)
        entered: dict[date, datetime] = {}
        latest_start: dict[int, datetime] = {}
        for at, step in sorted(events):
            start = at if step == 1 else latest_start.get(step - 1)
            if start is None or at - start > window:
                continue
            latest_start[step] = max(start, latest_start.get(step, start))
            levels[start.date()] = max(levels[start.date()], step)
            if step == 1:
                entered[at.date()] = at
        for day, level in levels.items():
            is_open = level < len(steps) and entered[day] + window >= end
            for step in range(1, len(steps) + 1):
                counts[day, step, "open" if is_open else "entered"] += 1
                counts[day, step, "reached"] += not is_open and level >= step
    return {
        (day, step): tuple(counts[day, step, what] for what in ("entered", "reached", "open"))
        for day, step, _ in counts
    }
