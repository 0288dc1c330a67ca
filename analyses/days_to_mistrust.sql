-- On which days did an app send what we could not use, and what was wrong with it?
--
-- Worst first. Of what was rejected, main_reason is the most frequent; with the registry put
-- right it comes back at the next build. Lines in quarantine and rejected files never landed, so
-- reliability does not know of them. A day is the one on which files reached us: events of other
-- days can be in them, and a late file belongs to the day of its arrival.

with event_quality as (
    select * from {{ ref('event_quality') }}
),

rejected_events as (
    select * from {{ ref('rejected_events') }}
),

load_ledger as (
    select * from {{ ref('load_ledger') }}
),

reasons as (
    select
        load_ledger.source_app,
        cast(load_ledger.received_at as date) as received_date,
        rejected_events.reason,
        count(*) as record_count
    from rejected_events
    inner join load_ledger on rejected_events.load_id = load_ledger.load_id
    group by
        load_ledger.source_app, cast(load_ledger.received_at as date), rejected_events.reason
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_app, received_date order by record_count desc, reason asc
        ) as place
    from reasons
)

select
    event_quality.received_date,
    event_quality.source_app,
    event_quality.collection_reliability,
    event_quality.landed_count,
    event_quality.rejected_count,
    ranked.reason as main_reason,
    event_quality.quarantined_count,
    event_quality.rejected_file_count,
    event_quality.late_count,
    event_quality.skewed_count
from event_quality
left join ranked
    on
        event_quality.source_app = ranked.source_app
        and event_quality.received_date = ranked.received_date
        and ranked.place = 1
where
    event_quality.rejected_count > 0
    or event_quality.quarantined_count > 0
    or event_quality.rejected_file_count > 0
order by
    event_quality.collection_reliability asc,
    event_quality.quarantined_count desc,
    event_quality.received_date desc,
    event_quality.source_app asc
