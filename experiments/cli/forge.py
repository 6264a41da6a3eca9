"""The command `forge`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from experiments.cli.many_values import ManyValues, several
from records.forge import CRF, LAYOUTS, RENDERED, V3, ForgeOptions, forge_dataset


@click.command(cls=ManyValues)
@click.option(
    "--faces", required=True, metavar="rendered|FOLDER", help="Draw people, or take them from a folder of photographs."
)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The data set's folder.")
@click.option("--identities", type=int, help="How many people.  [default: 120 rendered, or every usable photograph]")
@click.option("--frames", type=int, default=8, show_default=True, help="Frames of each clip.")
@click.option("--size", type=int, default=208, show_default=True, help="Side of the frames in pixels; even.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same bytes.")
@several("--compressions", choices=tuple(CRF), default=tuple(CRF), show_default=True, help="Which videos to encode.")
@click.option(
    "--layout", type=click.Choice(tuple(LAYOUTS)), default=V3, show_default=True, help="Of the folders, see above."
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes; no effect on bytes.")
@click.option(
    "--probe/--no-probe",
    default=True,
    show_default=True,
    help="Tell afterwards whether anything betrays it; v3 only.",
)
def forge(
    faces: str,
    out: Path,
    identities: int | None,
    frames: int,
    size: int,
    seed: int,
    compressions: tuple[str, ...],
    layout: str,
    workers: int,
    probe: bool,
) -> None:
    """Make a data set in FaceForensics++'s layout from nothing but faces.

    Two clips of each pair of people, and each of the two forged with the other's help by four methods, encoded at each
    compression; mask videos, splits and notes. Interrupted, the same command goes on where it stopped. In a folder of
    photographs an identity is a file, or the files that share what precedes the last `_`.

    \b
    Layouts, to try what reads them:
      v3             FaceForensics++ as its download script v3 lays it out
      c0             the same with c0 for raw, as older copies have it
      no-youtube     the same with the originals right in original_sequences/
      images         the same with folders of pictures for videos and masks
      faceshifter    the same with one more method, FaceShifter, without masks
      actors         the actors' videos and DeepFakeDetection, without splits
      deepfakebench  frames as DeepfakeBench extracts them, and its JSON
      deepfaketimit  DeepfakeTIMIT at two qualities, and VidTIMIT's pictures
      folder         real/ and fake/METHOD/, and labels.csv
    """
    options = ForgeOptions(faces, identities, frames, size, seed, compressions, layout)
    result = forge_dataset(options, out, workers, click.echo)
    _report(result, faces == RENDERED)
    if probe and layout == V3:
        from experiments.audit.probe import report

        made = result["options"]["compressions"]
        report(out, compression="c40" if "c40" in made else made[-1])
        click.echo((out / "probe.txt").read_text(encoding="utf-8"))


def _report(result: dict, rendered: bool) -> None:
    clips = Counter(name.split("/")[0] for name in result["clips"])
    if clips:
        click.echo("Clips: " + ", ".join(f"{method} {count}" for method, count in sorted(clips.items())) + ".")
    skips = result["skips"]
    if not rendered:
        click.echo(f"Photographs left out: {len(skips)}.")
        for skip in skips:
            click.echo(f"  {skip['file']}: {skip['reason']}")
