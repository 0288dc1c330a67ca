-- Points by person, by day and by window are the same points: none is lost between events, days and
-- people, and none is counted twice.
with of_days as (
    select
        person_key,
        sum(xp_earned) as total_xp
    from {{ ref('daily_user_stats') }}
    group by person_key
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

of_days_until_today as (
    select
        daily_user_stats.person_key,
        sum(daily_user_stats.xp_earned) as total_xp,
        {{ last_by('daily_user_stats.level', ['daily_user_stats.stat_date']) }} as level
    from {{ ref('daily_user_stats') }} as daily_user_stats
    inner join watermark on daily_user_stats.stat_date <= watermark.as_of_date
    where daily_user_stats.source_app = 'studyin'
    group by daily_user_stats.person_key
),

of_windows as (
    select
        person_key,
        sum(xp_earned) as xp_earned,
        max(total_xp) as total_xp,
        {{ last_by('current_level', ['window_end']) }} as level
    from {{ ref('learning_overview') }}
    group by person_key
)

select
    'gamification_progress' as compared,
    progress.person_key
from {{ ref('gamification_progress') }} as progress
left join of_days on progress.person_key = of_days.person_key
where progress.total_xp is distinct from of_days.total_xp
union all
select
    'learning_overview' as compared,
    of_windows.person_key
from of_windows
left join of_days_until_today on of_windows.person_key = of_days_until_today.person_key
where
    of_windows.xp_earned is distinct from of_days_until_today.total_xp
    or of_windows.total_xp is distinct from of_days_until_today.total_xp
    or of_windows.level is distinct from of_days_until_today.level
