-- Which features do people take up, and which do they use again?
--
-- Much adopted and little repeated: found, tried and left. Little adopted and much repeated:
-- worth showing to more people. Rates are pooled over complete weeks, from the first week on in
-- which anybody used the feature; a new feature has had fewer. A repeat is a second day in the
-- week, or any earlier week, so it grows with the age of the feature: compare features that are
-- equally old.

with feature_adoption as (
    select * from {{ ref('feature_adoption') }}
),

complete as (
    select * from feature_adoption
    where is_complete and source_app <> 'all'
),

pooled as (
    select
        source_app,
        feature_name,
        count(*) as week_count,
        sum(new_adopter_count) as adopter_count,
        sum(user_count) as user_weeks,
        sum(active_user_count) as active_user_weeks,
        sum(recognised_user_count) as recognised_user_weeks,
        sum(repeat_user_count) as repeat_user_weeks
    from complete
    group by source_app, feature_name
)

select
    source_app,
    feature_name,
    week_count,
    cast(adopter_count as bigint) as adopter_count,
    cast(user_weeks as double) / active_user_weeks as adoption_rate,
    cast(repeat_user_weeks as double) / nullif(recognised_user_weeks, 0) as repeat_rate
from pooled
order by source_app asc, adoption_rate desc, feature_name asc
