{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select
        visitor_key,
        anonymous_key,
        source_app,
        user_key,
        event_name,
        occurred_at,
        event_key
    from {{ ref('int_events') }}
    where {{ is_touched('visitor_key') }}
),

-- Most visitors have one user, or none, and never log out: one epoch, and nothing to sort.
visitors as (
    select
        visitor_key,
        min(source_app) as source_app,
        count(anonymous_key) > 0 as is_device,
        min(user_key) as user_key,
        min(case when user_key is not null then occurred_at end) as first_seen_at,
        count(case when event_name = 'USER_LOGOUT' then 1 end) = 0
        and coalesce(min(user_key) = max(user_key), true) as has_one_epoch
    from events
    group by visitor_key
),

marks as (
    select
        events.*,
        events.event_name = 'USER_LOGOUT' as is_logout
    from events
    inner join visitors on events.visitor_key = visitors.visitor_key
    where
        not visitors.has_one_epoch
        and (events.user_key is not null or events.event_name = 'USER_LOGOUT')
),

-- A school's shared tablet tells nobody's events from anybody else's.
crowds as (
    select visitor_key
    from marks
    group by visitor_key
    having count(distinct user_key) > {{ var('max_users_per_device') }}
),

timed as (
    select
        *,
        {{ epoch_us('occurred_at') }} as occurred_us
    from marks
),

-- A logout closes the epoch behind it: what happens at the same instant is still inside.
closed as (
    select
        *,
        max(case when is_logout then occurred_us end) over (
            partition by visitor_key order by occurred_us
            range between unbounded preceding and 1 preceding
        ) as last_logout_us
    from timed
),

chained as (
    select
        visitor_key,
        user_key,
        occurred_at,
        last_logout_us,
        lag(user_key) over (
            partition by visitor_key order by occurred_us, event_key
        ) as previous_user_key,
        lag(occurred_us) over (
            partition by visitor_key order by occurred_us, event_key
        ) as previous_us
    from closed
    where user_key is not null
),

starts as (
    select
        visitor_key,
        cast('0001-01-01 00:00:00' as timestamp) as started_at
    from visitors
    where not has_one_epoch
    union
    select
        visitor_key,
        {{ dbt.dateadd('microsecond', 1, 'occurred_at') }} as started_at
    from marks
    where is_logout
    union
    -- Another user, and no logout between the two that has closed the epoch already.
    select
        visitor_key,
        occurred_at as started_at
    from chained
    where
        user_key <> previous_user_key
        and (last_logout_us is null or last_logout_us < previous_us)
),

tiled as (
    select
        visitor_key,
        started_at,
        lead(started_at, 1, cast('9999-12-31 00:00:00' as timestamp)) over (
            partition by visitor_key order by started_at
        ) as ended_at
    from starts
),

appeared as (
    select
        tiled.visitor_key,
        tiled.started_at,
        tiled.ended_at,
        min(chained.user_key) as user_key,
        min(chained.occurred_at) as first_seen_at
    from tiled
    left join chained
        on
            tiled.visitor_key = chained.visitor_key
            and tiled.started_at <= chained.occurred_at
            and tiled.ended_at > chained.occurred_at
    group by tiled.visitor_key, tiled.started_at, tiled.ended_at
),

gathered as (
    select
        visitor_key,
        started_at,
        ended_at,
        user_key,
        first_seen_at
    from appeared
    union all
    select
        visitor_key,
        cast('0001-01-01 00:00:00' as timestamp) as started_at,
        cast('9999-12-31 00:00:00' as timestamp) as ended_at,
        user_key,
        first_seen_at
    from visitors
    where has_one_epoch
)

select
    gathered.visitor_key,
    visitors.source_app,
    visitors.is_device,
    visitors.is_device and crowds.visitor_key is not null as is_shared,
    gathered.started_at,
    gathered.ended_at,
    gathered.user_key,
    {{ dbt.dateadd('day', "-" ~ var('identity_lookback_days'), 'gathered.first_seen_at') }}
        as attributed_from
from gathered
inner join visitors on gathered.visitor_key = visitors.visitor_key
left join crowds on gathered.visitor_key = crowds.visitor_key
