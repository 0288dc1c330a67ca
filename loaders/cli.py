"""The `sightline` command: reads its arguments, calls the module that does it, prints the outcome.

Exit codes: 0 nothing needs attention · 3 all that could be landed is, but lines were quarantined
or files rejected; or a fit was no better, and nothing was written · 1 failed, and can be repeated
· 2 wrong arguments.
"""

from __future__ import annotations

import math
import os
import sys
import time
from datetime import datetime
from pathlib import Path

import click
import duckdb
import orjson

from loaders import exporting
from loaders import status as books
from loaders.building import BuildFailed, Dbt, Progress
from loaders.files import LandingProblem
from loaders.fitting import FittingProblem, Seed, fit, seed_file, write_seed
from loaders.landing import LoadFailed
from loaders.landing import Progress as LandingProgress
from loaders.landing import land as land_files
from loaders.ledger import WarehouseBusy, WarehouseProblem
from loaders.locking import AnotherRunning
from loaders.metrics import MetricsProblem, ask
from loaders.outcomes import Report, together
from loaders.overview import overview as show_overview
from loaders.parsing import settle_down
from loaders.privacy import KeyProblem, Keyring, key_file, load_secret, name_identifier
from loaders.progress import ProgressLine, count, size
from loaders.published import read_published
from loaders.publishing import NothingPublished, NotPublishable, Unreadable
from loaders.publishing import publish as publish_marts
from loaders.publishing import rollback as roll_back
from loaders.registry import RegistryProblem, check_registry
from loaders.running import Outcome, Runner
from loaders.scaffolding import ScaffoldingProblem, add_app
from loaders.settings import SettingsError, landing_folder, published_file, work_file
from loaders.sources import REGISTRY, SOURCES_FOLDER, SourceProblem, load_sources

ATTENTION = 3
_PROBLEMS = (
    SettingsError,
    SourceProblem,
    LandingProblem,
    AnotherRunning,
    LoadFailed,
    WarehouseBusy,
    WarehouseProblem,
    KeyProblem,
    books.NothingLanded,
    FittingProblem,
    MetricsProblem,
    BuildFailed,
    NotPublishable,
    NothingPublished,
    Unreadable,
    exporting.ExportProblem,
    ScaffoldingProblem,
    RegistryProblem,
)


class _Commands(click.Group):
    """Turns what can go wrong into one line on stderr and exit code 1; a trace helps nobody."""

    def invoke(self, context: click.Context):
        try:
            return super().invoke(context)
        except _PROBLEMS as problem:
            raise click.ClickException(str(problem)) from None
        except BrokenPipeError:  # `| head` has seen enough; click ends quietly
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(
                f"{where}{error.strerror or error}. Is SIGHTLINE_DATA a folder that may be written?"
            ) from None
        except duckdb.Error as error:
            raise click.ClickException(
                f"{work_file()} cannot be read as a warehouse. DuckDB says: "
                f"{str(error).partition(chr(10))[0][:300]}"
            ) from None
        except RuntimeError as error:  # how DuckDB says that Ctrl-C came while it was busy
            if "interrupted" not in str(error).lower():
                raise
            raise click.Abort from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sightline", message="%(prog)s %(version)s")
def main() -> None:
    """Sightline: product and learning analytics that you run yourself.

    \b
    sightline run          land, build, test, publish: readers get all of it or nothing
    sightline overview     the published numbers on one screen
    sightline metrics      active users, retention, accuracy, …, of what is published
    sightline status       what is published, how fresh it is, what was put aside, what to do
    sightline rollback     give readers the version before this one

    \b
    sightline simulate     make a world of four apps, to try things on
    sightline land         load new files from the landing folder, exactly once
    sightline publish      publish what `dbt build` has built and tested
    sightline export       published tables as files for others, with what is small suppressed
    sightline add-app      write the models of an app of your own
    sightline key          the key that a user's rows carry
    sightline fit-mastery  refit the learner model on your own answers, where that is better

    Data lies in the folder data/, or where SIGHTLINE_DATA says. Readers open
    data/warehouse.duckdb; `dbt build` by hand works on data/work.duckdb.
    """


