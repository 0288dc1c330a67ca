"""The simulator knows what it planted; the tables find it again."""

from __future__ import annotations

import uuid
from datetime import date

import duckdb
import pytest

from loaders.landing import land
from loaders.privacy import Keyring
from simulator import simulate
from tests.warehouse.conftest import Warehouse


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A clean world, landed and built."""
    folder = tmp_path_factory.mktemp("truth")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        warehouse = Warehouse(folder / "data", monkeypatch, folder / "target")
        warehouse.enter()
        simulate(
            folder / "data" / "landing", users=60, days=20, seed=3, start=date(2026, 3, 2),
            clean=True, workers=1,
        )  # fmt: skip
        assert land().failure is None
        warehouse.dbt("seed")
        warehouse.dbt("run")
        secret = warehouse.environment()["SIGHTLINE_KEY"]
    con = duckdb.connect(str(folder / "data" / "work.duckdb"), read_only=True)
    ring = Keyring(secret.encode())
    con.create_function(
        "key_of",
        lambda kind, app, text: (
            str(uuid.UUID(bytes=ring.column(kind, app, app == "studyin")[text]))
            if kind == "user"
            else str(uuid.UUID(bytes=ring.column(kind, app)[text]))
        ),
        ["varchar", "varchar", "varchar"],
        "varchar",
    )
    for name in ("sessions", "people", "logins", "devices"):
        path = folder / "data" / "truth" / f"{name}.parquet"
        con.execute(f"create temp view true_{name} as from read_parquet('{path}')")
    yield con
    con.close()


def test_every_visit_of_those_who_consent_is_found(world):
    """Who began it, when, when it ended, how much was done and for how long."""
    missing = world.execute(
        """
        with planted as (
            select
                true_sessions.*,
                key_of('session', source_app, client_session_id)::uuid as session_key
            from true_sessions
            inner join true_people on true_sessions.person = true_people.person
            where true_people.consent = 'given'
        )

        select planted.source_app, planted.started_at, planted.activity_events, found.*
        from planted
        left join intermediate.int_sessions as found
            on planted.session_key = found.client_session_id
            and planted.started_at = found.started_at
            and planted.ended_at = found.ended_at
            and planted.activity_events = found.deed_count
        where
            found.session_id is null
            or abs(coalesce(found.active_us, 0) / 1e6 - coalesce(planted.active_seconds, 0)) > 0.01
        """
    ).fetchall()
    assert missing == []
    counts = world.execute("select count(*) from true_sessions").fetchall()
    assert counts[0][0] > 200
