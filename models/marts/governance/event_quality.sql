{{ config(materialized='incremental', unique_key='everything') }}

with ledger as (
    select * from {{ ref('stg_door__load_ledger') }}
),

judged as (
    select * from {{ ref('int_events_judged') }}
),

conflicting as (
    select * from {{ ref('int_events_conflicting') }}
),

conflicts_of_loads as (
    select
        load_id,
        count(*) as conflict_count
    from conflicting
    group by load_id
),

verdicts_of_loads as (
    select
        load_id,
        count(*) as judged_count,
        count(rejection_reason) as rejected_count,
        count(case when received_at > {{ dbt.dateadd('hour', 24, 'occurred_at') }} then 1 end)
            as late_count,
        count(case when is_clock_skewed then 1 end) as skewed_count,
        count(case when consent_mode = 'anonymous' then 1 end) as anonymous_count
    from judged
    group by load_id
),

-- Of the extracts nothing is accepted or rejected, so they are not in the sums.
loads as (
    select
        *,
        cast(received_at as date) as received_date
    from ledger
    where
        -- A file that landed while this build runs has been judged by nobody yet.
        load_id <= {{ reachable_load_id() }}
        and concat(source_app, '.', stream) in ({{ event_streams() }})
),

summed as (
    select
        loads.source_app,
        loads.received_date,
        count(case when loads.status = 'loaded' then 1 end) as file_count,
        count(case when loads.status = 'rejected' then 1 end) as rejected_file_count,
        sum(loads.line_count) as line_count,
        sum(loads.landed_count) as landed_count,
        sum(loads.duplicate_count) as duplicate_count,
        sum(loads.quarantined_count) as quarantined_count,
        sum(loads.blank_count) as blank_count,
        sum(
            coalesce(verdicts_of_loads.judged_count, 0)
            - coalesce(verdicts_of_loads.rejected_count, 0)
            - coalesce(conflicts_of_loads.conflict_count, 0)
        ) as accepted_count,
        sum(
            coalesce(verdicts_of_loads.rejected_count, 0)
            + coalesce(conflicts_of_loads.conflict_count, 0)
        ) as rejected_count,
        sum(coalesce(verdicts_of_loads.late_count, 0)) as late_count,
        sum(coalesce(verdicts_of_loads.skewed_count, 0)) as skewed_count,
        sum(coalesce(verdicts_of_loads.anonymous_count, 0)) as anonymous_count
    from loads
    left join verdicts_of_loads on loads.load_id = verdicts_of_loads.load_id
    left join conflicts_of_loads on loads.load_id = conflicts_of_loads.load_id
    group by loads.source_app, loads.received_date
)

select
    source_app,
    received_date,
    cast(file_count as bigint) as file_count,
    cast(rejected_file_count as bigint) as rejected_file_count,
    cast(line_count as bigint) as line_count,
    cast(landed_count as bigint) as landed_count,
    cast(duplicate_count as bigint) as duplicate_count,
    cast(quarantined_count as bigint) as quarantined_count,
    cast(blank_count as bigint) as blank_count,
    cast(accepted_count as bigint) as accepted_count,
    cast(rejected_count as bigint) as rejected_count,
    cast(late_count as bigint) as late_count,
    cast(skewed_count as bigint) as skewed_count,
    cast(anonymous_count as bigint) as anonymous_count,
    cast(accepted_count as double) / nullif(landed_count, 0) as collection_reliability
from summed
where {{ is_touched('everything') }}
