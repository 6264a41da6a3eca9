"""Reads the headers and the frames (as RGB arrays) of videos and pictures with PyAV, and spaces frames evenly.

All pictures and frames in `records` are decoded here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from records.footage.errors import VideoError, ffmpeg_message
from records.footage.pictures import check_complete, decoder_options, is_moving_webp, picture_format

MAX_PIXELS = 64 * 2**20  # files with larger frames are refused as hostile
LIMIT = {"max_pixels": str(MAX_PIXELS)}
"""Option of FFmpeg's decoders: opening a file may decode its first frame before its size can be checked."""
# The only containers that are opened: a playlist or a list of files could name other files or addresses.
FORMATS = (
    "mov,mp4,avi,matroska,webm,mpeg,mpegts,mpegvideo,flv,asf,ogg,m4v,h264,hevc,ivf,mjpeg,yuv4mpegpipe,gif,wav,mp3,flac"
)
UNKNOWN_TYPES = range(max(kind.value for kind in Type) + 1, 40)
"""Types of side data that FFmpeg attaches to frames and PyAV does not know; 31 is EXIF."""


@dataclass(frozen=True)
class VideoInfo:
    """The headers of a video or picture.

    Attributes:
        frames: number of frames, 0 if the container does not tell.
        width, height: size in pixels as stored, before frames are turned upright.
        fps: frames per second, 0.0 if unknown.
        codec: FFmpeg's name of the codec, e.g. h264.
        pix_fmt: FFmpeg's pixel format, e.g. yuv420p.
        seconds: duration, 0.0 if unknown.
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
        """Bits per second of the whole file, 0.0 if the duration is unknown."""
        return 8 * self.bytes / self.seconds if self.seconds else 0.0


def info(path: Path | str) -> VideoInfo:
    """Reads the headers without decoding frames; raises `VideoError` if the file is neither a video nor a picture."""
    with opened(path) as (container, stream):
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
    """Indices of `count` frames that are evenly spaced over a video of `total` frames.

    The video is divided into `count` equal spans and the middle frame of each is taken; a video of at most `count`
    frames gives all its frames.

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

    The video is decoded from its start, so that an index means the same frame in every copy of it, wherever the copy's
    key frames are.

    Args:
        path: path of a video, or of a picture, which has one frame.
        indices: increasing frame indices; None for every frame.

    Yields:
        The index and the frame, RGB uint8 (H, W, 3), upright.

    Raises:
        VideoError: neither a video nor a picture, a frame that does not decode, a picture that is cut off, or an index
            beyond the last frame.
    """
    wanted = None if indices is None else [int(index) for index in indices]
    if wanted is not None and any(b <= a for a, b in itertools.pairwise(wanted)):
        raise ValueError(f"indices must increase; received {wanted}.")
    position, upright = 0, Upright()
    with opened(path) as (container, stream):
        if wanted == []:
            return
        for index, frame in enumerate(_decoded(path, container, stream)):
            upright.turn_like(frame)
            if wanted is None or index == wanted[position]:
                yield index, upright.rgb(frame)
                position += 1
                if wanted is not None and position == len(wanted):
                    return
    if wanted is not None:
        raise VideoError(f"{path} ends before frame {wanted[position]}; it is cut off, or shorter than its twin.")


def read_picture(path: Path | str) -> np.ndarray:
    """A picture, or the first frame of a video: RGB uint8 (H, W, 3), turned upright.

    Channels of 16 bits are rounded to 8, grey is repeated in three channels, and an alpha channel is dropped.

    Raises:
        VideoError: as in `read_frames`.
    """
    for _, frame in read_frames(path):
        return frame
    raise VideoError(f"{path} holds no picture; get it again.")


def count_frames(path: Path | str) -> int:
    """The number of frames that can be decoded; raises `VideoError` if a frame cannot."""
    with opened(path) as (container, stream):
        return sum(1 for _ in _decoded(path, container, stream))


@contextlib.contextmanager
def opened(path: Path | str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yields the opened container and its first video stream.

    Raises:
        VideoError: neither a video nor a picture, no video stream, an unknown codec, or frames of more than
            `MAX_PIXELS`.
    """
    try:
        form, moving = picture_format(path), is_moving_webp(path)
    except OSError as error:
        raise VideoError(f"{path} does not open as a video or a picture: {ffmpeg_message(error)}.") from error
    if moving:
        raise VideoError(f"{path} is a moving WebP picture, which FFmpeg cannot read; save it as a GIF or a video.")
    try:
        container = av.open(
            f"file:{path}", format=form, container_options={"format_whitelist": form or FORMATS}, options=LIMIT
        )
    except (OSError, av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"{path} does not open as a video or a picture: {ffmpeg_message(error)}.") from error
    with container:
        if not container.streams.video:
            raise VideoError(f"{path} holds no video stream.")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise VideoError(f"{path} has an unknown codec.")
        pixels = stream.codec_context.width * stream.codec_context.height
        if pixels > MAX_PIXELS or (form and not pixels):
            raise VideoError(
                f"{path} does not decode: its header is damaged, or a frame has more than {MAX_PIXELS} pixels."
            )
        stream.thread_type = "SLICE"
        stream.codec_context.thread_count = 1
        stream.codec_context.options = LIMIT | decoder_options(form)
        yield container, stream


def _decoded(path: Path | str, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """The frames of a video; of a picture the first only, since a second one in the file is a thumbnail."""
    form = picture_format(path)
    check_complete(path, form)
    try:
        yield from itertools.islice(container.decode(stream), 1 if form else None)
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{path} does not decode: {ffmpeg_message(error)}. It is damaged or cut off; get it again."
        ) from error


class Upright:
    """Converts the frames of one video to RGB, turned and mirrored as the display matrix of the first one says."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()  # making one costs ten times as much as a conversion
        self._first, self._matrix = True, None

    def turn_like(self, frame: av.VideoFrame) -> None:
        """Takes the display matrix of the first frame that it is given.

        Of every frame it would cost memory: PyAV keeps a frame whose side data were looked at.
        """
        if self._first:
            self._first, self._matrix = False, _display_matrix(frame)

    def rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """The frame as a player shows it, uint8 (H, W, 3)."""
        image = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        if self._matrix is None:
            return image
        # A pixel at (x, y) is shown at (a x + c y, b x + d y), up to a shift.
        (a, b), (c, d) = self._matrix
        if abs(b) > abs(a):
            image, a, d = image.swapaxes(0, 1), c, b
        return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _display_matrix(frame: av.VideoFrame) -> np.ndarray | None:
    """The matrix, int32 (2, 2), by which a player turns and mirrors the frame; None if the frame has none."""
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV cannot list side data if it does not know one of the types
        matrix = _without_unknown_types(frame).side_data.get("DISPLAYMATRIX")
    return None if matrix is None else np.frombuffer(bytes(matrix), np.int32).reshape(3, 3)[:2, :2]


def _without_unknown_types(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame after FFmpeg's filter `sidedata` has removed the types that PyAV does not know."""
    graph = Graph()
    filters = [
        graph.add("buffer", f"width={frame.width}:height={frame.height}:pix_fmt={frame.format.name}:time_base=1/1"),
        *(graph.add("sidedata", f"mode=delete:type={number}") for number in UNKNOWN_TYPES),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*filters).configure()
    graph.push(frame)
    return graph.pull()
