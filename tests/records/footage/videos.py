"""Writes videos of every kind, and reads their frames."""

from fractions import Fraction

import av
import numpy as np

from records.footage import read_frames


def encode(path, frames, codec="libx264", pix_fmt="yuv420p", times=None, rotation=0, matrix=None, **options):
    """Writes a video; `times` of the frames are in milliseconds, `rotation` in degrees anticlockwise.

    `matrix` is (a, b, c, d): a player shows the pixel at (x, y) at (a x + c y, b x + d y), up to a shift.
    """
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.pix_fmt = pix_fmt
        stream.set_display_rotation(rotation)
        if matrix:
            a, b, c, d = (value << 16 for value in matrix)
            stream.set_display_matrix((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        if codec == "libx264":
            stream.options = {"crf": "10", "preset": "ultrafast", "bf": "0"}
        for number, image in enumerate(frames):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = times[number] if times else 40 * number, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def frames_of(path):
    return [frame for _, frame in read_frames(path)]


def turned(path, frames):
    """Writes a video like a telephone: stored on its side, with a rotation by 90 degrees clockwise in its header."""
    encode(path, [np.rot90(frame) for frame in frames], rotation=-90)
