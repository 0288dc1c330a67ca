"""Every mart says what an export may show of it, and says it of columns that there are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from loaders.suppression import Cells

PROJECT = Path(__file__).resolve().parents[2]
MARTS = {path.stem: path for path in sorted((PROJECT / "models" / "marts").rglob("*.sql"))}
KINDS = {
    "people": {"date", "keys", "free_text"},
    "plain": {"date", "keys", "left_out"},
    "cells": {"date", "cell", "only", "parts", "people", "open", "left_out"},
}
# Keys of what is nobody's own.
NOBODYS_KEYS = {"content_key"}


@cache
def described(mart: str) -> dict:
    text = yaml.safe_load(MARTS[mart].with_suffix(".yml").read_text("utf-8"))
    [model] = [model for model in text["models"] if model["name"] == mart]
    return model


def columns_of(mart: str) -> dict[str, str]:
    return {column["name"]: column["data_type"] for column in described(mart)["columns"]}


@pytest.fixture(params=MARTS)
def mart(request) -> str:
    return request.param


def test_it_declares_what_it_is(mart):
    declared = described(mart).get("config", {}).get("meta", {}).get("export")
    assert declared, f"{mart}.yml: no config: meta: export:, see docs/exporting.md"
    assert set(declared) - {"kind"} <= KINDS[declared["kind"]]
    columns = columns_of(mart)
    lists = (declared.get(name, ()) for name in ("keys", "free_text", "left_out"))
    named = [declared.get("date"), *(name for names in lists for name in names)]
    assert {name for name in named if name} <= set(columns)
    if declared.get("date"):
        assert columns[declared["date"]] in ("date", "timestamp")


def test_its_keys_are_hashed_again(mart):
    declared = described(mart)["config"]["meta"]["export"]
    keys = {name for name, type in columns_of(mart).items() if type == "uuid"} - NOBODYS_KEYS
    if declared["kind"] == "cells":
        assert keys == set(), "a table of counts names nobody"
    assert keys <= set(declared.get("keys", ()))
    if any(name in keys for name in ("person_key", "user_key", "session_id")):
        assert declared["kind"] == "people"


def test_each_number_of_a_table_of_counts_has_one_fate(mart):
    declared = described(mart)["config"]["meta"]["export"]
    if declared["kind"] != "cells":
        return
    cells = Cells.of(declared)
    hidden = [name for group in cells.people for name in group.hides]
    places = [*cells.cell, *cells.open, *declared.get("left_out", ()), *hidden]
    assert sorted(places) == sorted(columns_of(mart))
    groups = [group.name for group in cells.people]
    assert len(set(groups)) == len(groups)
    for number, group in enumerate(cells.people):
        assert set(group.after) <= set(groups[:number]), "only what was judged before is known"
        assert set(group.onward) <= set(cells.cell)
    for parts in cells.parts:
        assert set(parts.whole) <= set(cells.cell)
        assert set(parts.groups) <= set(groups)
        assert parts.whole or parts.by


def test_a_plain_table_tells_no_number_that_a_table_of_counts_may_hide():
    left_out = {mart: described(mart)["config"]["meta"]["export"].get("left_out") for mart in MARTS}
    assert left_out["restatements"] == ["value_before", "value_after", "late_event_count"]
    assert left_out["event_quality"] == ["anonymous_count"]


def test_columns_of_what_people_typed_are_left_out_unless_asked_for():
    """A column of a mart is named as the field that a source file calls free text."""
    typed = {
        path.rpartition(".")[2]
        for source in (PROJECT / "loaders" / "sources").glob("*.yml")
        for stream in yaml.safe_load(source.read_text("utf-8"))["streams"].values()
        for path in stream.get("free_text", ())
    }
    assert "selected_answer" in typed
    for mart in MARTS:
        free_text = described(mart)["config"]["meta"]["export"].get("free_text", ())
        assert typed & set(columns_of(mart)) <= set(free_text), mart
