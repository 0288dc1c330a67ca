{{ config(materialized='incremental', unique_key='everything') }}

{%- set seen_first = ['first_deed_at', 'visitor_key', 'actor_key', 'actor_kind'] %}

with visitor_days as (
    select * from {{ ref('int_visitor_days') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

levels as (
    select * from {{ ref('int_level_bounds') }}
),

-- An app that awards points has levels, also for whoever has none yet.
awarding_apps as (
    select distinct source_app
    from {{ ref('event_registry') }}
    where event_name = 'XP_EARNED'
),

known as (
    select
        visitor_days.*,
        coalesce(actor_persons.person_key, visitor_days.actor_key) as person_key,
        -- A profile makes a person of a device that nobody signed in on.
        case
            when visitor_days.actor_kind = 'user' or actor_persons.person_key is not null
                then 'signed_in'
            else 'anonymous'
        end as user_kind
    from visitor_days
    left join actor_persons
        on
            visitor_days.actor_key = actor_persons.actor_key
            and visitor_days.actor_kind = actor_persons.actor_kind
),

summed as (
    select
        person_key,
        source_app,
        stat_date,
        max(consent_mode) as consent_mode,
        max(user_kind) as user_kind,
        {{ first_by('device_type', seen_first) }} as device_type,
        {{ first_by('browser', seen_first) }} as browser,
        {{ first_by('country', seen_first) }} as country,
        {{ first_by('entry_point', seen_first) }} as entry_point,
        sum(event_count) as event_count,
        sum(deed_count) as deed_count,
        sum(session_count) as session_count,
        sum(bounce_count) as bounce_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(pause_count) as pause_count,
        sum(view_count) as view_count,
        sum(interaction_count) as interaction_count,
        sum(materials_viewed) as materials_viewed,
        sum(materials_completed) as materials_completed,
        sum(chunks_read) as chunks_read,
        sum(reading_ms) as reading_ms,
        sum(annotations) as annotations,
        sum(questions_viewed) as questions_viewed,
        sum(questions_attempted) as questions_attempted,
        sum(questions_correct) as questions_correct,
        sum(quizzes_completed) as quizzes_completed,
        sum(ai_interactions) as ai_interactions,
        sum(hints_requested) as hints_requested,
        sum(xp_earned) as xp_earned,
        sum(achievements_unlocked) as achievements_unlocked,
        sum(prompts_submitted) as prompts_submitted,
        sum(generations) as generations,
        sum(sketches_created) as sketches_created,
        sum(lessons_started) as lessons_started,
        sum(lessons_completed) as lessons_completed,
        sum(searches) as searches,
        sum(error_count) as error_count,
        min(first_deed_at) as first_deed_at,
        max(last_deed_at) as last_deed_at
    from known
    group by person_key, source_app, stat_date
),

numbered as (
    select
        *,
        {{ dbt.datediff("cast('2000-01-01' as date)", 'stat_date', 'day') }} as day_number
    from summed
),

-- The active day before, of the app and of any: what makes a day the first one, or a return.
chained as (
    select
        *,
        max(case when deed_count > 0 then day_number end) over (
            partition by person_key, source_app order by day_number
            range between unbounded preceding and 1 preceding
        ) as last_day_in_app,
        max(case when deed_count > 0 then day_number end) over (
            partition by person_key order by day_number
            range between unbounded preceding and 1 preceding
        ) as last_day
    from numbered
),

-- A run of active days goes on where the day before was one; its start is carried along.
run_starts as (
    select
        *,
        max(
            case
                when deed_count > 0 and coalesce(last_day_in_app, 0) < day_number - 1
                    then day_number
            end
        ) over (
            partition by person_key, source_app order by day_number
            rows between unbounded preceding and current row
        ) as run_start
    from chained
),

accumulated as (
    select
        run_starts.*,
        case
            when awarding_apps.source_app is not null
                then
                    sum(run_starts.xp_earned) over (
                        partition by run_starts.person_key, run_starts.source_app
                        order by run_starts.day_number
                        rows between unbounded preceding and current row
                    )
        end as total_xp
    from run_starts
    left join awarding_apps on run_starts.source_app = awarding_apps.source_app
),

levelled as (
    select
        accumulated.*,
        levels.level
    from accumulated
    left join levels
        on
            accumulated.total_xp >= levels.xp_required
            and (accumulated.total_xp < levels.next_xp_required or levels.next_xp_required is null)
)

select
    person_key,
    source_app,
    stat_date,
    consent_mode,
    user_kind,
    device_type,
    browser,
    country,
    entry_point,
    cast(event_count as bigint) as event_count,
    cast(deed_count as bigint) as deed_count,
    cast(session_count as bigint) as session_count,
    cast(bounce_count as bigint) as bounce_count,
    cast(duration_seconds as bigint) as duration_seconds,
    cast(active_seconds as bigint) as active_seconds,
    cast(pause_count as bigint) as pause_count,
    cast(view_count as bigint) as view_count,
    cast(interaction_count as bigint) as interaction_count,
    cast(materials_viewed as bigint) as materials_viewed,
    cast(materials_completed as bigint) as materials_completed,
    cast(chunks_read as bigint) as chunks_read,
    cast(reading_ms as bigint) as reading_ms,
    cast(annotations as bigint) as annotations,
    cast(questions_viewed as bigint) as questions_viewed,
    cast(questions_attempted as bigint) as questions_attempted,
    cast(questions_correct as bigint) as questions_correct,
    cast(quizzes_completed as bigint) as quizzes_completed,
    cast(ai_interactions as bigint) as ai_interactions,
    cast(hints_requested as bigint) as hints_requested,
    cast(xp_earned as bigint) as xp_earned,
    cast(achievements_unlocked as bigint) as achievements_unlocked,
    cast(prompts_submitted as bigint) as prompts_submitted,
    cast(generations as bigint) as generations,
    cast(sketches_created as bigint) as sketches_created,
    cast(lessons_started as bigint) as lessons_started,
    cast(lessons_completed as bigint) as lessons_completed,
    cast(searches as bigint) as searches,
    cast(error_count as bigint) as error_count,
    case when deed_count > 0 then day_number - last_day_in_app end as days_since_last_in_app,
    case when deed_count > 0 then day_number - last_day end as days_since_last,
    case when deed_count > 0 then day_number - run_start + 1 else 0 end as streak_days,
    level,
    first_deed_at,
    last_deed_at
from levelled
where {{ is_touched('everything') }}
