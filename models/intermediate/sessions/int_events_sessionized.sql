{{ config(materialized='incremental', unique_key='partition_key') }}

{%- set timeout_us = var('session_timeout_minutes') | int * 60 * 1000000 %}
{%- set longest_us = 24 * 60 * 60 * 1000000 %}
{%- set counted_gap_us = 60 * 1000000 %}

with events as (
    select
        event_key,
        partition_key,
        visitor_key,
        user_key,
        anonymous_key,
        client_session_id,
        source_app,
        event_name,
        event_category,
        occurred_at,
        {{ epoch_us('occurred_at') }} as occurred_us,
        is_clock_skewed,
        is_activity and not is_clock_skewed as is_activity,
        is_view,
        coalesce(
            page_path, question_id, chunk_id, material_id, lesson_id, sketch_id, topic_id, component
        ) as viewed,
        entry_point,
        device_type,
        country,
        consent_mode,
        is_correct,
        is_success,
        xp_amount,
        load_id
    from {{ ref('int_events') }}
    where {{ is_touched('partition_key') }}
),

-- Rows of one instant come in the order of their keys. A mark of a pause is its time doubled, and
-- odd where the pause begins: of two marks at one instant that is the later one.
remembered as (
    select
        *,
        max(case when is_activity and event_name <> 'SESSION_END' then occurred_us end) over (
            partition by partition_key order by occurred_us, event_key
            rows between unbounded preceding and 1 preceding
        ) as last_deed_us,
        max(
            case
                when not is_activity then null
                when event_name = 'SESSION_PAUSE' then 2 * occurred_us + 1
                when event_name = 'SESSION_RESUME' then 2 * occurred_us
            end
        ) over (
            partition by partition_key order by occurred_us, event_key
            rows between unbounded preceding and 1 preceding
        ) as last_mark,
        min(
            case
                when not is_activity then null
                when event_name = 'SESSION_PAUSE' then 2 * occurred_us + 1
                when event_name = 'SESSION_RESUME' then 2 * occurred_us
            end
        ) over (
            partition by partition_key order by occurred_us, event_key
            rows between current row and unbounded following
        ) as next_mark
    from events
),

-- An end that is sent because nothing happened any more tells of the past, and prolongs nothing.
judged as (
    select
        *,
        coalesce(last_mark % 2 = 1, false) as is_paused,
        coalesce(last_mark % 2 = 1 and next_mark % 2 = 0, false) as is_bridged,
        is_activity
        and not coalesce(
            event_name = 'SESSION_END' and occurred_us - last_deed_us >= {{ timeout_us }}, false
        ) as is_deed
    from remembered
),

gapped as (
    select
        *,
        max(case when is_deed then occurred_us end) over (
            partition by partition_key order by occurred_us, event_key
            rows between unbounded preceding and 1 preceding
        ) as previous_us
    from judged
),

-- Time grows along the rows, so the greatest start so far is the one that is going on.
stretched as (
    select
        *,
        max(
            case
                when
                    is_deed
                    and (
                        previous_us is null
                        or (occurred_us - previous_us > {{ timeout_us }} and not is_bridged)
                    )
                    then occurred_us
            end
        ) over (
            partition by partition_key order by occurred_us, event_key
            rows between unbounded preceding and current row
        ) as stretch_us
    from gapped
),

-- What is no deed (a server's event, an end after idling) belongs to the session of the last one.
placed as (
    select
        *,
        case
            when is_deed then occurred_us
            when is_clock_skewed then null
            when
                event_name = 'SESSION_END'
                or is_bridged
                or occurred_us - previous_us <= {{ timeout_us }}
                then previous_us
        end as placed_us
    from stretched
),

cut as (
    select
        *,
        cast(floor((placed_us - stretch_us) / {{ longest_us }}) as bigint) as cut_number,
        previous_us >= stretch_us
        and floor((placed_us - stretch_us) / {{ longest_us }})
        = floor((previous_us - stretch_us) / {{ longest_us }}) as is_continued
    from placed
)

select
    event_key,
    case
        when placed_us is not null
            then {{ hash_key(['partition_key', 'stretch_us', 'cut_number']) }}
    end as session_id,
    partition_key,
    visitor_key,
    user_key,
    anonymous_key,
    client_session_id,
    source_app,
    event_name,
    event_category,
    viewed,
    entry_point,
    device_type,
    country,
    consent_mode,
    case
        -- A pause that nobody resumed stops the time of its own stretch only.
        when is_deed and is_continued and is_paused and last_mark > 2 * stretch_us then 0
        when is_deed and is_continued
            then least(occurred_us - previous_us, {{ counted_gap_us }})
    end as active_us,
    xp_amount,
    is_deed,
    is_deed and not coalesce(is_continued, false) as is_opening,
    is_view,
    is_correct,
    is_success,
    occurred_at,
    load_id
from cut
