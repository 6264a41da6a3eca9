"""The examples of a group of clips: for each clip what the manifest says of it, and its serialized records."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from faces.ela import error_level_analysis
from records.building.cut import ClipCrops, Crops, cut_clip
from records.building.groups import ClipGroup, versions
from records.building.locate import LocatedClip, ReadableFootage, known, locate_faces, open_footage, outcome
from records.building.options import BuildOptions
from records.errors import DataError
from records.footage import Footage
from records.shards.entries import ClipEntry, SkipEntry
from records.shards.schema import DERIVED, Example, serialize
from records.sources.clip import Clip


@dataclasses.dataclass(frozen=True)
class BuiltClip:
    """A clip that was built, or the reason why it was not.

    Attributes:
        clip: the clip.
        entry: what the manifest says of it.
        records: (frame index, serialized example) for each of its faces; empty where it was not built.
    """

    clip: Clip
    entry: ClipEntry | SkipEntry
    records: list[tuple[int, bytes]]


def build_group(group: ClipGroup, options: BuildOptions, scratch: Path) -> Iterator[BuiltClip]:
    """Builds clip after clip; one that cannot be used has its reason and never stops the others.

    Memory holds the crops of a clip, of its best quality and of the pristine twin, never a whole video.

    Args:
        group: of clips.
        options: of the build.
        scratch: an empty folder for what is encoded anew; it may be removed afterwards.

    Yields:
        Each clip of the group; those of one video at several compressions follow each other.
    """
    footages = open_footage(group, scratch)
    located = locate_faces(group, footages, options)
    twins: Crops = {}
    for clips in versions(group):
        at_hand = ClipCrops({}, {}, twins, {})
        for clip in clips:
            result = outcome(build_clip, clip, group.name, located[clip.video], footages, options, at_hand)
            if isinstance(result, DataError):
                yield BuiltClip(clip, skip_entry(clip, group.name, str(result)), [])
                continue
            yield result[0]
            if options.keypoints_from == "twin":  # then the next clip has the same places
                at_hand, twins = dataclasses.replace(result[1], frames={}), result[1].twins
            del result  # before the next clip needs as much memory


def build_clip(
    clip: Clip,
    group: str,
    located: LocatedClip | DataError,
    footages: dict[Footage, ReadableFootage],
    options: BuildOptions,
    at_hand: ClipCrops | None = None,
) -> tuple[BuiltClip, ClipCrops]:
    """One clip, and the crops that it was built from; arguments as of `cut_clip`.

    Raises:
        DataError: the clip cannot be used.
    """
    located = known(located)
    crops = cut_clip(clip, located.places, footages, options.size, at_hand)
    examples = clip_examples(clip, located, crops, options)
    records = [(example.frame_index, serialize(example)) for example in examples]
    return BuiltClip(clip, clip_entry(clip, group, located), records), crops


def clip_examples(clip: Clip, located: LocatedClip, crops: ClipCrops, options: BuildOptions) -> Iterator[Example]:
    """An example for each frame in which the face is."""
    target_stored = not (options.target_once and clip.footage == clip.best)
    for index, place in located.places.items():
        yield Example(
            frame=crops.frames[index],
            target=crops.targets[index] if target_stored else DERIVED,
            target_known=int(clip.target_known),
            ela=DERIVED if options.no_ela else error_level_analysis(crops.frames[index].pixels),
            mask=crops.masks[index],
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
            clip_position=located.wanted.positions[index],
            box=place.box,
        )


def clip_entry(clip: Clip, group: str, located: LocatedClip) -> ClipEntry:
    """What the manifest says of a clip that is built."""
    return ClipEntry(
        split=clip.split,
        label=clip.label,
        method=clip.method,
        compression=clip.compression,
        subjects=clip.subjects,
        frames_scored=len(located.places),
        frames_without_face=sum(located.reasons.values()),
        reasons=located.reasons,
        notes=clip.notes,
        shortened=located.wanted.shortened,
        group=group,
    )


def skip_entry(clip: Clip, group: str, reason: str) -> SkipEntry:
    """What the manifest says of a clip that cannot be built."""
    return SkipEntry(clip.video, clip.label, reason, clip.split, group)
