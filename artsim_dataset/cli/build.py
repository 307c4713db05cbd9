"""`artsim build`: from paintings to a data set folder."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from artsim_dataset.cli import app
from artsim_dataset.cli.terminal import bars, build_log, command, err, out, print_json, shown
from artsim_dataset.storage import is_address

if TYPE_CHECKING:
    from artsim_dataset.cli.terminal import StageBars
    from artsim_dataset.storage import Place
    from builder.build import BuildResult
    from builder.config import BuildConfig
    from builder.engine import Engine


@app.command("build", short_help="Caption, prompt, generate, and write Parquet.")
@command
def build_command(
    source: Annotated[
        str,
        typer.Option(
            "--source", "-s", help="Folder of images (genre/artist_title.jpg), CSV/Parquet table, or hf:owner/name."
        ),
    ],
    out_dir: Annotated[
        str, typer.Option("--out", "-o", help="The data set folder, or s3://bucket/name; the same one resumes.")
    ],
    preset: Annotated[str, typer.Option(help="Which models make the data.")] = "lite",
    limit: Annotated[int | None, typer.Option(help="Take only this many paintings, an even sample.")] = None,
    variants: Annotated[int | None, typer.Option(help="Variants of each painting. 1 when not given.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file with settings by stage.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="stage.key=value, over preset and file.")] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="US dollars that a paid API must not pass; the build stops before.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes. As many as cores when not given.")] = None,
    engine: Annotated[str, typer.Option(help="Where shards are run: local, or ray for a Ray cluster.")] = "local",
    shards: Annotated[
        str | None,
        typer.Option(help="Make only these parts, such as 0-99/1000, as a job of an array; exit 75: run it again."),
    ] = None,
    retry_rejected: Annotated[
        bool, typer.Option("--retry-rejected", help="Run rejected rows again, only those.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build a data set: caption, prompt, generate, and write Parquet.

    Nothing is lost: a painting that cannot be used is listed in rejected.csv with its reason. Run the same
    command again to resume, to take in new paintings, or to apply changed settings: only what changed is redone.

    Presets: lite (CPU, no download), paper and fast (BLIP-2, Llama 3, SDXL Refiner), variations (Stable Diffusion
    image variations), openai (images API), text2img (case study by artist). 'artsim doctor' says what each needs.

    Example:  artsim build --source paintings/ --out my-dataset --limit 100 --set prompt.variants=2
    """
    started = time.perf_counter()
    assignments = [*(settings or ()), *([] if max_cost is None else [f"generate.max_cost={max_cost}"])]
    if shards is not None:
        _part_command(source, out_dir, preset, limit, variants, config, assignments, workers, engine, shards,
                      retry_rejected, as_json)  # fmt: skip
        return
    result = run_build(
        source, out_dir, preset, limit=limit, variants=variants, config=config, settings=assignments, workers=workers,
        engine=engine, retry_rejected=retry_rejected,
    )  # fmt: skip
    if as_json:
        print_json(_as_json(result))
    else:
        show(result, time.perf_counter() - started)


def run_build(
    source: str,
    out_dir: str | Path,
    preset: str = "lite",
    *,
    limit: int | None = None,
    variants: int | None = None,
    config: Path | None = None,
    settings: Sequence[str] = (),
    workers: int | None = None,
    engine: str = "local",
    retry_rejected: bool = False,
) -> BuildResult:
    """Builds with bars on the terminal. The command and the demo share it."""
    from builder.build import build
    from builder.config import load_config

    settings_ = load_config(preset, config, settings, source={"limit": limit}, prompt={"variants": variants})
    with _prepared(out_dir, settings_, engine, workers) as (where, engine_, watcher):
        return build(source, where, settings_, engine_, watcher, retry_rejected)


@contextmanager
def _prepared(
    out_dir: str | Path, settings: BuildConfig, engine: str, workers: int | None
) -> Iterator[tuple[Place, Engine, StageBars]]:
    """Where to build, what runs the shards, and the bars, for as long as the block lasts; the log is kept there."""
    from artsim_dataset.storage import place
    from builder.engine import open_engine
    from builder.pipeline import shares

    where = place(out_dir)
    engine_ = open_engine(engine, workers, settings.ray)
    try:
        with bars(shares(settings)) as watcher, build_log(where / "work"):
            yield where, engine_, watcher
    finally:
        engine_.close()


AGAIN = 75
"""Exit code of a job that other jobs are in the way of (EX_TEMPFAIL of sysexits.h): the same command goes on."""


