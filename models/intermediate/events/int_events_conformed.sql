{#- One more app is one more name here, and int_<app>_events_conformed. -#}
{% set source_apps = ['academy', 'interaction_log', 'sketchychain', 'studyin'] %}

with gathered as (
    {% for app in source_apps %}
        -- Listed, for a union goes by position, whatever an app's model calls its columns.
        select
            event_key,
            event_id,
            user_key,
            anonymous_key,
            client_session_id,
            source_app,
            event_type,
            component,
            page_path,
            entry_point,
            error_type,
            course_id,
            module_id,
            lesson_id,
            material_id,
            chunk_id,
            topic_id,
            question_id,
            quiz_id,
            achievement_id,
            sketch_id,
            prompt_id,
            country,
            device_type,
            os,
            browser,
            app_version,
            consent_mode,
            blocked_identifiers,
            duration_ms,
            xp_amount,
            is_success,
            is_correct,
            occurred_at,
            received_at,
            properties,
            load_id,
            file,
            line,
            item,
            rejection_reason
        from {{ ref('int_' ~ app ~ '_events_conformed') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
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
    entry_point,
    error_type,

    -- what it was about
    course_id,
    module_id,
    lesson_id,
    material_id,
    chunk_id,
    topic_id,
    question_id,
    quiz_id,
    achievement_id,
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
    xp_amount,

    -- yes or no
    is_success,
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
    rejection_reason
from gathered
