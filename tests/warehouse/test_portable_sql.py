"""Models above staging are SQL that Spark understands as well; what is not is behind a macro."""

from __future__ import annotations

import re
from random import Random

import pytest
import sqlglot
from sqlglot import expressions

from tests.warehouse.conftest import PROJECT, Warehouse
from tests.warehouse.worlds import extracts, world

ENGINE = PROJECT / "macros" / "engine"
# What DuckDB's side of the macros in macros/engine is made of.
BEHIND_MACROS = {
    "epoch_us", "from_json", "generate_series", "json_array_length", "json_extract_string",
    "make_timestamp", "md5_number", "pg_timezone_names", "quantile_cont", "regexp_matches", "row",
    "timezone",
}  # fmt: skip
# Of a whole partition these are the same in any order.
ORDERLESS = (expressions.Min, expressions.Max, expressions.Count)
# Kinds that no funnel of ours is: models write SQL only for what the seed asks for.
FUNNELS = """\
all_kinds_strict,1,a,PAGE_VIEW,academy,,,30,strict,session,properties.metadata.source
all_kinds_strict,2,b,LLM_PROMPT,academy,properties.metadata.source,x,,,,
all_kinds_any,1,a,PAGE_VIEW,academy,,,30,any_order,person,
all_kinds_any,2,b,LLM_PROMPT,academy,,,,,,
all_kinds_any,0,x,PROMPT_SAVE,academy,,,,,,
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder / "data", monkeypatch, folder / "target")
        with (warehouse.with_own_project() / "seeds" / "funnel_definitions.csv").open("a") as seed:
            seed.write(FUNNELS)
        warehouse.land(world(Random(1), 10) | extracts(Random(1)))
        warehouse.dbt("seed")
        warehouse.dbt("run", "--empty")
        warehouse.dbt("compile", "--full-refresh", "-s", "intermediate", "marts")
        models = warehouse.models()
    return {
        path.stem: path.read_text("utf-8")
        for path in sorted((folder / "target" / "compiled").rglob("*.sql"))
        if path.stem in models and models[path.stem]["schema"] != "staging"
    }


def test_every_model_is_read_in_the_dialect_of_spark(compiled):
    assert len(compiled) > 15
    problems = {}
    for name, sql in compiled.items():
        try:
            tree = sqlglot.parse_one(sql, dialect="spark")
        except sqlglot.errors.ParseError as error:
            problems[name] = str(error)
            continue
        unknown = {call.name.lower() for call in tree.find_all(expressions.Anonymous)}
        if unknown - BEHIND_MACROS:
            problems[name] = f"no function of Spark's: {sorted(unknown - BEHIND_MACROS)}"
    assert problems == {}


def test_every_window_has_an_order(compiled):
    """Without one, the same rows in another order give another table."""
    offenders = [
        f"{name}: {window.sql()[:100]}"
        for name, sql in compiled.items()
        for window in sqlglot.parse_one(sql, dialect="duckdb").find_all(expressions.Window)
        # One that names another has its order; the other is looked at where it is defined.
        if not window.args.get("order") and not window.args.get("alias")
        if not isinstance(window.this, ORDERLESS)
    ]
    assert offenders == []


def test_every_engine_macro_has_an_example_and_a_test():
    tested = (PROJECT / "tests/singular/assert_engine_macros_do_what_they_say.sql").read_text()
    offenders = []
    for path in sorted(ENGINE.glob("*.sql")):
        text = path.read_text("utf-8")
        for name in re.findall(r"{% macro (\w+)\(", text):
            if re.match(r"(duckdb|spark|default)_", name):
                continue
            if f"{name}(" not in tested and name != "table_fingerprint":
                offenders.append(f"{path.name}: {name} has no line in the test of the macros")
        if "Example:" not in text:
            offenders.append(f"{path.name}: no example")
    assert offenders == []
