"""Copies a forged data set into the layouts of other data sets and of older copies of FaceForensics++."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from faces import crop_box, crop_square
from records.building import face_detector
from records.footage import evenly_spaced, length, read_frames, write_video
from records.forge.options import CRF
from records.forge.pair import PRESET

SPLITS = ("train", "val", "test")
SCENE = "walking_and_forging"
BENCH = {"Deepfakes": "FF-DF", "Face2Face": "FF-F2F", "FaceSwap": "FF-FS", "NeuralTextures": "FF-NT"}
BENCH_FRAMES, BENCH_SIDE = 32, 256
QUALITIES = {"higher_quality": 18, "lower_quality": 30}  # crf of DeepfakeTIMIT's fakes
UTTERANCE = "sa1"
SPEAKER_WITHOUT_FAKES = "mzzz0"  # in VidTIMIT
JPEG_QUALITY = 90


def c0(v3: Path, out: Path) -> None:
    """Like v3, with `c0` in place of `raw`, as in older copies."""
    for path in _files(v3):
        _copy(path, out / path.relative_to(v3).as_posix().replace("/raw/", "/c0/"))


def no_youtube(v3: Path, out: Path) -> None:
    """Like v3, with the originals in original_sequences/ itself."""
    for path in _files(v3):
        _copy(path, out / path.relative_to(v3).as_posix().replace("/youtube/", "/"))


def images(v3: Path, out: Path) -> None:
    """Like v3, with folders of pictures in place of videos and masks."""
    for path in (v3 / "splits").glob("*.json"):
        _copy(path, out / "splits" / path.name)
    for _, level, path in _videos(v3):
        parent = out / path.relative_to(v3).parent.parent
        folder = parent / path.stem if level == "masks" else parent / "images" / path.stem
        for index, frame in read_frames(path):
            _picture(folder / f"{index:04d}.png", frame)


def actors(v3: Path, out: Path) -> None:
    """The actors' videos and DeepFakeDetection, without splits."""
    method = _method(v3)
    for origin, level, path in _videos(v3):
        people = "_".join(f"{int(identity) + 1:02d}" for identity in path.stem.split("_"))
        if origin == "youtube":
            _copy(path, out / f"original_sequences/actors/{level}/videos/{people}__{SCENE}.mp4")
        elif origin == method:
            code = hashlib.sha256(people.encode()).hexdigest()[:8].upper()
            name = f"{people}__{SCENE}__{code}.mp4"
            _copy(path, out / f"manipulated_sequences/DeepFakeDetection/{level}/videos/{name}")


def faceshifter(v3: Path, out: Path) -> None:
    """Like v3, with one more method, FaceShifter, which has no masks."""
    method = _method(v3, "FaceSwap")
    for path in _files(v3):
        _copy(path, out / path.relative_to(v3))
    for origin, level, path in _videos(v3):
        if origin == method and level != "masks":
            _copy(path, out / f"manipulated_sequences/FaceShifter/{level}/videos/{path.name}")


