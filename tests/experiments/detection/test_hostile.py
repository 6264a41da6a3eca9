"""Files of every kind, and files made to do harm: each is answered, with a reason where nothing can be judged."""

import os
import struct
import zlib

import av
import numpy as np
import pytest
from PIL import Image

from experiments.detection import Item, Settings, analyse, lines
from tests.records.footage.videos import encode

SIDE = 160


@pytest.fixture(scope="module")
def face(draw_face, backdrop):
    image = backdrop(SIDE, SIDE)
    draw_face(image, SIDE // 2, SIDE // 2, 100)
    return image


@pytest.fixture
def reasons(brightness):
    """The function (path) -> (number of people, reason)."""

    def look(path):
        answer = analyse(Item(path), brightness, Settings())
        return len(answer.people), answer.reason

    return look


def alpha(image):
    return np.dstack([image, np.full(image.shape[:2], 60, np.uint8)])


def sixteen(image):
    return Image.fromarray(image.mean(axis=-1).astype(np.uint16) * 257)


PICTURES = {
    "alpha.png": lambda face: Image.fromarray(alpha(face)),
    "grey.png": lambda face: Image.fromarray(face).convert("L"),
    "grey-alpha.png": lambda face: Image.fromarray(alpha(face)).convert("LA"),
    "sixteen.png": sixteen,
    "palette.png": lambda face: Image.fromarray(face).convert("P", palette=Image.Palette.ADAPTIVE),
    "one.gif": lambda face: Image.fromarray(face),
    "cmyk.jpg": lambda face: Image.fromarray(face).convert("CMYK"),
    "grey.jpg": lambda face: Image.fromarray(face).convert("L"),
    "plain.webp": lambda face: Image.fromarray(face),
    "alpha.webp": lambda face: Image.fromarray(alpha(face)),
    "cmyk.tif": lambda face: Image.fromarray(face).convert("CMYK"),
    "sixteen.tif": sixteen,
    "plain.bmp": lambda face: Image.fromarray(face),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_kind_have_a_face(tmp_path, face, reasons, name):
    PICTURES[name](face).save(tmp_path / name)
    assert reasons(tmp_path / name) == (1, None)


@pytest.mark.parametrize("name", ["moving.gif", "moving.png"])
def test_moving_pictures_have_a_face(tmp_path, face, reasons, name):
    frames = [Image.fromarray(np.roll(face, shift, axis=1)) for shift in (0, 2, 4)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=200, loop=0)
    assert reasons(tmp_path / name) == (1, None)


def test_a_moving_webp_is_named_as_what_cannot_be_read(tmp_path, face, reasons):
    frames = [Image.fromarray(np.roll(face, shift, axis=1)) for shift in (0, 2)]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:])
    assert reasons(tmp_path / "moving.webp") == (
        *(0, "it is a moving WebP picture, which FFmpeg cannot read; save it as a GIF or a video"),
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_says(tmp_path, face, reasons, orientation):
    back = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90"}
    back |= {7: "TRANSVERSE", 8: "ROTATE_270"}
    image, exif = Image.fromarray(face), Image.Exif()
    exif[0x0112] = orientation
    stored = image.transpose(Image.Transpose[back[orientation]]) if orientation > 1 else image
    stored.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert reasons(tmp_path / "turned.jpg") == (1, None)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("clip.mkv", "libx265", "yuv420p"),
        ("ten.mkv", "libx265", "yuv420p10le"),
        ("clip.webm", "libvpx-vp9", "yuv420p"),
        ("clip.mp4", "libsvtav1", "yuv420p"),
        ("clip.avi", "mjpeg", "yuvj420p"),
        ("full.mp4", "libx264", "yuv444p"),
    ],
)
def test_videos_of_every_kind_have_a_face(tmp_path, face, reasons, name, codec, pix_fmt):
    encode(tmp_path / name, [face] * 3, codec=codec, pix_fmt=pix_fmt)
    assert reasons(tmp_path / name) == (1, None)


def test_frames_at_odd_times_and_a_telephones_rotation(tmp_path, face, reasons):
    encode(tmp_path / "odd.mkv", [face] * 4, times=[0, 10, 900, 910])
    assert reasons(tmp_path / "odd.mkv") == (1, None)
    encode(tmp_path / "turned.mp4", [np.rot90(face)] * 3, rotation=-90)
    assert reasons(tmp_path / "turned.mp4") == (1, None)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(path):
    """A PNG of 65,000 x 65,000 pixels in a few bytes."""
    header = struct.pack(">IIBBBBB", 65000, 65000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        piece.sample_rate, piece.pts = 48000, 0
        container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def playlist(path):
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n")


def cut(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-2000])


HARM = {
    "bomb.png": (bomb, "a frame has more than"),
    "sound.m4a": (sound, "no video stream"),
    "list.mp4": (playlist, "does not open"),
    "list.m3u8": (playlist, "does not open"),
    "cut.jpg": (cut, "cut off"),
    "cut.png": (cut, "does not decode"),
    "empty.mp4": (lambda path: path.touch(), "does not open"),
    "encrypted.mp4": (lambda path: path.write_bytes(os.urandom(9000)), "does not open"),
    "text.jpg": (lambda path: path.write_text("<svg onload=alert(1)>"), "does not open"),
}


@pytest.mark.parametrize("name", HARM)
def test_what_cannot_be_judged_has_a_reason(tmp_path, reasons, name):
    write, words = HARM[name]
    write(tmp_path / name)
    people, reason = reasons(tmp_path / name)
    assert people == 0
    assert words in reason


def test_a_terminals_commands_in_a_name_are_not_printed(tmp_path, brightness, face):
    path = tmp_path / "a\x1b]0;owned\x07\u202e\n.png"
    Image.fromarray(face).save(path)
    printed = "\n".join(lines(analyse(Item(path), brightness, Settings())))
    assert not any(one in printed for one in "\x1b\x07\u202e")
    assert printed.count("\n") == len(list(lines(analyse(Item(path), brightness, Settings())))) - 1
