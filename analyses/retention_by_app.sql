-- How many of the people who are new to an app are back after a day, a week and four weeks?
--
-- Days are pooled: all who came back, of all whose D1, D7 or D28 is over. Never average the rates
-- of days, and never count a cohort before its day is over. D28 is of older people than D1: a
-- better D1 today does not show in it for four weeks, and the three numbers are of one group only
-- where cohort_count is the same. Who used an app before your data begins passes for new.

with retention as (
    select * from {{ ref('retention') }}
),

complete as (
    select * from retention
    where
        breakdown_name = 'all'
        and cohort_grain = 'day'
        and kind = 'on'
        and period_name in ('D1', 'D7', 'D28')
        and is_complete
),

pooled as (
    select
        source_app,
        period_number,
        period_name,
        count(*) as cohort_count,
        cast(sum(eligible_count) as bigint) as eligible_count,
        cast(sum(retained_count) as bigint) as retained_count
    from complete
    group by source_app, period_number, period_name
)

select
    source_app,
    period_number,
    period_name,
    cohort_count,
    eligible_count,
    retained_count,
    cast(retained_count as double) / nullif(eligible_count, 0) as retention_rate
from pooled
order by source_app, period_number
