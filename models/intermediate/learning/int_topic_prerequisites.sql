{{ config(materialized='incremental', unique_key='everything') }}

with recursive topics as (
    select * from {{ ref('stg_studyin__topics') }}
    where topic_id is not null
),

listed as (
    select
        topic_id,
        {{ each_text('prerequisites') }} as prerequisite_id
    from topics
),

stated as (
    select distinct
        topic_id,
        prerequisite_id
    from listed
    where prerequisite_id is not null
),

-- A pair is found once, so a ring of topics comes to an end.
pairs as (
    select
        topic_id,
        prerequisite_id
    from stated
    union
    select
        pairs.topic_id,
        stated.prerequisite_id
    from pairs
    inner join stated on pairs.prerequisite_id = stated.topic_id
)

select
    pairs.topic_id,
    pairs.prerequisite_id,
    stated.topic_id is not null as is_stated,
    pairs.topic_id = pairs.prerequisite_id or reverse.topic_id is not null as is_circular,
    topics.topic_id is not null as is_known
from pairs
left join stated
    on pairs.topic_id = stated.topic_id and pairs.prerequisite_id = stated.prerequisite_id
left join pairs as reverse
    on pairs.topic_id = reverse.prerequisite_id and pairs.prerequisite_id = reverse.topic_id
left join topics on pairs.prerequisite_id = topics.topic_id
where {{ is_touched('everything') }}
