{#- The learner model's formulas. Those with weights read them from a CTE `coefficients`, a row of
    int_mastery_coefficients, that the model joins. -#}

{#- A rate drawn towards a prior by as many answers of it. Example:
        {{ smoothed_rate('correct_count', 'answer_count', '20', '0.65') }} -#}
{% macro smoothed_rate(successes, answers, prior_answers, prior) -%}
    (({{ successes }} + {{ prior_answers }} * {{ prior }}) / ({{ answers }} + {{ prior_answers }}))
{%- endmacro %}

{#- The logistic function, and the logit that undoes it. Example:
        {{ logistic('score') }} as mastery_score -#}
{% macro logistic(score) -%}
    (1 / (1 + exp(-({{ score }}))))
{%- endmacro %}

{% macro logit(share) -%}
    ln({{ share }} / (1 - {{ share }}))
{%- endmacro %}

{#- What is forgotten of a score after so many hours, never more than practice gave. Example:
        {{ forgotten('hours', 'practised') }} as forgetting -#}
{% macro forgotten(hours, practised) -%}
    least(
        coefficients.forgetting * ln(1 + {{ hours }}),
        greatest({{ practised }} - coefficients.first_in_topic, 0)
    )
{%- endmacro %}

{#- What the learner's skill and the difficulty alone say, before any practice in the topic. Example:
        {{ skill_score('learner_skill', 'learner_recent_skill', 'difficulty') }} -#}
{% macro skill_score(skill, recent_skill, difficulty) -%}
    coefficients.intercept + coefficients.difficulty * {{ difficulty }}
    + coefficients.ability * {{ skill }} + coefficients.recent_ability * {{ recent_skill }}
{%- endmacro %}
