"""A world whose truth is known, landed and built: what was planted beside what the tables say."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from loaders.landing import land
from loaders.privacy import Keyring
from simulator import simulate
from simulator.true_funnels import FUNNELS
from tests.simulator.landed_files import events_of, records_of
from tests.warehouse.conftest import PROJECT, Warehouse

USERS, DAYS, SEED, START = 400, 50, 3, date(2026, 3, 2)
APPS = ("academy", "studyin", "sketchychain", "interaction_log")
# Longer than the world lasts: such a funnel asks, as the truth does, who ever took its steps.
EVER_MINUTES = 2 * DAYS * 24 * 60
# Windows, in minutes, that are too short for many.
SHORT_WINDOWS = {"sketch_prompt": 1, "study_session": 15}


@dataclass(frozen=True)
class Planted:
    folder: Path
    con: duckdb.DuckDBPyConnection
    ring: Keyring

    def truth(self, name: str) -> list[dict]:
        return pq.read_table(self.folder / "truth" / f"{name}.parquet").to_pylist()

    @cached_property
    def parameters(self) -> dict[str, float]:
        return {row["name"]: row["value"] for row in self.truth("parameters")}

    def instant(self, name: str) -> datetime:
        [text] = [row["text"] for row in self.truth("parameters") if row["name"] == name]
        return datetime.fromisoformat(text)

    @cached_property
    def outage(self) -> tuple[datetime, datetime]:
        return self.instant("outage_start"), self.instant("outage_end")

    @cached_property
    def spike_date(self) -> date:
        return self.instant("spike_start").date()

    @cached_property
    def people(self) -> dict[int, dict]:
        return {person["person"]: person for person in self.truth("people")}

    @cached_property
    def consenting(self) -> set[int]:
        """People whose ids outlive a visit; who says nothing is not asked to be forgotten."""
        return {number for number, one in self.people.items() if one["consent"] != "denied"}

    @cached_property
    def person_of_visit(self) -> dict[str, int]:
        """By the session id that the app sent."""
        return {row["client_session_id"]: row["person"] for row in self.truth("sessions")}

    def key(self, kind: str, app: str, text: str) -> str:
        """The key under which an identifier is in the tables."""
        column = self.ring.column(kind, app, kind == "user" and app == "studyin")
        return str(uuid.UUID(bytes=column[text]))

    @cached_property
    def person_of_key(self) -> dict[str, int]:
        """By each of the four keys that a person's accounts have."""
        return {
            self.key("user", app, person[f"{app}_user_id"]): number
            for number, person in self.people.items()
            for app in APPS
        }

    def landed(self, app: str) -> Iterable[dict]:
        """The events in the files, in no order."""
        return events_of(self.folder / "landing", app)

    def records(self, path: Path) -> list[dict]:
        return list(records_of(path))

    def query(self, query: str) -> list[tuple]:
        return self.con.execute(query).fetchall()


def assert_documented(*lines: str) -> None:
    """What the docs say of the planted world is what is found; `pytest -s` shows the lines."""
    print("", *lines, sep="\n")
    documented = (PROJECT / "docs" / "evidence.md").read_text("utf-8").splitlines()
    missing = [line for line in lines if line not in documented]
    assert not missing, "docs/evidence.md does not say:\n" + "\n".join(missing)


def registry(app: str) -> dict[str, dict]:
    """The registry's rows by the type that is sent, in lower case."""
    with (PROJECT / "seeds" / "event_registry.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source_app"] == app]
    return {row["event_type"].lower(): row for row in rows}


def funnel_rows() -> str:
    """The truth's funnels, for the seed: with no limit, and some with a short one."""
    lines = []
    for funnel in FUNNELS:
        windows = {funnel.name: EVER_MINUTES}
        if funnel.name in SHORT_WINDOWS:
            windows[f"{funnel.name}_soon"] = SHORT_WINDOWS[funnel.name]
        for name, minutes in windows.items():
            options = f"{minutes},ordered,person,"
            for number, (event_name, _) in enumerate(funnel.steps, 1):
                lines.append(
                    f"{name},{number},step {number},{event_name},{funnel.source},,,{options}"
                )
                options = ",,,"
    return "\n".join(lines) + "\n"


def plant(folder: Path, target: Path, users: int = USERS, days: int = DAYS) -> Planted:
    """A clean world in a folder that is there, simulated, landed and built."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder, monkeypatch, target)
        seed = warehouse.with_own_project() / "seeds" / "funnel_definitions.csv"
        seed.write_text(seed.read_text("utf-8") + funnel_rows(), "utf-8")
        warehouse.enter()
        simulate(
            folder / "landing", users=users, days=days, seed=SEED, start=START, clean=True,
            workers=1,
        )  # fmt: skip
        assert land().failure is None
        warehouse.dbt("seed")
        warehouse.dbt("run")
        secret = warehouse.environment()["SIGHTLINE_KEY"]
    return Planted(folder, warehouse.connect(), Keyring(secret.encode()))
