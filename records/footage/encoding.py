"""Writes videos with PyAV: H.264 at a given quality, or with the codec and the bytes per frame of another video."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from records.atomic import atomic_file
from records.footage.errors import VideoError, ffmpeg_message
from records.footage.video import info, opened

ASM = 0
"""Makes x264 run in plain C, so that the bytes are the same on every processor. x264's AVX-512 kernels (core 165)
sometimes encode a macroblock differently, depending on what the process did before. Forging takes 8% longer."""
ENCODERS = {"h264": "libx264", "mpeg4": "mpeg4", "msmpeg4v3": "msmpeg4", "mjpeg": "mjpeg", "ffv1": "ffv1"}
MIN_BIT_RATE = 8000  # x264 refuses less
SIZE_TOLERANCE, SIZE_TRIES = 0.03, 8  # see `write_encoded`


@dataclass(frozen=True)
class Encoding:
    """How to encode frames so that the codec and the size are those of another video.

    Attributes:
        codec: FFmpeg's name of the codec, e.g. h264.
        pix_fmt: FFmpeg's pixel format, e.g. yuv420p.
        bytes_a_frame: mean size of an encoded frame.
        fps: frames per second.
    """

    codec: str
    pix_fmt: str
    bytes_a_frame: float
    fps: float

    @classmethod
    def like(cls, path: Path | str) -> Encoding:
        """The encoding of a video, from its headers and the sizes of its video packets.

        Raises:
            VideoError: not a video, or of a codec that this program cannot encode with.
        """
        header = info(path)
        with opened(path) as (container, stream):
            sizes = [packet.size for packet in container.demux(stream) if packet.size]
        if not sizes or header.codec not in ENCODERS:
            raise VideoError(
                f"{path} has the codec {header.codec!r}, with which no twin can be encoded; use {', '.join(ENCODERS)}."
            )
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

    x264 writes its number of threads into the stream, so the bytes are the same only for the same `threads`. Its
    kernels for particular processors are off, see `ASM`.

    Args:
        path: path of the .mp4 file, which is written atomically.
        frames: RGB uint8 (H, W, 3); H and W are even and the same for all frames.
        fps: frames per second.
        crf: constant rate factor; FaceForensics++'s raw is 0 (lossless), its c23 and c40 are 23 and 40.
        threads: number of the encoder's threads.
        preset: x264's preset.

    Raises:
        VideoError: no frames, or frames of an odd size or of several sizes.
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
            raise VideoError(f"{path} cannot be written: {ffmpeg_message(error)}. Is the disk full?") from error


def write_encoded(path: Path, frames: Callable[[], Iterable[np.ndarray]], encoding: Encoding) -> None:
    """Writes frames with the codec and the bytes per frame of another video, so that neither tells the two apart.

    An encoder does not meet the rate it is given, above all in short clips. So the frames are encoded again with a
    corrected rate until their mean size is within 3% of the other video's, eight times at most; the closest is kept.

    Args:
        path: path of the file; its suffix decides the container.
        frames: function that returns the frames, RGB uint8 (H, W, 3), from the first one at each call.
        encoding: encoding of the other video.

    Raises:
        VideoError: no frames, or the encoder does not accept the encoding.
        DataError: a full disk, or a folder that cannot be written into.
    """
    rate, error = 8 * encoding.bytes_a_frame * encoding.fps, float("inf")
    too_low, too_high = 0.0, float("inf")
    with atomic_file(path) as closest:
        attempt = closest.with_stem(f"{closest.stem}-attempt")
        try:
            for _ in range(SIZE_TRIES):
                try:
                    size = _encode(attempt, path, frames(), encoding, max(MIN_BIT_RATE, round(rate)))
                except VideoError:
                    if error == float("inf"):
                        raise
                    return
                ratio = size / encoding.bytes_a_frame
                if abs(ratio - 1) < error:
                    error = abs(ratio - 1)
                    os.replace(attempt, closest)
                if error <= SIZE_TOLERANCE:
                    return
                too_low, too_high = (rate, too_high) if ratio < 1 else (too_low, rate)
                rate = (too_low * too_high) ** 0.5 if 0 < too_low < too_high < float("inf") else rate / ratio
        finally:
            attempt.unlink(missing_ok=True)


def _encode(attempt: Path, path: Path, frames: Iterable[np.ndarray], encoding: Encoding, bit_rate: int) -> float:
    """Encodes into the file `attempt` and returns the mean bytes per frame; errors name `path`."""
    count = size = 0
    try:
        with av.open(str(attempt), "w", options={"fflags": "+bitexact"}) as container:
            for frame in frames:
                if count == 0:
                    stream = _stream_like(container, frame, encoding, bit_rate)
                size += _write_packets(container, stream.encode(_video_frame(frame)))
                count += 1
            if count == 0:
                raise VideoError(f"{path}: there are no frames to encode.")
            size += _write_packets(container, stream.encode(None))
    except VideoError:
        raise
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise VideoError(f"{path} cannot be encoded like its twin ({encoding}): {ffmpeg_message(error)}.") from error
    return size / count


def _write_packets(container, packets) -> int:
    """Writes packets and returns their size in bytes."""
    size = sum(packet.size for packet in packets)
    container.mux(packets)
    return size


def _stream_like(container, frame: np.ndarray, encoding: Encoding, bit_rate: int):
    """Adds a stream with `encoding` for frames of the size of `frame`."""
    stream = container.add_stream(ENCODERS[encoding.codec], rate=Fraction(encoding.fps).limit_denominator(1001))
    stream.height, stream.width = frame.shape[:2]
    stream.pix_fmt, stream.bit_rate = encoding.pix_fmt, bit_rate
    stream.codec_context.thread_count = 1
    stream.options = {"x264-params": f"asm={ASM}"} if encoding.codec == "h264" else {"flags": "+bitexact"}
    return stream


def _h264_stream(container, path: Path, frame: np.ndarray, fps: int, crf: int, threads: int, preset: str):
    """Adds the H.264 stream of `write_video`."""
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
