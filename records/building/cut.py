"""Cuts the face crops of a clip out of its videos, and computes the masks of manipulated clips."""

from __future__ import annotations

import dataclasses

import numpy as np

from faces import crop_square
from records.building.locate import Place, ReadableFootage
from records.building.masks import difference_mask
from records.footage import Footage, read_frames
from records.shards import Png
from records.sources import Clip

Crops = dict[int, Png]  # frame index -> uint8 (S, S, C); each is encoded only once even if it is written often


@dataclasses.dataclass(frozen=True)
class ClipCrops:
    """The images of a clip's examples; all are cut at the same places.

    Attributes:
        frames: crops of the clip itself.
        targets: crops of the clip at its best quality.
        twins: crops of its pristine twin; empty if they were not needed.
        masks: 255 where targets and twins differ; all 0 for a real clip or an unknown mask.
    """

    frames: Crops
    targets: Crops
    twins: Crops
    masks: Crops


def cut(footage: Footage, places: dict[int, Place], size: int) -> Crops:
    """Cuts out the faces at `places`, with one frame of the video in memory at a time.

    Args:
        footage: the footage to read; its `encoding` is ignored.
        places: index of each frame wanted -> where the face is.
        size: side of the crops in pixels.

    Returns:
        Frame index, increasing -> uint8 (size, size, 3) RGB.

    Raises:
        DataError: frames that cannot be read.
    """
    # One allocation for all crops: small ones between frames would fragment the memory.
    pixels = np.empty((len(places), size, size, 3), np.uint8)
    order = sorted(places)
    for row, (index, frame) in zip(pixels, read_frames(footage, order), strict=True):
        row[...] = crop_square(frame, places[index].box, size)
    return dict(zip(order, map(Png, pixels), strict=True))


def cut_clip(
    clip: Clip,
    places: dict[int, Place],
    footages: dict[Footage, ReadableFootage],
    size: int,
    reusable: ClipCrops | None = None,
) -> ClipCrops:
    """The images of a clip's examples.

    Args:
        clip: the clip.
        places: index of each frame with a face -> where it is.
        footages: the readable form of each footage of the clip.
        size: side of the crops in pixels.
        reusable: crops at the same places: `targets` and `masks` of the same video at another compression, and `twins`
            of the same twin. Those that cover all wanted frames are not cut again.

    Raises:
        DataError: frames that cannot be read.
    """
    needs_mask = clip.label == 1 and clip.mask_known
    crops: dict[Footage, Crops] = {}
    if reusable is not None:
        crops = {clip.best: reusable.targets} | {clip.pristine: reusable.twins}
    for footage in (clip.footage, clip.best, *((clip.pristine,) if needs_mask else ())):
        if not places.keys() <= crops.setdefault(footage, {}).keys():
            crops[footage] = cut(footages[footage].source, places, size)
    masks = {} if reusable is None else reusable.masks
    if not places.keys() <= masks.keys():
        empty = Png(np.zeros((size, size, 1), np.uint8))
        targets, twins = crops[clip.best], crops.get(clip.pristine, {})
        masks = {index: _mask(targets[index], twins[index]) if needs_mask else empty for index in places}
    return ClipCrops(crops[clip.footage], crops[clip.best], crops.get(clip.pristine, {}), masks)


def _mask(fake: Png, real: Png) -> Png:
    return Png(difference_mask(fake.pixels, real.pixels)[..., None])
