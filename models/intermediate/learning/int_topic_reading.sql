{{ config(materialized='incremental', unique_key='everything') }}

with material_events as (
    select * from {{ ref('int_person_material_events') }}
    where topic_id is not null and consent_mode = 'full'
),

data_now as (
    select * from {{ ref('int_data_now') }}
)

select
    material_events.person_key,
    material_events.topic_id,
    cast(floor(coalesce(sum(material_events.reading_ms), 0) / 1000) as bigint) as exposure_seconds,
    count(
        distinct case
            when material_events.event_name = 'MATERIAL_OPEN' then material_events.material_id
        end
    )
        as materials_opened,
    count(distinct case when material_events.is_completion then material_events.material_id end)
        as materials_completed,
    max(material_events.occurred_at) as last_read_at
from material_events
inner join data_now on material_events.occurred_at <= data_now.now_at
where {{ is_touched('everything') }}
group by material_events.person_key, material_events.topic_id