@main.command()
@click.option("--users", default=1200, show_default=True, type=click.IntRange(min=1),
              help="People over all four apps.")  # fmt: skip
@click.option("--days", default=60, show_default=True, type=click.IntRange(min=1),
              help="Days of history, beginning at --start.")  # fmt: skip
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0),
              help="The same seed gives the same files, byte for byte.")  # fmt: skip
@click.option("--scale", default=1.0, show_default=True, type=click.FloatRange(min=0.01),
              help="How much each person does: 2 is twice as many events.")  # fmt: skip
@click.option("--start", default="2026-03-02", show_default=True,
              type=click.DateTime(["%Y-%m-%d"]), help="The first day.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Where the files go.  [default: the landing folder]")  # fmt: skip
@click.option("--clean", is_flag=True,
              help="Without planted faults: no duplicates, no late or broken lines.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def simulate(
    users: int,
    days: int,
    seed: int,
    scale: float,
    start: datetime,
    out: Path | None,
    clean: bool,
    as_json: bool,
) -> None:
    """Write the files that four apps would write in a world whose truth is known.

    The people are invented. What drives them (abilities, habits, an experiment's lift, an outage,
    the faults planted in the files) is written as Parquet to truth/ beside the landing folder, so
    that every number Sightline computes can be held against it.

    \b
    sightline simulate                              300 thousand events, for trying things out
    sightline simulate --users 20000 --days 120     ten million events, for benchmarks
    """
    from simulator import simulate as simulate_world

    if math.isnan(scale):
        raise click.BadParameter("a number is due", param_hint="--scale")
    target = out or landing_folder()
    if target.exists() and any(target.iterdir()):
        raise click.ClickException(
            f"{target}: there are files already. Name another folder with --out, or remove it"
        )
    line = ProgressLine("simulating")
    summary = simulate_world(
        target,
        users=users,
        days=days,
        seed=seed,
        scale=scale,
        start=start.date(),
        clean=clean,
        progress=lambda done, expected: line.show(
            done, expected, f"{count(done)} events", done, "events"
        ),
    )
    line.finish()
    if as_json:
        click.echo(
            orjson.dumps(summary, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
        )
        return
    click.echo(str(summary))


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print each file's outcome as JSON.")
def land(paths: tuple[Path, ...], as_json: bool) -> None:
    """Load new files from the landing folder, or those under PATHS.

    Files lie in landing/<source>/<stream>/, at any depth: JSON lines, JSON arrays or Parquet,
    plain or packed with gzip or zstd. Each is checked whole, rid of personal data, and loaded in
    one transaction; what was loaded once is never loaded again, under whatever name. Lines that
    are no records are put aside with a reason (see `sightline status`), their neighbours load.

    Safe to repeat, to interrupt, and to run twice at once. Exit code 0: nothing needs attention;
    3: lines were put aside or files rejected; 1: it failed, and can be repeated.
    """
    settle_down()
    sources = load_sources()
    check_registry(REGISTRY, SOURCES_FOLDER)
    line = ProgressLine("landing")
    report = land_files(
        paths,
        sources=sources,
        on_progress=lambda progress: line.show(
            progress.done_bytes,
            progress.total_bytes,
            f"{size(progress.done_bytes)} of {size(progress.total_bytes)}",
            progress.rows,
            "rows",
        ),
    )
    line.finish()
    if as_json:
        files = [outcome.as_dict() for outcome in report.outcomes]
        document = {"files": files, "totals": report.totals()}
        if report.failure:
            document["failure"] = report.failure
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        _print_report(report)
    if report.failure:
        raise click.ClickException(report.failure)
    sys.exit(ATTENTION if report.needs_attention else 0)


@main.command()
@click.option("--watch", metavar="SECONDS", type=click.IntRange(min=1),
              help="Again and again, with so many seconds between; Ctrl-C ends it.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print each outcome as a line of JSON.")
def run(watch: int | None, as_json: bool) -> None:
    """Land new files, build the tables, test them, publish them.

    Readers of warehouse.duckdb are never blocked: they have the old version until the new one is
    whole, tested and checked, and then the new one. If a model or a test fails, nothing is
    published. Whatever interrupts it, run it again. Where nothing is new, nothing is done.

    \b
    sightline run                 once, for cron
    sightline run --watch 30      all day, for numbers that are fresh

    Exit code 0: nothing needs attention; 3: lines were put aside, files rejected, or an app has no
    models yet; 1: it failed, and readers keep what they have.
    """
    settle_down()
    steps = _Steps()
    runner = Runner(steps.show, steps.landing, steps.building)
    while True:
        try:
            outcome = runner.run()
        except _PROBLEMS as problem:
            steps.finish()
            if watch is None:
                raise
            click.echo(f"{_now()} {problem}", err=True)
        else:
            steps.finish()
            if watch is None or (outcome is not None and outcome.is_news):
                _print_outcome(outcome, as_json, watch is not None)
            if watch is None:
                sys.exit(ATTENTION if outcome.needs_attention else 0)
        time.sleep(watch)


def _print_outcome(outcome: Outcome, as_json: bool, with_time: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(outcome.as_dict(), default=str))
        return
    if with_time:
        click.echo(_now())
    click.echo(outcome.as_text())
    if outcome.needs_attention:
        click.echo("What was put aside and why: sightline status")


def _now() -> str:
    return f"{datetime.now():%Y-%m-%d %H:%M:%S}"


class _Steps:
    """Says on stderr what is being done, and how far it is."""

    def __init__(self) -> None:
        self.line: ProgressLine | None = None

    def show(self, step: str) -> None:
        self.finish()
        self.line = ProgressLine(step)
        if self.line.is_terminal:
            click.echo(f"{step} …", err=True)

    def landing(self, progress: LandingProgress) -> None:
        if self.line is None:
            self.line = ProgressLine("landing")
        self.line.show(
            progress.done_bytes,
            progress.total_bytes,
            f"{size(progress.done_bytes)} of {size(progress.total_bytes)}",
            progress.rows,
            "rows",
        )

    def building(self, progress: Progress) -> None:
        if self.line is not None:
            self.line.show(
                progress.done,
                progress.total,
                f"{progress.done} of {progress.total} models and tests, {progress.name:.48}",
                progress.done,
                "nodes",
            )

    def finish(self) -> None:
        if self.line is not None:
            self.line.finish()
        self.line = None


@main.command()
def publish() -> None:
    """Publish what `dbt build` has built in the work file, if every test has passed since.

    The marts are copied to a new file, a process of its own checks the copy (the columns and types
    of the contracts, keys, row counts, nothing that looks like an e-mail address), and the link
    warehouse.duckdb is swapped to it. The last three versions stay.
    """
    steps = _Steps()
    publication, is_new = publish_marts(Dbt().project(), steps.show)
    steps.finish()
    if is_new:
        click.echo(
            f"Published version {publication.version}: {len(publication.row_counts)} tables, "
            f"{count(publication.restatement_count)} numbers restated, in {published_file()}"
        )
    else:
        click.echo(f"Nothing to publish: version {publication.version} holds what is built.")


@main.command()
def overview() -> None:
    """The published numbers on one screen: people, visits, who comes back, where they stop.

    Visits and minutes are of the 28 days that end with the last complete one; coming back is over
    all cohorts for which the day is over; the funnel is the one that most people entered.
    """
    click.echo(show_overview())


@main.command()
def rollback() -> None:
    """Give readers the version before the one that is published.

    At once, also while something runs. What was rolled back is not published again by itself, until
    there are new data or another code: mend the cause first, or stop the schedule.
    """
    left, now = roll_back()
    click.echo(
        f"Readers have version {now.version} of {now.published_at:%Y-%m-%d %H:%M} UTC again, "
        f"in place of version {left}."
    )


def _print_report(report: Report) -> None:
    totals = report.totals()
    if not report.outcomes:
        click.echo(f"Nothing to land: {landing_folder()}/<source>/<stream>/ holds no files.")
    else:
        rate = f", {count(totals['lines'] / report.seconds)} lines a second"
        took = f" in {report.seconds:.1f} s{rate if totals['lines'] else ''}"
        click.echo(
            f"{count(totals['loaded'])} files loaded{took}; "
            f"{count(totals['already_loaded'])} hold what was loaded before, under any name."
        )
    if totals["lines"]:
        click.echo(
            f"{count(totals['lines'])} lines = {count(totals['landed'])} landed "
            f"+ {count(totals['duplicates'])} duplicates "
            f"+ {count(totals['quarantined'])} quarantined + {count(totals['blank'])} blank"
        )
    for reason, lines in sorted(report.reasons.items(), key=lambda item: -item[1]):
        click.echo(f"  quarantined  {reason}: {count(lines)}")
    for status in ("rejected", "deferred"):
        alike = together(
            (entry.path, entry.reason) for entry in report.outcomes if entry.status == status
        )
        for text in alike[:20]:
            click.echo(f"  {status:<11}  {text}")
        if len(alike) > 20:
            click.echo(f"  {status:<11}  … and {len(alike) - 20} more (--json lists them all)")
    for link in report.links:
        click.echo(f"  skipped      {link}: a link; put the file itself here")
    if report.needs_attention:
        click.echo("What was put aside and why: sightline status")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the whole ledger as JSON.")
def status(as_json: bool) -> None:
    """What is published, how fresh and how complete it is, what was put aside, and what to do.

    Exit code 0: nothing needs attention; 3: there are quarantined lines or rejected files.
    """
    try:
        report = books.read_status()
    except WarehouseBusy:  # a build, say; what readers have can be told all the same
        published = read_published()
        if published and not as_json:
            click.echo(published.as_text())
        raise
    if as_json:
        click.echo(orjson.dumps(report.as_dict(), default=str, option=orjson.OPT_INDENT_2))
    else:
        click.echo(report.as_text())
    sys.exit(ATTENTION if report.needs_attention else 0)


@main.command()
@click.argument("source")
@click.argument("user_id")
def key(source: str, user_id: str) -> None:
    """The key that USER_ID's rows of SOURCE carry, for support and erasure requests.

    Only who holds the installation's key can answer this: the warehouse cannot. An id that looks
    like an option goes behind two dashes: sightline key academy -- -17
    """
    sources = load_sources()
    if source not in sources:
        raise click.ClickException(f"no source {source!r}; known are {', '.join(sorted(sources))}")
    if name_identifier(user_id)[0] is None:
        raise click.ClickException(
            f"{user_id!r} identifies nobody: apps send it when they have no id"
        )
    if not key_file().exists() and "SIGHTLINE_KEY" not in os.environ:  # and do not make one now
        raise click.ClickException(
            f"{key_file()}: the key is not there. Put it back, or set SIGHTLINE_KEY"
        )
    keyring = Keyring(load_secret())
    books.check_key(keyring.key_id)
    hashed = any(stream.user_id_sha256 for stream in sources[source].streams.values())
    found = keyring.user_key(source, user_id, hashed)
    click.echo(str(found))


@main.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def metrics(arguments: tuple[str, ...]) -> None:
    """Ask for metrics: MetricFlow's `mf`, of the published file, and without a call home.

    \b
    sightline metrics list saved-queries
    sightline metrics query --saved-query sessions_by_device
    sightline metrics query --metrics sessions,bounce_rate --group-by app
    sightline metrics --help
    """
    ask(arguments)


@main.command("fit-mastery")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the seed there.  [default: the project's]")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what it would be, and write nothing.")
def fit_mastery(output: Path | None, dry_run: bool) -> None:
    """Refit the coefficients of the learner model on the answers in the warehouse.

    The coefficients that Sightline comes with were fitted on other people's learners. From some
    30 to 100 learners of your own on, yours may predict better. Whether they do is measured on
    learners who had no part in the fit: log-loss (lower is better), AUC (how often a right answer
    was given a higher chance than a wrong one) and ECE (how far the chances are from what
    happened). Where they are not better by more than chance, nothing is written.

    Writes a new seeds/mastery_coefficients.csv, in which only the first eight values are others;
    the warehouse is only read. The next `dbt build` takes them up, and everybody's mastery_score
    with them. The same warehouse gives the same coefficients. docs/mastery.md explains them.

    Exit code 0: they are better; 3: they are not, and the seed stays as it is; 1: it failed, or
    there are too few answers.
    """
    seed = Seed(seed_file())
    found = fit(seed)
    click.echo(found.as_text())
    click.echo()
    if found.refusal:
        click.echo(f"Nothing was written. {found.refusal} The present coefficients stay.")
        sys.exit(ATTENTION)
    if dry_run:
        click.echo("Nothing was written (--dry-run). The fitted coefficients are better.")
        return
    target = output or seed.path
    write_seed(seed, found.fitted, target)
    click.echo(f"Written to {target}.")
    click.echo("Next: dbt build" if output is None else f"Next: copy it to {seed.path}, dbt build")


_DAY = click.DateTime(["%Y-%m-%d"])


@main.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--set", "set_name", metavar="NAME",
              help="A folder of marts (core, engagement, …), counts or all.")  # fmt: skip
@click.option("--format", "format_name", default="csv", show_default=True,
              type=click.Choice(list(exporting.ENDINGS)),
              help="csv for spreadsheets; json is one object a line.")  # fmt: skip
@click.option("--from", "first", type=_DAY, metavar="YYYY-MM-DD", help="The first day, included.")
@click.option("--to", "last", type=_DAY, metavar="YYYY-MM-DD", help="The last day, included.")
@click.option("--out", type=click.Path(path_type=Path),
              help="The folder to make.  [default: exports/<version>-… in the data]")  # fmt: skip
@click.option("--keep-keys", is_flag=True,
              help="Leave people's keys as they are in the warehouse.")  # fmt: skip
@click.option("--with-free-text", is_flag=True,
              help="With the columns that hold what apps sent in their own words.")  # fmt: skip
@click.option("--list", "as_list", is_flag=True, help="Show what can be exported, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def export(
    tables: tuple[str, ...],
    set_name: str | None,
    format_name: str,
    first: datetime | None,
    last: datetime | None,
    out: Path | None,
    keep_keys: bool,
    with_free_text: bool,
    as_list: bool,
    as_json: bool,
) -> None:
    """Write published tables as files for others, a file a TABLE, with a manifest.

    Keys of people, devices and visits are hashed again for each export: the tables of one export
    still join, two exports do not. In tables of counts what tells of 1 to 9 people is suppressed,
    and enough beside it that subtracting gives nothing away. CSV is safe to open in a spreadsheet.

    \b
    sightline export --list                                     what there is
    sightline export active_users                               one table
    sightline export --set counts --format parquet              no rows about single people
    sightline export --set engagement --from 2026-03-09 --to 2026-03-15

    The folder is there when it is whole, and never replaced; manifest.json in it says what, when,
    from which version. Readers and builds are not disturbed. docs/exporting.md says what all this
    protects, and what it does not.
    """
    if as_list:
        click.echo(exporting.list_tables())
        return
    if bool(tables) == bool(set_name):
        raise click.UsageError("name tables, or one --set; sightline export --list shows both")
    line = ProgressLine("exporting")
    wish = exporting.Wish(
        tables,
        set_name,
        format_name,
        first and first.date(),
        last and last.date(),
        out,
        keep_keys,
        with_free_text,
    )
    exported = exporting.export(
        wish,
        on_progress=lambda done, total, files: line.show(
            done, total, f"{count(files)} files", done, "rows"
        ),
    )
    line.finish()
    click.echo(exported.as_json() if as_json else exported.as_text())


@main.command("add-app")
@click.argument("source")
def add_app_models(source: str) -> None:
    """Write the models of an app that has its file in loaders/sources and its rows in the registry.

    They are plain models in models/staging/SOURCE/ and models/intermediate/events/, yours to read
    and to change; columns of the source file that are named as all apps name them are taken up by
    themselves. Nothing that is there is overwritten. docs/adding-an-app.md goes through it.
    """
    for path in add_app(source):
        click.echo(path.as_posix())
    click.echo("Next: sightline run")
