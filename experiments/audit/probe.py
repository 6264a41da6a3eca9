"""Checks whether anything but the manipulation reveals the labels of a forged data set, and writes a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from experiments.audit.cues import CUES, FEWEST_COMPONENTS, Region, frame_cues, judge
from experiments.audit.network import cross_validated
from experiments.audit.views import VIEWS
from experiments.scoring import connected
from records.atomic import write_json, write_text
from records.errors import DataError
from records.footage import Footage, evenly_spaced, info, length, read_frames
from records.progress import progress
from records.sources import Clip, SourceOptions, find

MASK_LEVEL = 16
"""A pixel of a mask counts as manipulated above this grey level; masks are stored with a lossy codec."""
MARGIN = 0.12
"""The blank is wider than the face by this share of the longer side and at least by a macroblock of the codec."""
MACROBLOCK = 16
SMALLEST = 24
"""Smallest side in pixels of a face that is measured."""


@dataclass
class Samples:
    """The measurements of every clip and the crops of its frames, in the order of the clips."""

    clips: list[Clip] = field(default_factory=list)
    cues: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CUES})
    crops: dict[str, list[np.ndarray]] = field(default_factory=lambda: {name: [] for name in VIEWS})
    # view -> (frames, size, size, 3) for each clip
    left_out: list[str] = field(default_factory=list)


def report(
    root: str | Path, compression: str = "c40", seed: int = 0, frames: int = 4, identities: int = 300, steps: int = 100
) -> dict[str, object]:
    """Measures the cues and trains the networks on `root`; writes `probe.json` and `probe.txt` there.

    Masks say where a face is: the union of the manipulated pixels over all methods, for each frame of an identity. The
    same region is used for the real clip and all its fakes, so that it does not depend on the label.

    Args:
        root: a data set in FaceForensics++'s layout, with mask videos, as `forge` writes it.
        compression: the compression of the measured clips.
        seed: seed of the bootstrap and the networks.
        frames: number of evenly spaced frames that are measured in every clip.
        identities: number of target identities that are measured, at most.
        steps: training batches of each network, for each fold.

    Returns:
        The content of probe.json: {"compression", "seed", "frames", "identities", "clips", "left_out",
        "cues": {cue: judgement}, "networks": {view: judgement}, "intervals", "betrays": [cues and views that betray
        over all methods], "betrays_somewhere": [those that betray for some method or group]}. A judgement is
        {"overall", "per_method": {method: ...}, "decoy", "plain"}, each a result of `cues.judge`; `decoy` and `plain`
        are the identities whose real clip has a decoy or none. "networks" is empty with fewer than
        `FEWEST_COMPONENTS` components of connected people, for which no network is trained. "intervals" counts the
        verdicts by an interval.

    Raises:
        DataError: no clips at this compression, or no masks.
    """
    root = Path(root)
    samples = _measure(_by_target(root, compression), frames, identities, compression)
    clips = samples.clips
    if len({clip.label for clip in clips}) < 2:
        raise DataError(
            f"{root}: no identity has a real and a fake clip at {compression} with masks; give the folder that "
            f"`forge` wrote and a compression that it holds. Left out: {'; '.join(samples.left_out[:5]) or 'nothing'}"
        )
    scores = {name: np.array(values) for name, values in samples.cues.items()}
    labels, components = np.array([clip.label for clip in clips]), np.array(_components(clips))
    if len(np.unique(components)) >= FEWEST_COMPONENTS:
        for name, crops in samples.crops.items():
            scores[name] = cross_validated(crops, labels, components, steps, seed)
    limits = {name: view.limit for name, view in VIEWS.items()}
    judgements = {
        name: _judgement(clips, components, values, seed, limits.get(name)) for name, values in scores.items()
    }
    verdicts = {name: _verdicts(judgement) for name, judgement in judgements.items()}
    found = {
        "compression": compression,
        "seed": seed,
        "frames": frames,
        "identities": len({_target(clip) for clip in clips}),
        "clips": {"real": sum(not clip.label for clip in clips), "fake": sum(bool(clip.label) for clip in clips)},
        "left_out": samples.left_out,
        "cues": {name: judgements[name] for name in CUES},
        "networks": {name: judgements[name] for name in VIEWS if name in judgements},
        "intervals": sum(
            verdict != "too few" for name, all_of in verdicts.items() if limits.get(name) is None for verdict in all_of
        ),
        "betrays": [name for name, judgement in judgements.items() if judgement["overall"]["verdict"] == "betrays"],
        "betrays_somewhere": [name for name, all_of in verdicts.items() if "betrays" in all_of],
    }
    write_json(root / "probe.json", found)
    write_text(root / "probe.txt", readable(found) + "\n")
    return found


def _target(clip: Clip) -> str:
    return clip.subjects[0]


def _components(clips: list[Clip]) -> list[int]:
    """The component of connected people that each clip belongs to: a fake connects its target with its source."""
    found = connected({clip.video: clip.subjects for clip in clips})
    return [found[clip.video] for clip in clips]


def _by_target(root: Path, compression: str) -> dict[str, list[Clip]]:
    """Target identity -> its real clip and its fakes, reals first."""
    clips = find(root, SourceOptions(compressions=(compression,))).clips
    people: dict[str, list[Clip]] = {}
    for clip in sorted(clips, key=lambda clip: (_target(clip), clip.label, clip.method, clip.name)):
        people.setdefault(_target(clip), []).append(clip)
    return people


def _mask_video(clip: Clip) -> Path:
    """<method>/<compression>/videos/<name>.mp4 -> <method>/masks/videos/<name>.mp4"""
    return clip.footage.path.parents[2] / "masks" / "videos" / clip.footage.path.name


def _measure(people: dict[str, list[Clip]], frames: int, identities: int, compression: str) -> Samples:
    samples = Samples()
    chosen = [list(people)[i] for i in evenly_spaced(len(people), identities)]
    for person in progress(chosen, total=len(chosen), description=f"Probing at {compression}"):
        fakes = [clip for clip in people[person] if clip.label and _mask_video(clip).is_file()]
        reals = [clip for clip in people[person] if not clip.label]
        if not fakes or not reals:
            samples.left_out.append(f"{person}: no {'fake with a mask' if reals else 'real clip'}")
            continue
        shown = [*reals, *fakes]
        videos = [clip.footage.path for clip in shown] + [_mask_video(clip) for clip in fakes]
        if len({(facts.width, facts.height) for facts in map(info, videos)}) > 1:
            samples.left_out.append(f"{person}: its clips and masks differ in size")
            continue
        regions = _regions(fakes, evenly_spaced(min(length(Footage(path)) for path in videos), frames))
        if not regions:
            samples.left_out.append(f"{person}: its masks are empty, or the face is smaller than {SMALLEST} pixels")
            continue
        for clip in shown:
            _measure_clip(clip, regions, samples)
    return samples


def _regions(fakes: list[Clip], indices: np.ndarray) -> dict[int, Region]:
    """Frame index -> region of the face, from the masks of all fakes of an identity; skips frames with empty masks."""
    union: dict[int, np.ndarray] = {}
    for clip in fakes:
        for index, mask in read_frames(_mask_video(clip), indices):
            manipulated = mask.max(axis=2) > MASK_LEVEL
            union[index] = union[index] | manipulated if index in union else manipulated
    regions = {}
    for index, face in union.items():
        y, x = np.flatnonzero(face.any(axis=1)), np.flatnonzero(face.any(axis=0))
        if not len(y) or min(np.ptp(y), np.ptp(x)) + 1 < SMALLEST:
            continue
        box = (int(y[0]), int(x[0]), int(y[-1]) + 1, int(x[-1]) + 1)
        margin = max(MACROBLOCK, round(MARGIN * max(box[2] - box[0], box[3] - box[1])))
        brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
        regions[index] = Region(face, cv2.dilate(face.astype(np.uint8), brush).astype(bool), box)
    return regions


def _measure_clip(clip: Clip, regions: dict[int, Region], samples: Samples) -> None:
    measured = []
    crops: dict[str, list[np.ndarray]] = {name: [] for name in VIEWS}
    for index, rgb in read_frames(clip.footage.path, sorted(regions)):
        measured.append(frame_cues(rgb, regions[index]))
        for name, view in VIEWS.items():
            crops[name].append(view.crop(rgb, regions[index]))
    facts = info(clip.footage.path)
    of_video = {
        "bits_per_pixel": 8 * facts.bytes / (length(clip.footage) * facts.width * facts.height),
        "file_size": float(facts.bytes),
    }
    for name, values in samples.cues.items():
        values.append(of_video[name] if name in of_video else float(np.mean([one[name] for one in measured])))
    samples.clips.append(clip)
    for name, of_view in crops.items():
        samples.crops[name].append(np.stack(of_view))


def _judgement(
    clips: list[Clip], components: np.ndarray, scores: np.ndarray, seed: int, limit: float | None
) -> dict[str, object]:
    """Judges one cue over all clips, for each method, and for identities with and without a decoy."""
    labels = np.array([clip.label for clip in clips], int)
    people = np.array([_target(clip) for clip in clips])
    methods = np.array([clip.method for clip in clips])
    decoyed = np.isin(people, [_target(clip) for clip in clips if not clip.label and clip.notes.get("decoy")])

    def of(chosen: np.ndarray) -> dict[str, object]:
        return judge(labels[chosen], scores[chosen], components[chosen], seed=seed, limit=limit)

    return {
        "overall": of(np.ones(len(clips), bool)),
        "per_method": {
            str(method): of((labels == 0) | (methods == method)) for method in np.unique(methods[labels == 1])
        },
        "decoy": of(decoyed),
        "plain": of(~decoyed),
    }


def _parts(judgement: dict[str, object]) -> dict[str, dict[str, object]]:
    """The groups of a judgement under the headings of the table."""
    groups = {"all": judgement["overall"], **judgement["per_method"]}
    return {**groups, "reals with decoy": judgement["decoy"], "reals without": judgement["plain"]}


def _verdicts(judgement: dict[str, object]) -> list[str]:
    return [part["verdict"] for part in _parts(judgement).values() if part["auc"] is not None]


def readable(found: dict[str, object]) -> str:
    """The report as text: a table with one row for each cue or view, and group."""
    limits = ", ".join(f"for {name} AUC above {view.limit}" for name, view in VIEWS.items() if view.limit is not None)
    lines = [
        f"Does this data set betray its labels by anything but the forgery? ({found['compression']})",
        "",
        f"{found['clips']['real']} real and {found['clips']['fake']} fake clips of {found['identities']} identities, "
        f"{found['frames']} frames a clip, seed {found['seed']}.",
        "AUC (fake = 1) of single numbers, and of small networks on people they never saw: one sees all but the face,",
        "the other the face at 16 x 16 pixels.",
        f"Intervals: 95%, bootstrap over connected people. * : the interval excludes 0.5; {limits}.",
        "",
        f"{'cue':<17}{'clips':<19}{'AUC':>7}   {'95% interval':<16}{'reals':>6}{'fakes':>7}  verdict",
    ]
    for name, judgement in {**found["cues"], **found["networks"]}.items():
        for group, part in _parts(judgement).items():
            if part["auc"] is not None:
                low, high = part["auc_ci95"]
                star = "*" if part["verdict"] == "betrays" else " "
                lines.append(
                    f"{name if group == 'all' else '':<17}{group:<19}{part['auc']:>7.3f} {star} "
                    f"{f'{low:.3f} - {high:.3f}':<16}{part['reals']:>6}{part['fakes']:>7}  {part['verdict']}"
                )
    count = found["intervals"]
    lines += [
        "",
        *(f"{name}: {meaning}." for name, meaning in CUES.items()),
        *(f"{name}: {view.meaning}." for name, view in VIEWS.items()),
        f"Fewer than {FEWEST_COMPONENTS} components of connected people: no verdict, and no network. "
        f"About {count / 20:.0f} of {count} "
        "intervals would exclude 0.5 by chance.",
        "The sharpness of the face may rightly differ where a method blurs it: that is the forgery; this is its size.",
        "",
        "Betrays over all methods: " + (", ".join(found["betrays"]) or "nothing") + ".",
        "Betrays for some method or group: " + (", ".join(found["betrays_somewhere"]) or "nothing") + ".",
    ]
    if found["left_out"]:
        lines += ["", f"Left out ({len(found['left_out'])}):", *(f"  {line}" for line in found["left_out"])]
    return "\n".join(lines)
