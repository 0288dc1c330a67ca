"""dbt inside this process: what it keeps to itself, and what is said of a build that failed."""

from __future__ import annotations

import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult

from loaders.building import BuildFailed, Dbt, _reason


@pytest.mark.parametrize(
    ("caught", "raised"),
    [(ValueError("no such macro"), BuildFailed), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_ctrl_c_is_no_failed_build(monkeypatch, caught, raised):
    """dbt catches it and tells of it like of an error: `run --watch` would go on for ever."""
    answer = dbtRunnerResult(success=False, exception=caught)
    monkeypatch.setattr(dbtRunner, "invoke", lambda self, command: answer)
    with pytest.raises(raised):
        Dbt().project()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(
            'Runtime Error in model m (models/m.sql)\n  Parser Error: syntax error at "fro"\n  \n'
            "  LINE 94: fro staged\n           ^\n",
            ['Parser Error: syntax error at "fro"', "LINE 94: fro staged", "         ^"],
            id="where it repeats is left out",
        ),
        pytest.param(
            "Compilation Error in test t (seeds/_seeds.yml)\n  funnels.csv, f step 1: which?\n  \n"
            "  > in macro require (macros/funnels.sql)\n  > called by test t (seeds/_seeds.yml)",
            ["funnels.csv, f step 1: which?"],
            id="what a macro says",
        ),
        pytest.param("Got 1 result, configured to fail if != 0", ["Got 1 result, "], id="a test"),
        pytest.param("Runtime Error in model m (m.sql)", ["Runtime Error in"], id="that alone"),
        pytest.param("", ["dbt does not say why"], id="nothing"),
        pytest.param("\n".join("abcdefgh"), list("abcdef"), id="much"),
    ],
)
def test_the_reason_is_said_and_no_more(message, expected):
    found = _reason(message)
    assert len(found) == len(expected)
    for line, beginning in zip(found, expected, strict=True):
        assert line.startswith(beginning)
