"""The command `forge`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER, options
from records.forge import LAYOUTS, V3, ForgeOptions

HELP = """Make a data set in FaceForensics++'s layout from rendered faces or photographs.

Each person has a real clip, and five fakes: FaceSwap, Deepfakes, Face2Face and NeuralTextures with the face of a
partner of like pose and skin, and SelfBlended with the person's own. Each fake has a random strength, from barely
visible to plain. Deepfakes' autoencoder and NeuralTextures' renderer are trained first, on the data set's own faces.
All clips are encoded at each compression. Mask videos, splits and notes are written, too. Interrupted, the same command
resumes. In a folder of photographs, files with the same name before the last `_` are one person; photographs need
`pip install 'tfafsr[forge]'`.

\b
Layouts:
""" + "\n".join(f"  {name:<15}{what}" for name, what in LAYOUTS.items())


@command(help=HELP)
@options(ForgeOptions, "content")
@click.option("--out", required=True, type=FOLDER, help="The data set's folder.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Number of processes; no effect on the data.",
)
@click.option(
    "--probe/--no-probe",
    default=True,
    show_default=True,
    help="Check afterwards whether anything but the manipulation reveals the labels (layout v3 only).",
)
def forge(content: ForgeOptions, out: Path, workers: int, probe: bool) -> None:
    """Makes the data set, names the photographs that were left out, and probes it."""
    from records.forge import forge_dataset
    from records.progress import escaped

    load_tensorflow()
    made = forge_dataset(content, out, workers, click.echo)
    clips = Counter(name.split("/")[0] for name in made["clips"])
    if clips:
        click.echo("Clips: " + ", ".join(f"{method} {count}" for method, count in sorted(clips.items())) + ".")
    if content.photographs:
        click.echo(f"Photographs left out: {len(made['skips'])}.")
        for skip in made["skips"]:
            click.echo(escaped(f"  {skip['file']}: {skip['reason']}"))
    if probe and content.layout == V3:
        from experiments.audit import probe as audit

        compressions = made["options"]["compressions"]
        audit.report(out, compression="c40" if "c40" in compressions else compressions[-1])
        click.echo((out / "probe.txt").read_text(encoding="utf-8"))
