{#- No column of `columns` has a null; what is found says how many each has. One query a model: a test
    a column would be most of a build's time. Example:
        data_tests:
          - never_null:
              arguments: {columns: [person_key, started_at]} -#}
{% test never_null(model, columns) %}
    select
        {%- for column in columns %}
        count(*) - count({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}
    having
        {%- for column in columns %}
        count(*) > count({{ column }}){{ ' or' if not loop.last }}
        {%- endfor %}
{% endtest %}
