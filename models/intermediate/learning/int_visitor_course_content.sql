{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select
        event_key,
        course_id,
        module_id,
        lesson_id
    from {{ ref('int_events') }}
    where course_id is not null and {{ is_touched('visitor_key') }}
),

deeds as (
    select * from {{ ref('int_events_attributed') }}
    where is_deed and source_app = 'academy' and {{ is_touched('visitor_key') }}
),

-- Of the session by the visitor alone: what another visitor did in it may not be at hand.
placed as (
    select
        deeds.*,
        events.course_id,
        events.module_id,
        events.lesson_id,
        {{ hash_key([
            'events.course_id', "coalesce(events.module_id, '')", "coalesce(events.lesson_id, '')"
        ]) }} as content_key,
        count(case when deeds.event_name = 'LESSON_START' then 1 end) over (
            partition by
                deeds.visitor_key, deeds.session_id, deeds.actor_key, deeds.actor_kind
            order by deeds.occurred_at, deeds.event_key
            rows between unbounded preceding and 1 preceding
        ) as starts_before
    from deeds
    left join events on deeds.event_key = events.event_key
),

sittings as (
    select
        visitor_key,
        session_id,
        actor_key,
        actor_kind,
        starts_before + 1 as sitting_number,
        course_id,
        module_id,
        lesson_id,
        content_key
    from placed
    where event_name = 'LESSON_START'
),

-- An event ends the gap before it: the next start still closes time of the lesson before.
sat_through as (
    select
        sittings.visitor_key,
        sittings.actor_key,
        sittings.actor_kind,
        sittings.course_id,
        sittings.module_id,
        sittings.lesson_id,
        placed.active_us,
        count(
            case
                when
                    placed.event_name = 'LESSON_COMPLETE'
                    and placed.content_key = sittings.content_key
                    then 1
            end
        ) over (
            partition by
                sittings.visitor_key, sittings.session_id, sittings.actor_key,
                sittings.actor_kind, sittings.sitting_number
            order by placed.occurred_at, placed.event_key
            rows between unbounded preceding and 1 preceding
        ) as completions_before
    from placed
    inner join sittings
        on
            placed.visitor_key = sittings.visitor_key
            and placed.session_id = sittings.session_id
            and placed.actor_key = sittings.actor_key
            and placed.actor_kind = sittings.actor_kind
            and placed.starts_before = sittings.sitting_number
),

-- Events in a course, and time in one of its lessons, one under the other to be summed together.
gathered as (
    select
        visitor_key,
        actor_key,
        actor_kind,
        course_id,
        module_id,
        lesson_id,
        consent_mode,
        event_name,
        event_key,
        occurred_at,
        cast(null as bigint) as active_us
    from placed
    where course_id is not null
    union all
    select
        visitor_key,
        actor_key,
        actor_kind,
        course_id,
        module_id,
        lesson_id,
        null as consent_mode,
        null as event_name,
        null as event_key,
        null as occurred_at,
        active_us
    from sat_through
    where completions_before = 0
)

select
    visitor_key,
    actor_key,
    actor_kind,
    course_id,
    module_id,
    lesson_id,
    -- Of an actor always one: without consent a key ends with its session.
    max(consent_mode) as consent_mode,
    count(event_key) as event_count,
    min(occurred_at) as first_event_at,
    max(occurred_at) as last_event_at,
    min(case when event_name = 'LESSON_START' then occurred_at end) as first_start_at,
    max(case when event_name = 'LESSON_START' then occurred_at end) as last_start_at,
    min(case when event_name = 'LESSON_COMPLETE' then occurred_at end) as lesson_completed_at,
    min(case when event_name = 'MODULE_COMPLETE' then occurred_at end) as module_completed_at,
    cast(sum(active_us) as bigint) as active_us
from gathered
group by visitor_key, actor_key, actor_kind, course_id, module_id, lesson_id
