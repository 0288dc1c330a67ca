{{ config(materialized='incremental', unique_key='everything') }}

with person_days as (
    select * from {{ ref('int_person_days') }}
    where source_app = 'studyin' and consent_mode = 'full'
),

awards as (
    select * from {{ ref('int_person_awards') }}
),

achievements as (
    select * from {{ ref('user_achievements') }}
),

study_days as (
    select * from {{ ref('int_person_study_days') }}
    where calendar = 'utc'
),

streaks as (
    select * from {{ ref('int_person_streaks') }}
),

levels as (
    select * from {{ ref('int_level_bounds') }}
),

-- One row, also while no day is complete.
watermark as (
    select max(as_of_date) as as_of_date from {{ ref('int_data_watermark') }}
),

recent as (
    select
        person_days.person_key,
        coalesce(
            sum(
                case
                    when
                        person_days.stat_date <= watermark.as_of_date
                        and person_days.stat_date
                        > {{ dbt.dateadd('day', -30, 'watermark.as_of_date') }}
                        then person_days.xp_earned
                end
            ),
            max(case when watermark.as_of_date is not null then 0 end)
        ) as xp_last_30_days,
        coalesce(
            sum(
                case
                    when
                        person_days.stat_date
                        <= {{ dbt.dateadd('day', -30, 'watermark.as_of_date') }}
                        and person_days.stat_date
                        > {{ dbt.dateadd('day', -60, 'watermark.as_of_date') }}
                        then person_days.xp_earned
                end
            ),
            max(case when watermark.as_of_date is not null then 0 end)
        ) as xp_30_days_before
    from person_days
    cross join watermark
    group by person_days.person_key
),

unlocked as (
    select
        person_key,
        count(*) as achievement_count,
        sum(xp_reward) as achievement_xp_reward
    from achievements
    group by person_key
),

streaks_beside as (
    select
        person_key,
        max(case when calendar = 'utc' then current_streak end) as current_streak,
        max(case when calendar = 'utc' then longest_streak end) as longest_streak,
        max(case when calendar = 'reporting' then current_streak end) as current_local_streak,
        max(case when calendar = 'reporting' then longest_streak end) as longest_local_streak
    from streaks
    group by person_key
),

people as (
    select
        recent.*,
        coalesce(awards.total_xp, 0) as total_xp,
        coalesce(awards.question_correct_xp, 0) as question_correct_xp,
        coalesce(awards.material_complete_xp, 0) as material_complete_xp,
        coalesce(awards.streak_xp, 0) as streak_xp,
        coalesce(awards.other_xp, 0) as other_xp,
        coalesce(awards.repeated_xp, 0) as repeated_xp,
        awards.claimed_total_xp,
        awards.xp_difference,
        awards.xp_before_events,
        awards.claimed_level,
        awards.claimed_streak,
        case
            -- That a streak is broken is said of the days before.
            when awards.claimed_streak = 0
                then
                    {{ dbt.dateadd('day', -1, 'cast(awards.streak_claimed_at as date)') }}
            else cast(awards.streak_claimed_at as date)
        end as streak_claimed_date
    from recent
    left join awards on recent.person_key = awards.person_key
)

select
    people.person_key,
    people.total_xp,
    people.question_correct_xp,
    people.material_complete_xp,
    people.streak_xp,
    people.other_xp,
    people.repeated_xp,
    levels.level,
    people.total_xp - levels.xp_required as xp_into_level,
    levels.next_xp_required - people.total_xp as xp_to_next_level,
    cast(people.total_xp - levels.xp_required as double)
    / (levels.next_xp_required - levels.xp_required) as level_progress,
    coalesce(unlocked.achievement_count, 0) as achievement_count,
    cast(coalesce(unlocked.achievement_xp_reward, 0) as bigint) as achievement_xp_reward,
    -- Whoever was never active has no streak; while no day is complete nobody's is known.
    cast(coalesce(streaks_beside.current_streak, people.xp_last_30_days * 0) as bigint)
        as current_streak,
    coalesce(streaks_beside.longest_streak, 0) as longest_streak,
    cast(coalesce(streaks_beside.current_local_streak, people.xp_last_30_days * 0) as bigint)
        as current_local_streak,
    coalesce(streaks_beside.longest_local_streak, 0) as longest_local_streak,
    cast(people.xp_last_30_days as bigint) as xp_last_30_days,
    cast(people.xp_30_days_before as bigint) as xp_30_days_before,
    cast(people.xp_last_30_days - people.xp_30_days_before as bigint) as xp_change,
    cast(people.xp_last_30_days - people.xp_30_days_before as double)
    / nullif(people.xp_30_days_before, 0) as xp_change_rate,
    people.claimed_total_xp,
    people.xp_difference,
    people.xp_before_events,
    people.xp_difference - people.xp_before_events as xp_drift,
    people.claimed_level,
    people.claimed_level <> levels.level as is_level_different,
    people.claimed_streak,
    case
        when people.claimed_streak is not null
            then people.claimed_streak - coalesce(study_days.streak_days, 0)
    end as streak_difference
from people
left join unlocked on people.person_key = unlocked.person_key
left join streaks_beside on people.person_key = streaks_beside.person_key
left join study_days
    on
        people.person_key = study_days.person_key
        and people.streak_claimed_date = study_days.study_date
left join levels
    on
        people.total_xp >= levels.xp_required
        and (people.total_xp < levels.next_xp_required or levels.next_xp_required is null)
where {{ is_touched('everything') }}
