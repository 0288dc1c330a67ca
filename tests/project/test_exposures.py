"""dbt knows what the notebooks read: a mart that somebody changes shows who looks at it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import sqlglot
import yaml
from sqlglot import exp

PROJECT = Path(__file__).resolve().parents[2]
EXPOSURES = {
    exposure["name"]: exposure
    for exposure in yaml.safe_load((PROJECT / "models" / "exposures.yml").read_text("utf-8"))[
        "exposures"
    ]
    if exposure["type"] == "notebook"
}
NOTEBOOKS = sorted(
    path.stem
    for path in (PROJECT / "notebooks").glob("*.py")
    if "marimo.App(" in path.read_text("utf-8")
)
MARTS = {path.stem for path in (PROJECT / "models" / "marts").rglob("*.sql")}
# What publishing itself writes, which is no model.
OF_PUBLISHING = {"publication", "published_tables"}


def queries(notebook: str) -> list[exp.Expression]:
    tree = ast.parse((PROJECT / "notebooks" / f"{notebook}.py").read_text("utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "ask"
    ]
    # A constant: a query that is put together hides what it reads.
    assert all(isinstance(call.args[0], ast.Constant) for call in calls)
    return [sqlglot.parse_one(call.args[0].value, dialect="duckdb") for call in calls]


def tables_read(notebook: str) -> set[str]:
    found = set()
    for query in queries(notebook):
        ctes = {cte.alias for cte in query.find_all(exp.CTE)}
        found |= {table.name for table in query.find_all(exp.Table)} - ctes
    return found - OF_PUBLISHING


def test_every_notebook_is_an_exposure():
    assert sorted(EXPOSURES) == NOTEBOOKS
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_an_exposure_depends_on_what_its_notebook_reads(notebook):
    read = tables_read(notebook)
    assert read <= MARTS
    assert EXPOSURES[notebook]["depends_on"] == [f"ref('{name}')" for name in sorted(read)]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_rates_are_shown_as_they_are(notebook):
    """A mean of rates weighs a day of two people like one of two thousand."""
    averaged = [
        aggregate.sql()
        for query in queries(notebook)
        for aggregate in query.find_all(exp.Avg, exp.Median)
    ]
    assert averaged == []
