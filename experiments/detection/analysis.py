"""Looks at one file: frames, faces, people, scores; whatever goes wrong becomes part of the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.detection.answers import Alarm, Answer, Person, Sight, ranked
from experiments.detection.card import Card
from experiments.detection.encodings import encoding_of, quantizer_of
from experiments.detection.evidence import Gallery, Shot, scene_of
from experiments.detection.items import Item
from experiments.detection.models import Model
from experiments.detection.people import FORGOTTEN, People
from faces import Face, FaceDetector, crop_box, crop_square, normalise_keypoints
from records.errors import DataError
from records.footage import (
    SEEK_COST,
    FrameTimes,
    VideoError,
    count_frames,
    frame_times,
    info,
    one_ahead,
    picture_format,
    read_spaced,
)

BATCH = 32  # faces that are scored at once
USUAL_FPS = 25.0  # of a video that does not tell
SEARCHED_WHOLLY = 1.0  # seconds after which faces of all sizes are looked for again
FORGOTTEN_FRAMES = 1.5  # frames without a person after which they are another one, if that is longer than `FORGOTTEN`
FASTEST_FPS = 1000.0  # a higher rate in a header is a mistake


@dataclasses.dataclass(frozen=True)
class Settings:
    """How closely files are looked at.

    Attributes:
        fps: frames of a video that are looked at, per second of it.
        smallest_face: side of the square crop around a face, in pixels; smaller faces are not judged.
        max_false_alarms: share of real clips for which an alarm may be raised; None for no alarms.
        evidence: whether pictures of the most suspicious frames are kept.
    """

    fps: float = 5.0
    smallest_face: int = 32
    max_false_alarms: float | None = None
    evidence: bool = False


@dataclasses.dataclass
class _Found:
    """What was gathered of one file."""

    rate: float  # frames a second
    scored: dict[int, list[Sight]] = dataclasses.field(default_factory=dict)
    frames: int = 0
    without_face: int = 0
    small: list[int] = dataclasses.field(default_factory=list)  # sides of the faces that were too small
    gallery: Gallery | None = None


def analyse(
    item: Item, model: Model, settings: Settings, watch: Callable[[int, int], None] = lambda done, total: None
) -> Answer:
    """Looks at one file.

    Args:
        item: the file.
        model: scores and finds faces.
        settings: how closely.
        watch: called with (frames done, frames in all) before each frame.

    Returns:
        The answer. A file that cannot be read, or a face that cannot be judged, is an answer with a reason; nothing is
        raised for it.
    """
    if item.reason:
        return Answer(item.path, None, reason=item.reason)
    try:
        about = info(item.path)
        picture = picture_format(item.path) is not None
        rate = about.fps if 0 < about.fps <= FASTEST_FPS else USUAL_FPS
        # Reading all packets takes as long as reading the file: only for what it tells alone.
        times = frame_times(item.path) if not about.frames or rate / settings.fps > SEEK_COST else None
        count = len(times.stamps) if times else about.frames or count_frames(item.path)
        wanted = [0] if picture else _wanted(count, rate, settings.fps)
    except (DataError, OSError) as error:
        return Answer(item.path, None, reason=_reason(error, item.path))
    step = None if picture else quantizer_of(item.path)
    encoding = encoding_of(item.path, about, picture, step)
    answer = Answer(item.path, "picture" if picture else "video", encoding=encoding, quantizer=step)
    card = model.card
    if card and step is not None and step > card.coarsest():
        return dataclasses.replace(answer, reason=_too_coarse(step, card))
    found = _Found(rate, gallery=Gallery() if settings.evidence else None)
    try:
        cut = _gather(found, item.path, wanted, times, model, settings, watch)
    except Exception as error:
        if not getattr(error, "for_user", isinstance(error, OSError)):
            raise
        return dataclasses.replace(answer, reason=_reason(error, item.path), frames=found.frames)
    notes = []
    if cut:
        notes.append(f"only the first {found.frames} of {len(wanted)} frames could be read: {cut}")
    if found.small and found.scored:
        notes.append(
            f"{len(found.small)} sights of faces of {min(found.small)} to {max(found.small)} pixels are left out: "
            f"faces smaller than {settings.smallest_face} pixels are not judged"
        )
    people = tuple(Person(number, tuple(sights)) for number, sights in sorted(found.scored.items()))
    suspicious = ranked(people)
    alarm = _alarm(suspicious, step, card, settings)
    if alarm is None and card and suspicious and settings.max_false_alarms is not None:
        notes.append(
            f"no alarm can be given: {len(people)} people share the false alarms that are allowed, and the model was "
            "measured on too few real clips for so small a share"
        )
    shots = found.gallery.shots([one.number for one in suspicious], model.explain) if found.gallery else ()
    return dataclasses.replace(
        answer,
        people=people,
        alarm=alarm,
        shots=tuple(shots),
        reason=None if people else _nobody(found, settings),
        notes=tuple(notes),
        frames=found.frames,
        without_face=found.without_face,
    )


def _too_coarse(step: float, card: Card) -> str:
    return (
        f"it is compressed more strongly (QP {step:.0f}) than all that the model was measured on "
        f"(QP {card.coarsest():.0f} at most)"
    )


def _alarm(suspicious: Sequence[Person], step: float | None, card: Card | None, settings: Settings) -> Alarm | None:
    """Whether the most suspicious person is above the threshold; None if none was asked for, or nobody is judged.

    Of several people the most suspicious one is looked at, and each may be a false alarm: they share what is allowed.
    """
    if settings.max_false_alarms is None or card is None or not suspicious:
        return None
    threshold = card.threshold(settings.max_false_alarms / len(suspicious), card.like(step))
    if threshold is None:
        return None
    return Alarm(settings.max_false_alarms, threshold, suspicious[0].log10_likelihood_ratio > threshold)


def _wanted(frames: int, rate: float, fps: float) -> list[int]:
    """Indices of the frames to look at: the first, and from there `fps` a second."""
    step = max(1.0, rate / fps)
    return [int(step * index) for index in range(int(np.ceil(frames / step)))]


def _gather(
    found: _Found,
    path: Path,
    wanted: list[int],
    times: FrameTimes | None,
    model: Model,
    settings: Settings,
    watch: Callable[[int, int], None],
) -> str | None:
    """Fills `found`, frame by frame, in memory that grows with the sights alone.

    Returns:
        Why the rest of a file could not be read; None if all of it was.

    Raises:
        VideoError: not even the first frame could be read.
    """
    people = People(forgotten=max(FORGOTTEN, FORGOTTEN_FRAMES / settings.fps))
    search, waiting, cut = _Search(model.faces), [], None
    try:
        for index, rgb in one_ahead(read_spaced(path, wanted, times)):
            watch(found.frames, len(wanted))
            found.frames += 1
            faces = search.find(index / found.rate, rgb)
            waiting += _crops(found, index, rgb, faces, people, model, settings)
            while len(waiting) >= BATCH:
                _score(found, waiting[:BATCH], model)
                del waiting[:BATCH]
    except VideoError as error:
        if not found.frames:
            raise
        cut = _reason(error, path)
    if waiting:
        _score(found, waiting, model)
    return cut


class _Search:
    """Finds faces: of all sizes once a second, in between of those like in the frame before, in half the time."""

    def __init__(self, faces: FaceDetector) -> None:
        self._faces, self._last = faces, []
        self._searched = -np.inf

    def find(self, second: float, rgb: np.ndarray) -> list[Face]:
        """The faces of the next frame."""
        wholly = not self._last or second - self._searched >= SEARCHED_WHOLLY
        if wholly:
            self._searched = second
        self._last = self._faces.detect(rgb, () if wholly else self._last)
        return self._last


@dataclasses.dataclass(frozen=True)
class _Crop:
    """A face that waits for its score."""

    person: int
    frame: int
    face: Face
    side: int
    image: np.ndarray
    keypoints: np.ndarray
    scene: bytes | None  # of the frame, if evidence is kept


def _crops(
    found: _Found,
    index: int,
    rgb: np.ndarray,
    faces: Sequence[Face],
    people: People,
    model: Model,
    settings: Settings,
) -> Iterator[_Crop]:
    """The faces of a frame that are large enough."""
    found.without_face += not faces
    for number, face in zip(people.numbers(index / found.rate, faces), faces, strict=True):
        box = crop_box(face.box, model.crop_scale)
        side = int(box[2] - box[0])
        if side < settings.smallest_face:
            found.small.append(side)
        else:
            keypoints = normalise_keypoints(face.keypoints, box)
            scene = scene_of(rgb, face) if found.gallery else None
            yield _Crop(number, index, face, side, crop_square(rgb, box, model.size), keypoints, scene)


def _score(found: _Found, crops: list[_Crop], model: Model) -> None:
    scores = model.score(np.stack([crop.image for crop in crops]), np.stack([crop.keypoints for crop in crops]))
    for row, crop in enumerate(crops):
        sight = Sight(
            frame=crop.frame,
            second=crop.frame / found.rate,
            box=tuple(float(edge) for edge in crop.face.box),
            side=crop.side,
            log10_likelihood_ratio=float(scores["log10_likelihood_ratio"][row]),
            probability=float(scores["probability"][row]),
        )
        found.scored.setdefault(crop.person, []).append(sight)
        if found.gallery:
            ratio = sight.log10_likelihood_ratio
            shot = Shot(crop.person, crop.frame, sight.second, ratio, crop.scene)
            found.gallery.offer(shot, crop.image, crop.keypoints)


def _nobody(found: _Found, settings: Settings) -> str:
    if found.small:
        return f"the largest face has {max(found.small)} pixels; faces below {settings.smallest_face} are not judged"
    return "no face was found" + (f" in {found.frames} frames" if found.frames > 1 else "")


def _reason(error: Exception, path: Path) -> str:
    """An error's message without the file's name at its start."""
    if isinstance(error, OSError):
        return f"it cannot be read ({error.strerror or error})"
    return "it " + str(error).removeprefix(f"{path} ").rstrip(".") if str(error).startswith(f"{path} ") else str(error)
