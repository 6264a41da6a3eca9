"""Surveys a data set before it is built: what is found and missing, what reveals the label, what building will cost."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.audit.cues import judge
from records.building import BuildOptions, ClipGroup, build_group, face_detector, group_clips
from records.errors import DataError
from records.footage import (
    Encoding,
    Footage,
    VideoInfo,
    count_frames,
    evenly_spaced,
    info,
    length,
    read_frames,
    same_size,
)
from records.progress import progress
from records.shards import SplitsOrigin
from records.sources import Clip, Found

BETRAYAL = 0.1  # a cue is reported if its AUC differs from 0.5 by more and its interval excludes 0.5
CUES = {
    "codec": "codec",
    "bits_per_pixel": "bits a pixel",
    "bit_rate": "kbit/s",
    "frame_size": "frame, pixels",
    "frame_rate": "frames a second",
    "face_size": "face, pixels",
}
# Frames of each clip in the timed sample. Two numbers separate the cost of a clip (decoding) from that of a frame.
SMALL, LARGE = 2, 6


@dataclasses.dataclass
class Survey:
    """The result of `check`; `dataclasses.asdict` gives its JSON.

    Attributes:
        layout, splits, odd, remarks: from the source, see `Found`.
        table: {method, compression, split, expected, found, missing, unreadable} for each group of clips.
        missing: {clip, reason} for each clip that is expected and not there.
        unreadable: {clip, reason} for each clip that does not open, or has another frame size than its twin.
        unequal: {clip, frames, twin} for each clip of another length than its twin.
        masks: the mask files of the data set, which building does not use: {present, missing: [clip],
            short: [{clip, ...}]}.
        cues: compression -> cue (see CUES) -> {real, fake, auc, auc_ci95, verdict, ...}.
        betrays: "compression: cue" for each cue that reveals the label.
        estimate: {examples, bytes, seconds, workers, sampled}; None without a sample.
        complete: whether the records of a build would contain every expected clip.
    """

    layout: str
    splits: SplitsOrigin
    odd: list[str]
    remarks: list[str]
    table: list[dict]
    missing: list[dict]
    unreadable: list[dict]
    unequal: list[dict]
    masks: dict
    cues: dict[str, dict[str, dict]]
    betrays: list[str]
    estimate: dict | None
    complete: bool


def survey(found: Found, options: BuildOptions, workers: int, sample: int = 2, faces: int = 24) -> Survey:
    """Reads the headers of all clips, and frames of a few.

    Args:
        found: the result of a source.
        options: options of the build whose cost is estimated.
        workers: number of processes of that build.
        sample: number of groups of clips (an original and its fakes) that are built to estimate the cost; 0 for none.
        faces: number of clips of each class in which the size of the face is measured; 0 for none.

    Returns:
        The survey. Bad videos are part of it and raise no exception.
    """
    headers, unreadable = _headers(found)
    table: dict[tuple, dict] = {}
    for one in [*found.clips, *found.skips]:
        clip = isinstance(one, Clip)
        video = one.video if clip else one.clip
        _, method, compression, _ = video.split("/", 3)
        key = (method, compression, one.split)
        names = dict(zip(("method", "compression", "split"), key, strict=True))
        row = table.setdefault(key, {**names, "expected": 0, "found": 0, "missing": 0, "unreadable": 0})
        row["expected"] += 1
        row["missing" if not clip else "unreadable" if video in unreadable else "found"] += 1
    good = [clip for clip in found.clips if clip.video not in unreadable]
    cues = _cues(good, headers, _face_sizes(good, faces))
    missing = [{"clip": skip.clip, "reason": skip.reason} for skip in found.skips]
    return Survey(
        layout=found.layout,
        splits=found.splits,
        odd=found.odd,
        remarks=found.remarks,
        table=list(table.values()),
        missing=missing,
        unreadable=[{"clip": video, "reason": reason} for video, reason in unreadable.items()],
        unequal=_unequal(good, headers),
        masks=_masks(found, headers),
        cues=cues,
        betrays=[
            f"{level}: {name}"
            for level, judged in cues.items()
            for name, one in judged.items()
            if one["verdict"] == "betrays" and abs(one["auc"] - 0.5) > BETRAYAL
        ],
        estimate=_estimate(good, headers, options, workers, sample),
        complete=not missing and not unreadable,
    )


def _headers(found: Found) -> tuple[dict[Path, VideoInfo], dict[str, str]]:
    """Path -> header; video id -> the reason why the clip, its twin or its target does not open or fit the others."""
    headers: dict[Path, VideoInfo] = {}
    reasons: dict[Path, str] = {}
    unreadable: dict[str, str] = {}
    for clip in progress(found.clips, len(found.clips), "reading headers"):
        for footage in (clip.footage, clip.best, clip.pristine):
            path = footage.path
            if path not in headers and path not in reasons:
                try:
                    headers[path] = info(footage)
                except (DataError, OSError) as error:
                    reasons[path] = str(error)
            if path in reasons:
                unreadable.setdefault(clip.video, reasons[path])
        if clip.video not in unreadable:
            others = [one for one in (clip.best, clip.pristine) if _differ(headers, clip.footage, one)]
            try:
                same_size(clip.footage, others)
            except DataError as error:
                unreadable[clip.video] = str(error)
    return headers, unreadable


def _differ(headers: dict[Path, VideoInfo], one: Footage, other: Footage) -> bool:
    """Whether the frame sizes in the two headers differ."""
    a, b = headers[one.path], headers[other.path]
    return (a.width, a.height) != (b.width, b.height)


def _frames(header: VideoInfo) -> int:
    """The number of frames in the header; without one, duration times frame rate."""
    return header.frames or max(1, round(header.seconds * header.fps))


def _unequal(clips: Sequence[Clip], headers: dict[Path, VideoInfo]) -> list[dict]:
    found = []
    for clip in clips:
        frames, twin = headers[clip.footage.path].frames, headers[clip.pristine.path].frames
        if frames and twin and frames != twin:
            found.append({"clip": clip.video, "frames": frames, "twin": twin})
    return found


def _masks(found: Found, headers: dict[Path, VideoInfo]) -> dict:
    missing, short, present = [], [], 0
    clips = {clip.video: clip for clip in found.clips}
    for video, mask in found.masks.items():
        clip = clips.get(video)
        if mask is None:
            missing.append(video)
            continue
        try:
            frames = length(mask)
        except (DataError, OSError) as error:
            short.append({"clip": video, "frames": None, "mask": str(error)})
            continue
        present += 1
        header = headers.get(clip.footage.path) if clip else None
        if header is not None and frames < header.frames:
            short.append({"clip": video, "frames": header.frames, "mask": frames})
    return {"present": present, "missing": missing, "short": short}


def _face_sizes(clips: Sequence[Clip], count: int) -> dict[str, float]:
    """Video id -> square root of the area of the largest face in one frame, for some clips of each class."""
    levels = list(dict.fromkeys(clip.compression for clip in clips))
    chosen: list[Clip] = []
    for level in levels:
        for label in (0, 1):
            group = [clip for clip in clips if clip.compression == level and clip.label == label]
            chosen += (
                [group[index] for index in evenly_spaced(len(group), max(1, count // len(levels)))] if count else []
            )
    sizes = {}
    for clip in progress(chosen, len(chosen), "looking at faces") if chosen else ():
        try:
            frames = count_frames(clip.footage) if clip.footage.path.is_dir() else _frames(info(clip.footage))
            _, frame = next(read_frames(clip.footage, [frames // 3]))
            found = face_detector().detect(frame)
        except (DataError, OSError):
            continue
        if found:
            sizes[clip.video] = float(np.sqrt(found[0].area))
    return sizes


def _cues(clips: Sequence[Clip], headers: dict[Path, VideoInfo], faces: dict[str, float]) -> dict[str, dict[str, dict]]:
    """How well codec, rates and sizes of clips predict their label, for each compression."""
    judged: dict[str, dict[str, dict]] = {}
    for level in dict.fromkeys(clip.compression for clip in clips):
        group = [clip for clip in clips if clip.compression == level]
        anew = any(clip.footage.encoding for clip in group)
        facts = [_facts(clip.footage, headers[clip.footage.path], anew) for clip in group]
        for name in CUES:
            pairs = [
                (clip, faces.get(clip.video) if name == "face_size" else fact[name])
                for clip, fact in zip(group, facts, strict=True)
            ]
            pairs = [(clip, value) for clip, value in pairs if value is not None]
            judged.setdefault(level, {})[name] = _judged(pairs, name == "codec")
    return judged


def _facts(footage: Footage, header: VideoInfo, anew: bool) -> dict[str, object]:
    """The cues of a clip as it will be built.

    With `anew`, some clips of the group are encoded again before they are used: the cues are then those of the new
    encoding, and bytes count the pictures alone, without container and audio.
    """
    codec, pix_fmt, size, rate = header.codec, header.pix_fmt, header.bytes / _frames(header), header.fps
    if anew:
        codec, pix_fmt, size, rate = dataclasses.astuple(footage.encoding or Encoding.like(footage.path))
    pixels = header.width * header.height
    return {
        "codec": codec if pix_fmt == "yuv420p" else f"{codec} {pix_fmt}",
        "bits_per_pixel": 8 * size / pixels,
        "bit_rate": 8 * size * rate / 1000 if rate else None,
        "frame_size": pixels,
        "frame_rate": rate or None,
    }


def _judged(pairs: list[tuple[Clip, object]], names: bool) -> dict:
    """Typical values of both classes, and the AUC; the score of a name (a codec) is the share of fakes that have it."""
    labels = np.array([clip.label for clip, _ in pairs], int)
    people = np.array([clip.subjects[0] for clip, _ in pairs])
    values = [value for _, value in pairs]
    typical: dict[str, object] = {}
    for label, name in enumerate(("real", "fake")):
        of_class = [value for clip, value in pairs if clip.label == label]
        if names:
            typical[name] = dict(Counter(of_class).most_common())
        else:
            typical[name] = round(statistics.median(of_class), 4) if of_class else None
    if names:
        fakes = Counter(value for clip, value in pairs if clip.label)
        total = Counter(values)
        values = [fakes[value] / total[value] for value in values]
    return {**typical, **judge(labels, np.array(values, float), people)}


def _estimate(
    clips: Sequence[Clip], headers: dict[Path, VideoInfo], options: BuildOptions, workers: int, sample: int
) -> dict | None:
    """Estimates examples, bytes and seconds of the whole build from a few groups of clips built with few frames."""
    groups = group_clips(clips)
    if not sample or not groups:
        return None
    wanted = {
        split: options.burst * (options.frames_train if split == "train" else options.frames_eval)
        for split in ("train", "val", "test")
    }
    total = sum(min(wanted[clip.split], _frames(headers[clip.footage.path])) for clip in clips)
    chosen = [groups[index] for index in evenly_spaced(len(groups), sample)]
    fixed, slope, size, clips_timed = [], [], [], 0
    _timed(ClipGroup(chosen[0].name, chosen[0].clips[:1]), options, 1)  # not timed: it loads MTCNN
    for group in progress(chosen, len(chosen), "timing a sample"):
        few, _, first = _timed(group, options, SMALL)
        many, held, second = _timed(group, options, LARGE)
        if many <= few:
            continue
        slope.append(max(0.0, (second - first) / (many - few)))
        fixed.append(max(0.0, first - slope[-1] * few) / len(group.clips))
        size.append(held / many)
        clips_timed += len(group.clips)
    if not size:
        return None
    seconds = statistics.mean(slope) * total + statistics.mean(fixed) * len(clips)
    return {
        "examples": total,
        "bytes": round(statistics.mean(size) * total),
        "seconds": round(seconds / workers, 1),
        "workers": workers,
        "sampled": clips_timed,
    }


def _timed(group: ClipGroup, options: BuildOptions, frames: int) -> tuple[int, int, float]:
    """(examples, bytes, seconds) of building one group of clips with `frames` frames of each clip."""
    options = dataclasses.replace(options, frames_train=frames, frames_eval=frames, burst=1)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        sizes = [len(record) for built in build_group(group, options, Path(scratch)) for _, record in built.records]
    return len(sizes), sum(sizes), time.perf_counter() - started
