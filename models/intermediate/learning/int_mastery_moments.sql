with data_now as (
    select * from {{ ref('int_data_now') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
)

select
    'now' as moment,
    now_at as moment_at
from data_now
union all
select
    'before' as moment,
    {{ dbt.dateadd('day', '-cast(coefficients.trend_days as integer)', 'data_now.now_at') }}
        as moment_at
from data_now
cross join coefficients
