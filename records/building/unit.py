"""The unit of building: one pristine video with every clip made from it, at every compression; faces are found once."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from faces.crop import crop, crop_box, normalise_keypoints
from faces.ela import error_level_analysis
from faces.mtcnn import Face
from faces.tracks import longest_track
from records.building import masks
from records.building.face_detector import face_detector
from records.building.options import BuildOptions
from records.errors import DataError
from records.footage.footage import Footage, encoded, frame_size, length, read_frames, same_size
from records.footage.video import evenly_spaced
from records.shards.schema import DERIVED, Example, Png
from records.sources.clip import Clip

LOOK_AROUND = 4  # in every fourth frame faces of any size are looked for, in the others of those before
NO_FACE = "no face in the frame"
NO_FACE_TWIN = "no face in the pristine twin's frame"
OTHER_FACE = "faces in the frame, but not of the person seen in most frames"
OTHER_FACE_TWIN = "faces in the pristine twin's frame, but not of the person seen in most frames"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the face is in one frame: `box` float32 (4,) of the crop, `keypoints` float32 (5, 2) in [0, 1] of it."""

    box: np.ndarray
    keypoints: np.ndarray


@dataclasses.dataclass
class Counts:
    """What became of a clip's frames."""

    frames_scored: int = 0
    frames_without_face: int = 0
    reasons: dict[str, int] = dataclasses.field(default_factory=dict)
    shortened: str | None = None


