"""Sizes from headers are those that OpenCV decodes; other files have no size."""

import struct

import cv2
import numpy as np
import pytest

from savedmodel_export.edge_runtime.headers import image_size, is_image

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 61, 3), dtype=np.uint8)


def encode(suffix, *options):
    return cv2.imencode(suffix, IMAGE, options)[1].tobytes()


ENCODED = {
    "jpg": encode(".jpg"),
    "progressive jpg": encode(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "png": encode(".png"),
    "bmp": encode(".bmp"),
    "tiff": encode(".tiff"),
    "lossy webp": encode(".webp", cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless webp": encode(".webp", cv2.IMWRITE_WEBP_QUALITY, 101),
}


@pytest.mark.parametrize("name", ENCODED)
def test_the_size_of_what_opencv_writes(name):
    data = ENCODED[name]
    assert is_image(data[:12])
    assert image_size(data) == (61, 37)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (37, 61, 3)


def test_jpegs_with_other_segments_before_the_size():
    data = ENCODED["jpg"]
    thumbnail = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 9, 9)  # in an EXIF block a whole JPEG may be hidden
    block = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    assert image_size(data[:2] + block + b"\xff\xff" + data[2:]) == (61, 37)


def tiff(order, big):
    """The header of a TIFF of 61 x 37 pixels."""
    mark = b"II" if order == "<" else b"MM"
    if big:
        head = mark + struct.pack(order + "HHHQQ", 43, 8, 0, 16, 2)
        return head + struct.pack(order + "HHQQHHQQ", 256, 16, 1, 61, 257, 16, 1, 37)
    head = mark + struct.pack(order + "HIH", 42, 8, 2)
    return head + struct.pack(order + "HHIHHHHII", 256, 3, 1, 61, 0, 257, 4, 1, 37)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_every_kind_of_tiff(order, big):
    assert image_size(tiff(order, big)) == (61, 37)


def test_the_canvas_of_an_extended_webp_and_both_kinds_of_bmp():
    webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (60).to_bytes(3, "little") + (36).to_bytes(3, "little")
    assert image_size(webp) == (61, 37)
    assert image_size(b"BM" + bytes(12) + struct.pack("<IHH", 12, 61, 37)) == (61, 37)
    assert image_size(b"BM" + bytes(12) + struct.pack("<Iii", 40, 61, -37)) == (61, 37)


def test_what_is_cut_off_or_no_image_has_no_size():
    for data in (b"", b"GIF89a" + bytes(20), b"text", b"RIFF\0\0\0\0AVI " + bytes(30)):
        assert not is_image(data)
        assert image_size(data) is None
    for data in ENCODED.values():
        for length in range(2, 30):
            size = image_size(data[:length])
            assert size in (None, (61, 37))
    noise = np.random.default_rng(1)
    for data in ENCODED.values():  # whatever the bytes, an answer or None, and no exception
        for _ in range(200):
            broken = bytearray(data[:200])
            broken[noise.integers(3, len(broken))] = noise.integers(256)
            image_size(bytes(broken))


def test_a_jpeg_of_nothing_but_markers_ends_soon():
    assert image_size(b"\xff\xd8\xff" + b"\xff" * 2**22) is None
    assert image_size(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2**20) is None
