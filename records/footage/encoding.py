"""Writes videos, through PyAV: H.264 at a quality, or any codec like that of another video."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from records.atomic import atomic_file
from records.footage.errors import VideoError, said
from records.footage.video import info, opened

ASM = 0
"""x264's kernels: plain C. Those for AVX-512 (core 165) give another macroblock now and then, by what the process did
before; and with C the bytes are the same on every processor. Forging takes 8 in a hundred longer."""
ENCODERS = {"h264": "libx264", "mpeg4": "mpeg4", "msmpeg4v3": "msmpeg4", "mjpeg": "mjpeg", "ffv1": "ffv1"}
LEAST_BIT_RATE = 8000  # below it x264 refuses
SIZE_TOLERANCE, SIZE_TRIES = 0.03, 8  # a rate-controlled encoder misses its rate; see `write_encoded`


@dataclass(frozen=True)
class Encoding:
    """How to encode frames so that they look like another video's.

    Attributes:
        codec: FFmpeg's name of the codec, e.g. h264.
        pix_fmt: e.g. yuv420p.
        bytes_a_frame: what a frame takes in the file, on average.
        fps: frames per second.
    """

    codec: str
    pix_fmt: str
    bytes_a_frame: float
    fps: float

    @classmethod
    def like(cls, path: Path | str) -> Encoding:
        """The encoding of a video, by its headers and the sizes of its packets; sound does not count.

        Raises:
            VideoError: no video, or of a codec that nothing can be encoded with here.
        """
        header = info(path)
        with opened(path) as (container, stream):
            sizes = [packet.size for packet in container.demux(stream) if packet.size]
        if not sizes or header.codec not in ENCODERS:
            raise VideoError(f"{path} is of codec {header.codec!r}, which is nothing to encode others like.")
        return cls(header.codec, header.pix_fmt, round(sum(sizes) / len(sizes), 1), round(header.fps or 25.0, 3))


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
        path: of the .mp4 file; it appears when it is whole.
        frames: RGB uint8 (H, W, 3), H and W even and the same for all.
        fps: frames per second.
        crf: constant rate factor: 0 is lossless (FaceForensics++'s raw), 23 and 40 its c23 and c40.
        threads: of the encoder.
        preset: of x264.

    Raises:
        VideoError: no frames, or frames of odd or differing size.
        DataError: a full disk, or a folder that cannot be written into.
    """
    path, shape = Path(path), None
    with atomic_file(path) as temporary:
        try:
            with av.open(str(temporary), "w") as container:
                for frame in frames:
                    if shape is None:
                        shape = frame.shape
                        stream = _h264_stream(container, path, frame, fps, crf, threads, preset)
                    if frame.shape != shape or frame.dtype != np.uint8:
                        raise VideoError(
                            f"{path}: a frame is {frame.dtype} {frame.shape}, the first was uint8 {shape}."
                        )
                    container.mux(stream.encode(_video_frame(frame)))
                if shape is None:
                    raise VideoError(f"{path}: there are no frames to write.")
                container.mux(stream.encode(None))
        except av.error.FFmpegError as error:
            raise VideoError(f"{path} cannot be written: {said(error)}. Is the disk full?") from error


def write_encoded(path: Path, frames: Callable[[], Iterable[np.ndarray]], encoding: Encoding) -> None:
    """Writes frames with another video's codec and at its rate, so that neither tells the two apart.

    Encoders miss the rate they are given, the more so in short clips; the frames are therefore encoded again with a
    corrected one until the bytes a frame are within 3% of what they should be, eight times at most. The closest stays.

    Args:
        path: of the file; its ending names the container.
        frames: gives the frames, RGB uint8 (H, W, 3), anew at each call.
        encoding: of the video to be like.

    Raises:
        VideoError: no frames, or an encoding that is not to be had.
        DataError: a full disk, or a folder that cannot be written into.
    """
    rate, off_by = 8 * encoding.bytes_a_frame * encoding.fps, float("inf")
    too_low, too_high = 0.0, float("inf")
    with atomic_file(path) as closest:
        attempt = closest.with_stem(f"{closest.stem}-attempt")
        try:
            for _ in range(SIZE_TRIES):
                try:
                    size = _encode(attempt, path, frames(), encoding, max(LEAST_BIT_RATE, round(rate)))
                except VideoError:
                    if off_by == float("inf"):
                        raise
                    return
                share = size / encoding.bytes_a_frame
                if abs(share - 1) < off_by:
                    off_by = abs(share - 1)
                    os.replace(attempt, closest)
                if off_by <= SIZE_TOLERANCE:
                    return
                too_low, too_high = (rate, too_high) if share < 1 else (too_low, rate)
                rate = (too_low * too_high) ** 0.5 if 0 < too_low < too_high < float("inf") else rate / share
        finally:
            attempt.unlink(missing_ok=True)


def _encode(attempt: Path, path: Path, frames: Iterable[np.ndarray], encoding: Encoding, bit_rate: int) -> float:
    """Encodes once into `attempt`, names `path` in errors, and returns the bytes a frame."""
    count = size = 0
    try:
        with av.open(str(attempt), "w", options={"fflags": "+bitexact"}) as container:
            for frame in frames:
                if count == 0:
                    stream = _stream_like(container, frame, encoding, bit_rate)
                size += _muxed(container, stream.encode(_video_frame(frame)))
                count += 1
            if count == 0:
                raise VideoError(f"{path}: there are no frames to encode.")
            size += _muxed(container, stream.encode(None))
    except VideoError:
        raise
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise VideoError(f"{path} cannot be encoded like its twin ({encoding}): {said(error)}.") from error
    return size / count


def _muxed(container, packets) -> int:
    """Writes packets and returns their size in bytes."""
    size = sum(packet.size for packet in packets)
    container.mux(packets)
    return size


def _stream_like(container, frame: np.ndarray, encoding: Encoding, bit_rate: int):
    """A stream of `encoding` for frames of that size."""
    stream = container.add_stream(ENCODERS[encoding.codec], rate=Fraction(encoding.fps).limit_denominator(1001))
    stream.height, stream.width = frame.shape[:2]
    stream.pix_fmt, stream.bit_rate = encoding.pix_fmt, bit_rate
    stream.codec_context.thread_count = 1
    stream.options = {"x264-params": f"asm={ASM}"} if encoding.codec == "h264" else {"flags": "+bitexact"}
    return stream


def _h264_stream(container, path: Path, frame: np.ndarray, fps: int, crf: int, threads: int, preset: str):
    """A stream for `write_video`."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        raise VideoError(f"{path}: frames are {width}x{height}; H.264 in yuv420p needs even sides.")
    stream = container.add_stream("libx264", rate=Fraction(fps))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.thread_count = threads
    stream.options = {"crf": str(crf), "preset": preset, "x264-params": f"asm={ASM}"}
    return stream


def _video_frame(frame: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
