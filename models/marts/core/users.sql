{{ config(materialized='incremental', unique_key='everything') }}

with visitor_events as (
    select * from {{ ref('int_visitor_events') }}
),

visitor_days as (
    select * from {{ ref('int_visitor_days') }}
    where deed_count > 0
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

features as (
    select * from {{ ref('features') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

person_events as (
    select
        visitor_events.*,
        coalesce(actor_persons.person_key, visitor_events.actor_key) as person_key,
        features.feature_name
    from visitor_events
    left join actor_persons
        on
            visitor_events.actor_key = actor_persons.actor_key
            and visitor_events.actor_kind = actor_persons.actor_kind
    left join features on visitor_events.event_name = features.event_name
),

person_days as (
    select
        visitor_days.*,
        coalesce(actor_persons.person_key, visitor_days.actor_key) as person_key
    from visitor_days
    left join actor_persons
        on
            visitor_days.actor_key = actor_persons.actor_key
            and visitor_days.actor_kind = actor_persons.actor_kind
),

totals as (
    select
        person_key,
        -- A profile makes a person of a device that nobody signed in on.
        max(case when actor_kind = 'user' or person_key <> actor_key then 0 else 1 end) = 1
        and max(case when actor_kind = 'user' or person_key <> actor_key then 1 else 0 end) = 0
            as is_anonymous,
        count(distinct source_app) as app_count,
        min(first_deed_at) as first_seen,
        max(last_deed_at) as last_seen,
        sum(event_count) as event_count,
        sum(case when event_name in ('LLM_PROMPT', 'PROMPT_SUBMIT') then timed_count else 0 end)
            as total_prompts,
        sum(
            case
                when event_name = 'PROMPT_SUCCEED' then timed_count
                when event_name = 'LLM_RESPONSE' then success_count
                else 0
            end
        ) as successful_prompts,
        sum(case when event_name = 'QUESTION_SUBMIT' then timed_count else 0 end)
            as questions_attempted,
        sum(case when event_name = 'QUESTION_SUBMIT' then correct_count else 0 end)
            as questions_correct,
        sum(case when event_name = 'XP_EARNED' then xp_amount else 0 end) as xp_earned
    from person_events
    group by person_key
),

feature_use as (
    select
        person_key,
        feature_name,
        sum(deed_count) as deed_count
    from person_events
    where feature_name is not null and deed_count > 0
    group by person_key, feature_name
),

ranked_features as (
    select
        *,
        row_number() over (
            partition by person_key order by deed_count desc, feature_name asc
        ) as place
    from feature_use
),

favorites as (
    select
        person_key,
        concat_ws(
            ', ',
            max(case when place = 1 then feature_name end),
            max(case when place = 2 then feature_name end),
            max(case when place = 3 then feature_name end)
        ) as favorite_features
    from ranked_features
    where place <= 3
    group by person_key
),

presence as (
    select
        person_days.person_key,
        sum(person_days.session_count) as session_count,
        min(person_days.stat_date) as first_date,
        -- Without consent nobody can be seen to come back, so nobody has a place in the lifecycle.
        max(
            case
                when
                    person_days.stat_date <= watermark.as_of_date
                    and person_days.consent_mode = 'full'
                    then person_days.stat_date
            end
        ) as last_date,
        max(
            case
                when person_days.stat_date <= {{ dbt.dateadd('day', -7, 'watermark.as_of_date') }}
                    then person_days.stat_date
            end
        ) as last_date_before
    from person_days
    cross join watermark
    group by person_days.person_key
),

aged as (
    select
        presence.*,
        {{ dbt.datediff('presence.last_date', 'watermark.as_of_date', 'day') }} as days_away,
        {{ dbt.datediff('presence.last_date_before', 'watermark.as_of_date', 'day') }}
            as days_away_before
    from presence
    cross join watermark
)

select
    totals.person_key,
    totals.is_anonymous,
    totals.app_count,
    totals.first_seen,
    totals.last_seen,
    cast(coalesce(aged.session_count, 0) as bigint) as session_count,
    cast(totals.event_count as bigint) as event_count,
    cast(totals.total_prompts as bigint) as total_prompts,
    cast(totals.successful_prompts as bigint) as successful_prompts,
    cast(totals.questions_attempted as bigint) as questions_attempted,
    cast(totals.questions_correct as bigint) as questions_correct,
    cast(totals.xp_earned as bigint) as xp_earned,
    favorites.favorite_features,
    case
        when aged.last_date is null then null
        when aged.days_away >= 7 then 'dormant'
        when aged.last_date_before is null then 'new'
        when aged.days_away_before < 14 then 'retained'
        when aged.days_away_before < 42 then 'returning'
        else 'resurrected'
    end as lifecycle_state
from totals
left join aged on totals.person_key = aged.person_key
left join favorites on totals.person_key = favorites.person_key
where {{ is_touched('everything') }}
