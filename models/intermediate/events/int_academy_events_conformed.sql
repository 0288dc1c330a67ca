with staged as (
    select * from {{ ref('stg_academy__tracking_events') }}
)

select
    -- keys
    event_key,
    event_id,
    user_key,
    anonymous_key,
    client_session_id,

    -- what happened
    source_app,
    event_type,
    component,
    page_path,
    cast(null as varchar) as entry_point,
    cast(null as varchar) as error_type,

    -- what it was about
    course_id,
    module_id,
    lesson_id,
    cast(null as varchar) as material_id,
    cast(null as varchar) as chunk_id,
    cast(null as varchar) as topic_id,
    cast(null as varchar) as question_id,
    quiz_id,
    cast(null as varchar) as achievement_id,
    cast(null as varchar) as sketch_id,
    cast(prompt_id as varchar) as prompt_id,

    -- with what
    country,
    device_type,
    os,
    browser,
    app_version,

    -- how it was taken in
    consent_mode,
    blocked_identifiers,

    -- numbers
    duration_ms,
    cast(null as bigint) as xp_amount,

    -- yes or no
    is_success,
    cast(null as boolean) as is_correct,

    -- times
    occurred_at,
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item,

    -- the verdict
    {{ rejection_reason(
        'academy', lifted={
            'eventCategory': 'sent_category',
            'courseId': 'course_id',
            'moduleId': 'module_id',
            'lessonId': 'lesson_id',
            'metadata.promptId': 'prompt_id',
            'metadata.timestamp': 'client_sent_at',
        }
    ) }} as rejection_reason
from staged
