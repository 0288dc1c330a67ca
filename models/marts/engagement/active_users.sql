{{ config(materialized='incremental', unique_key='everything') }}

{%- set traits = [
    'device_type', 'browser', 'country', 'entry_point', 'user_kind', 'visitor_kind',
] %}

with active_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

scoped as (
    select
        *,
        source_app as scope,
        days_since_last_in_app as days_away
    from active_days
    union all
    select
        *,
        'all' as scope,
        days_since_last as days_away
    from active_days
),

-- Of all apps a day of one person can be several rows. One value of each breakdown is the person's
-- on the day, the first one known, so that its values add up to everybody.
person_dates as (
    select
        scope as source_app,
        person_key,
        stat_date,
        max(consent_mode) as consent_mode,
        max(days_away) as days_away,
        sum(session_count) as session_count,
        sum(duration_seconds) as duration_seconds,
        {%- for trait in ['device_type', 'browser', 'country', 'entry_point'] %}
            coalesce({{ first_by(trait, ['first_deed_at', 'source_app']) }}, 'unknown')
                as {{ trait }},
        {%- endfor %}
        max(user_kind) as user_kind
    from scoped
    group by scope, person_key, stat_date
),

described as (
    select
        *,
        case
            when consent_mode <> 'full' then 'unknown'
            when days_away is null then 'new'
            else 'returning'
        end as visitor_kind
    from person_dates
),

broken_down as (
    select
        *,
        'all' as breakdown_name,
        'all' as breakdown_value
    from described
    {%- for trait in traits %}
        union all
        select
            *,
            '{{ trait }}' as breakdown_name,
            {{ trait }} as breakdown_value
        from described
    {%- endfor %}
),

followed as (
    select
        *,
        lead(stat_date) over (
            partition by source_app, breakdown_name, breakdown_value, person_key order by stat_date
        ) as next_date
    from broken_down
),

daily as (
    select
        source_app,
        breakdown_name,
        breakdown_value,
        stat_date as activity_date,
        count(*) as dau,
        count(case when consent_mode = 'full' and days_away is null then 1 end) as new_users,
        count(case when consent_mode = 'full' and days_away < 28 then 1 end) as returning_users,
        count(case when consent_mode = 'full' and days_away >= 28 then 1 end)
            as resurrected_users,
        count(case when consent_mode <> 'full' then 1 end) as unrecognised_users,
        cast(sum(session_count) as bigint) as session_count,
        cast(sum(duration_seconds) as bigint) as duration_seconds
    from followed
    group by source_app, breakdown_name, breakdown_value, stat_date
),

-- An active day counts in the 7 (and 28) days that begin with it, or until the next one of the same
-- person takes over. So who was there is the sum of what has begun, less what has ended.
ended_weeks as (
    select
        source_app,
        breakdown_name,
        breakdown_value,
        least(
            cast({{ dbt.dateadd('day', 7, 'stat_date') }} as date), next_date
        ) as activity_date,
        count(*) as ended_count
    from followed
    group by
        source_app, breakdown_name, breakdown_value,
        least(cast({{ dbt.dateadd('day', 7, 'stat_date') }} as date), next_date)
),

ended_months as (
    select
        source_app,
        breakdown_name,
        breakdown_value,
        least(
            cast({{ dbt.dateadd('day', 28, 'stat_date') }} as date), next_date
        ) as activity_date,
        count(*) as ended_count
    from followed
    group by
        source_app, breakdown_name, breakdown_value,
        least(cast({{ dbt.dateadd('day', 28, 'stat_date') }} as date), next_date)
),

spans as (
    select
        source_app,
        breakdown_name,
        breakdown_value,
        min(activity_date) as first_date
    from daily
    group by source_app, breakdown_name, breakdown_value
),

reached as (
    select max(activity_date) as last_date
    from daily
),

dates as (
    select
        spans.source_app,
        spans.breakdown_name,
        spans.breakdown_value,
        {{ each_date('spans.first_date', 'reached.last_date') }} as activity_date
    from spans
    cross join reached
),

accumulated as (
    select
        dates.source_app,
        dates.breakdown_name,
        dates.breakdown_value,
        dates.activity_date,
        coalesce(daily.dau, 0) as dau,
        sum(coalesce(daily.dau, 0) - coalesce(ended_weeks.ended_count, 0)) over (
            partition by dates.source_app, dates.breakdown_name, dates.breakdown_value
            order by dates.activity_date
            rows between unbounded preceding and current row
        ) as wau,
        sum(coalesce(daily.dau, 0) - coalesce(ended_months.ended_count, 0)) over (
            partition by dates.source_app, dates.breakdown_name, dates.breakdown_value
            order by dates.activity_date
            rows between unbounded preceding and current row
        ) as mau,
        coalesce(daily.new_users, 0) as new_users,
        coalesce(daily.returning_users, 0) as returning_users,
        coalesce(daily.resurrected_users, 0) as resurrected_users,
        coalesce(daily.unrecognised_users, 0) as unrecognised_users,
        coalesce(daily.session_count, 0) as session_count,
        coalesce(daily.duration_seconds, 0) as duration_seconds
    from dates
    left join daily
        on
            dates.source_app = daily.source_app
            and dates.breakdown_name = daily.breakdown_name
            and dates.breakdown_value = daily.breakdown_value
            and dates.activity_date = daily.activity_date
    left join ended_weeks
        on
            dates.source_app = ended_weeks.source_app
            and dates.breakdown_name = ended_weeks.breakdown_name
            and dates.breakdown_value = ended_weeks.breakdown_value
            and dates.activity_date = ended_weeks.activity_date
    left join ended_months
        on
            dates.source_app = ended_months.source_app
            and dates.breakdown_name = ended_months.breakdown_name
            and dates.breakdown_value = ended_months.breakdown_value
            and dates.activity_date = ended_months.activity_date
)

select
    accumulated.activity_date,
    accumulated.source_app,
    accumulated.breakdown_name,
    accumulated.breakdown_value,
    cast(accumulated.dau as bigint) as dau,
    cast(accumulated.wau as bigint) as wau,
    cast(accumulated.mau as bigint) as mau,
    cast(accumulated.dau as double) / nullif(accumulated.mau, 0) as stickiness,
    cast(accumulated.new_users as bigint) as new_users,
    cast(accumulated.returning_users as bigint) as returning_users,
    cast(accumulated.resurrected_users as bigint) as resurrected_users,
    cast(accumulated.unrecognised_users as bigint) as unrecognised_users,
    cast(accumulated.session_count as bigint) as session_count,
    cast(accumulated.session_count as double) / nullif(accumulated.dau, 0) as sessions_per_user,
    cast(accumulated.duration_seconds as double) / nullif(accumulated.session_count, 0)
        as avg_session_seconds,
    accumulated.activity_date <= watermark.as_of_date as is_complete
from accumulated
cross join watermark
where {{ is_touched('everything') }}
