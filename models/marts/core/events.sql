with accepted as (
    select * from {{ ref('int_events') }}
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
)

select
    accepted.event_key,
    accepted.source_app,
    accepted.event_id,
    accepted.event_name,
    accepted.event_category,
    accepted.occurred_at,
    accepted.received_at,
    accepted.is_clock_skewed,
    accepted.is_activity,
    accepted.user_key,
    accepted.anonymous_key,
    coalesce(actor_persons.person_key, attributed.actor_key) as person_key,
    accepted.client_session_id,
    attributed.session_id,
    accepted.course_id,
    accepted.module_id,
    accepted.lesson_id,
    accepted.material_id,
    accepted.chunk_id,
    accepted.topic_id,
    accepted.question_id,
    accepted.quiz_id,
    accepted.achievement_id,
    accepted.sketch_id,
    accepted.prompt_id,
    accepted.component,
    accepted.page_path,
    accepted.duration_ms,
    accepted.is_success,
    accepted.error_type,
    accepted.device_type,
    accepted.browser,
    accepted.os,
    accepted.app_version,
    accepted.country,
    accepted.consent_mode,
    accepted.properties,
    accepted.load_id,
    {{ local_date('accepted.occurred_at') }} as event_date
from accepted
inner join attributed on accepted.event_key = attributed.event_key
left join actor_persons
    on
        attributed.actor_key = actor_persons.actor_key
        and attributed.actor_kind = actor_persons.actor_kind
