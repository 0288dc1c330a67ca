"""A simulated world knows what each of its files holds: the ledger must say the same."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from simulator import simulate


@pytest.mark.parametrize("clean", [False, True])
def test_the_ledger_counts_what_the_simulator_wrote(door, clean):
    simulate(door.landing, users=60, days=8, seed=7, clean=clean)
    report = door.land()
    [truth] = door.data.rglob("truth/files.parquet")
    planted = {
        entry["path"]: (
            entry["lines"],
            entry["records"] - entry["duplicate_records"] - entry["missing_id_records"],
            entry["duplicate_records"],
            entry["malformed_lines"] + entry["missing_id_records"],
            entry["blank_lines"],
        )
        for entry in pq.read_table(truth).to_pylist()
    }
    counted = door.query(
        "select file, line_count, landed_count, duplicate_count, quarantined_count, blank_count "
        "from raw.load_ledger where status = 'loaded'"
    )
    assert len(planted) > 20
    assert {file: counts for file, *counts in counted} == {
        file: list(counts) for file, counts in planted.items()
    }
    totals = report.totals()
    assert totals["landed"] > 1_000
    # The dirty world has a little of everything, the clean one of nothing.
    assert bool(totals["duplicates"] and totals["quarantined"]) is not clean