class Unit:
    """Turns the clips of one pristine video into examples.

    Args:
        clips: all with the same `pristine`.
        options: of the build.
        scratch: folder for what is encoded anew; it may be removed after use.
    """

    def __init__(self, clips: Sequence[Clip], options: BuildOptions, scratch: Path) -> None:
        self.options = options
        self.pristine = clips[0].pristine
        self._clips = clips
        self._scratch = scratch
        self._length = functools.cache(lambda footage: length(self._source(footage)))
        self._size = functools.cache(lambda footage: frame_size(self._source(footage)))
        self._encoded: dict[Footage, Footage] = {}
        self._places: dict[int, Place | str] = {}
        self._failure: DataError | None = None
        self._crops: dict[Footage, dict[int, Png]] = {}
        self._masks: dict[tuple[Footage, int], Png] = {}

    def examples(self, clip: Clip) -> tuple[Iterator[Example], Counts]:
        """The examples of one clip, and the counts that are complete once they have been drawn."""
        counts = Counts()
        return self._examples(clip, counts), counts

    def forget(self, clips: Sequence[Clip]) -> None:
        """Drops the crops and masks held for `clips`, except those of the pristine twin."""
        for clip in clips:
            for footage in {clip.footage, clip.best} - {self.pristine}:
                self._crops.pop(footage, None)
        self._masks.clear()

    def _examples(self, clip: Clip, counts: Counts) -> Iterator[Example]:
        indices = self._indices(clip, counts)
        places = self._on_twin(indices) if self.options.keypoints_from == "twin" else self._find(clip.footage, indices)
        found = {index: place for index, place in places.items() if isinstance(place, Place)}
        counts.reasons.update(Counter(reason for reason in places.values() if isinstance(reason, str)))
        counts.frames_without_face = len(places) - len(found)
        frames = self._cut(clip.footage, found)
        targets = self._cut(clip.best, found)
        pristine = self._cut(self.pristine, found) if clip.label and clip.mask_known else {}
        once = self.options.target_once and clip.footage == clip.best
        for index, place in found.items():
            counts.frames_scored += 1
            yield Example(
                frame=frames[index],
                target=DERIVED if once else targets[index],
                target_known=int(clip.target_known),
                ela=DERIVED if self.options.no_ela else error_level_analysis(frames[index].pixels),
                mask=self._mask(clip, index, targets[index], pristine.get(index)),
                mask_known=int(clip.mask_known or not clip.label),
                keypoints=place.keypoints,
                label=clip.label,
                dataset=clip.dataset,
                method=clip.method,
                compression=clip.compression,
                split=clip.split,
                video=clip.video,
                subjects=list(clip.subjects),
                frame_index=index,
                clip_position=indices[index],
                box=place.box,
            )

    def _indices(self, clip: Clip, counts: Counts) -> dict[int, int]:
        """Frame index -> position in its burst, over the whole of the shortest of the videos that the clip needs."""
        lengths = {footage: self._length(footage) for footage in (clip.footage, clip.best, self.pristine)}
        same_size(clip.footage, (clip.best, self.pristine), self._size)
        total = min(lengths.values())
        if total < max(lengths.values()):
            own, twin = lengths[clip.footage], lengths[self.pristine]
            counts.shortened = f"{own} frames, its pristine twin {twin}: the first {total} are used"
        wanted = self.options.frames_train if clip.split == "train" else self.options.frames_eval
        burst = min(self.options.burst, total)
        starts = evenly_spaced(total - burst + 1, wanted) if total else []
        return {int(start) + position: position for start in reversed(starts) for position in reversed(range(burst))}

    def _on_twin(self, indices: dict[int, int]) -> dict[int, Place | str]:
        """Places on the pristine twin, found once for all clips: no frame is looked at twice, one person is chosen."""
        if self._failure is not None:
            raise self._failure
        if not self._places:
            wanted = dict(indices)
            for clip in self._clips:
                with contextlib.suppress(DataError):  # which names the reason when it is that clip's turn
                    wanted.update(self._indices(clip, Counts()))
            try:
                self._places = self._find(self.pristine, wanted, NO_FACE_TWIN, OTHER_FACE_TWIN)
            except DataError as error:
                self._failure = error
                raise
        return {index: self._places[index] for index in sorted(indices)}

    def _cut(self, footage: Footage, places: dict[int, Place]) -> dict[int, Png]:
        """The crops of a video; kept while the boxes are the twin's, since other clips need them again."""
        held = self._crops.get(footage, {})
        if not places.keys() <= held.keys():
            # In one piece of memory: what is allocated between frames leaves gaps in which no large frame fits.
            pixels = np.empty((len(places), self.options.size, self.options.size, 3), np.uint8)
            order = sorted(places)
            for row, (index, frame) in zip(pixels, read_frames(self._source(footage), order), strict=True):
                row[...] = crop(frame, places[index].box, self.options.size)
            held = dict(zip(order, map(Png, pixels), strict=True))
            if self.options.keypoints_from == "twin":
                self._crops[footage] = held
        return held

    def _mask(self, clip: Clip, index: int, target: Png, pristine: Png | None) -> Png:
        """The mask of a frame; all compressions of a clip share it."""
        key = (clip.best, index) if pristine is not None else (self.pristine, -1)
        if key not in self._masks or self.options.keypoints_from == "self":
            if pristine is None:
                mask = np.zeros(target.pixels.shape[:2], np.uint8)
            else:
                mask = masks.difference_mask(target.pixels, pristine.pixels)
            self._masks[key] = Png(mask[..., None])
        return self._masks[key]

    def _source(self, footage: Footage) -> Footage:
        """`footage`, encoded anew if it is to be."""
        if footage.encoding is None:
            return footage
        if footage not in self._encoded:
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._encoded[footage] = encoded(footage, self._scratch / f"{len(self._encoded)}.avi")
        return self._encoded[footage]

    def _find(
        self, footage: Footage, indices: Iterable[int], no_face: str = NO_FACE, other_face: str = OTHER_FACE
    ) -> dict[int, Place | str]:
        """One person's place in each of the frames, who is seen in most of them; where there is none, the reason."""
        order = sorted(indices)
        seen: list[list[Face]] = []
        for number, (_, frame) in enumerate(read_frames(self._source(footage), order)):
            neighbours = seen[-1] if number % LOOK_AROUND else []
            seen.append(face_detector().detect(frame, like=neighbours))
        places: dict[int, Place | str] = {}
        for index, all_faces, face in zip(order, seen, longest_track(seen), strict=True):
            if face is None:
                places[index] = other_face if all_faces else no_face
            else:
                box = crop_box(face.box)
                places[index] = Place(box, normalise_keypoints(face.keypoints, box))
        return places
