"""dbt inside this process: what it keeps to itself."""

from __future__ import annotations

import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult

from loaders.building import BuildFailed, Dbt


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
