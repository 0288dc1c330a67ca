with steps as (
    select * from {{ ref('int_funnel_steps') }}
)

select
    funnel_name,
    entry_date,
    person_key,
    session_id,
    step_number,
    event_key,
    started_at,
    reached_at,
    cast({{ epoch_us('reached_at') }} - {{ epoch_us('started_at') }} as double) / 1000000
        as seconds_since_start
from steps
