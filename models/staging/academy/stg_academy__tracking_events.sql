with tracking_events as (
    select * from {{ source('academy', 'tracking_events') }}
),

unpacked as (
    select
        *,
        {{ unpack_json('properties', {
            'prompt': 'string',
            'metadata': {
                'action': 'string',
                'source': 'string',
                'interface': 'string',
                'path': 'string',
                'referrer': 'string',
                'model': 'string',
                'quizId': 'string',
                'examplePromptId': 'string',
                'skill': 'string',
                'level': 'string',
                'responseLength': 'integer',
                'responseTimeMs': 'number',
                'score': 'number',
                'isAuthenticated': 'boolean',
                'success': 'boolean',
                'evaluation': 'json',
            },
        }) }} as sent
    from tracking_events
)

select
    -- keys
    event_key,
    event_id,
    user_key,
    anonymous_key,
    client_session_key as client_session_id,
    prompt_id,
    course_id,
    module_id,
    lesson_id,
    sent.metadata.quizId as quiz_id,
    sent.metadata.examplePromptId as example_prompt_id,

    -- what happened
    'academy' as source_app,
    event_type,
    event_category as sent_category,
    sent.prompt as prompt_text,
    sent.metadata.action as prompt_action,
    sent.metadata.source as component,
    sent.metadata.interface as interface_name,
    sent.metadata.path as page_path,
    sent.metadata.referrer as referrer_url,
    sent.metadata.model as model_name,
    sent.metadata.skill as skill_name,
    sent.metadata.level as skill_level,

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
    sent.metadata.responseLength as response_length,
    sent.metadata.responseTimeMs as response_time_ms,
    sent.metadata.score,

    -- yes or no
    sent.metadata.isAuthenticated as is_authenticated,
    sent.metadata.success as is_success,

    -- times
    occurred_at,
    received_at,
    client_sent_at,

    -- JSON
    sent.metadata.evaluation,
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from unpacked
