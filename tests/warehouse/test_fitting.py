"""`sightline fit-mastery` on a world that was simulated, landed and built, and the next build."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys

from tests.warehouse.conftest import Warehouse
from tests.warehouse.mastery_reference import shipped_seed

MAIN = "from loaders.cli import main; main(prog_name='sightline')"
LOG_LOSS = """
select -avg(ln(case when is_success then predicted_rate else 1 - predicted_rate end))
from intermediate.int_attempt_predictions
where is_profiled and not is_rapid_guess
"""


def test_the_fitted_coefficients_predict_better_once_they_are_built_with(
    planted, tmp_path, monkeypatch
):
    (tmp_path / "data").mkdir()
    warehouse = Warehouse(tmp_path / "data", monkeypatch, tmp_path / "target")
    project = warehouse.with_own_project()
    shutil.copytree(planted.folder / "project", project, dirs_exist_ok=True)
    # The project's own may have been refitted already, on a world like this.
    seed = project / "seeds" / "mastery_coefficients.csv"
    seed.write_text(shipped_seed(), "utf-8")
    work = tmp_path / "data" / "work.duckdb"
    shutil.copy(planted.folder / "work.duckdb", work)
    rebuild(warehouse)
    [[before]] = warehouse.query(LOG_LOSS)
    content = hashlib.sha256(work.read_bytes()).hexdigest()

    # In a process of its own, as users run it.
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "fit-mastery"],
        env=os.environ | warehouse.environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert hashlib.sha256(work.read_bytes()).hexdigest() == content
    said = re.search(r"all answers +(\S+) +(\S+)", done.stdout)
    assert abs(float(said[1]) - before) < 0.0001

    rebuild(warehouse)
    [[after]] = warehouse.query(LOG_LOSS)
    # Of coefficients that everybody had a part in: a bit better than what was said.
    assert after < float(said[2]) < before


def rebuild(warehouse: Warehouse) -> None:
    warehouse.dbt("seed", "-s", "mastery_coefficients")
    warehouse.dbt("run", "-s", "int_mastery_coefficients", "int_attempt_predictions")
