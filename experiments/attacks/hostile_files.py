"""Hostile pictures and videos: cut off, with flipped bytes or a huge size in the header, playlists, odd names."""

from __future__ import annotations

import dataclasses
import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from experiments.attacks.intact_media import (
    PICTURES,
    SIDE,
    VIDEOS,
    audio_only,
    intact_files,
    jpegs_as_avi,
    moving,
    picture,
    portrait,
    video,
)

Generator = np.random.Generator
ORIENTATION = 0x0112
REFUSED, ALIKE, EITHER, ANY = "be refused", "be alike", "be refused or alike", "be refused or answered"


@dataclasses.dataclass(frozen=True)
class Hostile:
    """One hostile file.

    Attributes:
        what: description in words.
        name: name of the file, as bytes that need not be UTF-8.
        content: content of the file, or a function of (its path, the path of an intact file) that makes it.
        must: the outcome, one of REFUSED, ALIKE, EITHER, ANY.
        like: ending and content of an intact file that must give the same result; None if there is none.
    """

    what: str
    name: bytes
    content: bytes | Callable[[Path, Path], object]
    must: str
    like: tuple[str, bytes] | None = None


def _any_format(rng: Generator) -> tuple[str, str, bytes]:
    """(name of the format, ending, content) of an intact file."""
    names = sorted(intact_files())
    name = names[rng.integers(len(names))]
    return name, *intact_files()[name]


def _hostile(what: str, ending: str, content, must: str, like: tuple[str, bytes] | None = None) -> Hostile:
    return Hostile(what, f"hostile{ending}".encode(), content, must, like)


def truncated(rng: Generator) -> Hostile:
    name, ending, content = _any_format(rng)
    size = int(rng.integers(1, len(content)))
    return _hostile(f"{name} cut to {size} of {len(content)} bytes", ending, content[:size], EITHER, (ending, content))


def end_cut_off(rng: Generator) -> Hostile:
    """Only the last bytes are missing."""
    name, ending, content = _any_format(rng)
    cut = int(rng.integers(1, 200))
    return _hostile(f"{name} without its last {cut} bytes", ending, content[:-cut], EITHER, (ending, content))


def flipped(rng: Generator) -> Hostile:
    """Bytes flipped at random places. Of these formats only PNG has checksums over its pixels."""
    name, ending, content = _any_format(rng)
    data = bytearray(content)
    places = rng.integers(len(data), size=int(rng.integers(1, 20)))
    for place in places:
        data[place] ^= int(rng.integers(1, 256))
    must = EITHER if name == "png" else ANY
    return _hostile(f"{name}, bytes flipped at {places[:3].tolist()}", ending, bytes(data), must, (ending, content))


def no_media(rng: Generator) -> Hostile:
    """Files that are neither pictures nor videos: empty, text, archives, noise."""
    archive, tape = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("picture.png", intact_files()["png"][1])
    with tarfile.open(fileobj=tape, mode="w") as file:
        info = tarfile.TarInfo("picture.png")
        info.size = 3
        file.addfile(info, io.BytesIO(b"abc"))
    contents = {
        "nothing": b"",
        "one byte": b"\xff",
        "zeros": bytes(4096),
        "text": b"no picture\n" * 20,
        "HTML": b"<html><body><img src=x></body></html>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="good.png"/></svg>',
        "an archive": archive.getvalue(),
        "a tape archive": tape.getvalue(),
        "noise": rng.bytes(5000),
        "an ELF header": b"\x7fELF" + bytes(100),
        "the start of a PNG": intact_files()["png"][1][:8],
        "the start of a JPEG": b"\xff\xd8\xff\xe0",
        "two letters of a BMP": b"BM",
        "a RIFF without content": b"RIFF\xff\xff\xff\xffWEBP",
        "a GIF without frames": b"GIF89a\x10\x00\x10\x00\x80\x00\x00" + bytes(6) + b";",
    }
    what = sorted(contents)[rng.integers(len(contents))]
    endings = (*PICTURES, ".mp4", ".avi", ".mkv", ".gif")
    ending = endings[rng.integers(len(endings))]
    return _hostile(f"{what}, called {ending}", ending, contents[what], REFUSED)


