{#- An end of Wilson's interval of a share found in so many trials: side is - or +, z the quantile of
    the normal distribution. Example:
        {{ wilson('mastery_score', 'answers', 'z', '-') }} as mastery_low -#}
{% macro wilson(share, trials, z, side) -%}
    (
        ({{ share }} + {{ z }} * {{ z }} / (2 * {{ trials }})) {{ side }} {{ z }} * sqrt(
            {{ share }} * (1 - {{ share }}) / {{ trials }}
            + {{ z }} * {{ z }} / (4 * {{ trials }} * {{ trials }})
        )
    ) / (1 + {{ z }} * {{ z }} / {{ trials }})
{%- endmacro %}
