{{ config(materialized='incremental', unique_key='everything') }}

{#- Sums that fade with each answer are taken in blocks of so many: within one the weights are
    powers that a whole number can hold. What more blocks than these carry is below the last bit. -#}
{%- set block, carried_blocks = 64, 12 -%}
{%- set levels = [
    {
        'name': 'learner',
        'from': 'judged',
        'of': ['person_key'],
        'order': 'occurred_us, attempt_key',
        'decay': 'coefficients.ability_decay',
        'expected': 'question_rate',
    },
    {
        'name': 'topic',
        'from': 'learner_known',
        'of': ['person_key', 'topic_key'],
        'order': 'learner_place',
        'decay': 'coefficients.topic_decay',
        'expected': logistic('difficulty + learner_skill'),
    },
] -%}

with attempts as (
    select
        *,
        coalesce(topic_id, '') as topic_key,
        {{ epoch_us('attempted_at') }} as occurred_us
    from {{ ref('question_attempts') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

question_days as (
    select * from {{ ref('int_question_days') }}
),

topic_days as (
    select * from {{ ref('int_topic_days') }}
),

rated as (
    select
        attempts.attempt_key,
        attempts.person_key,
        attempts.topic_key,
        attempts.occurred_us,
        attempts.is_first_attempt,
        attempts.is_correct,
        attempts.hint_used,
        attempts.confidence_level,
        attempts.consent_mode <> 'anonymous' as is_profiled,
        case when attempts.is_correct and not attempts.hint_used then 1 else 0 end as success,
        coalesce(attempts.time_to_answer_seconds < question_days.rapid_below_seconds, false)
            as is_rapid_guess,
        {{ smoothed_rate(
            'question_days.earlier_correct_count', 'question_days.earlier_count',
            'coefficients.question_prior_answers', 'topic_days.success_rate'
        ) }} as question_rate
    from attempts
    inner join question_days
        on
            attempts.question_id = question_days.question_id
            and attempts.attempt_date = question_days.attempt_date
    inner join topic_days
        on
            attempts.topic_key = topic_days.topic_key
            and attempts.attempt_date = topic_days.attempt_date
    cross join coefficients
),

judged as (
    select
        rated.*,
        case
            when rated.is_rapid_guess then 0
            when rated.is_first_attempt then 1
            else coefficients.repeat_weight
        end as weight,
        {{ logit('rated.question_rate') }} as difficulty
    from rated
    cross join coefficients
),

-- First what is known of the learner, then of the learner in the topic, against what the first
-- already says. Each is a sum of errors over a sum of information, once plain and once fading.
{% for level in levels %}
    {% set name, group = level.name, level.of | join(', ') %}
    {% set chained_of = name ~ '_chained.' ~ level.of | join(', ' ~ name ~ '_chained.') %}
    {% set placed, blocked, carried, summed = (
        name ~ '_placed', name ~ '_blocked', name ~ '_carried', name ~ '_summed'
    ) %}
    {{ placed }} as (
        select
            *,
            {{ level.expected }} as {{ name }}_expected,
            row_number() over whole - 1 as {{ name }}_place,
            lag(occurred_us) over whole as {{ name }}_last_us
        from {{ level.from }}
        window whole as (partition by {{ group }} order by {{ level.order }})
    ),

    {{ name }}_weighed as (
        select
            *,
            weight * (success - {{ name }}_expected) as {{ name }}_error,
            weight * {{ name }}_expected * (1 - {{ name }}_expected) as {{ name }}_information,
            floor({{ name }}_place / {{ block }}) as {{ name }}_block,
            mod({{ name }}_place, {{ block }}) as {{ name }}_in_block
        from {{ placed }}
    ),

    {{ blocked }} as (
        select
            {{ name }}_weighed.*,
            power({{ level.decay }}, -{{ name }}_weighed.{{ name }}_in_block) as {{ name }}_rising
        from {{ name }}_weighed
        cross join coefficients
    ),

    {{ name }}_blocks as (
        select
            {{ group }},
            {{ name }}_block,
            sum({{ units('weight') }}) as weight,
            {% for measure in ['error', 'information'] %}
                {% set column = name ~ '_' ~ measure %}
                {% set risen = 'sum(' ~ units(column ~ ' * ' ~ name ~ '_rising') ~ ')' %}
                sum({{ units(column) }}) as {{ measure }},
                {{ from_units(risen) }} as recent_{{ measure }}{% if not loop.last %},{% endif %}

            {% endfor %}
        from {{ blocked }}
        group by {{ group }}, {{ name }}_block
    ),

    -- Most have a single block, and carry nothing.
    {{ name }}_long as (
        select distinct {{ group }}
        from {{ name }}_blocks
        where {{ name }}_block > 0
    ),

    {{ name }}_chained as (
        select {{ name }}_blocks.*
        from {{ name }}_blocks
        inner join {{ name }}_long
            on
                {% for column in level.of %}
                    {% if not loop.first %}and {% endif -%}
                    {{ name }}_blocks.{{ column }} = {{ name }}_long.{{ column }}
                {% endfor %}
    ),

    {{ carried }} as (
        select
            {{ name }}_chained.*,
            sum({{ name }}_chained.weight) over earlier as earlier_weight,
            {% for measure in ['error', 'information'] %}
                sum({{ name }}_chained.{{ measure }}) over earlier as earlier_{{ measure }},
                {% set terms = [] %}
                {% for back in range(1, carried_blocks + 1) %}
                    {% do terms.append(
                        'power(' ~ level.decay ~ ', ' ~ back * block ~ ') * coalesce(lag('
                        ~ name ~ '_chained.recent_' ~ measure ~ ', ' ~ back ~ ') over whole, 0)'
                    ) %}
                {% endfor %}
                {{ terms | join(' + ') }}
                    as earlier_recent_{{ measure }}{% if not loop.last %},{% endif %}

            {% endfor %}
        from {{ name }}_chained
        cross join coefficients
        window
            whole as (
                partition by {{ chained_of }} order by {{ name }}_chained.{{ name }}_block
            ),
            earlier as (
                partition by {{ chained_of }} order by {{ name }}_chained.{{ name }}_block
                rows between unbounded preceding and 1 preceding
            )
    ),

    {{ name }}_within as (
        select
            *,
            coalesce(sum({{ units('weight') }}) over earlier, 0) as {{ name }}_weight_within,
            {% for measure in ['error', 'information'] %}
                {% set column = name ~ '_' ~ measure %}
                coalesce(sum({{ units(column) }}) over earlier, 0) as {{ column }}_within,
                coalesce(sum({{ units(column ~ ' * ' ~ name ~ '_rising') }}) over earlier, 0)
                    as {{ column }}_recent_within{% if not loop.last %},{% endif %}

            {% endfor %}
        from {{ blocked }}
        window earlier as (
            partition by {{ group }}, {{ name }}_block order by {{ name }}_place
            rows between unbounded preceding and 1 preceding
        )
    ),

    {{ summed }} as (
        select
            {{ name }}_within.*,
            {{ from_units(
                    name ~ '_within.' ~ name ~ '_weight_within + coalesce(' ~ carried ~ '.earlier_weight, 0)'
                ) }}
                as {{ name }}_evidence,
            {% for measure in ['error', 'information'] %}
                {% set column = name ~ '_' ~ measure %}
                {{ from_units(
                    name ~ '_within.' ~ column ~ '_within + coalesce(' ~ carried ~ '.earlier_' ~ measure ~ ', 0)'
                ) }} as {{ column }}_sum,
                power({{ level.decay }}, {{ name }}_within.{{ name }}_in_block - 1) * (
                    {{ from_units(name ~ '_within.' ~ column ~ '_recent_within') }}
                    + coalesce({{ carried }}.earlier_recent_{{ measure }}, 0)
                ) as {{ column }}_recent{% if not loop.last %},{% endif %}

            {% endfor %}
        from {{ name }}_within
        left join {{ carried }}
            on
                {{ name }}_within.{{ name }}_block > 0
                and {{ name }}_within.{{ name }}_block = {{ carried }}.{{ name }}_block
                {% for column in level.of %}
                    and {{ name }}_within.{{ column }} = {{ carried }}.{{ column }}
                {% endfor %}
        cross join coefficients
    ),

    -- Before the answer, and with it.
    {{ name }}_known as (
        select
            {{ summed }}.*,
            {{ name }}_error_sum / ({{ name }}_information_sum + coefficients.shrinkage)
                as {{ name }}_skill,
            {{ name }}_error_recent
            / ({{ name }}_information_recent + coefficients.recent_shrinkage)
                as {{ name }}_recent_skill,
            ({{ name }}_error_sum + {{ name }}_error)
            / ({{ name }}_information_sum + {{ name }}_information + coefficients.shrinkage)
                as {{ name }}_skill_after,
            ({{ name }}_error_recent * {{ level.decay }} + {{ name }}_error)
            / (
                {{ name }}_information_recent * {{ level.decay }} + {{ name }}_information
                + coefficients.recent_shrinkage
            ) as {{ name }}_recent_skill_after
        from {{ summed }}
        cross join coefficients
    ),
{% endfor %}

scored as (
    select
        topic_known.*,
        coefficients.topic * topic_known.topic_skill
        + coefficients.recent_topic * topic_known.topic_recent_skill as practised
    from topic_known
    cross join coefficients
),

faded as (
    select
        scored.*,
        case
            when scored.topic_place = 0 then 0
            else
                {{ forgotten(
                    '(scored.occurred_us - scored.topic_last_us) / 3600000000', 'scored.practised'
                ) }}
        end as forgetting
    from scored
    cross join coefficients
)

select
    faded.attempt_key,
    faded.person_key,
    faded.topic_key,
    {{ from_epoch_us('faded.occurred_us') }} as attempted_at,
    faded.learner_place + 1 as learner_attempt_number,
    faded.topic_place + 1 as topic_attempt_number,
    faded.success = 1 as is_success,
    faded.is_first_attempt,
    faded.is_correct,
    faded.hint_used,
    faded.confidence_level,
    faded.is_profiled,
    faded.is_rapid_guess,
    faded.weight,
    faded.difficulty,
    faded.learner_skill,
    faded.learner_recent_skill,
    faded.topic_skill,
    faded.topic_recent_skill,
    faded.forgetting,
    {{ logistic(
        skill_score('faded.learner_skill', 'faded.learner_recent_skill', 'faded.difficulty')
        ~ ' + faded.practised - faded.forgetting'
        ~ ' + case when faded.topic_place = 0 then coefficients.first_in_topic else 0 end'
    ) }} as predicted_rate,
    faded.learner_skill_after,
    faded.learner_recent_skill_after,
    faded.topic_skill_after,
    faded.topic_recent_skill_after,
    faded.topic_evidence + faded.weight as topic_evidence_after
from faded
cross join coefficients
where {{ is_touched('everything') }}