def deepfakebench(v3: Path, out: Path) -> None:
    """Face crops of some frames of each video, found in each frame separately, and JSON lists of them; no videos."""
    split_of = {}
    for split, pairs in _splits(v3).items():
        _copy(v3 / "splits" / f"{split}.json", out / f"{split}.json")
        split_of |= dict.fromkeys((identity for pair in pairs for identity in pair), split)
    detector = face_detector()
    listed: dict[str, dict] = {}  # youtube or method -> split -> level -> clip
    for origin, level, path in _videos(v3):
        if level == "masks":
            continue
        folder = out / path.relative_to(v3).parent.parent / "frames" / path.stem
        total, frames = length(path), []
        for index, frame in read_frames(path, evenly_spaced(total, min(BENCH_FRAMES, max(1, 2 * total // 3)))):
            if faces := detector.detect(frame):
                picture = folder / f"{index:03d}.png"
                _picture(picture, crop_square(frame, crop_box(faces[0].box), BENCH_SIDE))
                frames.append(f"FaceForensics++/{picture.relative_to(out).as_posix()}")
        label = "FF-real" if origin == "youtube" else BENCH.get(origin, origin)
        clips = listed.setdefault(origin, {}).setdefault(split_of[path.stem[:3]], {}).setdefault(level, {})
        clips[path.stem] = {"label": label, "frames": frames}
    for method in sorted(listed.keys() - {"youtube"}):
        name = BENCH.get(method, method)
        classes = {"FF-real": listed["youtube"], name: listed[method]}
        (out / f"{name}.json").write_text(json.dumps({name: classes}), encoding="utf-8")


def deepfaketimit(v3: Path, out: Path) -> None:
    """DeepfakeTIMIT's fakes at two qualities, as AVI, and VidTIMIT's originals as JPEG files without suffix.

    VidTIMIT also has a head rotation of each person, and one person without fakes.
    """
    best, method, vidtimit = _best_level(v3), _method(v3), out / "VidTIMIT"
    videos = [(origin, path) for origin, level, path in _videos(v3) if level == best and origin in ("youtube", method)]
    for origin, path in videos:
        frames = [frame for _, frame in read_frames(path)]
        people = [_speaker(identity) for identity in path.stem.split("_")]
        if origin == "youtube":
            _sequence(vidtimit / people[0] / "video" / UTTERANCE, frames)
            _sequence(vidtimit / people[0] / "video" / "head", frames[:1])
            continue
        for quality, crf in QUALITIES.items():
            fake = out / "DeepfakeTIMIT" / quality / people[0] / f"{UTTERANCE}-video-{people[1]}.avi"
            write_video(fake, frames, crf=crf, preset=PRESET)
    first = vidtimit / _speaker(videos[0][1].stem) / "video" / UTTERANCE
    shutil.copytree(first, vidtimit / SPEAKER_WITHOUT_FAKES / "video" / UTTERANCE)


def folder(v3: Path, out: Path) -> None:
    """A user's own folder: real/ and fake/METHOD/ at the best quality, and labels.csv with a row for each video."""
    best = _best_level(v3)
    split_of = {identity: split for split, pairs in _splits(v3).items() for pair in pairs for identity in pair}
    out.mkdir(parents=True, exist_ok=True)
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "method", "subject", "split", "twin"))
        for origin, level, path in _videos(v3):
            if level != best:
                continue
            people = path.stem.split("_")
            real = origin == "youtube"
            copy = f"real/{path.name}" if real else f"fake/{origin}/{path.name}"
            _copy(path, out / copy)
            label, method, twin = ("real", "", "") if real else ("fake", origin, f"real/{people[0]}.mp4")
            table.writerow((copy, label, method, ";".join(people), split_of[people[0]], twin))


ARRANGEMENTS: dict[str, Callable[[Path, Path], None]] = {
    "c0": c0,
    "no-youtube": no_youtube,
    "images": images,
    "faceshifter": faceshifter,
    "actors": actors,
    "deepfakebench": deepfakebench,
    "deepfaketimit": deepfaketimit,
    "folder": folder,
}
RENAMING = ("actors", "deepfaketimit", "folder")  # layouts that rename clips, so that the clips' notes do not fit them


def arrange(layout: str, v3: Path, out: Path) -> None:
    """Writes a data set in `layout`, a key of `ARRANGEMENTS`, into the folder `out`.

    Args:
        layout: name of the layout.
        v3: a complete data set in the layout v3; it is not changed.
        out: an empty or missing folder.
    """
    ARRANGEMENTS[layout](v3, out)


def _files(v3: Path) -> Iterator[Path]:
    """The files of videos, masks and splits, without notes and reports."""
    for name in ("original_sequences", "manipulated_sequences", "splits"):
        yield from (path for path in sorted((v3 / name).rglob("*")) if path.is_file())


def _videos(v3: Path) -> Iterator[tuple[str, str, Path]]:
    """(youtube or method, compression or masks, file) of every video, originals first."""
    for name in ("original_sequences", "manipulated_sequences"):
        for path in sorted((v3 / name).glob("*/*/videos/*.mp4")):
            yield path.parts[-4], path.parts[-3], path


def _method(v3: Path, wanted: str = "Deepfakes") -> str:
    """The method wanted if the data set has it, else its first method."""
    present = sorted(path.name for path in (v3 / "manipulated_sequences").iterdir())
    return wanted if wanted in present else present[0]


def _best_level(v3: Path) -> str:
    return next(level for level in CRF if (v3 / "original_sequences" / "youtube" / level).is_dir())


def _splits(v3: Path) -> dict[str, list[list[str]]]:
    return {split: json.loads((v3 / "splits" / f"{split}.json").read_text(encoding="utf-8")) for split in SPLITS}


def _speaker(identity: str) -> str:
    """A name like those of VidTIMIT's speakers, for example fadg0."""
    number = int(identity)
    letters = "".join(chr(ord("a") + number // power % 26) for power in (676, 26, 1))
    return f"{'fm'[number % 2]}{letters}0"


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _sequence(folder: Path, frames: list[np.ndarray]) -> None:
    for number, frame in enumerate(frames, start=1):
        _picture(folder / f"{number:03d}", frame, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))


def _picture(path: Path, frame: np.ndarray, form: str = ".png", settings: tuple[int, ...] = ()) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(form, frame[..., ::-1], settings)[1].tobytes())
