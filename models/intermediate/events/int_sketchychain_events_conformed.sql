with staged as (
    select * from {{ ref('stg_sketchychain__events') }}
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
    entry_point,
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
    sketch_id,
    prompt_id,

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
    cast(null as boolean) as is_success,
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
        'sketchychain', inside='properties', lifted={
            'sketch_id': 'sketch_id',
            'prompt_id': 'prompt_id',
            'parent_prompt_id': 'parent_prompt_id',
            'country': 'country',
        }
    ) }} as rejection_reason
from staged
