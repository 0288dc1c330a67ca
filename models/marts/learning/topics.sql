{{ config(materialized='incremental', unique_key='everything') }}

with topics as (
    select * from {{ ref('stg_studyin__topics') }}
)

select
    topic_id,
    topic_name,
    level,
    importance
from topics
where {{ is_touched('everything') }}
