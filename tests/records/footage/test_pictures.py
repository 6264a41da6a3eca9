"""Pictures: every format becomes RGB, every EXIF orientation is turned upright, and cut files are refused."""

import io
import resource
import struct
import time
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from records.footage import Footage, VideoError, count_frames, info, read_frames, read_picture
from tests.records.footage.pictures import STORED, encoded_picture, index_of, numbered_pictures, scene, with_orientation

IMAGE = scene()
GREY = IMAGE[..., 1]
FORMS = {
    "baseline.jpg": encoded_picture(IMAGE, ".jpg"),
    "progressive.jpg": encoded_picture(IMAGE, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts.jpg": encoded_picture(IMAGE, ".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "exif.jpg": with_orientation(IMAGE, 6, ".jpg"),
    "a.png": encoded_picture(IMAGE),
    "lossy.webp": encoded_picture(IMAGE, ".webp", cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless.webp": encoded_picture(IMAGE, ".webp", cv2.IMWRITE_WEBP_QUALITY, 101),
    "a.bmp": encoded_picture(IMAGE, ".bmp"),
    "a.tif": encoded_picture(IMAGE, ".tiff"),
}


def saved(image, form, **options):
    """The bytes of a picture in a mode that OpenCV does not write."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def grey(channel):
    return np.repeat(channel[..., None], 3, axis=2)


TIFFS = {
    "jpeg.tif": saved(Image.fromarray(IMAGE), "tiff", compression="jpeg"),
    "motorola.tif": saved(Image.fromarray(GREY.astype(">u2") * 257), "tiff"),
}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("name", FORMS)
def test_a_picture_that_is_cut_off_is_refused_by_name(tmp_path, name, share):
    (tmp_path / name).write_bytes(FORMS[name])
    assert sorted(read_picture(tmp_path / name).shape[:2]) == [112, 160]
    (tmp_path / name).write_bytes(FORMS[name][: int(share * len(FORMS[name]))])
    with pytest.raises(VideoError, match=name):
        read_picture(tmp_path / name)
    folder = numbered_pictures(tmp_path / "clip", range(2))
    (folder / "2").write_bytes((tmp_path / name).read_bytes())
    with pytest.raises(VideoError, match="clip/2 "):
        list(read_frames(Footage(folder), [2]))


@pytest.mark.parametrize("name", ["baseline.jpg", "progressive.jpg", "a.png", "a.tif", "jpeg.tif", "motorola.tif"])
def test_a_picture_cut_anywhere_is_refused_or_decodes_unchanged(tmp_path, name):
    path, data = tmp_path / name, (FORMS | TIFFS)[name]
    path.write_bytes(data)
    whole = read_picture(path)
    for end in (*range(len(data) - 200, len(data)), *range(100, len(data), len(data) // 60)):
        path.write_bytes(data[:end])
        try:
            np.testing.assert_array_equal(read_picture(path), whole)
        except VideoError:
            continue


@pytest.mark.parametrize("name", ["baseline.jpg", "restarts.jpg", "exif.jpg"])
def test_a_jpeg_that_lost_its_middle_is_refused(tmp_path, name):
    """FFmpeg fills the missing part with grey if the strict option is not set."""
    data = FORMS[name]
    for share in (0.4, 0.6, 0.9):
        (tmp_path / name).write_bytes(data[: int(share * len(data))] + data[-2:])
        with pytest.raises(VideoError, match=f"{name} does not decode"):
            read_picture(tmp_path / name)


def test_a_damaged_byte_in_a_png_is_found(tmp_path):
    data = bytearray(FORMS["a.png"])
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(VideoError, match=r"a\.png does not decode"):
        read_picture(tmp_path / "a.png")


def test_data_after_a_jpegs_end_are_not_read_as_a_second_frame(tmp_path):
    """Telephones append a second picture or other data."""
    for name, more in (("two.jpg", FORMS["baseline.jpg"]), ("notes.jpg", b"SEFT" + bytes(range(256)))):
        (tmp_path / name).write_bytes(FORMS["baseline.jpg"] + more)
        assert count_frames(Footage(tmp_path / name)) == 1
        ((index, frame),) = read_frames(Footage(tmp_path / name))
        assert index == 0
        assert frame.shape == IMAGE.shape


def test_the_end_marker_of_a_thumbnail_does_not_count_as_the_pictures_end(tmp_path):
    data = FORMS["baseline.jpg"]
    segment = b"\xff\xe1" + struct.pack(">H", len(data) + 8) + b"Exif\0\0" + data
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:])
    assert read_picture(tmp_path / "a.jpg").shape == IMAGE.shape
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:-2])
    with pytest.raises(VideoError, match="cut off"):
        read_picture(tmp_path / "a.jpg")


def test_the_time_to_look_for_the_end_marker_grows_only_with_the_file(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8" + b"\xff" * 2**22)
    started = time.monotonic()
    with pytest.raises(VideoError, match=r"a\.jpg"):
        read_picture(tmp_path / "a.jpg")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", [".jpg", ".png"])
def test_every_exif_orientation_comes_out_upright(tmp_path, form, orientation):
    path = tmp_path / f"0{form}"
    path.write_bytes(with_orientation(IMAGE, orientation, form))
    ((_, in_folder),) = read_frames(Footage(tmp_path))
    for image in (read_picture(path), in_folder):
        assert image.shape == IMAGE.shape
        assert image.flags.c_contiguous
        assert np.abs(image.astype(int) - IMAGE).mean() < (2 if form == ".jpg" else 1e-9)


@pytest.mark.parametrize("orientation", [2, 5, 7])
@pytest.mark.parametrize("form", ["webp", "tiff"])
def test_exif_orientations_of_webp_and_tiff_are_turned_upright(tmp_path, form, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](IMAGE)))
    options = {"lossless": True} if form == "webp" else {}
    (tmp_path / "0").write_bytes(saved(stored, form, exif=exif, **options))
    np.testing.assert_array_equal(read_picture(tmp_path / "0"), IMAGE)


PALETTE = Image.fromarray(IMAGE).quantize(64)
ALPHA = Image.fromarray(np.dstack((IMAGE, GREY)))


@pytest.mark.parametrize(
    ("data", "expected", "tolerance"),
    [
        (encoded_picture(IMAGE.astype(np.uint16) * 257), IMAGE, 1),
        (encoded_picture(GREY.astype(np.uint16) * 257), grey(GREY), 1),
        (encoded_picture(IMAGE.astype(np.uint16) * 257, ".tiff"), IMAGE, 1),
        (encoded_picture(GREY), grey(GREY), 0),
        (encoded_picture(GREY, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 100), grey(GREY), 2),
        (saved(Image.fromarray(GREY > 128), "png"), grey((GREY > 128) * np.uint8(255)), 0),
        (saved(PALETTE, "png"), np.array(PALETTE.convert("RGB")), 0),
        (saved(PALETTE, "bmp"), np.array(PALETTE.convert("RGB")), 0),
        (saved(ALPHA, "png"), IMAGE, 0),
        (saved(ALPHA, "webp", lossless=True, exact=True), IMAGE, 0),
        (saved(ALPHA, "tiff"), IMAGE, 0),
        (saved(ALPHA.convert("LA"), "png"), np.array(ALPHA.convert("L").convert("RGB")), 0),
        (saved(Image.fromarray(IMAGE).convert("CMYK"), "jpeg", quality=100), IMAGE, 3),
        (saved(Image.fromarray(IMAGE).convert("CMYK"), "tiff"), IMAGE, 1),
    ],
    ids=[
        *("png of 16 bits", "grey png of 16 bits", "tiff of 16 bits", "grey png", "grey jpeg", "png of 1 bit"),
        *(
            "palette png",
            "palette bmp",
            "rgba png",
            "rgba webp",
            "rgba tiff",
            "grey alpha png",
            "cmyk jpeg",
            "cmyk tiff",
        ),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(tmp_path, data, expected, tolerance):
    (tmp_path / "a").write_bytes(data)
    image = read_picture(tmp_path / "a")
    assert (image.dtype, image.shape) == (np.uint8, IMAGE.shape)
    assert np.abs(image.astype(int) - expected).max() <= tolerance


def test_floats_are_a_clear_error(tmp_path):
    (tmp_path / "a.tif").write_bytes(saved(Image.fromarray(GREY.astype(np.float32)), "tiff"))
    with pytest.raises(VideoError, match=r"a\.tif does not decode"):
        read_picture(tmp_path / "a.tif")


def test_a_huge_header_is_refused_before_it_is_decoded(tmp_path):
    """FFmpeg would allocate 768 MB for 16000 x 16000 pixels when it opens the file."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 16000, 16000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(2**20))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (tmp_path / "huge.png").write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for read in (read_picture, lambda path: info(Footage(path))):
        with pytest.raises(VideoError, match=r"huge\.png .* more than 67108864 pixels"):
            read(tmp_path / "huge.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 10_000  # pages of memory in use: 40 MB


def test_a_missing_or_damaged_picture_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    for name in ("a.jpg", "missing.png"):
        with pytest.raises(VideoError, match=name):
            read_picture(tmp_path / name)


def test_the_format_of_a_picture_is_told_by_its_content(tmp_path):
    numbered_pictures(tmp_path, [7], "{}.png")
    (tmp_path / "7.png").rename(tmp_path / "7.jpg")
    assert index_of(read_picture(tmp_path / "7.jpg")) == 7
