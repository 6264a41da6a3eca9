"""Reads and writes videos, through PyAV; a frame is an RGB array."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from records.errors import DataError

ASM = 0
"""x264's kernels: plain C. Those for AVX-512 (core 165) give another macroblock now and then, by what the process did
before; and with C the bytes are the same on every processor. Forging takes 8 in a hundred longer."""
MAX_PIXELS = 64 * 2**20  # a larger frame is taken for a hostile file
# What is opened at all: no playlist, no list of files, nothing that names another file or address to be read.
FORMATS = (
    "mov,mp4,avi,matroska,webm,mpeg,mpegts,mpegvideo,flv,asf,ogg,m4v,h264,hevc,ivf,mjpeg,yuv4mpegpipe,gif,wav,mp3,flac"
)
PICTURE_FORMATS = {
    b"\xff\xd8": "jpeg_pipe",
    b"\x89P": "png_pipe",
    b"BM": "bmp_pipe",
    b"II": "tiff_pipe",
    b"MM": "tiff_pipe",
}
ENCODERS = {"h264": "libx264", "mpeg4": "mpeg4", "msmpeg4v3": "msmpeg4", "mjpeg": "mjpeg", "ffv1": "ffv1"}
LEAST_BIT_RATE = 8000  # below it x264 refuses
SIZE_TOLERANCE, SIZE_TRIES = 0.03, 8  # a rate-controlled encoder misses its rate; see `write_encoded`


class VideoError(DataError):
    """A video that cannot be read or written as asked; the message names it."""


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What a video's headers say.

    Attributes:
        frames: number of frames by the container, 0 where it does not say.
        width, height: in pixels, as stored: of a camera turned on its side, before its frames are turned.
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

    @property
    def bit_rate(self) -> float:
        """Bits per second of the whole file, 0.0 where the duration is unknown."""
        return 8 * self.bytes / self.seconds if self.seconds else 0.0


@dataclasses.dataclass(frozen=True)
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
        with _opened(path) as (container, stream):
            sizes = [packet.size for packet in container.demux(stream) if packet.size]
        if not sizes or header.codec not in ENCODERS:
            raise VideoError(f"{path} is of codec {header.codec!r}, which is nothing to encode others like.")
        return cls(header.codec, header.pix_fmt, round(sum(sizes) / len(sizes), 1), round(header.fps or 25.0, 3))


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
    position, reformatter = 0, VideoReformatter()
    with _opened(path) as (container, stream):
        if wanted == []:
            return
        for index, frame in enumerate(_decoded(path, container, stream)):
            if wanted is None or index == wanted[position]:
                yield index, _upright(frame, reformatter)
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


def write_encoded(path: Path, frames: Callable[[], Iterable[np.ndarray]], encoding: Encoding) -> None:
    """Writes frames with another video's codec and at its rate, so that neither tells the two apart.

    Encoders miss the rate they are given, the more so in short clips; the frames are therefore encoded again with a
    corrected one until the bytes a frame are within 3% of what they should be, eight times at most. The closest stays.

    Args:
        path: of the file; its ending names the container.
        frames: gives the frames, RGB uint8 (H, W, 3), anew at each call.
        encoding: of the video to be like.

    Raises:
        VideoError: no frames, an encoding that is not to be had, a full disk.
    """
    attempt = path.with_name(f"attempt-{path.name}")
    rate, closest = 8 * encoding.bytes_a_frame * encoding.fps, float("inf")
    too_low, too_high = 0.0, float("inf")
    for _ in range(SIZE_TRIES):
        try:
            share = _encode(attempt, frames(), encoding, max(LEAST_BIT_RATE, round(rate))) / encoding.bytes_a_frame
        except VideoError:
            attempt.unlink(missing_ok=True)
            if closest == float("inf"):
                raise
            return
        if abs(share - 1) < closest:
            closest = abs(share - 1)
            os.replace(attempt, path)
        attempt.unlink(missing_ok=True)
        if closest <= SIZE_TOLERANCE:
            return
        too_low, too_high = (rate, too_high) if share < 1 else (too_low, rate)
        rate = (too_low * too_high) ** 0.5 if 0 < too_low < too_high < float("inf") else rate / share


def _encode(path: Path, frames: Iterable[np.ndarray], encoding: Encoding, bit_rate: int) -> float:
    """Encodes once and returns the bytes a frame."""
    count = size = 0
    try:
        with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
            for frame in frames:
                if count == 0:
                    rate = Fraction(encoding.fps).limit_denominator(1001)
                    stream = container.add_stream(ENCODERS[encoding.codec], rate=rate)
                    stream.height, stream.width = frame.shape[:2]
                    stream.pix_fmt, stream.bit_rate = encoding.pix_fmt, bit_rate
                    stream.codec_context.thread_count = 1
                    stream.options = {"flags": "+bitexact"}
                    if encoding.codec == "h264":
                        stream.options = {"x264-params": f"asm={ASM}"}
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                size += _muxed(container, stream.encode(picture))
                count += 1
            if count == 0:
                raise VideoError(f"{path}: there are no frames to encode.")
            size += _muxed(container, stream.encode(None))
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise VideoError(f"{path} cannot be encoded like its twin ({encoding}): {error}.") from error
    return size / count


def _muxed(container, packets) -> int:
    size = sum(packet.size for packet in packets)
    container.mux(packets)
    return size


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
            picture = _picture_format(self.path)
            self.container = av.open(
                f"file:{self.path}", format=picture, container_options={"format_whitelist": picture or FORMATS}
            )
        except (OSError, av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"{self.path} does not open as a video or a picture: {_said(error)}.") from error
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


def _picture_format(path: Path | str) -> str | None:
    """FFmpeg's reader for a picture, by its first bytes; None for anything else. By its name it might be a pattern."""
    with open(path, "rb") as file:
        start = file.read(12)
    return "webp_pipe" if start[8:] == b"WEBP" else PICTURE_FORMATS.get(start[:2])


def _upright(frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """The frame in RGB as a player shows it: cameras turned on their side say so beside the pixels.

    One reformatter serves a whole video, in one thread: a new one for each frame costs ten times the conversion.
    """
    turns = round(frame.rotation / 90) % 4
    image = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _decoded(path, container, stream) -> Iterator[av.VideoFrame]:
    try:
        yield from container.decode(stream)
    except av.error.FFmpegError as error:
        raise VideoError(f"{path} does not decode: {_said(error)}. It is damaged or cut off; get it again.") from error


def _said(error: Exception) -> str:
    """What went wrong, without FFmpeg's numbers."""
    return str(getattr(error, "strerror", None) or error)
