-- Use of a feature is activity: no week has more users of one than people who were there, and nobody
-- adopts a feature twice in an app.
with adoption as (
    select * from {{ ref('feature_adoption') }}
),

users_of_ever as (
    select
        days.source_app,
        days.feature_name,
        count(distinct coalesce(persons.person_key, days.actor_key)) as person_count
    from {{ ref('int_visitor_feature_days') }} as days
    left join {{ ref('int_actor_persons') }} as persons
        on days.actor_key = persons.actor_key and days.actor_kind = persons.actor_kind
    where days.consent_mode = 'full'
    group by days.source_app, days.feature_name
),

adopters as (
    select source_app, feature_name, sum(new_adopter_count) as person_count
    from adoption
    where source_app <> 'all'
    group by source_app, feature_name
    having sum(new_adopter_count) > 0
)

select source_app, feature_name, user_count as found_count, active_user_count as expected_count
from adoption
where user_count > active_user_count
union all
select
    coalesce(adopters.source_app, users_of_ever.source_app),
    coalesce(adopters.feature_name, users_of_ever.feature_name),
    adopters.person_count,
    users_of_ever.person_count
from adopters
full outer join users_of_ever
    on
        adopters.source_app = users_of_ever.source_app
        and adopters.feature_name = users_of_ever.feature_name
where adopters.person_count is distinct from users_of_ever.person_count
