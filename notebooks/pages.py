"""The notebooks as pages that open without a network: python notebooks/pages.py [--pictures FOLDER]

marimo's own HTML export loads its scripts and fonts from the web. A page of ours has no script at
all: what a notebook says, its charts as SVG with their text as text, and its tables."""

from __future__ import annotations

import argparse
import html
import importlib
import io
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import altair as alt
import marimo as mo
import pandas as pd

import drawing
import warehouse
from loaders.settings import data_folder

NOTEBOOKS = ("explore", "journeys", "learning")
# What stands in a README: a chart of a notebook, by its name in it.
PICTURES = {
    "active": ("explore", "active_chart"),
    "cohorts": ("explore", "cohort_chart"),
    "funnel": ("journeys", "funnel_chart"),
    "mastery": ("learning", "mastery_chart"),
}
MOST_ROWS = 60

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 "Helvetica Neue", Helvetica, Arial, sans-serif; color: #333;
  max-width: 56rem; margin: 2rem auto 4rem; padding: 0 1rem; background: white; }}
nav {{ font-size: 13px; color: #767676; }}
nav a, a {{ color: #0072b2; }}
h1 {{ font-size: 1.8rem; margin: 1rem 0; }}
h2 {{ font-size: 1.25rem; margin: 3rem 0 0.5rem; border-top: 1px solid #ddd; padding-top: 1.5rem; }}
p {{ max-width: 42rem; }}
code {{ font-size: 0.9em; background: #f4f4f4; padding: 0 0.2em; }}
figure {{ margin: 1.5rem 0; overflow-x: auto; }}
figure svg {{ max-width: 100%; height: auto; }}
.control {{ font-size: 13px; color: #767676; }}
.control b {{ color: #333; }}
details {{ font-size: 13px; margin: 0.5rem 0; overflow-x: auto; }}
summary {{ color: #767676; cursor: pointer; }}
table {{ border-collapse: collapse; margin-top: 0.5rem; line-height: 1.35; }}
th {{ font-weight: 600; color: #767676; text-align: left; vertical-align: bottom; }}
th, td {{ padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid #eee; vertical-align: top; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
@media print {{ figure, tr {{ break-inside: avoid; }} nav {{ display: none; }} }}
</style>
<nav>{nav}</nav>
<main>
{body}
</main>
</html>
"""


def run(name: str, **chosen: object) -> tuple[tuple, dict]:
    """What the cells of a notebook show, in their order, and what they define."""
    return importlib.import_module(name).app.run(defs=chosen or None)


def page(name: str) -> str:
    outputs, _ = run(name)
    links = [each if each == name else f'<a href="{each}.html">{each}</a>' for each in NOTEBOOKS]
    return _PAGE.format(
        title=html.escape(name), nav=" · ".join(links), body="\n".join(_shown(outputs))
    )


def _shown(outputs: tuple) -> Iterator[str]:
    after_chart = False
    for output in outputs:
        if output is None:
            continue
        if isinstance(output, mo.ui.dropdown | mo.ui.text):
            yield _control(output)
        elif isinstance(output, alt.TopLevelMixin):
            yield f"<figure>\n{svg(output)}\n</figure>"
        elif isinstance(output, pd.DataFrame):
            yield _table(output, is_open=not after_chart)
        else:
            yield output.text
        after_chart = isinstance(output, alt.TopLevelMixin)


def svg(chart: alt.TopLevelMixin) -> str:
    """Without what it would whisper of each mark: the numbers stand in the table below it."""
    file = io.StringIO()
    chart.configure(aria=False).save(file, format="svg")
    drawn = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", file.getvalue())
    # Said once for all: half of a small chart is how each of its words is to be set.
    plain = re.sub(r' (font-family="[^"]*"|opacity="1")', "", drawn)
    return plain.replace("<svg ", f'<svg font-family="{drawing.FONT}" ', 1)


def _control(element: mo.ui.dropdown | mo.ui.text) -> str:
    """Nothing can be chosen on a page: it says what was."""
    label = re.sub(r"<[^>]*>", "", element._args.label)
    value = getattr(element, "selected_key", None) or element.value
    return f'<p class="control">{label}: <b>{html.escape(str(value))}</b></p>' if value else ""


def _table(rows: pd.DataFrame, is_open: bool) -> str:
    if rows.empty:
        return ""
    shown = rows.head(MOST_ROWS)
    heads = "".join(
        f"<th{_numeric(rows[name])}>{html.escape(name.replace('_', ' '))}</th>" for name in rows
    )
    lines = "\n".join(
        "<tr>"
        + "".join(
            f"<td{_numeric(rows[name])}>{html.escape(_told(name, value))}</td>"
            for name, value in zip(rows, values, strict=True)
        )
        + "</tr>"
        for values in shown.itertuples(index=False)
    )
    count = f"{len(rows):,} rows" if len(rows) == len(shown) else (
        f"{len(shown)} of {len(rows):,} rows"
    )  # fmt: skip
    return (
        f"<details{' open' * is_open}><summary>The numbers: {count}</summary>\n"
        f"<table>\n<tr>{heads}</tr>\n{lines}\n</table>\n</details>"
    )


def _numeric(column: pd.Series) -> str:
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return ' class="number"' if is_number else ""


def _told(name: str, value: object) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if name.endswith(("_date", "_start")) else (
            f"{value:%Y-%m-%d %H:%M}"
        )  # fmt: skip
    if isinstance(value, float):
        if name.endswith(("_rate", "_share", "_reliability")):
            return f"{value:.1%}"
        return f"{value:,.0f}" if value.is_integer() or abs(value) >= 100 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def write_pages(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in NOTEBOOKS:
        file = folder / f"{name}.html"
        file.write_text(page(name), "utf-8")
        written.append(file)
    return written


def write_pictures(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    found = {name: run(name)[1] for name in NOTEBOOKS}
    for picture, (name, chart) in PICTURES.items():
        file = folder / f"{picture}.svg"
        file.write_text(svg(found[name][chart]) + "\n", "utf-8")
        written.append(file)
    return written


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0].partition(":")[0])
    parser.add_argument("--pictures", type=Path, help="write the README's pictures there instead")
    chosen = parser.parse_args(arguments)
    if warehouse.latest() is None:
        sys.exit(warehouse.NOTHING_PUBLISHED)
    if chosen.pictures:
        written = write_pictures(chosen.pictures)
    else:
        written = write_pages(data_folder() / "pages")
    print(*written, sep="\n")


if __name__ == "__main__":
    main()
