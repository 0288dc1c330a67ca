{{ config(materialized='incremental', unique_key='partition_key') }}

with events as (
    select
        *,
        case
            when is_deed and is_view then event_name || coalesce(' ' || viewed, '')
        end as view_name,
        case
            when is_deed and is_view then event_name || coalesce(' ' || place, '')
        end as view_label
    from {{ ref('int_events_sessionized') }}
    where session_id is not null and {{ is_touched('partition_key') }}
),

summed as (
    select
        session_id,
        partition_key,
        source_app,
        max(case when is_opening then visitor_key end) as visitor_key,
        max(case when is_opening then user_key end) as user_key,
        max(case when is_opening then anonymous_key end) as anonymous_key,
        max(case when is_opening then client_session_id end) as client_session_id,
        min(case when is_deed then occurred_at end) as started_at,
        max(case when is_deed then occurred_at end) as ended_at,
        sum(active_us) as active_us,
        count(*) as event_count,
        count(case when is_deed then 1 end) as deed_count,
        {{ event_measure('view_count') }} as view_count,
        {{ event_measure('interaction_count') }} as interaction_count,
        count(distinct view_name) as session_depth,
        {{ event_measure('pause_count') }} as pause_count,
        {{ event_measure('materials_viewed') }} as materials_viewed,
        {{ event_measure('materials_completed') }} as materials_completed,
        {{ event_measure('chunks_read') }} as chunks_read,
        {{ event_measure('questions_viewed') }} as questions_viewed,
        {{ event_measure('questions_attempted') }} as questions_attempted,
        {{ event_measure('questions_correct') }} as questions_correct,
        {{ event_measure('ai_interactions') }} as ai_interactions,
        {{ event_measure('achievements_unlocked') }} as achievements_unlocked,
        {{ event_measure('prompts_submitted') }} as prompts_submitted,
        {{ event_measure('sketches_created') }} as sketches_created,
        {{ event_measure('error_count') }} as error_count,
        {{ event_measure('xp_earned') }} as xp_earned,
        count(case when event_name = 'SESSION_END' then 1 end) > 0 as is_ended,
        max(case when is_opening then entry_point end) as sent_entry_point,
        {{ first_by('view_label', ['occurred_at', 'event_key']) }} as first_view,
        {{ last_by('view_label', ['occurred_at', 'event_key']) }} as last_view,
        max(case when is_opening then event_name end) as first_event_name,
        {{ last_by("case when is_deed then event_name end", ['occurred_at', 'event_key']) }}
            as last_event_name,
        coalesce(max(case when is_opening then device_type end), min(device_type)) as device_type,
        coalesce(max(case when is_opening then country end), min(country)) as country,
        max(load_id) as load_id
    from events
    group by session_id, partition_key, source_app
)

select
    session_id,
    partition_key,
    visitor_key,
    user_key,
    anonymous_key,
    client_session_id,
    source_app,
    coalesce(sent_entry_point, first_view, first_event_name) as entry_point,
    coalesce(last_view, last_event_name) as exit_point,
    device_type,
    country,
    cast(
        floor(({{ epoch_us('ended_at') }} - {{ epoch_us('started_at') }}) / 1000000) as bigint
    ) as duration_seconds,
    cast(active_us as bigint) as active_us,
    event_count,
    deed_count,
    view_count,
    interaction_count,
    session_depth,
    pause_count,
    materials_viewed,
    materials_completed,
    chunks_read,
    questions_viewed,
    questions_attempted,
    questions_correct,
    ai_interactions,
    achievements_unlocked,
    prompts_submitted,
    sketches_created,
    error_count,
    xp_earned,
    is_ended,
    lead(session_id) over (partition by partition_key order by started_at, session_id) is not null
        as is_followed,
    view_count <= 1
    and interaction_count = 0
    and coalesce(active_us, 0) < 10000000 as is_bounce,
    started_at,
    ended_at,
    load_id
from summed
