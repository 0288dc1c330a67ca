{{ config(materialized='incremental', unique_key='everything') }}

with person_days as (
    select * from {{ ref('int_person_days') }}
    where source_app = 'studyin' and consent_mode = 'full'
),

award_events as (
    select * from {{ ref('int_award_events') }}
    where consent_mode = 'full'
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

study_days as (
    select * from {{ ref('int_person_study_days') }}
),

achievements as (
    select * from {{ ref('user_achievements') }}
),

levels as (
    select * from {{ ref('int_level_bounds') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
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

-- At one instant the order of events is not known: a claim knows of all of them.
running as (
    select
        *,
        coalesce(
            sum(earned_xp) over (
                partition by person_key order by occurred_at
                range between unbounded preceding and current row
            ),
            0
        ) as xp_through,
        row_number() over (
            partition by person_key, event_name, claimed_xp, earned_xp
            order by occurred_at, event_key
        ) as time_claimed
    from awards
),

earned as (
    select
        person_key,
        coalesce(sum(earned_xp), 0) as total_xp,
        coalesce(sum(case when xp_source = 'question_correct' then earned_xp end), 0)
            as question_correct_xp,
        coalesce(sum(case when xp_source = 'material_complete' then earned_xp end), 0)
            as material_complete_xp,
        coalesce(sum(case when xp_source = 'streak' then earned_xp end), 0) as streak_xp,
        coalesce(
            sum(
                case
                    when
                        coalesce(xp_source, '')
                        not in ('question_correct', 'material_complete', 'streak')
                        then earned_xp
                end
            ),
            0
        ) as other_xp,
        -- The app's total did not move: the award came twice, or the app lost one of two.
        coalesce(sum(case when claimed_xp is not null and time_claimed > 1 then earned_xp end), 0)
            as repeated_xp,
        {{ last_by('claimed_xp', ['occurred_at', 'claimed_xp', 'event_key']) }} as claimed_total_xp,
        {{ last_by(
            'case when claimed_xp is not null then claimed_xp - xp_through end',
            ['occurred_at', 'claimed_xp', 'event_key']
        ) }} as xp_difference,
        {{ first_by(
            'case when claimed_xp is not null then claimed_xp - xp_through end',
            ['occurred_at', '-claimed_xp', 'event_key']
        ) }} as xp_before_events,
        {{ last_by('new_level', ['occurred_at', 'new_level', 'event_key']) }} as claimed_level,
        {{ last_by('new_streak', ['occurred_at', 'new_streak', 'event_key']) }} as claimed_streak,
        {{ last_by(
            'case when new_streak is not null then occurred_at end',
            ['occurred_at', 'new_streak', 'event_key']
        ) }} as streak_claimed_at
    from running
    group by person_key
),

unlocked as (
    select
        person_key,
        count(*) as achievement_count,
        sum(xp_reward) as achievement_xp_reward
    from achievements
    group by person_key
),

recent as (
    select
        person_days.person_key,
        sum(
            case
                when
                    person_days.stat_date
                    > {{ dbt.dateadd('day', -30, 'watermark.as_of_date') }}
                    then person_days.xp_earned
                else 0
            end
        ) as xp_last_30_days,
        sum(
            case
                when
                    person_days.stat_date
                    <= {{ dbt.dateadd('day', -30, 'watermark.as_of_date') }}
                    then person_days.xp_earned
                else 0
            end
        ) as xp_30_days_before
    from person_days
    inner join watermark
        on
            person_days.stat_date <= watermark.as_of_date
            and person_days.stat_date > {{ dbt.dateadd('day', -60, 'watermark.as_of_date') }}
    group by person_days.person_key
),

streaks as (
    select
        study_days.person_key,
        max(case when study_days.calendar = 'utc' then study_days.streak_days end)
            as longest_streak,
        max(case when study_days.calendar = 'reporting' then study_days.streak_days end)
            as longest_local_streak,
        {{ current_streak('utc') }} as current_streak,
        {{ current_streak('reporting') }} as current_local_streak
    from study_days
    left join watermark on study_days.study_date <= watermark.as_of_date
    group by study_days.person_key
),

people as (
    select
        person_key,
        max(user_kind) as user_kind
    from person_days
    group by person_key
)
select 1
