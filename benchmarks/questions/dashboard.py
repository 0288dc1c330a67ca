"""What a dashboard asks of the marts: a tile each, as a BI tool would send it. `$person` is another
person each time."""

# People with an account, in an order that has nothing to do with what they did.
PEOPLE = """
    select person_key
    from users
    where not is_anonymous
    order by md5(person_key::varchar)
    limit {count}
"""

# A BI tool would write the date itself.
_LAST_DAY = "(select max(activity_date) from active_users where is_complete)"

QUESTIONS = {
    "daily, weekly and monthly users of 90 days": f"""
        select activity_date, dau, wau, mau, new_users, returning_users, resurrected_users
        from active_users
        where
            source_app = 'all' and breakdown_name = 'all'
            and activity_date > {_LAST_DAY} - 90 and is_complete
        order by activity_date
    """,
    "stickiness by app and day": f"""
        select source_app, activity_date, stickiness
        from active_users
        where breakdown_name = 'all' and activity_date > {_LAST_DAY} - 90 and is_complete
        order by source_app, activity_date
    """,
    "users by country today": f"""
        select breakdown_value, dau, wau, mau
        from active_users
        where
            source_app = 'all' and breakdown_name = 'country'
            and activity_date = {_LAST_DAY}
        order by mau desc, breakdown_value
    """,
    "D1, D7 and D28 of the newest cohorts": """
        select source_app, period_name, cohort_start, cohort_size, retention_rate
        from retention
        where
            breakdown_name = 'all' and cohort_grain = 'day' and kind = 'on'
            and period_name is not null and is_complete
        qualify dense_rank() over (
            partition by source_app, period_name order by cohort_start desc
        ) <= 7
        order by source_app, period_name, cohort_start
    """,
    "retention of weekly cohorts by device": """
        select breakdown_value, period_number, sum(retained_count) / sum(eligible_count) as rate
        from retention
        where
            source_app = 'academy' and breakdown_name = 'device_type' and cohort_grain = 'week'
            and kind = 'on_or_after' and is_complete
        group by breakdown_value, period_number
        order by breakdown_value, period_number
    """,
    "a funnel by day": """
        select entry_date, step_number, step_name, entered_count, reached_count, conversion_rate
        from funnels
        where funnel_name = 'prompt_saved' and breakdown_name = 'all' and is_complete
        order by entry_date, step_number
    """,
    "a funnel by device": """
        select
            breakdown_value, step_number, step_name,
            sum(reached_count) / sum(entered_count) as conversion_rate
        from funnels
        where funnel_name = 'prompt_saved' and breakdown_name = 'device_type' and is_complete
        group by breakdown_value, step_number, step_name
        order by breakdown_value, step_number
    """,
    "where people drop off, and why": """
        select level_reached, stop_reason, count(*) as attempt_count
        from funnel_people
        where funnel_name = 'prompt_saved' and not is_converted
        group by level_reached, stop_reason
        order by level_reached, attempt_count desc
    """,
    "the most common paths of an app": """
        select path, frequency, person_count, avg_duration_seconds, dropoff_rate
        from common_paths
        where source_app = 'academy'
        order by frequency desc, path
        limit 20
    """,
    "steps after which visits end": """
        select
            source_app, from_step, sum(session_count) as session_count,
            sum(case when to_step = '(exit)' then session_count end) / sum(session_count)
                as exit_share
        from path_edges
        where depth between 1 and 10
        group by source_app, from_step
        order by exit_share desc, source_app, from_step
        limit 20
    """,
    "adoption of features by week": """
        select week_start, feature_name, adoption_rate, new_adopter_count, repeat_rate
        from feature_adoption
        where source_app = 'all' and is_complete
        order by week_start, feature_name
    """,
    "hours of the week": """
        select weekday, hour, deed_count, person_count
        from activity_by_hour
        where source_app = 'academy'
        order by weekday, hour
    """,
    "people by lifecycle and week": """
        select week_start, lifecycle_state, count(*) as person_count
        from user_lifecycle
        group by week_start, lifecycle_state
        order by week_start, lifecycle_state
    """,
    "quality of events by day": """
        select
            source_app, received_date, accepted_count, rejected_count, late_count, duplicate_count
        from event_quality
        where received_date > (select max(received_date) from event_quality) - 30
        order by source_app, received_date
    """,
    "the most active users": """
        select person_key, last_seen, session_count, total_prompts, xp_earned, lifecycle_state
        from users
        order by event_count desc, person_key
        limit 50
    """,
    "heatmap of one person": """
        select stat_date, activity_count, duration_minutes
        from activity_heatmap
        where person_key = $person
        order by stat_date
    """,
    "one person's days": """
        select stat_date, source_app, session_count, deed_count, active_seconds, streak_days
        from daily_user_stats
        where person_key = $person
        order by stat_date, source_app
    """,
    "one person's visits": """
        select session_id, source_app, started_at, duration_seconds, entry_point, exit_point
        from sessions
        where person_key = $person
        order by started_at desc, session_id
        limit 50
    """,
    "visits by app and day": f"""
        select
            source_app, cast(started_at as date) as visit_date, count(*) as session_count,
            avg(duration_seconds) as duration_seconds,
            count(case when is_bounce then 1 end) / count(*) as bounce_rate
        from sessions
        where started_at >= {_LAST_DAY} - 29
        group by source_app, visit_date
        order by source_app, visit_date
    """,
}
