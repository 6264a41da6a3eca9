"""How strongly a video is compressed: the quantizer that its encoder chose, as its decoder reports it."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
from av.sidedata.encparams import VideoEncParams

from records.footage.errors import VideoError, ffmpeg_message
from records.footage.video import opened

FRAMES = 4  # that are looked at, from the first one


def quantizer(path: Path | str) -> float | None:
    """The median quantizer (QP, 0 to 51) of the blocks of an H.264 video's first frames.

    x264's constant rate factor is a quantizer that the encoder raises where the eye sees less, so QP lies a few units
    above the crf: FaceForensics++'s c23 has about 28, its c40 about 44.

    Args:
        path: a video.

    Returns:
        The median of the frames' medians; None for another codec, whose quantizers have another scale.

    Raises:
        VideoError: the file is no video, or its first frames do not decode.
    """
    with opened(path) as (container, stream):
        if stream.codec_context.name != "h264":
            return None
        stream.codec_context.options = stream.codec_context.options | {"export_side_data": "venc_params"}
        try:
            medians = [
                float(np.median(found.qp_map()))
                for frame in itertools.islice(container.decode(stream), FRAMES)
                for found in frame.side_data
                if isinstance(found, VideoEncParams)
            ]
        except (av.error.FFmpegError, ValueError) as error:  # ValueError: side data of a type that PyAV does not know
            message = ffmpeg_message(error) if isinstance(error, av.error.FFmpegError) else str(error)
            raise VideoError(f"{path} does not tell its quantizer: {message}.") from error
    return float(np.median(medians)) if medians else None
