with staged as (
    select * from {{ ref('stg_studyin__study_events') }}
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
    cast(null as varchar) as component,
    cast(null as varchar) as page_path,
    cast(null as varchar) as entry_point,
    error_type,

    -- what it was about
    cast(null as varchar) as course_id,
    cast(null as varchar) as module_id,
    cast(null as varchar) as lesson_id,
    material_id,
    chunk_id,
    topic_id,
    question_id,
    quiz_id,
    achievement_id,
    cast(null as varchar) as sketch_id,
    cast(null as varchar) as prompt_id,

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
    xp_amount,

    -- yes or no
    cast(null as boolean) as is_success,
    is_correct,

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
        'studyin', inside='properties', lifted={
            'material_id': 'material_id',
            'chunk_id': 'chunk_id',
            'question_id': 'question_id',
            'topic_id': 'topic_id',
            'quiz_id': 'quiz_id',
            'message_id': 'message_id',
            'achievement_id': 'achievement_id',
            'device_type': 'device_type',
        }
    ) }} as rejection_reason
from staged
