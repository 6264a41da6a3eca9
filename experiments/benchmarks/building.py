"""Compares the speed of `build` with MTCNN on every frame of every variant, and measures its memory.

    python -m experiments.benchmarks.building --root DATA --out FOLDER [-- FLAGS]

DATA is a data set in FaceForensics++'s layout, FLAGS are options of `build`. Throughput counts examples: one face, in
one frame, at one compression. The baseline decodes each variant and detects faces in each wanted frame; it is timed
with the mtcnn package and with this project's detector, which shrinks large frames. Decoding alone is an upper limit of
the speed. All use one thread. Memory is the largest resident set of any process of `build`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np

try:
    import psutil
except ModuleNotFoundError as error:
    raise SystemExit("This benchmark measures memory with psutil: pip install -r requirements-test.txt") from error

from records.building import face_detector, finished_parts, one_thread
from records.footage import evenly_spaced, length, read_frames
from records.shards import Manifest
from records.sources import Clip, SourceOptions, find


class PeakMemory(threading.Thread):
    """Samples the resident memory of a process's descendants and the progress of the build, ten times a second.

    Attributes:
        over_time: (finished groups of clips, bytes of the largest process) for each sample.
    """

    def __init__(self, pid: int, out: Path) -> None:
        super().__init__(daemon=True)
        self.pid, self.out = pid, out
        self.over_time: list[tuple[int, int]] = []

    def run(self) -> None:
        """Samples until the process ends."""
        try:
            process = psutil.Process(self.pid)
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                largest = max((_resident(child) for child in [process, *process.children(recursive=True)]), default=0)
                self.over_time.append((len(finished_parts(self.out)), largest))
                time.sleep(0.1)
        except psutil.NoSuchProcess:
            return


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def build(root: Path, out: Path, frames: int, size: int, flags: Sequence[str]) -> tuple[int, float, PeakMemory]:
    """Runs `tfafsr build` with one worker in a new process; returns (examples, seconds, memory)."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "tfafsr", "build", "--source", "ffpp", "--root", str(root), "--out", str(out)]
    command += ["--size", str(size), "--frames-train", str(frames), "--frames-eval", str(frames), "--workers", "1"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory = PeakMemory(process.pid, out)
    memory.start()
    if process.wait():
        raise click.ClickException(f"`{' '.join(command)}` failed; run it by hand to see why.")
    seconds = time.perf_counter() - started
    clips = Manifest.load(out).clips.values()
    return sum(clip.frames_scored for clip in clips), seconds, memory


def everywhere(clips: Sequence[Clip], frames: int, detect: Callable[[np.ndarray], object]) -> float:
    """Frames/s of decoding each clip up to the last of `frames` evenly spaced frames and calling `detect` on those."""
    started, done = time.perf_counter(), 0
    for clip in clips:
        for _, image in read_frames(clip.footage, evenly_spaced(length(clip.footage), frames)):
            detect(image)
            done += 1
    return done / (time.perf_counter() - started)


@click.command(help=__doc__)
@click.option("--root", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Scratch folder, removed.")
@click.option("--frames", default=50, show_default=True, help="Frames a video.")
@click.option("--size", default=225, show_default=True)
@click.option(
    "--clips", "number", default=5, show_default=True, help="Clips of each compression on which the baseline is timed."
)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
def main(root: Path, out: Path, frames: int, size: int, number: int, flags: tuple[str, ...]) -> None:
    """Prints examples/s of `build` and of the baselines, their ratios, and memory after 50, 500 and all clips."""
    from mtcnn import MTCNN

    one_thread()
    examples, seconds, memory = build(root, out, frames, size, flags)
    size_of_one = sum(shard.bytes for shard in Manifest.load(out).shards.values()) / examples
    clips = find(root, SourceOptions()).clips
    levels: dict[str, list[Clip]] = {}
    for clip in clips:
        levels.setdefault(clip.compression, []).append(clip)
    chosen = [group[index] for group in levels.values() for index in evenly_spaced(len(group), number)]
    package, ours = MTCNN(device="CPU:0"), face_detector()
    for warm_up in (package.detect_faces, ours.detect):
        everywhere(chosen[:1], 1, warm_up)
    built = examples / seconds
    rates = {
        "the mtcnn package on every frame of every variant": everywhere(chosen, frames, package.detect_faces),
        "this project's detector on every frame": everywhere(chosen, frames, ours.detect),
        "decoding alone": everywhere(chosen, frames, lambda image: None),
    }
    click.echo(
        f"build, 1 worker: {built:.1f} examples/s ({examples} in {seconds:.0f} s, start-up included), "
        f"{size_of_one / 1024:.0f} KiB each"
    )
    for name, rate in rates.items():
        click.echo(f"{name}: {rate:.1f} a second; build / that: {built / rate:.2f}")
    groups = len({clip.twin for clip in clips})
    for wanted in (50, 500, len(clips)):
        if wanted <= len(clips):
            so_far = [size for done, size in memory.over_time if done * len(clips) / groups <= wanted]
            click.echo(f"peak memory of a process until clip {wanted}: {max(so_far) / 2**20:.0f} MiB")
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
