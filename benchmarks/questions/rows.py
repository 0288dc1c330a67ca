"""What the engines read, and the models' own SQL over it.

Funnels begin with the rows that `int_funnel_attempts` begins with: events that match a step, with
the person joined on. Retention begins with the days and the first days of persons, and joins them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

ATTEMPTS = "models/intermediate/funnels/int_funnel_attempts.sql"
STEPS = "models/intermediate/funnels/int_funnel_steps.sql"
RETENTION = "models/marts/engagement/retention.sql"
# What stands before the rows in the first of these: reading them, and joining the person on.
JOINED = ("funnel_events", "actor_persons", "openings", "definitions", "acted", "known")
# Of a day's cohort the mart follows so many periods, and the first is number 0.
PERIODS = 31

_FUNNEL_COLUMNS = (
    "funnel_name, ordering, window_us, person_key, session_id, unit_key, step_number, event_key,"
    " breakdown_value, occurred_us"
)


@dataclass(frozen=True)
class Funnel:
    name: str
    step_count: int
    window_us: int


class Rows:
    """Taken once out of a warehouse that is built: as a table of DuckDB, and as Parquet."""

    def __init__(self, built: Path, folder: Path):
        folder.mkdir()
        self.warehouse, self.folder = built / "work.duckdb", folder
        self.database = folder / "rows.duckdb"
        self.compiled = {
            model: (built / "target" / "compiled" / "sightline" / model).read_text(encoding="utf-8")
            for model in (ATTEMPTS, STEPS, RETENTION)
        }
        config = {"storage_compatibility_version": "v1.5.0", "memory_limit": "4GB"}
        with duckdb.connect(str(self.database), config=config) as con:
            con.execute(f"attach '{self.warehouse}' as work (read_only)")
            self.funnels = [Funnel(*row) for row in con.execute(_COMPARABLE).fetchall()]
            self.as_of_date = con.execute(
                "select as_of_date::varchar from work.intermediate.int_data_watermark"
            ).fetchall()[0][0]
            self.funnel_rows = self._funnels(con)
            self.day_rows = self._retention(con)
        # What the build has stored: the answers that all others must give.
        with duckdb.connect(str(self.warehouse), read_only=True) as con:
            self.kept = {
                "levels": fetch(con, self.kept_levels()),
                "steps": fetch(con, self.kept_steps()),
                "returns": fetch(con, asked_returns("retention")),
            }

    def _funnels(self, con: duckdb.DuckDBPyConnection) -> int:
        import sqlglot

        tree = sqlglot.parse_one(self.compiled[ATTEMPTS], read="duckdb")
        ctes = [cte for cte in tree.args["with_"].expressions if cte.alias in JOINED]
        assert tuple(cte.alias for cte in ctes) == JOINED, f"{ATTEMPTS} begins otherwise now"
        con.execute(
            f"create table funnel_rows as with {_spelled(ctes)} select {_FUNNEL_COLUMNS}"
            f" from known where unit_key is not null and funnel_name in ({self._names()})"
        )
        con.execute(f"copy funnel_rows to '{self.parquet('funnel_rows')}'")
        return con.execute("select count(*) from funnel_rows").fetchall()[0][0]

    def _retention(self, con: duckdb.DuckDBPyConnection) -> int:
        con.execute(
            "copy (select person_key, source_app, stat_date, deed_count, consent_mode"
            f" from work.intermediate.int_person_days) to '{self.parquet('person_days')}'"
        )
        con.execute(
            "copy (select person_key, source_app, first_date"
            f" from work.intermediate.int_person_firsts) to '{self.parquet('person_firsts')}'"
        )
        return con.execute("select count(*) from work.intermediate.int_person_days").fetchall()[0][
            0
        ]

    def parquet(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    # ── the models' own SQL ───────────────────────────────────────────────────────────────────

    def levels(self, funnel_name: str | None = None) -> str:
        """Of each funnel, how many units ever came how far."""
        return f"""
            select funnel_name, level, count(*) as unit_count
            from (
                select funnel_name, unit_key, max(step_number) as level
                from ({self._attempts(funnel_name)}) as attempts
                where occurred_us - start_us <= window_us
                group by funnel_name, unit_key
            ) as levels
            group by funnel_name, level
        """

    def kept_levels(self, funnel_name: str | None = None) -> str:
        """The same, of what the build has stored."""
        return f"""
            select funnel_name, level, count(*) as unit_count
            from (
                select
                    funnel_name, coalesce(session_id, person_key) as unit_key,
                    max(level_reached) as level
                from funnel_people
                where funnel_name in ({self._names(funnel_name)})
                group by funnel_name, unit_key
            ) as levels
            group by funnel_name, level
        """

    def kept_steps(self) -> str:
        return summed_steps(
            f"select * from funnel_people_steps where funnel_name in ({self._names()})"
        )

    def _names(self, funnel_name: str | None = None) -> str:
        return ", ".join(
            f"'{funnel.name}'" for funnel in self.funnels if funnel_name in (None, funnel.name)
        )

    def steps(self) -> str:
        """Of each funnel, day of entry and step: how many units reached it, how fast together."""
        import sqlglot

        tree = sqlglot.parse_one(self.compiled[STEPS], read="duckdb")
        ctes = {cte.alias: cte for cte in tree.args["with_"].expressions}
        ctes["attempts"].set("this", sqlglot.parse_one(self._attempts(None), read="duckdb"))
        lengths = ", ".join(f"('{funnel.name}', {funnel.step_count})" for funnel in self.funnels)
        lengths = f"select * from (values {lengths}) as lengths (funnel_name, step_count)"
        ctes["lengths"].set("this", sqlglot.parse_one(lengths, read="duckdb"))
        return summed_steps(tree.sql("duckdb"))

    def returns(self) -> str:
        """Of each app and day's cohort: how many were there on which day after."""
        return asked_returns(f"({self.compiled[RETENTION]})")

    def whole_retention(self) -> str:
        return (
            "select count(*), sum(cohort_size), sum(eligible_count), sum(retained_count)"
            f" from ({self.compiled[RETENTION]}) as retention"
        )

    def _attempts(self, funnel_name: str | None) -> str:
        import sqlglot

        tree = sqlglot.parse_one(self.compiled[ATTEMPTS], read="duckdb")
        ctes = [cte for cte in tree.args["with_"].expressions if cte.alias not in JOINED]
        tree.set("with_", None)
        some = f" where funnel_name = '{funnel_name}'" if funnel_name else ""
        return (
            f"with known as (select * from funnel_rows{some}), {_spelled(ctes)}"
            f" {tree.sql('duckdb')}"
        )


