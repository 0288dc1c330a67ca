with material_events as (
    select * from {{ ref('int_material_events') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

chunks as (
    select * from {{ ref('stg_studyin__chunks') }}
),

materials as (
    select * from {{ ref('stg_studyin__materials') }}
)

select
    material_events.event_key,
    coalesce(actor_persons.person_key, material_events.actor_key) as person_key,
    material_events.consent_mode,
    material_events.session_id,
    material_events.event_name,
    material_events.material_id,
    material_events.chunk_id,
    coalesce(material_events.topic_id, chunks.topic_id, materials.topic_id) as topic_id,
    material_events.reading_ms,
    material_events.claimed_reading_ms,
    material_events.scroll_depth_percent,
    material_events.progress_percentage,
    material_events.is_end_of_chunk,
    material_events.event_name = 'MATERIAL_COMPLETE'
    or coalesce(material_events.scroll_depth_percent >= 90, false) as is_completion,
    material_events.occurred_at
from material_events
left join actor_persons
    on
        material_events.actor_key = actor_persons.actor_key
        and material_events.actor_kind = actor_persons.actor_kind
left join chunks on material_events.chunk_id = chunks.chunk_id
left join materials on material_events.material_id = materials.material_id
