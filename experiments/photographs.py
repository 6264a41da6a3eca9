"""Makes weights that ship from a folder of photographs: forges, trains, measures, and writes weights and model card.

    python -m experiments.photographs --photos FOLDER --groups metadata.csv --out OUT

Killed and started again, it goes on where it stopped. `--groups` is a CSV file with the column `file` and one column
for each of `--attributes`. OUT/photos-1.npz is the file of weights, OUT/photos-1.md its card, OUT/photos-1.csv the rows
of all figures; with `--preset tiny` they are called photos-1-tiny. To ship the file, copy it into tfafsr/shipped/ and
enter its SHA-256, which is printed, into `tfafsr.weights.SHIPPED`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from scipy.special import logit

from experiments import groups, runs, scoring
from experiments.model_card import Measured, figures, model_card
from experiments.quickstart import quoted
from experiments.rows import write_rows
from records.atomic import atomic_file, write_json
from records.errors import DataError
from records.footage import quantizer
from records.shards import Manifest
from tfafsr.presets import PRESETS
from tfafsr.weights import write_weights

COMPRESSIONS = ("c40", "c23", "raw")
GROUPED_AT = "c40"
SIDES = (96, 64, 32, 16)
FRAMES, TESTED_FRAMES = 4, 2  # of each clip: many people teach and tell more than many frames
RECIPE = f"--compressions {' '.join(COMPRESSIONS)} --degrade 0.25 --augment strong --mask-weight 1"
LEFT_OUT = "--steps 400 --epochs 5 --drop-every 3"  # half of the training or less: there are six of them
QUANTIZED_CLIPS = 200  # of each compression, whose quantizers are read


@dataclasses.dataclass(frozen=True)
class Plan:
    """How the weights of a preset are called, and how long they are trained.

    Attributes:
        name: the name of the weights.
        size: side of the faces in the records; they are shrunk to that of the preset where it is smaller.
        epochs: epochs of training.
        steps: steps of an epoch.
        drop_every: as in `experiments.config.TrainConfig`.
    """

    name: str
    size: int
    epochs: int
    steps: int
    drop_every: int


PLANS = {
    "small": Plan("photos-1", size=128, epochs=12, steps=250, drop_every=8),
    "tiny": Plan("photos-1-tiny", size=96, epochs=7, steps=1000, drop_every=5),
}

DEFAULT_EPOCHS = ", ".join(f"{plan.epochs} for {preset}" for preset, plan in PLANS.items())


def photographs(
    photos: Path,
    out: Path,
    preset: str = "small",
    people: Path | None = None,
    attributes: Sequence[str] = (),
    leave_one_out: bool = True,
    options: Sequence[str] = (),
    epochs: int | None = None,
) -> Path:
    """Makes the weights, their model card and the table of their figures.

    Args:
        photos: folder of photographs, as `tfafsr forge` takes it.
        out: folder of all results.
        preset: a key of `PLANS`.
        people: CSV file of the photographs' groups; None for no figures by group.
        attributes: columns of `people`.
        leave_one_out: whether to train a run without each method, too; these take most of the time.
        options: further options of `tfafsr train`.
        epochs: epochs of the training; None for those of the plan.

    Returns:
        The file of weights.

    Raises:
        DataError: a step failed; what it printed says why.
    """
    console = Console()
    plan = PLANS[preset]
    epochs = epochs or plan.epochs
    data, records, run, left_out = out / "data", out / "records", out / "run", out / "left-out"
    recipe = f"--records {quoted(records)} {RECIPE} --preset {preset} {shlex.join(options)}".strip()
    metrics = {compression: out / f"metrics-{compression}.json" for compression in COMPRESSIONS}
    group_of = groups.read_groups(people, tuple(attributes)) if people else {}
    commands = [
        f"forge --faces {quoted(photos)} --out {quoted(data)} --frames {FRAMES}",
        f"build --source ffpp --root {quoted(data)} --out {quoted(records)} --size {plan.size} --frames-train {FRAMES}"
        f" --frames-eval {TESTED_FRAMES}",
        f"train {recipe} --steps {plan.steps} --epochs {epochs} --drop-every {plan.drop_every} --out {quoted(run)}",
    ]
    if leave_one_out:
        commands.append(f"leave-one-out {recipe} {LEFT_OUT} --out {quoted(left_out)}")
    commands += [
        f"evaluate --run {quoted(run)} --records {quoted(records)} --compression {compression} --out {quoted(path)}"
        f" --sizes {' '.join(str(side) for side in SIDES if side < PRESETS[preset].size)}"
        for compression, path in metrics.items()
    ]
    for line in commands:
        console.rule(f"[bold]tfafsr {line.partition(' ')[0]}", align="left")
        console.print(f"$ tfafsr {line}", style="dim", soft_wrap=True, highlight=False)
        if subprocess.run([sys.executable, "-m", "tfafsr", *shlex.split(line)]).returncode:
            raise DataError(f"`tfafsr {line}` failed; see above. Run this command again to go on from there.")
    found = {compression: json.loads(path.read_text()) for compression, path in metrics.items()}
    manifest = Manifest.load(records)
    by_group = _grouped(manifest, metrics[GROUPED_AT], group_of)
    write_json(out / "groups.json", by_group)
    tested = {person for _, person in runs.people_in([manifest])["test"]}
    measured = Measured(
        metrics=found,
        groups=by_group,
        grouped_at=GROUPED_AT,
        left_out=json.loads((left_out / "leave-one-out.json").read_text()) if leave_one_out else None,
        people={split: len(people) for split, people in runs.people_in([manifest]).items()},
        methods=sorted(found[GROUPED_AT]["per_method"]),
        real={name: _real_ratios(path) for name, path in metrics.items()},
        quantizer={name: ends for name in metrics if (ends := _quantizers(data, name, tested))},
        commands=[f"tfafsr {line.replace(str(out), 'OUT').replace(str(photos), 'PHOTOS')}" for line in commands],
    )
    return _write(out, run, preset, measured, console)


def _write(out: Path, run: Path, preset: str, measured: Measured, console: Console) -> Path:
    """Writes weights, card and rows, and prints the hash."""
    name = PLANS[preset].name
    card = model_card(name, measured)
    weights = out / f"{name}.npz"
    write_rows(out / f"{name}.csv", measured.metrics)
    with atomic_file(weights) as npz, atomic_file(out / f"{name}.md") as markdown:
        write_weights(npz, runs.load_detector(run), preset, card, figures(measured))
        markdown.write_text(card, encoding="utf-8")
    content = weights.read_bytes()
    console.print(card, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"Written: {weights} ({len(content) / 1e6:.1f} MB) and its card. SHA-256 {hashlib.sha256(content).hexdigest()}",
        highlight=False,
        soft_wrap=True,
    )
    return weights


def _grouped(manifest: Manifest, metrics: Path, group_of: dict[str, dict[str, str]]) -> dict[str, dict]:
    clips = {
        video: clip for video, clip in manifest.clips.items() if (clip.split, clip.compression) == ("test", GROUPED_AT)
    }
    frames = scoring.load_frames(_frames_of(metrics))
    return {attribute: groups.by_group(frames, clips, of) for attribute, of in group_of.items()}


def _frames_of(metrics: Path) -> Path:
    return metrics.with_name(metrics.stem + ".frames.csv")


def _real_ratios(metrics: Path) -> list[float]:
    """The mean log10 likelihood ratio of each real clip of the test, as `tfafsr detect` computes it."""
    frames = scoring.load_frames(_frames_of(metrics))
    real = frames.labels == 0
    ratios = logit(np.clip(frames.values[real], 1e-9, 1 - 1e-9)) / np.log(10)
    videos, row = np.unique(frames.videos[real], return_inverse=True)
    return (np.bincount(row, ratios) / np.bincount(row, minlength=len(videos))).tolist()


def _quantizers(data: Path, compression: str, people: set[str]) -> tuple[float, float] | None:
    """The lowest and highest quantizer of the real clips of some people at a compression."""
    clips = sorted((data / "original_sequences").glob(f"*/{compression}/videos/*"))
    clips = [clip for clip in clips if clip.stem in people][:QUANTIZED_CLIPS]
    found = [value for clip in clips if (value := quantizer(clip)) is not None]
    return (min(found), max(found)) if found else None


@click.command()
@click.option("--photos", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--preset", default="small", show_default=True, type=click.Choice(list(PLANS)))
@click.option("--groups", "people", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--attributes", default="gender,ethnicity_folder", show_default=True, help="Columns of --groups.")
@click.option("--epochs", type=click.IntRange(1), help=f"Epochs of training.  [default: {DEFAULT_EPOCHS}]")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    default="float32",
    show_default=True,
    help="mixed_bfloat16 is faster on processors with AVX-512 BF16 or AMX, and several times slower on others.",
)
@click.option("--leave-one-out/--no-leave-one-out", default=True, show_default=True)
def main(
    photos: Path,
    out: Path,
    preset: str,
    people: Path | None,
    attributes: str,
    epochs: int | None,
    dtype: str,
    leave_one_out: bool,
) -> None:
    """Make the weights photos-1, or photos-1-tiny, from a folder of photographs."""
    columns = attributes.split(",") if people else ()
    try:
        photographs(photos, out, preset, people, columns, leave_one_out, ("--dtype", dtype), epochs)
    except DataError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