def huge_by_its_header(rng: Generator) -> Hostile:
    """Pictures whose header says a size that does not fit into memory, or is above every limit."""
    side = int((65_000, 16_000, 40_000)[rng.integers(3)])
    kinds = ("png", "png with rows", "jpg", "bmp", "tiff", "webp", "gif", "mjpeg")
    kind = kinds[rng.integers(len(kinds))]
    intact = {name: bytearray(content) for name, (_, content) in intact_files().items()}
    if kind.startswith("png"):
        rows = zlib.compress(bytes(side * 3 + 1) * min(side, 2000)) if "rows" in kind else b""
        data = _png(side, side, rows)
    elif kind in ("jpg", "mjpeg"):
        data = intact[kind]
        for place in _all_places(data, b"\xff\xc0\x00\x11\x08"):
            struct.pack_into(">HH", data, place + 5, side, side)
    elif kind == "bmp":
        data = intact["bmp"]
        struct.pack_into("<ii", data, 18, side, side * int(rng.choice([-1, 1])))
    elif kind == "tiff":
        data = _tiff(side)
    elif kind == "webp":
        size = (min(side, 16383) - 1) | (min(side, 16383) - 1) << 14
        data = bytearray(b"RIFF\x20\0\0\0WEBPVP8L\x10\0\0\0\x2f" + struct.pack("<I", size) + bytes(11))
    else:
        data = intact["gif"]
        struct.pack_into("<HH", data, 6, side, side)
    ending = {"mjpeg": ".avi", "png with rows": ".png"}.get(kind, f".{kind}")
    must = ANY if kind in ("mjpeg", "gif") else REFUSED  # decoders may use the size in the container instead
    return _hostile(f"{kind}, {side} x {side} by its header", ending, bytes(data), must)


def playlist(rng: Generator) -> Hostile:
    """Files that name other files, which must not be opened."""
    kinds = {
        "an HLS playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{intact}\n#EXT-X-ENDLIST\n",
        "an HLS playlist by address": "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        "a concat list": "ffconcat version 1.0\nfile '{intact}'\n",
        "a list of files": "file '{intact}'\nfile '{intact}'\n",
        "an SDP file": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "an MPD": '<?xml version="1.0"?><MPD><Period><BaseURL>{intact}</BaseURL></Period></MPD>',
        "a QuickTime reference": "RTSPtext\nrtsp://127.0.0.1:9/x",
        "an IMF list": '<?xml version="1.0"?><CompositionPlaylist>{intact}</CompositionPlaylist>',
    }
    what = sorted(kinds)[rng.integers(len(kinds))]
    endings = (".m3u8", ".mp4", ".avi", ".jpg", ".png", ".mkv", ".ts", ".mov", ".txt", ".mpd", ".sdp")
    ending = endings[rng.integers(len(endings))]

    def write(path: Path, intact: Path) -> None:
        path.write_text(kinds[what].format(intact=intact))

    return _hostile(f"{what}, called {ending}", ending, write, REFUSED)


def wrong_ending(rng: Generator) -> Hostile:
    name, ending, content = _any_format(rng)
    endings = [one for one in (*PICTURES, ".mp4", ".avi", ".mkv", ".mov", ".mpg") if one != ending]
    other = endings[rng.integers(len(endings))]
    return _hostile(f"{name} called {other}", other, content, EITHER, (ending, content))


def no_file(rng: Generator) -> Hostile:
    """Pipes, folders and links instead of a file."""

    def linked_out(path: Path, intact: Path) -> None:
        outside = path.parents[2] / f"outside{path.suffix}"
        outside.write_bytes(intact_files()["png"][1])
        path.symlink_to(outside)

    def folder(path: Path, intact: Path) -> None:
        path.mkdir()
        (path / "note.txt").write_text("nothing")

    kinds: dict[str, Callable[[Path, Path], object]] = {
        "a pipe": lambda path, intact: os.mkfifo(path),
        "a folder": folder,
        "a link to itself": lambda path, intact: path.symlink_to(path.name),
        "a link to nothing": lambda path, intact: path.symlink_to("nothing"),
        "a link to endless zeros": lambda path, intact: path.symlink_to("/dev/zero"),
        "a link to the null device": lambda path, intact: path.symlink_to(os.devnull),
        "a link to the folder above": lambda path, intact: path.symlink_to(".."),
        "a link out of the folder": linked_out,
        "a link to an intact file": lambda path, intact: path.symlink_to(intact),
    }
    what = sorted(kinds)[rng.integers(len(kinds))]
    ending = (".png", ".mp4", ".jpg")[rng.integers(3)]
    must = ANY if "folder" in what or "intact" in what else REFUSED
    return _hostile(f"{what}, called {ending}", ending, kinds[what], must)


