"""The same in polars, from Parquet, as somebody would write it in a notebook."""

from __future__ import annotations

from datetime import date

import polars as pl

from benchmarks.questions.rows import PERIODS

UNIT = ("funnel_name", "unit_key")


def levels(parquet: str, step_count: int, funnel_name: str | None = None) -> pl.LazyFrame:
    return (
        _reached(parquet, step_count, funnel_name)
        .group_by(UNIT)
        .agg(pl.col("step_number").max().alias("level"))
        .group_by("funnel_name", "level")
        .agg(pl.len())
    )


def steps(parquet: str, step_count: int) -> pl.LazyFrame:
    entry_date = pl.from_epoch("start_us", time_unit="us").dt.date()
    attempt = (*UNIT, "start_us")
    lengths = (
        pl.scan_parquet(parquet)
        .group_by("funnel_name")
        .agg(pl.col("step_number").max().alias("step_count"))
    )
    # Rows are in the order of time: the first is the one that came to the step first.
    taken = _reached(parquet, step_count, None).unique(
        (*attempt, "step_number"), keep="first", maintain_order=True
    )
    # Of a day's attempts the first that came through, else of those that got furthest the latest.
    through = pl.when(pl.col("level") == pl.col("step_count")).then("last_us").otherwise(0)
    shown = (
        taken.group_by(attempt)
        .agg(
            pl.col("step_number").max().alias("level"),
            pl.col("occurred_us").max().alias("last_us"),
        )
        .join(lengths, on="funnel_name")
        .with_columns(entry_date.alias("entry_date"), through.alias("through_us"))
        .sort("level", "through_us", "start_us", descending=[True, False, True])
        .unique((*UNIT, "entry_date"), keep="first", maintain_order=True)
    )
    return (
        taken.join(shown.select(*attempt, "entry_date"), on=attempt)
        .group_by("funnel_name", pl.col("entry_date").cast(pl.String), "step_number")
        .agg(pl.len(), (pl.col("occurred_us") - pl.col("start_us")).sum())
    )


def _reached(parquet: str, step_count: int, funnel_name: str | None) -> pl.LazyFrame:
    """Events that reached their step, each with the latest start from which it did."""
    rows = pl.scan_parquet(parquet).select(*UNIT, "step_number", "occurred_us", "window_us")
    if funnel_name is not None:
        rows = rows.filter(pl.col("funnel_name") == funnel_name)
    step, occurred = pl.col("step_number"), pl.col("occurred_us")
    # A number for each unit is cheaper to group by than its names.
    rows = rows.sort(*UNIT, "occurred_us", "step_number").with_columns(
        pl.struct(UNIT).rle_id().alias("unit"),
        pl.when(step == 1).then(occurred).alias("start_us"),
    )
    start = pl.col("start_us")
    in_time = occurred - start <= pl.col("window_us")
    for number in range(2, step_count + 1):
        carried = pl.when((step == number - 1) & in_time).then(start).forward_fill().over("unit")
        reached = pl.when(step == number).then(carried).otherwise(start)
        rows = rows.with_columns(reached.alias("start_us"))
    return rows.filter(in_time)


def returns(days: str, firsts: str, as_of: str) -> pl.LazyFrame:
    as_of_date = pl.lit(date.fromisoformat(as_of))
    active = (
        pl.scan_parquet(days)
        .filter(
            (pl.col("deed_count") > 0)
            & (pl.col("consent_mode") == "full")
            & (pl.col("stat_date") <= as_of_date)
        )
        .select("person_key", "source_app", "stat_date")
    )
    members = pl.scan_parquet(firsts).filter(pl.col("first_date") <= as_of_date)
    of_all = active.with_columns(pl.lit("all").alias("source_app")).unique()
    period = (pl.col("stat_date") - pl.col("first_date")).dt.total_days().alias("period_number")
    kept = (
        pl.concat([active, of_all])
        .join(members, on=["person_key", "source_app"])
        .group_by("source_app", "first_date", period)
        .agg(pl.len().alias("retained_count"))
    )
    cohorts = members.group_by("source_app", "first_date").agg(pl.len().alias("cohort_size"))
    numbers = pl.LazyFrame({"period_number": list(range(PERIODS))}, {"period_number": pl.Int64})
    over = pl.col("first_date") + pl.duration(days="period_number") <= as_of_date
    return (
        cohorts.join(numbers, how="cross")
        .filter(over)
        .join(kept, on=["source_app", "first_date", "period_number"], how="left")
        .select(
            "source_app",
            pl.col("first_date").cast(pl.String),
            "period_number",
            "cohort_size",
            pl.col("retained_count").fill_null(0),
        )
    )