def _spelled(ctes) -> str:
    return ", ".join(f"{cte.alias} as ({cte.this.sql('duckdb')})" for cte in ctes)


def summed_steps(relation: str) -> str:
    return f"""
        select
            funnel_name, entry_date::varchar as entry_date, step_number, count(*) as unit_count,
            sum(epoch_us(reached_at) - epoch_us(started_at)) as taken_us
        from ({relation}) as steps
        group by funnel_name, entry_date, step_number
    """


def asked_returns(relation: str) -> str:
    return f"""
        select
            source_app, cohort_start::varchar as cohort_start, period_number, cohort_size,
            retained_count
        from {relation} as retention
        where
            breakdown_name = 'all' and cohort_grain = 'day' and kind = 'on'
            and is_complete
    """


def fetch(con: duckdb.DuckDBPyConnection, query: str) -> list[list]:
    return in_order(con.execute(query).fetchall())


def in_order(answer) -> list[list]:
    """Sorted, numbers as whole ones: engines have several kinds of these."""
    return sorted(
        [value if isinstance(value, str) else int(value) for value in row] for row in answer
    )


# windowFunnel knows neither exclusions nor steps in any order.
_COMPARABLE = """
    select
        funnel_name, max(step_number) as step_count,
        max(cast(window_minutes as bigint)) * 60 * 1000000 as window_us
    from work.seeds.funnel_definitions
    group by funnel_name
    having max(ordering) = 'ordered' and min(step_number) = 1
    order by funnel_name
"""
