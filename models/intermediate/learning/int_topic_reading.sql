{{ config(materialized='incremental', unique_key='everything') }}

with material_events as (
    select * from {{ ref('int_person_material_events') }}
    where topic_id is not null and consent_mode = 'full'
)

select
    person_key,
    topic_id,
    cast(floor(coalesce(sum(reading_ms), 0) / 1000) as bigint) as exposure_seconds,
    count(distinct case when event_name = 'MATERIAL_OPEN' then material_id end)
        as materials_opened,
    count(distinct case when is_completion then material_id end) as materials_completed,
    max(occurred_at) as last_read_at
from material_events
where {{ is_touched('everything') }}
group by person_key, topic_id
