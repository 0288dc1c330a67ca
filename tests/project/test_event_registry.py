"""The registry's own rules. A change to seeds/event_registry.csv that breaks one says where."""

from __future__ import annotations

import pytest

from loaders.registry import (
    MIXED_ACTIVITY,
    RegistryProblem,
    check_registry,
    problems,
    read_registry,
    read_taken_away,
)
from loaders.sources import REGISTRY
from loaders.sources import SOURCES_FOLDER as SOURCES


def test_the_registry_keeps_its_rules():
    found = list(problems(read_registry(REGISTRY), read_taken_away(SOURCES)))
    assert not found, "\n".join(["", *found])


def test_every_exception_is_still_one():
    activity: dict[tuple[str, str], set[str]] = {}
    for _, row in read_registry(REGISTRY):
        key = (row["source_app"], row["event_name"])
        activity.setdefault(key, set()).add(row["is_activity"])
    mixed = {key for key, values in activity.items() if len(values) > 1}
    assert mixed == set(MIXED_ACTIVITY)


GOOD = {
    "source_app": "academy",
    "event_type": "PAGE_VIEW",
    "event_name": "PAGE_VIEW",
    "event_category": "NAVIGATION",
    "required_fields": "courseId:string",
    "optional_fields": "prompt:string",
    "is_activity": "true",
    "is_view": "false",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param([{}], None, id="a good row"),
        pytest.param([{}, {"event_type": "page_view"}], "line 3, event_type", id="type twice"),
        pytest.param([{"source_app": "acadmy"}], "line 2, source_app", id="unknown app"),
        pytest.param([{"event_name": "VIEW"}], "line 2, event_name", id="no action"),
        pytest.param(
            [{}, {"event_type": "VIEW", "event_category": "SESSION"}],
            "line 3, event_category",
            id="two categories for a name",
        ),
        pytest.param(
            [{}, {"event_type": "VIEW", "is_activity": "false"}],
            "line 3, is_activity",
            id="activity and not",
        ),
        pytest.param([{"is_view": "yes"}], "line 2, is_view", id="neither true nor false"),
        pytest.param(
            [{"is_view": "true", "is_activity": "false"}], "line 2, is_view", id="seen by nobody"
        ),
        pytest.param(
            [{"required_fields": "courseId:text"}], "line 2, required_fields", id="unknown type"
        ),
        pytest.param(
            [{"optional_fields": "courseId:int"}], "line 2, optional_fields", id="field twice"
        ),
        pytest.param([{"optional_fields": "score:number:0..1"}], None, id="a good range"),
        pytest.param([{"optional_fields": "score:number:0.5.."}], None, id="no most"),
        pytest.param(
            [{"optional_fields": "score:number:1..0"}],
            "line 2, optional_fields",
            id="range reversed",
        ),
        pytest.param(
            [{"optional_fields": "name:string:0..1"}], "line 2, optional_fields", id="range of text"
        ),
        pytest.param(
            [{"required_fields": "prompt:string", "optional_fields": ""}],
            "line 2, required_fields",
            id="free text required",
        ),
    ],
)
def test_a_broken_rule_is_reported_with_its_line_and_column(changes, expected):
    rows = [(number, GOOD | change) for number, change in enumerate(changes, start=2)]
    found = list(problems(rows, {"academy": {"prompt"}}))
    assert len(found) == (expected is not None), found
    assert all(expected in problem for problem in found)


def test_all_that_is_wrong_is_said_at_once_before_anything_is_done(tmp_path):
    registry = tmp_path / "event_registry.csv"
    rows = REGISTRY.read_text("utf-8")
    registry.write_text(
        rows
        + "academy,RATE,RATING_GIVE,CONTENT,stars:integer:1..5,,true,false\n"
        + "academy,STEP,STEP_DONE,CONTENT,step:int, took:int,true,false\n"
        + "acadmy,PING,PING_SEND,CONTENT,,,true,no\n",
        "utf-8",
    )
    last = len(rows.splitlines()) + 3
    with pytest.raises(RegistryProblem) as told:
        check_registry(registry, SOURCES)
    for line, what in (
        (last - 2, "required_fields: 'stars:integer:1..5': the type must be one of bool, int, "),
        (last - 1, "optional_fields: has a space too many"),
        (last, "source_app: loaders/sources/acadmy.yml is not there"),
        (last, "is_view: 'no' is neither true nor false"),
    ):
        assert f"line {line}, {what}" in str(told.value)


@pytest.mark.parametrize(
    "text", ["source_app,event_type\n", 'academy,"PAGE\n', ""], ids=["short", "quote", "empty"]
)
def test_what_is_no_registry_is_said_so(tmp_path, text):
    registry = tmp_path / "event_registry.csv"
    registry.write_text(text, "utf-8")
    with pytest.raises(RegistryProblem, match=r"^seeds/event_registry\.csv: "):
        check_registry(registry, SOURCES)
