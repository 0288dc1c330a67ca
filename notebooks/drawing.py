"""How all charts of the notebooks look: little ink, labels where the data are, one palette."""

from __future__ import annotations

from collections.abc import Iterable

import altair as alt
import marimo as mo
import pandas as pd

# Okabe and Ito's colours, which people with any kind of colour blindness tell apart. An app has the
# same one in every chart, and so has "all", which is no app.
APP_COLOURS = {
    "all": "#333333",
    "academy": "#D55E00",
    "studyin": "#0072B2",
    "sketchychain": "#009E73",
    "interaction_log": "#CC79A7",
}
FURTHER_COLOURS = ("#E69F00", "#56B4E9", "#B8A500")

INK, SOFT, FAINT = "#333333", "#767676", "#DDDDDD"
ACCENT, ALARM = "#0072B2", "#D55E00"
WIDTH = 640

LEVELS = ("novice", "developing", "competent", "proficient", "mastered")
# Brewer's yellow, green, blue: the more, the darker, so that it is an order in grey too.
LEVEL_COLOURS = ("#F3EBA7", "#A1DAB4", "#41B6C4", "#2C7FB8", "#253494")
# Why a published number changed.
REASON_COLOURS = {
    "late events": "#0072B2",
    "identity merge": "#009E73",
    "late events and identity merge": "#56B4E9",
    "changed definition": "#E69F00",
    "unexplained": "#D55E00",
}
SHARES = alt.Scale(domain=[0, 1], range=["#F3F7FB", "#9CC3E0", "#2F7FB8", "#0B3C66"])

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


@alt.theme.register("sightline", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    return {
        "config": {
            "background": "white",
            "font": FONT,
            "view": {"stroke": None},
            "title": {
                "anchor": "start", "color": INK, "fontSize": 13, "fontWeight": 600,
                "subtitleColor": SOFT, "subtitleFontSize": 11, "offset": 10,
            },
            "axis": {
                "grid": False, "domainColor": FAINT, "tickColor": FAINT, "labelColor": SOFT,
                "titleColor": SOFT, "titleFontWeight": "normal", "titleFontSize": 11,
                "labelFontSize": 11, "labelLimit": 260, "tickCount": 5,
            },
            "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
            "header": {
                "title": None, "labelColor": INK, "labelFontSize": 12, "labelFontWeight": 600,
            },
            "legend": {
                "orient": "top", "title": None, "labelColor": INK, "labelFontSize": 11,
                "symbolStrokeWidth": 0,
            },
            "text": {"color": INK, "fontSize": 11},
        }
    }  # fmt: skip


def colours_of(apps: Iterable[str]) -> alt.Scale:
    """One colour an app, whichever of them are there."""
    names = sorted(set(apps), key=lambda name: (name != "all", name))
    others = [name for name in names if name not in APP_COLOURS]
    further = {name: FURTHER_COLOURS[i % len(FURTHER_COLOURS)] for i, name in enumerate(others)}
    return alt.Scale(domain=names, range=[(APP_COLOURS | further)[name] for name in names])


def days(field: str, **axis: object) -> alt.X:
    return alt.X(
        f"{field}:T", timeUnit="yearmonthdate", title=None,
        axis=alt.Axis(format="%-d %b", labelOverlap=True, **axis),
    )  # fmt: skip


def percent(**axis: object) -> alt.Axis:
    return alt.Axis(format="%", **axis)


def filled_if_complete(colour: str) -> object:
    """Hollow on days of which not all has come in."""
    return alt.when("datum.is_complete").then(alt.value(colour)).otherwise(alt.value("white"))


def drawn(chart: alt.TopLevelMixin, rows: pd.DataFrame, otherwise: str) -> object:
    """The chart; a sentence where there is nothing to draw, rather than empty axes."""
    return mo.md(f"*{otherwise}*") if rows.empty else chart


def short(key: str) -> str:
    """Enough of a key to tell people of one list apart."""
    return key[:8]
