{{ config(materialized='incremental', unique_key='partition_key') }}

{%- set timeout_us = var('session_timeout_minutes') | int * 60 * 1000000 %}
{%- set longest_us = 24 * 60 * 60 * 1000000 %}
{%- set counted_gap_us = 60 * 1000000 %}

-- What decides is sorted without the rest, which joins on at the end: that takes half the time.
with events as (
    select
        event_key,
        partition_key,
        {{ epoch_us('occurred_at') }} as occurred_us,
        is_clock_skewed,
        is_activity and not is_clock_skewed as is_activity,
        -- What a server did at the instant of a click comes after the click.
        case when is_activity and not is_clock_skewed then 0 else 1 end as precedence,
        event_name = 'SESSION_END' as is_end,
        event_name = 'SESSION_PAUSE' as is_pause,
        event_name = 'SESSION_RESUME' as is_resume
    from {{ ref('int_events') }}
    where {{ is_touched('partition_key') }}
),

described as (
    select
        *,
        coalesce(
            page_path, question_id, chunk_id, material_id, lesson_id, sketch_id, topic_id, component
        ) as viewed,
        -- Of a whole address the path, the same page of any host.
        case
            when page_path is not null
                then coalesce(nullif(regexp_replace(page_path, '^[A-Za-z]+://[^/]*', ''), ''), '/')
        end as page
    from {{ ref('int_events') }}
    where {{ is_touched('partition_key') }}
),

-- Of two marks at one instant the pause is the later one.
marks as (
    select
        event_key,
        occurred_us,
        is_pause,
        lead(is_resume) over (
            partition by partition_key order by occurred_us, is_pause, event_key
        ) as is_resumed
    from events
    where is_activity and (is_pause or is_resume)
),

-- As one number that grows with time: whether it is a pause, and whether a resume follows.
numbered_marks as (
    select
        event_key,
        4 * occurred_us
        + case
            when is_pause and is_resumed then 3
            when is_pause then 2
            else 0
        end as mark
    from marks
),

marked as (
    select
        events.*,
        numbered_marks.mark
    from events
    left join numbered_marks on events.event_key = numbered_marks.event_key
),

-- Rows of one instant come in the order of their keys, activity first.
remembered as (
    select
        *,
        max(case when is_activity and not is_end then occurred_us end) over (
            partition by partition_key order by occurred_us, precedence, event_key
            rows between unbounded preceding and 1 preceding
        ) as last_deed_us,
        max(mark) over (
            partition by partition_key order by occurred_us, precedence, event_key
            rows between unbounded preceding and 1 preceding
        ) as last_mark
    from marked
),

-- An end that is sent because nothing happened any more tells of the past, and prolongs nothing.
judged as (
    select
        *,
        coalesce(last_mark % 4 >= 2, false) as is_paused,
        coalesce(last_mark % 4 = 3, false) as is_bridged,
        is_activity
        and not coalesce(is_end and occurred_us - last_deed_us >= {{ timeout_us }}, false)
            as is_deed
    from remembered
),

gapped as (
    select
        *,
        max(case when is_deed then occurred_us end) over (
            partition by partition_key order by occurred_us, precedence, event_key
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
            partition by partition_key order by occurred_us, precedence, event_key
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
                is_end
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
        is_deed
        and previous_us >= stretch_us
        and floor((placed_us - stretch_us) / {{ longest_us }})
        = floor((previous_us - stretch_us) / {{ longest_us }}) as is_continued
    from placed
)

select
    cut.event_key,
    case
        when cut.placed_us is not null
            then {{ hash_key(['cut.partition_key', 'cut.stretch_us', 'cut.cut_number']) }}
    end as session_id,
    cut.partition_key,
    described.visitor_key,
    described.user_key,
    described.anonymous_key,
    described.client_session_id,
    described.source_app,
    described.event_name,
    described.event_category,
    described.viewed,
    case
        when described.is_view then described.page
        else coalesce(described.component, described.page)
    end as place,
    described.entry_point,
    described.device_type,
    described.country,
    described.browser,
    described.consent_mode,
    case
        -- A pause that nobody resumed stops the time of its own stretch only.
        when cut.is_continued and cut.is_paused and cut.last_mark >= 4 * cut.stretch_us then 0
        when cut.is_continued then least(cut.occurred_us - cut.previous_us, {{ counted_gap_us }})
    end as active_us,
    described.xp_amount,
    {{ whole_milliseconds('described.duration_ms') }} as duration_ms,
    described.is_clock_skewed,
    cut.is_deed,
    cut.is_deed and not coalesce(cut.is_continued, false) as is_opening,
    described.is_view,
    described.is_correct,
    described.is_success,
    described.occurred_at,
    described.load_id
from cut
inner join described on cut.event_key = described.event_key
