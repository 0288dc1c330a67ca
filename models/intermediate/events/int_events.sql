with judged as (
    select * from {{ ref('int_events_judged') }}
),

conflicting as (
    select * from {{ ref('int_events_conflicting') }}
)

select
    judged.event_key,
    judged.event_id,
    judged.user_key,
    judged.anonymous_key,
    judged.client_session_id,
    judged.visitor_key,
    judged.partition_key,
    judged.source_app,
    judged.event_name,
    judged.event_category,
    judged.component,
    judged.page_path,
    judged.entry_point,
    judged.error_type,
    judged.course_id,
    judged.module_id,
    judged.lesson_id,
    judged.material_id,
    judged.chunk_id,
    judged.topic_id,
    judged.question_id,
    judged.quiz_id,
    judged.achievement_id,
    judged.sketch_id,
    judged.prompt_id,
    judged.country,
    judged.device_type,
    judged.os,
    judged.browser,
    judged.app_version,
    judged.consent_mode,
    judged.duration_ms,
    judged.xp_amount,
    judged.is_success,
    judged.is_correct,
    judged.is_activity,
    judged.is_view,
    judged.is_clock_skewed,
    judged.occurred_at,
    judged.received_at,
    judged.properties,
    judged.load_id
from judged
left join conflicting
    on
        judged.event_key = conflicting.event_key
        and judged.load_id = conflicting.load_id
        and judged.line = conflicting.line
        and judged.item = conflicting.item
where judged.rejection_reason is null and conflicting.event_key is null