def odd_name(rng: Generator) -> Hostile:
    """An intact file with a name that programs may misread."""
    name, ending, content = _any_format(rng)
    names = [b"no-\xff\xfe-utf8", b"esc-\x1b[31m\x1b]0;title\x07", b"new\nline", b"tab\tbell\x07", b"long" * 60]
    names += [b"per%03dcent", b"per%cent%s%n", b"[bold]x[dim]", b"concat:a|b", b"http:x", b"file:x", b"a b  c "]
    names += [
        "links \u202e rechts".encode(),
        "\u00e9\u0301\U0001f600".encode(),
        b"x'\"$(y)`z`;&",
        b"000_111",
        b"*?",
        b"#a",
    ]
    odd = names[rng.integers(len(names))]
    return Hostile(f"{name} called {odd!r:.40}", odd + ending.encode(), content, EITHER, (ending, content))


def audio_without_picture(rng: Generator) -> Hostile:
    kind = (".wav", ".mp4")[rng.integers(2)]
    ending = (kind, ".mp4", ".avi", ".png")[rng.integers(4)]
    return _hostile(f"audio only ({kind}) called {ending}", ending, audio_only(kind), REFUSED)


def small_or_odd_size(rng: Generator) -> Hostile:
    """Pictures of one pixel or one row, and with odd sides."""
    height, width = ((1, 1), (1, 300), (300, 1), (2, 2), (241, 239), (13, 500))[rng.integers(6)]
    image = cv2.resize(portrait(), (width, height), interpolation=cv2.INTER_AREA)
    kinds = [*PICTURES, "mjpeg", "ffv1", "gif"]
    kind = kinds[rng.integers(len(kinds))]
    ending = kind if kind in PICTURES else VIDEOS[kind][0]
    content = picture(kind, image) if kind in PICTURES else video(kind, moving(image, 2))
    return _hostile(f"{kind} of {width} x {height}", ending, content, ANY)


def unusual_pixels(rng: Generator) -> Hostile:
    """Pictures in gray, with alpha, 16 bits, a palette or CMYK, which must be read like the plain RGB picture."""
    rgb = portrait()
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    alpha = np.dstack([rgb[..., ::-1], np.full((SIDE, SIDE), 255, np.uint8)])
    palette = Image.fromarray(rgb).quantize(64)
    kinds = {
        "gray PNG": (".png", picture(".png", gray), np.dstack([gray] * 3)),
        "gray JPEG": (".jpg", picture(".jpg", gray), np.dstack([gray] * 3)),
        "PNG with alpha": (".png", cv2.imencode(".png", alpha)[1].tobytes(), rgb),
        "WebP with alpha": (".webp", cv2.imencode(".webp", alpha)[1].tobytes(), rgb),
        "16-bit PNG": (".png", picture(".png", rgb.astype(np.uint16) * 257), rgb),
        "16-bit TIFF": (".tiff", picture(".tiff", rgb.astype(np.uint16) * 257), rgb),
        "palette PNG": (".png", _saved(palette, "png"), np.array(palette.convert("RGB"))),
        "palette BMP": (".bmp", _saved(palette, "bmp"), np.array(palette.convert("RGB"))),
        "CMYK JPEG": (".jpg", _saved(Image.fromarray(rgb).convert("CMYK"), "jpeg", quality=98), rgb),
        "CMYK TIFF": (".tiff", _saved(Image.fromarray(rgb).convert("CMYK"), "tiff"), rgb),
        "progressive JPEG": (".jpg", _saved(Image.fromarray(rgb), "jpeg", quality=98, progressive=True), rgb),
    }
    what = sorted(kinds)[rng.integers(len(kinds))]
    ending, content, plain = kinds[what]
    return _hostile(what, ending, content, EITHER, (".png", picture(".png", plain)))


def turned_picture(rng: Generator) -> Hostile:
    """A JPEG with one of the eight EXIF orientations, which must be read like the upright picture."""
    value = int(rng.integers(1, 9))
    content = _with_orientation(picture(".jpg", _as_stored(portrait(), value)), value)
    return _hostile(f"JPEG of orientation {value}", ".jpg", content, ALIKE, (".png", picture(".png")))


