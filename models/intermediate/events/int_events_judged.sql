{{ config(materialized='incremental', unique_key='load_id') }}

with conformed as (
    select * from {{ ref('int_events_conformed') }}
),

registry as (
    select * from {{ ref('event_registry') }}
),

arrived as (
    select
        *,
        coalesce(anonymous_key, client_session_id, user_key) as visitor_key,
        coalesce(client_session_id, anonymous_key, user_key) as partition_key
    from conformed
    where {{ is_touched('load_id') }}
)

select
    -- keys
    arrived.event_key,
    arrived.event_id,
    arrived.user_key,
    arrived.anonymous_key,
    arrived.client_session_id,
    arrived.visitor_key,
    arrived.partition_key,

    -- what happened
    arrived.source_app,
    arrived.event_type,
    registry.event_name,
    registry.event_category,
    arrived.component,
    arrived.page_path,
    arrived.entry_point,
    arrived.error_type,

    -- what it was about
    arrived.course_id,
    arrived.module_id,
    arrived.lesson_id,
    arrived.material_id,
    arrived.chunk_id,
    arrived.topic_id,
    arrived.question_id,
    arrived.quiz_id,
    arrived.achievement_id,
    arrived.sketch_id,
    arrived.prompt_id,

    -- with what
    arrived.country,
    arrived.device_type,
    arrived.os,
    arrived.browser,
    arrived.app_version,

    -- how it was taken in
    arrived.consent_mode,
    arrived.blocked_identifiers,
    case
        when arrived.rejection_reason is not null then arrived.rejection_reason
        -- A name that all apps share promises what is counted under it, whatever an app's own rows
        -- of the registry ask for.
        when
            registry.event_name in ('QUESTION_VIEW', 'QUESTION_SUBMIT')
            and arrived.question_id is null
            then 'missing_field:question_id'
        when registry.event_name = 'QUESTION_SUBMIT' and arrived.is_correct is null
            then 'missing_field:is_correct'
        when
            registry.event_name in (
                'MATERIAL_OPEN',
                'MATERIAL_READ',
                'MATERIAL_COMPLETE',
                'MATERIAL_HIGHLIGHT',
                'MATERIAL_NOTE',
                'MATERIAL_BOOKMARK'
            )
            and arrived.material_id is null
            then 'missing_field:material_id'
        when registry.event_name = 'MATERIAL_READ' and arrived.duration_ms is null
            then 'missing_field:duration_ms'
        when registry.event_name = 'ACHIEVEMENT_UNLOCKED' and arrived.achievement_id is null
            then 'missing_field:achievement_id'
    end as rejection_reason,

    -- numbers
    arrived.duration_ms,
    arrived.xp_amount,

    -- yes or no
    arrived.is_success,
    arrived.is_correct,
    registry.is_activity,
    registry.is_view,
    arrived.occurred_at > {{ dbt.dateadd('hour', 24, 'arrived.received_at') }} as is_clock_skewed,

    -- times
    arrived.occurred_at,
    arrived.received_at,

    -- JSON
    arrived.properties,

    -- where it stands
    arrived.load_id,
    arrived.file,
    arrived.line,
    arrived.item
from arrived
left join registry
    on
        arrived.source_app = registry.source_app
        and lower(arrived.event_type) = lower(registry.event_type)
