"""Crops of one piece of footage at given places, and the masks of manipulated ones."""

from __future__ import annotations

import dataclasses

import numpy as np

from faces.crop import crop
from records.building.locate import Place, ReadableFootage
from records.building.masks import difference_mask
from records.footage import Footage, read_frames
from records.shards.schema import Png
from records.sources.clip import Clip

Crops = dict[int, Png]  # frame index -> uint8 (S, S, C); each is encoded once, however often it is written


@dataclasses.dataclass(frozen=True)
class ClipCrops:
    """The images of a clip's examples, at the same places in each.

    Attributes:
        frames: of the clip itself.
        targets: of the clip at its best quality.
        twins: of its pristine twin; empty where they were not needed.
        masks: 255 where the targets differ from the twins; all 0 where that is not known, or nothing is manipulated.
    """

    frames: Crops
    targets: Crops
    twins: Crops
    masks: Crops


def cut(footage: Footage, places: dict[int, Place], size: int) -> Crops:
    """The faces at `places`; of the video one frame at a time is held.

    Args:
        footage: to be read as it is.
        places: index of each frame wanted -> where the face is.
        size: side of the crops in pixels.

    Returns:
        Frame index, increasing -> uint8 (size, size, 3) RGB.

    Raises:
        DataError: frames that cannot be read.
    """
    # In one piece of memory: what is allocated between frames leaves gaps in which no large frame fits.
    pixels = np.empty((len(places), size, size, 3), np.uint8)
    order = sorted(places)
    for row, (index, frame) in zip(pixels, read_frames(footage, order), strict=True):
        row[...] = crop(frame, places[index].box, size)
    return dict(zip(order, map(Png, pixels), strict=True))


def cut_clip(
    clip: Clip,
    places: dict[int, Place],
    footages: dict[Footage, ReadableFootage],
    size: int,
    at_hand: ClipCrops | None = None,
) -> ClipCrops:
    """The images of a clip's examples.

    Args:
        clip: the clip.
        places: index of each frame with a face -> where it is.
        footages: what the clip's footage is read from.
        size: side of the crops in pixels.
        at_hand: crops at the same places: `targets` and `masks` of the same video at another compression, `twins` of
            the same twin. What covers the frames wanted is not cut again.

    Raises:
        DataError: frames that cannot be read.
    """
    compared = clip.label == 1 and clip.mask_known
    held: dict[Footage, Crops] = {}
    if at_hand is not None:
        held = {clip.best: at_hand.targets} | {clip.pristine: at_hand.twins}
    for footage in (clip.footage, clip.best, *((clip.pristine,) if compared else ())):
        if not places.keys() <= held.setdefault(footage, {}).keys():
            held[footage] = cut(footages[footage].source, places, size)
    masks = {} if at_hand is None else at_hand.masks
    if not places.keys() <= masks.keys():
        empty = Png(np.zeros((size, size, 1), np.uint8))
        masks = {
            index: _mask(held[clip.best][index], held[clip.pristine][index]) if compared else empty for index in places
        }
    return ClipCrops(held[clip.footage], held[clip.best], held.get(clip.pristine, {}), masks)


def _mask(fake: Png, real: Png) -> Png:
    return Png(difference_mask(fake.pixels, real.pixels)[..., None])