def broken_orientation(rng: Generator) -> Hostile:
    """A JPEG with a damaged EXIF segment, or an orientation that is not one of the eight."""
    content = bytearray(_with_orientation(picture(".jpg"), int((0, 9, 255, 1)[rng.integers(4)])))
    if rng.integers(2):
        content[int(rng.integers(6, 40))] ^= int(rng.integers(1, 256))
    return _hostile("JPEG with a broken EXIF segment", ".jpg", bytes(content), ANY)


def turned_video(rng: Generator) -> Hostile:
    """An MP4 whose matrix turns it by 90, 180 or 270 degrees."""
    quarters = int(rng.integers(1, 4))
    stored = [np.rot90(frame, quarters) for frame in moving()]
    content = bytearray(video("h264", stored))
    (a, b), (c, d) = {1: ((0, 1), (-1, 0)), 2: ((-1, 0), (0, -1)), 3: ((0, -1), (1, 0))}[quarters]
    one = 1 << 16
    place = content.index(b"tkhd") + 44
    struct.pack_into(">9i", content, place, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    return _hostile(f"video turned by {90 * quarters} degrees", ".mp4", bytes(content), ALIKE, (".mp4", video("h264")))


def broken_matrix(rng: Generator) -> Hostile:
    content = bytearray(video("h264"))
    place = content.index(b"tkhd") + 44
    content[place : place + 36] = rng.bytes(36)
    return _hostile("video with a matrix of noise", ".mp4", bytes(content), ANY)


def size_that_changes(rng: Generator) -> Hostile:
    """A video whose frames change their size in the middle."""
    sides = ((120, 120), (480, 480), (240, 100), (9000, 9000), (1, 1))
    side = sides[rng.integers(len(sides))]
    other = cv2.resize(portrait(), side)
    content = jpegs_as_avi([*[picture(".jpg")] * 3, *[picture(".jpg", other)] * 3])
    return _hostile(f"frames of {side[0]} x {side[1]} from the middle on", ".avi", content, ANY)


def uneven_times(rng: Generator) -> Hostile:
    """A video whose frames have different durations; the MP4 also holds the number of frames."""
    times = np.cumsum(rng.integers(1, 50, size=6)).tolist()
    name = ("h264", "ffv1")[rng.integers(2)]
    ending, content = intact_files()[name]
    must = ALIKE if name == "h264" else EITHER
    return _hostile(f"{name} with frames at {times}", ending, video(name, times=times), must, (ending, content))


def two_in_one(rng: Generator) -> Hostile:
    """An intact file with other data after its end or before its start."""
    name, ending, content = _any_format(rng)
    other = (b"\0" * 1000, b"<script>", intact_files()["jpg"][1], b"\n")[rng.integers(4)]
    behind = bool(rng.integers(2))
    data = content + other if behind else other + content
    what = f"{name} with {len(other)} bytes {'after its end' if behind else 'in front'}"
    must = ANY if other.startswith(b"\xff\xd8") and not behind else EITHER
    return _hostile(what, ending, data, must, (ending, content))


def _png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _tiff(side: int) -> bytes:
    """A gray TIFF with one strip, which is much shorter than the size in the header needs."""
    entries = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200), (277, 3, 1)]
    entries += [(278, 4, side), (279, 4, 100)]
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    data += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return data + bytes(400)


def _all_places(data: bytes, text: bytes) -> list[int]:
    return [place for place in range(len(data)) if data.startswith(text, place)]


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels that a file with this EXIF orientation stores for an upright picture."""
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }
    return np.ascontiguousarray(stored[orientation])


def _with_orientation(jpeg: bytes, value: int) -> bytes:
    tags = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", ORIENTATION, 3, 1, value, 0) + bytes(4)
    segment = b"Exif\0\0" + tags
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


FILE_ATTACKS: tuple[Callable[[Generator], Hostile], ...] = (
    truncated,
    huge_by_its_header,
    flipped,
    turned_picture,
    no_file,
    playlist,
    odd_name,
    end_cut_off,
    wrong_ending,
    unusual_pixels,
    no_media,
    turned_video,
    small_or_odd_size,
    size_that_changes,
    truncated,
    two_in_one,
    audio_without_picture,
    uneven_times,
    broken_orientation,
    broken_matrix,
)
