"""Makes pictures and frames whose brightness tells their number, and pictures with an EXIF orientation."""

import struct
import zlib

import cv2
import numpy as np

STORED = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: np.swapaxes(image, 0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.swapaxes(np.rot90(image, 2), 0, 1),
    8: lambda image: np.rot90(image, -1),
}
"""EXIF orientation -> function that turns the upright picture into the pixels stored in the file."""


def plain_frames(count=30, height=64, width=96):
    """Frames whose brightness, 5 + 8 * index, tells their index, with a red corner."""
    for index in range(count):
        frame = np.full((height, width, 3), 5 + 8 * index, np.uint8)
        frame[:8, :8] = (250, 10, 10)
        yield frame


def index_of(frame):
    """The index of a plain frame or picture."""
    return round((float(frame[16:, 16:].mean()) - 5) / 8)


def numbered_pictures(folder, numbers, name="{:04d}.png", size=64):
    """Writes a folder of pictures whose brightness, 5 + 8 * number, tells their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        form = ".png" if name.endswith(".png") else ".jpg"
        data = cv2.imencode(form, np.full((size, size + 32, 3), 5 + 8 * number, np.uint8))[1]
        (folder / name.format(number)).write_bytes(data.tobytes())
    return folder


def scene(height=112, width=160):
    """A smooth RGB uint8 picture with four different corners."""
    y, x = np.mgrid[0:height, 0:width] / (height, width, 1)[0]
    channels = (200 * x * height / width, 200 * y, 60 + 60 * np.sin(9 * x) + 60 * np.cos(7 * y))
    return np.clip(np.stack(channels, axis=2), 0, 255).astype(np.uint8)


def encoded_picture(image, form=".png", *settings):
    """The bytes of a picture file; `image` is RGB or grey."""
    return cv2.imencode(form, image[..., ::-1] if image.ndim == 3 else image, settings)[1].tobytes()


def with_orientation(image, orientation, form=".png"):
    """A JPEG or PNG file that shows `image` after it is turned and mirrored by its EXIF orientation."""
    exif = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x112, 3, 1, orientation, 0, 0)
    stored = np.ascontiguousarray(STORED[orientation](image))
    if form == ".png":
        data, chunk = encoded_picture(stored), b"eXIf" + exif
        return data[:33] + struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    data, segment = encoded_picture(stored, ".jpg", *sampling), b"Exif\0\0" + exif
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
