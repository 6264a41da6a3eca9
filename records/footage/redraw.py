"""Writes a copy of a video with drawn-on frames, the same times and the same sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from records.atomic import atomic_file
from records.footage.errors import VideoError, ffmpeg_message
from records.footage.video import Upright, opened

Draw = Callable[[int, np.ndarray], np.ndarray]
IN_MP4 = ("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "alac", "flac", "mp2")  # sound that an .mp4 file can hold
CRF = "18"
USUAL_RATE = Fraction(25)  # frames a second of a video that does not tell


def redraw(path: Path, out: Path, draw: Draw) -> Path:
    """Writes a copy of a video, H.264, upright, whose frames went through `draw`. The sound is copied as it is.

    Of a video that is damaged, what comes before the damage is written. An odd last row or column is left out.

    Args:
        path: the video.
        out: where the copy goes, without a suffix: it becomes .mp4, or .mkv for sound that .mp4 cannot hold.
        draw: (index of the frame, uint8 (H, W, 3) RGB) -> a frame of the same size.

    Returns:
        The file that was written.

    Raises:
        VideoError: the file is no video, not even its first frame decodes, or the copy cannot be written.
    """
    with opened(path) as (container, stream):
        sound = container.streams.audio[0] if container.streams.audio else None
        fits = sound is None or (sound.codec_context is not None and sound.codec_context.name in IN_MP4)
        target = out.with_name(out.name + (".mp4" if fits else ".mkv"))
        with atomic_file(target) as temporary:
            try:
                with av.open(str(temporary), "w", format="mp4" if fits else "matroska") as copy:
                    _write(container, stream, sound, copy, draw)
            except StopIteration as error:
                raise VideoError(f"{path} does not decode: not one frame is whole. Get it again.") from error
            except (av.error.FFmpegError, ValueError) as error:
                raise VideoError(f"{target} cannot be written: {ffmpeg_message(error)}.") from error
    return target


def _write(
    container: InputContainer,
    stream: VideoStream,
    sound: av.AudioStream | None,
    copy: OutputContainer,
    draw: Draw,
) -> None:
    parts, upright = _parts(container, stream, sound), Upright()
    waiting, part = [], next(parts)
    while isinstance(part, av.Packet):  # the size of the picture is known at its first frame
        waiting.append(part)
        part = next(parts)
    upright.turn_like(part)
    height, width = (side // 2 * 2 for side in upright.rgb(part).shape[:2])
    picture = copy.add_stream("libx264", rate=stream.average_rate or USUAL_RATE, options={"crf": CRF})
    picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
    picture.codec_context.time_base = stream.time_base
    copied = copy.add_stream_from_template(sound) if sound else None
    index, last = 0, None
    while part is not None:
        if isinstance(part, av.Packet):
            waiting.append(part)
        else:
            shown = np.ascontiguousarray(draw(index, upright.rgb(part))[:height, :width])
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
            later = last is None or (part.pts is not None and part.pts > last)
            frame.pts = last = (part.pts or 0) if later else last + _one_frame(stream)
            frame.time_base = stream.time_base
            copy.mux(picture.encode(frame))
            index += 1
        for packet in waiting:
            packet.stream = copied
            copy.mux(packet)
        waiting = []
        part = next(parts, None)
    copy.mux(picture.encode(None))


def _parts(
    container: InputContainer, stream: VideoStream, sound: av.AudioStream | None
) -> Iterator[av.VideoFrame | av.Packet]:
    """Frames of the picture and packets of the sound, in the order of the file, up to the first that is damaged."""
    try:
        for packet in container.demux([one for one in (stream, sound) if one]):
            if packet.stream is stream:
                yield from packet.decode()
            elif packet.dts is not None:  # the last packet is empty
                yield packet
    except av.error.FFmpegError:
        return  # the answer about the file names the damage


def _one_frame(stream: VideoStream) -> int:
    """The duration of a frame in units of the stream's time base."""
    return max(1, round(1 / (stream.average_rate or USUAL_RATE) / stream.time_base))
