{{ config(materialized='incremental', unique_key='everything') }}

with judged as (
    select * from {{ ref('int_events_judged') }}
    where blocked_identifiers is not null
),

epochs as (
    select * from {{ ref('int_login_epochs') }}
    where is_shared
),

mapped_users as (
    select * from {{ ref('int_mapped_users') }}
    where is_disputed
),

events as (
    select * from {{ ref('int_events') }}
    where anonymous_key is not null
),

words as (
    select
        source_app,
        'user' as identifier_kind,
        regexp_extract(blocked_identifiers, '(^|,)user=([^,]*)', 2) as identifier,
        occurred_at
    from judged
    union all
    select
        source_app,
        'anonymous' as identifier_kind,
        regexp_extract(blocked_identifiers, '(^|,)anonymous=([^,]*)', 2) as identifier,
        occurred_at
    from judged
    union all
    select
        source_app,
        'session' as identifier_kind,
        regexp_extract(blocked_identifiers, '(^|,)session=([^,]*)', 2) as identifier,
        occurred_at
    from judged
),

counted_words as (
    select
        source_app,
        identifier_kind,
        identifier,
        'identifies nobody' as reason,
        count(*) as event_count,
        min(occurred_at) as first_seen,
        max(occurred_at) as last_seen
    from words
    where identifier <> ''
    group by source_app, identifier_kind, identifier
),

shared_devices as (
    select distinct
        source_app,
        visitor_key
    from epochs
),

counted_devices as (
    select
        events.source_app,
        'anonymous' as identifier_kind,
        cast(events.anonymous_key as varchar) as identifier,
        'device of more than {{ var("max_users_per_device") }} users' as reason,
        count(*) as event_count,
        min(events.occurred_at) as first_seen,
        max(events.occurred_at) as last_seen
    from events
    inner join shared_devices on events.anonymous_key = shared_devices.visitor_key
    group by events.source_app, events.anonymous_key
),

disputed as (
    select
        'academy' as source_app,
        'mapped user' as identifier_kind,
        cast(user_key as varchar) as identifier,
        'claimed by several users, or itself a claimant' as reason,
        cast(null as bigint) as event_count,
        cast(null as timestamp) as first_seen,
        cast(null as timestamp) as last_seen
    from mapped_users
),

gathered as (
    select * from counted_words
    union all
    select * from counted_devices
    union all
    select * from disputed
)

select
    source_app,
    identifier_kind,
    identifier,
    reason,
    event_count,
    first_seen,
    last_seen
from gathered
where {{ is_touched('everything') }}