def _part_command(
    source: str,
    out_dir: str,
    preset: str,
    limit: int | None,
    variants: int | None,
    config: Path | None,
    settings: Sequence[str],
    workers: int | None,
    engine: str,
    shards: str,
    retry_rejected: bool,
    as_json: bool,
) -> None:
    """`artsim build --shards`: one job of many. Exits with AGAIN when it could not make all of its shards yet."""
    from builder.config import load_config
    from builder.part import Part, build_part

    part = Part.parse(shards)
    settings_ = load_config(preset, config, settings, source={"limit": limit}, prompt={"variants": variants})
    with _prepared(out_dir, settings_, engine, workers) as (where, engine_, watcher):
        result = build_part(source, where, settings_, engine_, watcher, part, retry_rejected)
    if as_json:
        stages = [{**asdict(report), "rejects": len(report.rejects)} for report in result.reports]
        print_json(
            {"out": str(result.out), "part": str(part), "shards": result.shards, "shards_all": result.shards_all,
             "stages": stages, "waits_for": result.waits_for, "missing": result.missing}
        )  # fmt: skip
    elif result.waits_for:
        out.print(
            f"{result.shards} of {result.shards_all} shards are made up to '{result.waits_for}', which looks at all"
            f" rows: {result.missing} of other jobs are missing. When those jobs have ended, run the same command again"
        )
    else:
        out.print(
            f"{result.shards} of {result.shards_all} shards are done in all stages; when the other jobs have said so"
            " too, the same command without --shards writes the data set"
        )
    if result.waits_for:
        raise typer.Exit(AGAIN)


def show(result: BuildResult, seconds: float) -> None:
    """The summary: what each stage did, what was rejected and why, what the folder holds."""
    if not result.changed:
        out.print(f"Nothing to do: {shown(result.out)} is finished and up to date ({seconds:.1f} s).")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("stage", "rows in", "rows out", "rejected", "seconds"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for report in result.reports:
        seconds_ = f"{report.seconds:.1f}" if report.shards_run else "[dim]kept[/dim]"
        table.add_row(
            report.name, *(f"{n:,}" for n in (report.rows_in, report.rows_out, len(report.rejects))), seconds_
        )
    out.print(table)
    show_rejects(result)
    if result.earlier:
        out.print(
            f"[dim]Outputs of earlier settings take {result.earlier_bytes / 1e6:,.1f} MB in {shown(result.out)}/work:"
            f" kept for when you go back to them; they may be deleted ({', '.join(result.earlier)})[/dim]"
        )
    rows = ", ".join(f"{name} {sum(splits.values()):,}" for name, splits in result.dataset.rows.items())
    # On a terminal broken between words; in a pipe it stays one line.
    out.print(f"\n[bold]{shown(result.out)}[/bold]: {rows} rows, in {seconds:.0f} s", soft_wrap=not out.is_terminal)
    config = "triplets" if "triplets" in result.dataset.rows else next(iter(result.dataset.rows))
    loader = "load_artsim" if is_address(result.out) else "load_dataset"  # datasets loads no store by its name
    out.print(f'Load it: [cyan]{loader}("{shown(result.out)}", "{config}")[/cyan]')


def show_rejects(result: BuildResult) -> None:
    """Rejects by stage and reason, and where to read of each."""
    if result.ignored:
        kinds = ", ".join(f"{count} {shown(suffix)}" for suffix, count in sorted(result.ignored.items()))
        out.print(f"[dim]Passed over, not images: {kinds}[/dim]")
    counts = Counter((reject.stage, reject.reason) for reject in result.dataset.rejects)
    if counts:
        listed = ", ".join(f"{stage}: {reason} {count}" for (stage, reason), count in sorted(counts.items()))
        out.print(
            f"[yellow]Rejected {counts.total()}[/yellow] ({listed}); "
            f"each with its reason in {shown(result.out)}/rejected.csv"
        )


def _as_json(result: BuildResult) -> dict[str, Any]:
    reports = [{**asdict(report), "rejects": len(report.rejects)} for report in result.reports]
    rejects = [asdict(reject) for reject in result.dataset.rejects]
    rows = result.dataset.rows
    return {"out": str(result.out), "changed": result.changed, "rows": rows, "stages": reports, "rejects": rejects}


def warn(sentence: str) -> None:
    err.print(f"[yellow]artsim:[/yellow] {sentence}")
