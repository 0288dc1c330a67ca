"""dbt inside this process: what it keeps to itself."""

from __future__ import annotations

from types import SimpleNamespace

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
    ("message", "said"),
    [
        (
            "Runtime Error in model sessions (models/sessions.sql)\n"
            "  IO Error: Could not write: No space left on device\n  at line 3",
            "IO Error: Could not write: No space left on device",
        ),
        ("Got 2 results, configured to fail if != 0", "Got 2 results, configured to fail if != 0"),
        (None, ""),
    ],
)
def test_what_failed_is_said_with_its_reason(message, said):
    assert _reason(SimpleNamespace(message=message)) == said
