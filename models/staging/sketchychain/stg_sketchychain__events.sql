with events as (
    select * from {{ source('sketchychain', 'events') }}
),

unpacked as (
    select
        *,
        {{ unpack_json('properties', {
            'properties': {
                'entry_point': 'string',
                'prompt_text': 'string',
                'prompt_category': 'string',
                'processing_time': 'string',
                'error_type': 'string',
                'complexity_score': 'string',
                'render_ms': 'string',
                'fps': 'string',
                'kind': 'string',
                'contribution_size': 'string',
                'setting': 'string',
                'tool': 'string',
                'message': 'string',
                'value': 'string',
                'severity': 'string',
                'endpoint': 'string',
                'status_code': 'string',
                'response_time_ms': 'string',
                'resource': 'string',
                'experiment_id': 'string',
                'variant': 'string',
            },
        }) }} as sent
    from events
)

select
    -- keys
    event_key,
    event_id,
    user_key,
    anonymous_key,
    client_session_key as client_session_id,
    sketch_id,
    prompt_id,
    parent_prompt_id,
    sent.properties.experiment_id,

    -- what happened
    'sketchychain' as source_app,
    event_type,
    sent.properties.entry_point,
    sent.properties.prompt_text,
    sent.properties.prompt_category,
    sent.properties.kind,
    sent.properties.setting,
    sent.properties.tool,
    sent.properties.variant,
    sent.properties.error_type,
    sent.properties.message,
    sent.properties.severity,
    sent.properties.resource,
    sent.properties.endpoint,

    -- with what
    country,
    ip_prefix,
    device_type,
    os,
    browser,
    browser_version,
    app_version,

    -- how it was taken in
    consent_mode,
    blocked_identifiers,

    -- numbers
    coalesce(
        try_cast(sent.properties.processing_time as double),
        try_cast(sent.properties.response_time_ms as double),
        try_cast(sent.properties.render_ms as double)
    ) as duration_ms,
    try_cast(sent.properties.processing_time as double) as processing_time,
    try_cast(sent.properties.response_time_ms as double) as response_time_ms,
    try_cast(sent.properties.render_ms as double) as render_ms,
    try_cast(sent.properties.fps as double) as fps,
    try_cast(sent.properties.complexity_score as double) as complexity_score,
    try_cast(sent.properties.contribution_size as double) as contribution_size,
    try_cast(sent.properties.value as double) as measured_value,
    try_cast(sent.properties.status_code as bigint) as status_code,

    -- times
    occurred_at,
    received_at,
    client_occurred_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item,

    -- for the registry's check
    sent
from unpacked
