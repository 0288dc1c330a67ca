"""Two worlds of one seed, simulated once: as it is, and with all dirt off."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator import SimulationSummary, simulate

SIZE = {"users": 400, "days": 35, "seed": 11}


@dataclass(frozen=True)
class Simulated:
    """A world on disk."""

    landing: Path
    summary: SimulationSummary

    def truth(self, table: str) -> pa.Table:
        return pq.read_table(self.summary.truth / f"{table}.parquet")

    def parameter(self, name: str) -> float | str:
        rows = {row["name"]: row for row in self.truth("parameters").to_pylist()}
        row = rows[name]
        return row["text"] if row["value"] is None else row["value"]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    landing = tmp_path_factory.mktemp("dirty") / "landing"
    return Simulated(landing, simulate(landing, **SIZE))


@pytest.fixture(scope="session")
def clean_world(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    landing = tmp_path_factory.mktemp("clean") / "landing"
    return Simulated(landing, simulate(landing, clean=True, **SIZE))
