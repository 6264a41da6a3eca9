"""Finds the threshold with which masks of compressed twins are most similar to masks of lossless twins.

    python -m experiments.benchmarks.mask_threshold --root DATA

DATA is a data set in FaceForensics++'s layout with raw and c23, such as `tfafsr forge --faces PHOTOS` writes. Users
without raw compare c23 with c23, where compression also makes fake and real differ. For each threshold, it prints the
intersection over union with the mask of the raw twins (mean over faces), and the share of pixels marked outside of it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import click
import cv2
import numpy as np

from faces import FaceDetector, crop_box, crop_square
from records.building import THRESHOLD, difference_mask, face_detector
from records.footage import evenly_spaced, info, read_frames
from records.progress import progress
from records.sources import Clip, SourceOptions, find

STEPS = np.round(np.arange(0.02, 0.165, 0.01), 2)


def faces(clips: dict[tuple[str, str, str], Clip], clip: Clip, frames: int, size: int, detector: FaceDetector):
    """Yields, for frames of a fake, {compression: (fake crop, real crop)}."""
    pairs = {
        level: (clips[clip.method, level, clip.name], clips["real", level, clip.subjects[0]])
        for level in ("raw", "c23", "c40")
        if (clip.method, level, clip.name) in clips
    }
    indices = evenly_spaced(info(clip.footage.path).frames, frames)
    read = {level: [dict(read_frames(one.footage.path, indices)) for one in pair] for level, pair in pairs.items()}
    for index in map(int, indices):
        found = detector.detect(read["raw"][1][index])
        if found:
            box = crop_box(found[0].box)
            yield {level: [crop_square(video[index], box, size) for video in videos] for level, videos in read.items()}


@click.command(help=__doc__)
@click.option("--root", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--frames", default=2, show_default=True, help="Frames a video.")
@click.option("--size", default=225, show_default=True)
@click.option(
    "--clips", "most", default=160, show_default=True, help="Manipulated clips that are measured, evenly spaced."
)
def main(root: Path, frames: int, size: int, most: int) -> None:
    """Prints a row for each compression and threshold."""
    found = {(clip.method, clip.compression, clip.name): clip for clip in find(root, SourceOptions()).clips}
    fakes = [clip for clip in found.values() if clip.label and clip.compression == "raw"]
    chosen = [fakes[index] for index in evenly_spaced(len(fakes), most)]
    overlap, beside, noise = defaultdict(list), defaultdict(list), defaultdict(list)
    detector = face_detector()
    for clip in progress(chosen, len(chosen), "measuring"):
        for crops in faces(found, clip, frames, size, detector):
            truth = difference_mask(*crops["raw"], THRESHOLD) > 0
            untouched = cv2.absdiff(*crops["raw"]).max(axis=2) == 0
            for level in crops.keys() - {"raw"}:
                difference = cv2.cvtColor(cv2.absdiff(*crops[level]), cv2.COLOR_RGB2GRAY)
                noise[level] += (
                    np.quantile(difference[untouched], (0.5, 0.99, 0.999)).tolist() if untouched.any() else []
                )
                for step in STEPS:
                    mask = difference > step * 255
                    if truth.any():
                        overlap[level, step].append((mask & truth).sum() / (mask | truth).sum())
                    beside[level, step].append((mask & ~truth).mean())
    for level in ("c23", "c40"):
        if not noise[level]:
            continue
        quantiles = np.reshape(noise[level], (-1, 3)).mean(axis=0) / 255
        click.echo(
            f"{level}: difference of untouched pixels, as a share of full scale: median {quantiles[0]:.4f}, "
            f"99% {quantiles[1]:.4f}, 99.9% {quantiles[2]:.4f}"
        )
        for step in STEPS:
            click.echo(
                f"  threshold {step:.2f}: IoU {np.mean(overlap[level, step]):.3f}, "
                f"outside {np.mean(beside[level, step]):.4f}"
            )


if __name__ == "__main__":
    main()
