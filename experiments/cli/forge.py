"""The command `forge`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER, options
from records.forge import LAYOUTS, V3, ForgeOptions

HELP = """Make a data set in FaceForensics++'s layout from nothing but faces.

Two clips of each pair of people, and each of the two forged with the other's help by four methods, encoded at each
compression; mask videos, splits and notes. Interrupted, the same command goes on where it stopped. In a folder of
photographs an identity is a file, or the files that share what precedes the last `_`.

\b
Layouts, to try what reads them:
""" + "\n".join(f"  {name:<15}{what}" for name, what in LAYOUTS.items())


@command(help=HELP)
@options(ForgeOptions, "content")
@click.option("--out", required=True, type=FOLDER, help="The data set's folder.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes; no effect on bytes.")
@click.option(
    "--probe/--no-probe",
    default=True,
    show_default=True,
    help="Tell afterwards whether anything betrays it; v3 only.",
)
def forge(content: ForgeOptions, out: Path, workers: int, probe: bool) -> None:
    """Makes the data set, names the photographs that were left out, and probes it."""
    from records.forge import forge_dataset
    from records.progress import escaped

    made = forge_dataset(content, out, workers, click.echo)
    clips = Counter(name.split("/")[0] for name in made["clips"])
    if clips:
        click.echo("Clips: " + ", ".join(f"{method} {count}" for method, count in sorted(clips.items())) + ".")
    if content.photographs:
        click.echo(f"Photographs left out: {len(made['skips'])}.")
        for skip in made["skips"]:
            click.echo(escaped(f"  {skip['file']}: {skip['reason']}"))
    if probe and content.layout == V3:
        load_tensorflow()
        from experiments.audit import probe as audit

        compressions = made["options"]["compressions"]
        audit.report(out, compression="c40" if "c40" in compressions else compressions[-1])
        click.echo((out / "probe.txt").read_text(encoding="utf-8"))
