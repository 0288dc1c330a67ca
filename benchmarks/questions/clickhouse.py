"""ClickHouse's tables and questions: windowFunnel and retention."""

from __future__ import annotations

from benchmarks.questions.rows import PERIODS, Funnel, Rows

# Rows in the order that a question needs, and in the order in which the models keep them.
SORTED, UNSORTED = "funnel_rows", "funnel_rows_as_kept"


def tables(rows: Rows) -> dict[str, str]:
    """Table → the statement that makes it. Sorting is not in what is compared."""
    funnel_rows = (
        "as select toLowCardinality(assumeNotNull(funnel_name)) as funnel_name,"
        " assumeNotNull(unit_key) as unit_key, toUInt8(assumeNotNull(step_number)) as step_number,"
        " toUInt64(assumeNotNull(occurred_us)) as occurred_us"
        f" from file('{rows.parquet('funnel_rows')}', Parquet)"
    )
    days = (
        "select assumeNotNull(person_key) as person_key,"
        " toLowCardinality(assumeNotNull(source_app)) as source_app,"
        " assumeNotNull(stat_date) as stat_date, deed_count, consent_mode"
        f" from file('{rows.parquet('person_days')}', Parquet)"
    )
    firsts = (
        "select assumeNotNull(person_key) as person_key,"
        " toLowCardinality(assumeNotNull(source_app)) as source_app,"
        " assumeNotNull(first_date) as first_date"
        f" from file('{rows.parquet('person_firsts')}', Parquet)"
    )
    return {
        SORTED: "engine = MergeTree order by (funnel_name, unit_key, occurred_us, step_number) "
        + funnel_rows,
        UNSORTED: "engine = MergeTree order by tuple() " + funnel_rows,
        "person_days": f"engine = MergeTree order by (person_key, stat_date) as {days}",
        "person_firsts": f"engine = MergeTree order by (person_key, source_app) as {firsts}",
        "person_returns": "engine = MergeTree order by (source_app, person_key, stat_date) as "
        + _joined("person_firsts.source_app as source_app, person_key, first_date, stat_date"),
    }


def levels(rows: Rows, table: str, funnel_name: str | None = None) -> str:
    """A query for each funnel, for a window is part of the function's name."""
    return " union all ".join(
        f"select '{funnel.name}' as funnel_name, level, count() as unit_count"
        f" from (select {_window_funnel(funnel)} as level from {table}"
        f" where funnel_name = '{funnel.name}' group by unit_key)"
        " where level > 0 group by level"
        for funnel in rows.funnels
        if funnel_name in (None, funnel.name)
    )


def otherwise(rows: Rows) -> str:
    """Units that would not have come as far if steps at one instant did not follow one another."""
    counted = " union all ".join(
        "select countIf(level <> level_of_increase) as units"
        f" from (select {_window_funnel(funnel)} as level,"
        f" {_window_funnel(funnel, 'strict_increase')} as level_of_increase"
        f" from {SORTED} where funnel_name = '{funnel.name}' group by unit_key)"
        for funnel in rows.funnels
    )
    return f"select sum(units) from ({counted})"


def _window_funnel(funnel: Funnel, *modes: str) -> str:
    arguments = ", ".join([str(funnel.window_us), *(f"'{mode}'" for mode in modes)])
    steps = ", ".join(f"step_number = {number}" for number in range(1, funnel.step_count + 1))
    return f"windowFunnel({arguments})(occurred_us, {steps})"


def returns(rows: Rows, joined: bool) -> str:
    """`joined`: from rows of which the join is made already."""
    source = "person_returns" if joined else f"({_joined('*')})"
    app = "source_app" if joined else "person_firsts.source_app"
    conditions = ", ".join(f"stat_date = first_date + {number}" for number in range(PERIODS))
    end_date = f"toDate32('{rows.as_of_date}') + 1"
    return f"""
        select app, toString(cohort_start), period_number, cohort_size, kept[period_number + 1]
        from (
            select app, first_date as cohort_start, count() as cohort_size, sumForEach(back) as kept
            from (
                select {app} as app, person_key, first_date, retention({conditions}) as back
                from {source}
                where first_date <= toDate32('{rows.as_of_date}')
                    and stat_date <= toDate32('{rows.as_of_date}')
                group by app, person_key, first_date
            )
            group by app, first_date
        )
        array join range({PERIODS}) as period_number
        where period_number < dateDiff('day', cohort_start, {end_date})
    """


def _joined(columns: str) -> str:
    return f"""
        select {columns}
        from (
            select * from person_days where deed_count > 0 and consent_mode = 'full'
        ) as person_days
        inner join person_firsts on person_days.person_key = person_firsts.person_key
        where person_firsts.source_app in ('all', person_days.source_app)
    """
