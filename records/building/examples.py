"""Makes the examples of a group of clips: for each clip, its manifest entry and its serialized records."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from faces import error_level_analysis
from records.building.cut import ClipCrops, Crops, cut_clip
from records.building.groups import ClipGroup, versions
from records.building.locate import (
    LocatedClip,
    ReadableFootage,
    locate_faces,
    open_footage,
    result_or_error,
    value_or_raise,
)
from records.building.options import BuildOptions
from records.errors import DataError
from records.footage import Footage
from records.shards import DERIVED, ClipEntry, Example, SkipEntry, example_key, serialize
from records.sources import Clip


@dataclasses.dataclass(frozen=True)
class BuiltClip:
    """A clip with its records, or with the reason why it cannot be built.

    Attributes:
        clip: the clip.
        entry: its entry in the manifest; a `SkipEntry` if it cannot be built.
        records: (key, serialized example) for each of its faces; empty if it cannot be built.
    """

    clip: Clip
    entry: ClipEntry | SkipEntry
    records: list[tuple[str, bytes]]


def build_group(group: ClipGroup, options: BuildOptions, scratch: Path) -> Iterator[BuiltClip]:
    """Builds the clips of a group one by one; a clip that cannot be used does not stop the others.

    Memory holds the crops of one clip, of its best quality and of its pristine twin, never a whole video.

    Args:
        group: the group of clips.
        options: the options of the build.
        scratch: an empty folder for videos that must be encoded again; it may be removed afterwards.

    Yields:
        Each clip of the group; the compressions of one video follow each other.
    """
    footages = open_footage(group, scratch)
    located = locate_faces(group, footages, options)
    twins: Crops = {}
    for clips in versions(group):
        reusable = ClipCrops({}, {}, twins, {})
        for clip in clips:
            result = result_or_error(build_clip, clip, group.name, located[clip.video], footages, options, reusable)
            if isinstance(result, DataError):
                yield BuiltClip(clip, skip_entry(clip, group.name, str(result)), [])
                continue
            yield result[0]
            if options.keypoints_from == "twin":  # then the next clip is cut at the same places
                reusable, twins = dataclasses.replace(result[1], frames={}), result[1].twins
            del result  # frees its memory before the next clip is built


def build_clip(
    clip: Clip,
    group: str,
    located: LocatedClip | DataError,
    footages: dict[Footage, ReadableFootage],
    options: BuildOptions,
    reusable: ClipCrops | None = None,
) -> tuple[BuiltClip, ClipCrops]:
    """Builds one clip, and returns the crops that it was built from, too.

    Args:
        clip: the clip.
        group: name of its group.
        located: its wanted frames and where the face is in them, or why that is unknown.
        footages: the readable form of each footage of the clip.
        options: the options of the build.
        reusable: see `cut_clip`.

    Raises:
        DataError: the clip cannot be used.
    """
    located = value_or_raise(located)
    crops = cut_clip(clip, located.places, footages, options.size, reusable)
    examples = clip_examples(clip, located, crops, options)
    records = [
        (example_key(clip.video, example.frame_index, example.clip_position), serialize(example))
        for example in examples
    ]
    return BuiltClip(clip, clip_entry(clip, group, located), records), crops


def clip_examples(clip: Clip, located: LocatedClip, crops: ClipCrops, options: BuildOptions) -> Iterator[Example]:
    """Yields an example for each wanted frame in which the face was found."""
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
    """The manifest's entry of a clip that was built."""
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
    """The manifest's entry of a clip that cannot be built."""
    return SkipEntry(clip.video, clip.label, reason, clip.split, group)
