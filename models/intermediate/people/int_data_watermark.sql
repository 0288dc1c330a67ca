{{ config(materialized='incremental', unique_key='everything') }}

with days as (
    select * from {{ ref('int_visitor_days') }}
    where deed_count > 0
),

reached as (
    select
        source_app,
        max(stat_date) as last_date
    from days
    group by source_app
),

newest as (
    select max(last_date) as last_date
    from reached
),

-- The day on which an app was last heard of may go on; an app silent for a week is not waited for.
complete as (
    select min({{ dbt.dateadd('day', -1, 'reached.last_date') }}) as through_date
    from reached
    cross join newest
    where reached.last_date > {{ dbt.dateadd('day', -7, 'newest.last_date') }}
)

select
    coalesce(
        cast(nullif('{{ var("as_of_date") or "" }}', '') as date), cast(through_date as date)
    ) as as_of_date
from complete
where through_date is not null and {{ is_touched('everything') }}
