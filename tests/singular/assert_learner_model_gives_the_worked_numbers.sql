-- A formula of the learner model that was changed in one place is another model: smoothing (12 of 30
-- in a topic, 6 of 8 at a question, .60 in all), and what is left of a score after so many days, where
-- it cannot fall below a floor. The coefficients are given: who refits the seed keeps the formulas.
with coefficients as (
    select
        0.12 as forgetting,
        -0.551 as first_in_topic
),

worked as (
    select
        'topic' as example,
        {{ smoothed_rate('12', '30', '20', '0.60') }} as found,
        0.48 as expected
    union all
    select
        'question' as example,
        {{ smoothed_rate('6', '8', '10', '0.48') }} as found,
        0.60 as expected
    {%- for score, floor, days, expected in [
        (1.9, 0.2, 0, 0.870), (1.9, 0.2, 1, 0.820), (1.9, 0.2, 7, 0.783), (1.9, 0.2, 30, 0.752),
        (1.9, 0.2, 180, 0.710), (0.9, 0.6, 1, 0.646), (0.9, 0.6, 100, 0.646),
    ] %}
        union all
        select
            '{{ score }} above {{ floor }} after {{ days }} days' as example,
            {{ logistic(score ~ ' - ' ~ forgotten(
                days * 24, score ~ ' - ' ~ floor ~ ' + coefficients.first_in_topic'
            )) }} as found,
            {{ expected }} as expected
        from coefficients
    {%- endfor %}
)

select * from worked
where abs(found - expected) > 0.0005 or found is null
