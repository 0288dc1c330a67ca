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
                'timestamp': 'string',
                'model': 'string',
                'quizId': 'string',
                'examplePromptId': 'string',
                'skill': 'string',
                'level': 'string',
                'responseLength': 'string',
                'responseTimeMs': 'string',
                'score': 'string',
                'isAuthenticated': 'string',
                'success': 'string',
                'evaluation': {
                    'tonePersona': {
                        'score': 'string',
                    },
                    'taskClarity': {
                        'score': 'string',
                    },
                },
            },
        }) }} as sent
    from tracking_events
),

-- All of an evaluation, whose criteria no list names. Read again only where there is one.
evaluations_kept_whole as (
    select
        *,
        {{ unpack_json(
            'case when sent.metadata.evaluation is not null then properties end',
            {'metadata': {'evaluation': 'json'}}
        ) }} as evaluated
    from unpacked
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
    try_cast(sent.metadata.responseTimeMs as double) as duration_ms,
    try_cast(sent.metadata.responseLength as bigint) as response_length,
    try_cast(sent.metadata.responseTimeMs as double) as response_time_ms,
    try_cast(sent.metadata.score as double) as score,

    -- yes or no
    try_cast(sent.metadata.isAuthenticated as boolean) as is_authenticated,
    try_cast(sent.metadata.success as boolean) as is_success,

    -- times
    occurred_at,
    received_at,
    client_sent_at,

    -- JSON
    evaluated.metadata.evaluation,
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item,

    -- for the registry's check
    sent
from evaluations_kept_whole
