"""Which published numbers a new version changes, from what to what, and why.

A mart names the numbers that are followed in its yml:

    config:
      meta:
        numbers:
          date: activity_date            # a number of a day that was complete
          by: [source_app]               # for each of these
          where: breakdown_name = 'all'  # of these rows
          settled: is_complete           # and, when they were published before, only of these
          days_before: 27                # days that the number looks at; without it, all
          days_after: 0
          values: {dau: sum(dau)}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from loaders.building import Mart

TABLE = "restatements"


@dataclass(frozen=True)
class Numbers:
    table: str
    date: str
    by: tuple[str, ...]
    where: str
    settled: str
    days_before: int | None
    days_after: int | None
    values: dict[str, str]

    @classmethod
    def of(cls, mart: Mart) -> Numbers | None:
        told = mart.meta.get("numbers")
        if told is None:
            return None
        return cls(
            table=mart.name,
            date=told["date"],
            by=tuple(told.get("by", ())),
            where=told.get("where", "true"),
            settled=told.get("settled", "true"),
            days_before=told.get("days_before"),
            days_after=told.get("days_after"),
            values=dict(told["values"]),
        )


def restate(
    con: duckdb.DuckDBPyConnection,
    marts: Iterable[Mart],
    version: int,
    reporting_timezone: str,
    are_macros_others: bool,
) -> int:
    """Put the rows of this version into restatements, beside those of earlier ones. `con` is the
    new version, and has the one before it attached as `previous`."""
    con.execute(f"insert into {TABLE} by name select * from previous.{TABLE}")
    con.execute(_CHANGED)
    for mart in marts:
        numbers = Numbers.of(mart)
        if numbers is None:
            continue
        # Fails on a mistake in the yml, which must not pass for a number that is new.
        con.execute(f"explain {_numbers_of('warehouse', numbers)}").fetchall()
        if _is_comparable(con, numbers):
            con.execute(_changed_numbers(numbers))
    [[changed]] = con.execute("select count(*) from changed_numbers").fetchall()
    if changed:
        changed_days = _changed_days(_is_work_file_another(con))
        con.execute(changed_days, {"zone": reporting_timezone})
        con.execute(_RESTATEMENTS, {"version": version, "are_macros_others": are_macros_others})
        con.execute("drop table changed_days")
    con.execute("drop table changed_numbers")
    return changed


def _is_comparable(con: duckdb.DuckDBPyConnection, numbers: Numbers) -> bool:
    """Not where the number is new: then nothing was published before."""
    try:
        con.execute(f"explain {_numbers_of('previous', numbers)}").fetchall()
    except duckdb.Error:
        return False
    return True


def _is_work_file_another(con: duckdb.DuckDBPyConnection) -> bool:
    """Made anew from the landing files: its loads have other numbers, and events of files that were
    deleted are gone."""
    [[ledgers]] = con.execute(
        "select count(*) from duckdb_tables() where table_name = 'load_ledger' "
        "and database_name in ('previous', current_database())"
    ).fetchall()
    if ledgers < 2:
        return False
    [[others]] = con.execute(
        "select count(*) from (select load_id, finished_at from previous.main.load_ledger "
        "except select load_id, finished_at from main.load_ledger)"
    ).fetchall()
    return bool(others)


def _numbers_of(database: str, numbers: Numbers) -> str:
    keys = [f"'{column}=' || {column}" for column in numbers.by]
    rows = " union all ".join(
        f"""
        select
            cast({numbers.date} as date) as number_date,
            concat_ws(', ', {", ".join(keys) or "''"}) as number_of,
            {"max(source_app)" if "source_app" in numbers.by else "'all'"} as source_app,
            '{name}' as number_name,
            cast({value} as double) as number_value,
            bool_and({numbers.settled}) as is_settled
        from {database}.main.{numbers.table}
        where {numbers.where}
        group by {", ".join([numbers.date, *numbers.by])}
        """
        for name, value in numbers.values.items()
    )
    return f"select * from ({rows}) where number_date is not null"


def _changed_numbers(numbers: Numbers) -> str:
    return f"""
    insert into changed_numbers
    with
    before as ({_numbers_of("previous", numbers)}),
    after as ({_numbers_of("warehouse", numbers)}),
    -- A row that was not there before counts where it would have been settled.
    settled as (
        select least(max(before.number_date), max(publication.as_of_date)) as through_date
        from before
        cross join previous.publication
        where before.is_settled and publication.as_of_date is not null
    )
    select
        '{numbers.table}' as table_name,
        number_name,
        number_date,
        number_of,
        coalesce(after.source_app, before.source_app) as source_app,
        before.number_value as value_before,
        after.number_value as value_after,
        {"null" if numbers.days_before is None else numbers.days_before} as days_before,
        {"null" if numbers.days_after is None else numbers.days_after} as days_after
    from before
    full outer join after using (number_name, number_date, number_of)
    where
        number_date <= (select through_date from settled)
        and coalesce(before.is_settled, after.is_settled)
        and before.number_value is distinct from after.number_value
        and not coalesce(abs(before.number_value - after.number_value) < 1e-9, false)
    """


def _changed_days(is_work_file_another: bool) -> str:
    """Days on which the events are others than before: some arrived since, or those that were there
    already belong to others now. Which arrived since, the numbers of the loads say, or, where they
    mean nothing, event by event."""
    if is_work_file_another:
        is_new = "event_key not in (select event_key from previous.main.events)"
        is_still_there = "event_key in (select event_key from main.events)"
    else:
        is_new = "load_id > (select through_load_id from previous.publication)"
        is_still_there = "true"
    return f"""
    create temporary table changed_days as
    with
    -- Column by column: whatever else events gains may be called as these are.
    known_now as (
        select
            source_app,
            event_key,
            person_key,
            cast(timezone($zone, timezone('UTC', occurred_at)) as date) as local_date,
            {is_new} as is_new
        from main.events
    ),
    known_then as (
        select
            source_app,
            event_key,
            person_key,
            cast(timezone($zone, timezone('UTC', occurred_at)) as date) as local_date
        from previous.main.events
        where {is_still_there}
    ),
    days_now as (
        select
            source_app,
            local_date as event_date,
            count(*) filter (where is_new) as new_event_count,
            bit_xor(hash(event_key, person_key)) filter (where not is_new) as persons
        from known_now
        group by source_app, local_date
    ),
    days_then as (
        select
            source_app,
            local_date as event_date,
            bit_xor(hash(event_key, person_key)) as persons
        from known_then
        group by source_app, local_date
    )
    select
        source_app,
        event_date,
        case
            when event_date <= (select as_of_date from previous.publication)
                then coalesce(new_event_count, 0)
            else 0
        end as late_event_count,
        days_now.persons is distinct from days_then.persons as has_identity_change
    from days_now
    full outer join days_then using (source_app, event_date)
    """


_CHANGED = """
create temporary table changed_numbers (
    table_name varchar,
    number_name varchar,
    number_date date,
    number_of varchar,
    source_app varchar,
    value_before double,
    value_after double,
    days_before integer,
    days_after integer
)
"""

_RESTATEMENTS = f"""
insert into {TABLE} by name
with
explained as (
    select
        changed_numbers.table_name,
        changed_numbers.number_name,
        changed_numbers.number_date,
        changed_numbers.number_of,
        changed_numbers.value_before,
        changed_numbers.value_after,
        cast(coalesce(sum(changed_days.late_event_count), 0) as bigint) as late_event_count,
        coalesce(bool_or(changed_days.has_identity_change), false) as has_identity_change
    from changed_numbers
    left join changed_days
        on
            changed_numbers.source_app in ('all', changed_days.source_app)
            and changed_days.event_date
            >= coalesce(
                changed_numbers.number_date - changed_numbers.days_before, changed_days.event_date
            )
            and changed_days.event_date
            <= coalesce(
                changed_numbers.number_date + changed_numbers.days_after, changed_days.event_date
            )
    group by all
),
defined as (
    select
        table_name,
        definitions_before.definitions is distinct from definitions_now.definitions
        or $are_macros_others
            as has_changed_definition
    from main.published_tables as definitions_now
    left join previous.main.published_tables as definitions_before using (table_name)
)
select
    $version::integer as version,
    (select version from previous.publication) as previous_version,
    (select published_at from main.publication) as published_at,
    table_name,
    number_name,
    number_date,
    number_of,
    value_before,
    value_after,
    case
        when has_changed_definition then 'changed_definition'
        when late_event_count > 0 and has_identity_change then 'late_events_and_identity_merge'
        when late_event_count > 0 then 'late_events'
        when has_identity_change then 'identity_merge'
        else 'unexplained'
    end as reason,
    late_event_count,
    has_identity_change,
    has_changed_definition
from explained
inner join defined using (table_name)
order by table_name, number_name, number_date, number_of
"""
