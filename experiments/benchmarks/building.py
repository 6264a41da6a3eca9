"""Times `build` against running MTCNN on every frame of every variant, and watches its memory, in one run.

    python -m experiments.benchmarks.building --root DATA --out FOLDER

DATA is a data set in FaceForensics++'s layout, one made by `tfafsr forge` for example. Throughput counts examples: one
face, in one frame, at one compression. Memory is the largest resident set of any process of `build`, in its first half
and in all.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import click
import psutil

from records.faces import FaceDetector
from records.manifest import Manifest
from records.sources import ffpp
from records.video import count_frames, evenly_spaced, read_frames


class PeakMemory(threading.Thread):
    """Samples the resident memory of a process's descendants ten times a second and keeps the largest."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.over_time = pid, 0, []
        self.started = time.monotonic()

    def run(self) -> None:
        """Ends with the process."""
        try:
            process = psutil.Process(self.pid)
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                largest = max((_resident(child) for child in [process, *process.children(recursive=True)]), default=0)
                self.peak = max(self.peak, largest)
                self.over_time.append((time.monotonic() - self.started, largest))
                time.sleep(0.1)
        except psutil.NoSuchProcess:
            return


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def build(root: Path, out: Path, frames: int, workers: int, size: int) -> tuple[int, float, PeakMemory]:
    """Runs `tfafsr build` in a process of its own; returns (examples, seconds, memory)."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "tfafsr", "build", "--source", "ffpp", "--root", str(root), "--out", str(out)]
    command += [
        "--size",
        str(size),
        "--frames-train",
        str(frames),
        "--frames-eval",
        str(frames),
        "--workers",
        str(workers),
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory = PeakMemory(process.pid)
    memory.start()
    if process.wait():
        raise click.ClickException(f"`{' '.join(command)}` failed; run it by hand to see why.")
    seconds = time.perf_counter() - started
    clips = Manifest.load(out).clips.values()
    return sum(clip["frames_scored"] for clip in clips), seconds, memory


def detect_everywhere(root: Path, frames: int, clips: int) -> float:
    """Examples/s of the plain way: decode each variant and run MTCNN on each of its frames (one process)."""
    detector = FaceDetector()
    chosen = ffpp.find_clips(root).clips[:clips]
    detector.detect(next(iter(read_frames(chosen[0].path, [0])))[1])
    started, done = time.perf_counter(), 0
    for clip in chosen:
        for _, image in read_frames(clip.footage.path, evenly_spaced(count_frames(clip.footage.path), frames)):
            detector.detect(image)
            done += 1
    return done / (time.perf_counter() - started)


@click.command(help=__doc__)
@click.option("--root", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Scratch folder, removed.")
@click.option("--frames", default=8, show_default=True, help="Frames a video.")
@click.option("--size", default=225, show_default=True)
@click.option("--clips", default=20, show_default=True, help="Clips on which the plain way is timed.")
def main(root: Path, out: Path, frames: int, size: int, clips: int) -> None:
    """Prints examples/s of both ways, their ratio, and memory early and late in the build."""
    examples, seconds, memory = build(root, out, frames, 1, size)
    built = examples / seconds
    plain = detect_everywhere(root, frames, clips)
    click.echo(f"build, 1 worker: {built:.1f} examples/s ({examples} in {seconds:.0f} s, start-up included)")
    click.echo(f"MTCNN on every frame of every variant, 1 process: {plain:.1f} examples/s")
    click.echo(f"build / plain: {built / plain:.1f}")
    half = [size for moment, size in memory.over_time if moment < seconds / 2]
    click.echo(
        f"peak memory of a process: {max(half) / 2**20:.0f} MiB in the first half, {memory.peak / 2**20:.0f} MiB in all"
    )
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
