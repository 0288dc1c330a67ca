{{ config(materialized='incremental', unique_key='everything') }}

with person_days as (
    select * from {{ ref('int_person_days') }}
    where source_app = 'studyin' and consent_mode = 'full'
),

study_days as (
    select * from {{ ref('int_person_study_days') }}
    where calendar = 'utc'
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

-- Windows are counted back from today, the newest is 0.
placed_days as (
    select
        person_days.*,
        cast(
            floor({{ dbt.datediff('person_days.stat_date', 'watermark.as_of_date', 'day') }} / 30)
            as bigint
        ) as window_number
    from person_days
    inner join watermark on person_days.stat_date <= watermark.as_of_date
),

reached as (
    select
        placed_days.person_key,
        watermark.as_of_date,
        max(placed_days.window_number) as oldest_window
    from placed_days
    cross join watermark
    group by placed_days.person_key, watermark.as_of_date
),

ends as (
    select
        person_key,
        as_of_date,
        {{ each_date(
            dbt.dateadd('day', '-30 * oldest_window', 'as_of_date'), 'as_of_date', 30
        ) }} as window_end
    from reached
),

windows as (
    select
        person_key,
        window_end,
        cast(
            floor({{ dbt.datediff('window_end', 'as_of_date', 'day') }} / 30) as bigint
        ) as window_number
    from ends
),

summed as (
    select
        person_key,
        window_number,
        count(case when deed_count > 0 then 1 end) as study_days,
        sum(session_count) as total_sessions,
        sum(duration_seconds) as total_duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(materials_viewed) as materials_viewed,
        sum(materials_completed) as materials_completed,
        sum(questions_attempted) as questions_attempted,
        sum(questions_correct) as questions_correct,
        sum(xp_earned) as xp_earned
    from placed_days
    group by person_key, window_number
),

-- A day in UTC can be the day before the first one in the reporting timezone.
placed_study_days as (
    select
        study_days.*,
        least(
            cast(
                floor({{ dbt.datediff('study_days.study_date', 'reached.as_of_date', 'day') }} / 30)
                as bigint
            ),
            reached.oldest_window
        ) as window_number
    from study_days
    inner join reached
        on
            study_days.person_key = reached.person_key
            and study_days.study_date <= reached.as_of_date
),

streaks as (
    select
        windows.person_key,
        windows.window_number,
        max(placed_study_days.streak_days) as longest_streak,
        -- As of the window's last day, which is not over: whoever was there the day before may
        -- still go on.
        coalesce(
            max(
                case
                    when placed_study_days.study_date = windows.window_end
                        then placed_study_days.streak_days
                end
            ),
            max(
                case
                    when
                        placed_study_days.study_date
                        = {{ dbt.dateadd('day', -1, 'windows.window_end') }}
                        then placed_study_days.streak_days
                end
            ),
            0
        ) as current_streak
    from windows
    left join placed_study_days
        on
            windows.person_key = placed_study_days.person_key
            and windows.window_number = placed_study_days.window_number
    group by windows.person_key, windows.window_number
),

unlocks as (
    select
        person_key,
        {{ local_date('unlocked_at') }} as unlocked_date
    from achievements
),

placed_unlocks as (
    select
        unlocks.person_key,
        cast(
            floor({{ dbt.datediff('unlocks.unlocked_date', 'reached.as_of_date', 'day') }} / 30)
            as bigint
        ) as window_number
    from unlocks
    inner join reached
        on
            unlocks.person_key = reached.person_key
            and unlocks.unlocked_date <= reached.as_of_date
),

unlocked as (
    select
        person_key,
        window_number,
        count(*) as achievements_unlocked
    from placed_unlocks
    group by person_key, window_number
),

accumulated as (
    select
        windows.person_key,
        windows.window_end,
        coalesce(summed.study_days, 0) as study_days,
        coalesce(summed.total_sessions, 0) as total_sessions,
        coalesce(summed.total_duration_seconds, 0) as total_duration_seconds,
        summed.active_seconds,
        coalesce(summed.materials_viewed, 0) as materials_viewed,
        coalesce(summed.materials_completed, 0) as materials_completed,
        coalesce(summed.questions_attempted, 0) as questions_attempted,
        coalesce(summed.questions_correct, 0) as questions_correct,
        coalesce(summed.xp_earned, 0) as xp_earned,
        sum(coalesce(summed.xp_earned, 0)) over (
            partition by windows.person_key order by windows.window_end
            rows between unbounded preceding and current row
        ) as total_xp,
        streaks.current_streak,
        coalesce(
            max(streaks.longest_streak) over (
                partition by windows.person_key order by windows.window_end
                rows between unbounded preceding and current row
            ),
            0
        ) as longest_streak,
        coalesce(unlocked.achievements_unlocked, 0) as achievements_unlocked,
        sum(coalesce(unlocked.achievements_unlocked, 0)) over (
            partition by windows.person_key order by windows.window_end
            rows between unbounded preceding and current row
        ) as achievement_count
    from windows
    inner join streaks
        on
            windows.person_key = streaks.person_key
            and windows.window_number = streaks.window_number
    left join summed
        on
            windows.person_key = summed.person_key
            and windows.window_number = summed.window_number
    left join unlocked
        on
            windows.person_key = unlocked.person_key
            and windows.window_number = unlocked.window_number
)

select
    accumulated.person_key,
    cast({{ dbt.dateadd('day', -29, 'accumulated.window_end') }} as date) as window_start,
    accumulated.window_end,
    accumulated.study_days,
    cast(accumulated.total_sessions as bigint) as total_sessions,
    cast(accumulated.total_duration_seconds as bigint) as total_duration_seconds,
    cast(accumulated.active_seconds as bigint) as active_seconds,
    cast(accumulated.materials_viewed as bigint) as materials_viewed,
    cast(accumulated.materials_completed as bigint) as materials_completed,
    cast(accumulated.questions_attempted as bigint) as questions_attempted,
    cast(accumulated.questions_correct as bigint) as questions_correct,
    cast(accumulated.xp_earned as bigint) as xp_earned,
    cast(accumulated.total_xp as bigint) as total_xp,
    levels.level as current_level,
    accumulated.current_streak,
    accumulated.longest_streak,
    accumulated.achievements_unlocked,
    cast(accumulated.achievement_count as bigint) as achievement_count
from accumulated
left join levels
    on
        accumulated.total_xp >= levels.xp_required
        and (accumulated.total_xp < levels.next_xp_required or levels.next_xp_required is null)
where {{ is_touched('everything') }}
