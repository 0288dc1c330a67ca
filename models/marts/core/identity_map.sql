with epochs as (
    select
        *,
        case when user_key is null then 'unclaimed' else 'user' end as actor_kind,
        coalesce(user_key, visitor_key) as actor_key
    from {{ ref('int_login_epochs') }}
    where is_device
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
)

select
    epochs.source_app,
    epochs.visitor_key as anonymous_key,
    epochs.started_at,
    epochs.ended_at,
    epochs.user_key,
    epochs.attributed_from,
    case
        when not epochs.is_shared then coalesce(actor_persons.person_key, epochs.actor_key)
    end as person_key,
    case
        when epochs.is_shared then 'shared device'
        when epochs.user_key is not null and actor_persons.person_key is not null
            then 'login and mapping'
        when epochs.user_key is not null then 'login'
        else coalesce(actor_persons.linked_by, 'nothing')
    end as linked_by
from epochs
left join actor_persons
    on
        epochs.actor_key = actor_persons.actor_key
        and epochs.actor_kind = actor_persons.actor_kind
