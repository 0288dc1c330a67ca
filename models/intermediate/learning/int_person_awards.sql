{{ config(materialized='incremental', unique_key='everything') }}

{%- set newest = ['occurred_at', 'claimed_xp', 'event_key'] %}

with award_events as (
    select * from {{ ref('int_award_events') }}
    where consent_mode = 'full'
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

awards as (
    select
        award_events.*,
        coalesce(actor_persons.person_key, award_events.actor_key) as person_key,
        coalesce(award_events.new_total_xp, award_events.total_xp) as claimed_xp,
        -- What a level or a streak sends is no XP, whatever else it carries.
        case when award_events.event_name = 'XP_EARNED' then award_events.xp_amount end as earned_xp
    from award_events
    left join actor_persons
        on
            award_events.actor_key = actor_persons.actor_key
            and award_events.actor_kind = actor_persons.actor_kind
),

-- Which of two events at one instant came first is not known: a claim knows of all of them.
running as (
    select
        *,
        claimed_xp - coalesce(
            sum(earned_xp) over (
                partition by person_key order by occurred_at
                range between unbounded preceding and current row
            ),
            0
        ) as xp_difference,
        row_number() over (
            partition by person_key, event_name, claimed_xp order by occurred_at, event_key
        ) as time_claimed
    from awards
),

summed as (
    select
        person_key,
        sum(earned_xp) as total_xp,
        sum(case when xp_source = 'question_correct' then earned_xp end) as question_correct_xp,
        sum(case when xp_source = 'material_complete' then earned_xp end) as material_complete_xp,
        sum(case when xp_source = 'streak' then earned_xp end) as streak_xp,
        -- The app's total did not move: the award came twice, or the app lost one of two.
        sum(case when claimed_xp is not null and time_claimed > 1 then earned_xp end)
            as repeated_xp,
        {{ last_by('claimed_xp', newest) }} as claimed_total_xp,
        {{ last_by('xp_difference', newest) }} as xp_difference,
        {{ first_by('xp_difference', ['occurred_at', '-claimed_xp', 'event_key']) }}
            as xp_before_events,
        {{ last_by('new_level', ['occurred_at', 'new_level', 'event_key']) }} as claimed_level,
        {{ last_by('new_streak', ['occurred_at', 'new_streak', 'event_key']) }} as claimed_streak,
        max(case when new_streak is not null then occurred_at end) as streak_claimed_at
    from running
    group by person_key
)

select
    person_key,
    cast(coalesce(total_xp, 0) as bigint) as total_xp,
    cast(coalesce(question_correct_xp, 0) as bigint) as question_correct_xp,
    cast(coalesce(material_complete_xp, 0) as bigint) as material_complete_xp,
    cast(coalesce(streak_xp, 0) as bigint) as streak_xp,
    cast(
        coalesce(total_xp, 0) - coalesce(question_correct_xp, 0)
        - coalesce(material_complete_xp, 0) - coalesce(streak_xp, 0) as bigint
    ) as other_xp,
    cast(coalesce(repeated_xp, 0) as bigint) as repeated_xp,
    cast(claimed_total_xp as bigint) as claimed_total_xp,
    cast(xp_difference as bigint) as xp_difference,
    cast(xp_before_events as bigint) as xp_before_events,
    cast(claimed_level as bigint) as claimed_level,
    cast(claimed_streak as bigint) as claimed_streak,
    streak_claimed_at
from summed
where {{ is_touched('everything') }}
