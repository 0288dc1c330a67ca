with staged as (
    select * from {{ ref('stg_interaction_log__interactions') }}
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
    error_type,

    -- what it was about
    cast(null as varchar) as course_id,
    cast(null as varchar) as module_id,
    cast(null as varchar) as lesson_id,
    cast(null as varchar) as material_id,
    cast(null as varchar) as chunk_id,
    cast(null as varchar) as topic_id,
    cast(null as varchar) as question_id,
    cast(null as varchar) as quiz_id,
    cast(null as varchar) as achievement_id,
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
        'interaction_log', inside='details', lifted={
            'component': 'component',
        }
    ) }} as rejection_reason
from staged
