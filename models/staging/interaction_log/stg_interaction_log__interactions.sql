with interactions as (
    select * from {{ source('interaction_log', 'interactions') }}
),

unpacked as (
    select
        *,
        {{ unpack_json('properties', {
            'details': {
                'component': 'string',
                'path': 'string',
                'fromState': 'string',
                'toState': 'string',
                'event': 'string',
                'duration': 'string',
                'metric': 'string',
                'value': 'string',
                'endpoint': 'string',
                'status_code': 'string',
                'response_time_ms': 'string',
                'error': 'string',
                'stack': 'string',
                'critical': 'string',
                'success': 'string',
                'generationTime': 'string',
                'promptLength': 'string',
                'provider': 'string',
                'errorType': 'string',
                'prompt': 'string',
            },
        }) }} as sent
    from interactions
)

select
    -- keys
    event_key,
    event_id,
    user_key,
    anonymous_key,
    client_session_key as client_session_id,

    -- what happened
    'interaction_log' as source_app,
    event_type,
    coalesce(component, sent.details.component) as component,
    sent.details.component as error_component,
    sent.details.path as page_path,
    sent.details.fromState as from_state,
    sent.details.toState as to_state,
    sent.details.event,
    sent.details.metric,
    sent.details.endpoint,
    sent.details.provider,
    sent.details.prompt as prompt_text,
    sent.details.errorType as error_type,
    sent.details.error,
    sent.details.stack,

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
        try_cast(sent.details.duration as double),
        try_cast(sent.details.generationTime as double),
        try_cast(sent.details.response_time_ms as double)
    ) as duration_ms,
    try_cast(sent.details.generationTime as double) as generation_time,
    try_cast(sent.details.response_time_ms as double) as response_time_ms,
    try_cast(sent.details.promptLength as bigint) as prompt_length,
    try_cast(sent.details.value as double) as measured_value,
    try_cast(sent.details.status_code as bigint) as status_code,

    -- yes or no
    try_cast(sent.details.success as boolean) as is_success,
    try_cast(sent.details.critical as boolean) as critical,

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

    -- for the registry's check
    sent
from unpacked
