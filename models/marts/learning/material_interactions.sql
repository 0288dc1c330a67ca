{{ config(materialized='incremental', unique_key='everything') }}

with material_events as (
    select * from {{ ref('int_person_material_events') }}
),

summed as (
    select
        session_id,
        material_id,
        person_key,
        max(consent_mode) as consent_mode,
        {{ first_by('topic_id', ['occurred_at', 'event_key']) }} as topic_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        min(case when is_completion then occurred_at end) as completed_at,
        count(case when event_name = 'MATERIAL_OPEN' then 1 end) as materials_viewed,
        count(case when event_name = 'MATERIAL_READ' then 1 end) as chunks_read,
        count(distinct case when event_name = 'MATERIAL_READ' then chunk_id end)
            as distinct_chunk_count,
        count(distinct case when is_end_of_chunk then chunk_id end) as finished_chunk_count,
        cast(floor(coalesce(sum(reading_ms), 0) / 1000) as bigint) as duration_seconds,
        max(scroll_depth_percent) as scroll_depth_percent,
        max(progress_percentage) as progress_percentage,
        count(case when event_name = 'MATERIAL_HIGHLIGHT' then 1 end) as highlights_count,
        count(case when event_name = 'MATERIAL_NOTE' then 1 end) as notes_count,
        count(case when event_name = 'MATERIAL_BOOKMARK' then 1 end) as bookmarks_count,
        count(case when event_name = 'MATERIAL_COMPLETE' then 1 end) as materials_completed,
        -- A material that is finished again is claimed anew, with what has come since.
        cast(
            floor({{ last_by('claimed_reading_ms', ['occurred_at', 'event_key']) }} / 1000)
            as bigint
        ) as claimed_duration_seconds
    from material_events
    group by session_id, material_id, person_key
)

select
    {{ hash_key([
        'person_key', "coalesce(cast(session_id as varchar), '')", 'material_id'
    ]) }} as interaction_key,
    session_id,
    material_id,
    person_key,
    topic_id,
    consent_mode,
    started_at,
    ended_at,
    completed_at,
    materials_viewed,
    chunks_read,
    distinct_chunk_count,
    finished_chunk_count,
    duration_seconds,
    scroll_depth_percent,
    progress_percentage,
    highlights_count,
    notes_count,
    bookmarks_count,
    bookmarks_count > 0 as bookmarked,
    materials_completed,
    completed_at is not null as is_complete,
    claimed_duration_seconds,
    claimed_duration_seconds - duration_seconds as duration_difference
from summed
where {{ is_touched('everything') }}
