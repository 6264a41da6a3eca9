"""Reads and writes videos, through PyAV; a frame is an RGB array."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from records.errors import DataError

ASM = 0
"""x264's kernels: plain C. Those for AVX-512 (core 165) give another macroblock now and then, by what the process did
before; and with C the bytes are the same on every processor. Forging takes 8 in a hundred longer."""
MAX_PIXELS = 64 * 2**20  # a larger frame is taken for a hostile file


class VideoError(DataError):
    """A video that cannot be read or written as asked; the message names it."""


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What a video's headers say.

    Attributes:
        frames: number of frames by the container, 0 where it does not say.
        width, height: in pixels.
        fps: frames per second, 0.0 where unknown.
        codec: FFmpeg's name, e.g. h264.
        pix_fmt: e.g. yuv420p.
        seconds: duration, 0.0 where unknown.
        bytes: size of the file.
    """

    frames: int
    width: int
    height: int
    fps: float
    codec: str
    pix_fmt: str
    seconds: float
    bytes: int


def info(path: Path | str) -> VideoInfo:
    """Reads the headers, and decodes nothing; raises `VideoError` for what is no video."""
    with _opened(path) as (container, stream):
        context = stream.codec_context
        seconds = (
            float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / av.time_base
        )
        return VideoInfo(
            frames=stream.frames,
            width=context.width,
            height=context.height,
            fps=float(stream.average_rate or 0),
            codec=context.name,
            pix_fmt=context.pix_fmt or "",
            seconds=seconds,
            bytes=Path(path).stat().st_size,
        )


def evenly_spaced(total: int, count: int) -> np.ndarray:
    """Indices of `count` frames over the whole of a video of `total` frames.

    The video is cut into `count` equal spans and the middle of each is taken; all frames when there are not more than
    `count`.

    Args:
        total: number of frames of the video.
        count: number of frames wanted.

    Returns:
        int64 (min(total, count),), increasing.
    """
    if total < 0 or count < 1:
        raise ValueError(f"total must be at least 0 and count at least 1; received total={total}, count={count}.")
    count = min(total, count)
    return ((2 * np.arange(count, dtype=np.int64) + 1) * total) // (2 * count) if count else np.empty(0, np.int64)


def read_frames(path: Path | str, indices: Sequence[int] | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (index, frame) for the frames wanted, in the order of the video.

    The video is decoded from its start, so that an index means the same frame in every copy of a video, whatever its
    key frames.

    Args:
        path: a video file.
        indices: increasing frame indices; None for every frame.

    Yields:
        The index and the frame, RGB uint8 (H, W, 3).

    Raises:
        VideoError: no video, a frame that does not decode, or one that the video does not have.
    """
    wanted = None if indices is None else [int(index) for index in indices]
    if wanted is not None and any(b <= a for a, b in itertools.pairwise(wanted)):
        raise ValueError(f"indices must increase; received {wanted}.")
    position = 0
    with _opened(path) as (container, stream):
        if wanted == []:
            return
        for index, frame in enumerate(_decoded(path, container, stream)):
            if wanted is None or index == wanted[position]:
                yield index, frame.to_ndarray(format="rgb24")
                position += 1
                if wanted is not None and position == len(wanted):
                    return
    if wanted is not None:
        raise VideoError(f"{path} ends before frame {wanted[position]}; it is cut off, or shorter than its twin.")


def count_frames(path: Path | str) -> int:
    """The number of frames that decode, which is what counts; raises `VideoError` for a video that does not decode."""
    with _opened(path) as (container, stream):
        return sum(1 for _ in _decoded(path, container, stream))


def write_video(
    path: Path | str,
    frames: Iterable[np.ndarray],
    fps: int = 25,
    crf: int = 23,
    threads: int = 1,
    preset: str = "medium",
) -> None:
    """Writes an H.264 video (libx264, yuv420p); the same frames and options give the same bytes.

    x264 writes its thread count into the stream, so that bytes are the same only for the same number of threads. Its
    kernels for particular processors are off, see `ASM`.

    Args:
        path: of the .mp4 file; it appears when it is whole, under a temporary name before.
        frames: RGB uint8 (H, W, 3), H and W even and the same for all.
        fps: frames per second.
        crf: constant rate factor: 0 is lossless (FaceForensics++'s raw), 23 and 40 its c23 and c40.
        threads: of the encoder.
        preset: of x264.

    Raises:
        VideoError: no frames, frames of odd or differing size, or a full disk.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    shape = None
    try:
        with av.open(str(temporary), "w") as container:
            for frame in frames:
                if shape is None:
                    shape = frame.shape
                    stream = _encoder(container, path, frame, fps, crf, threads, preset)
                if frame.shape != shape or frame.dtype != np.uint8:
                    raise VideoError(f"{path}: a frame is {frame.dtype} {frame.shape}, the first was uint8 {shape}.")
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
            if shape is None:
                raise VideoError(f"{path}: there are no frames to write.")
            container.mux(stream.encode(None))
        os.replace(temporary, path)
    except (OSError, av.error.FFmpegError) as error:
        raise VideoError(f"{path} cannot be written: {error}. Is the disk full, or the folder missing?") from error
    finally:
        temporary.unlink(missing_ok=True)


def _encoder(container, path: Path, frame: np.ndarray, fps: int, crf: int, threads: int, preset: str):
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        raise VideoError(f"{path}: frames are {width}x{height}; H.264 in yuv420p needs even sides.")
    stream = container.add_stream("libx264", rate=Fraction(fps))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.thread_count = threads
    stream.options = {"crf": str(crf), "preset": preset, "x264-params": f"asm={ASM}"}
    return stream


class _opened:
    """A container and its first video stream; everything FFmpeg says against them becomes a `VideoError`."""

    def __init__(self, path: Path | str) -> None:
        self.path = path

    def __enter__(self):
        try:
            self.container = av.open(str(self.path))
        except (OSError, av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"{self.path} does not open as a video: {error}.") from error
        if not self.container.streams.video:
            self.container.close()
            raise VideoError(f"{self.path} holds no video stream.")
        stream = self.container.streams.video[0]
        if stream.codec_context is None or stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            self.container.close()
            raise VideoError(f"{self.path} has no known codec, or frames of more than {MAX_PIXELS} pixels.")
        stream.thread_type = "SLICE"
        stream.codec_context.thread_count = 1
        return self.container, stream

    def __exit__(self, *_) -> None:
        self.container.close()


def _decoded(path, container, stream) -> Iterator[av.VideoFrame]:
    try:
        yield from container.decode(stream)
    except av.error.FFmpegError as error:
        raise VideoError(f"{path} does not decode: {error}. It is damaged or cut off; get it again.") from error
