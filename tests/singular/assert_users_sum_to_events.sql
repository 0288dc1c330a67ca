-- Events, sessions and people are three views of the same: their totals agree.
with of_events as (
    select count(*) as event_count, count(distinct person_key) as person_count
    from {{ ref('events') }}
),

of_users as (
    select
        sum(event_count) as event_count,
        count(*) as person_count,
        sum(session_count) as session_count
    from {{ ref('users') }}
),

of_sessions as (
    select count(*) as session_count
    from {{ ref('sessions') }}
)

select *
from of_events
cross join of_users
cross join of_sessions
where
    of_events.event_count <> of_users.event_count
    or of_events.person_count <> of_users.person_count
    or of_users.session_count <> of_sessions.session_count
