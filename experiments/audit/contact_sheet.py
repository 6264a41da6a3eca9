"""A contact sheet of records: faces of each compression and method beside their target, ELA and mask."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np

from experiments.audit import leaks
from records import shards
from records.atomic import atomic_file

FIELDS = ("frame", "target", "ela", "mask", "mask_known", "keypoints", "video", "subjects", "frame_index")
FACES = 6  # in a row of the contact sheet, of different people
READ = 64  # records of a split that are read, at most, to find that many people
CELL, GAP, CAPTION = 88, 8, 18  # pixels of the contact sheet
TILE_WIDTH, TILE_HEIGHT = 2 * CELL + GAP, CAPTION + 2 * CELL + GAP
LABEL_WIDTH, HEADING = 170, 26
LEGEND = "Each face: crop with key points, target; below them ELA, mask (grey: unknown)"
GREEN = (0, 220, 0)


def contact_sheet(folder: Path) -> np.ndarray:
    """Draws a row for each compression and method: faces of different people and splits, with target, ELA and mask.

    Args:
        folder: finished records.

    Returns:
        RGB uint8 (H, W, 3).
    """
    manifest = shards.Manifest.load(folder)
    present: dict[str, dict[str, list[str]]] = {}  # compression -> method -> splits
    for split in leaks.in_order(manifest.counts):
        for level, methods in manifest.counts[split].items():
            for method in methods:
                present.setdefault(level, {}).setdefault(method, []).append(split)
    rows = [_text(LEGEND, LABEL_WIDTH + FACES * TILE_WIDTH, HEADING)]
    for level in leaks.in_order(present, leaks.QUALITIES):
        for method in leaks.in_order(present[level], (shards.REAL,)):
            people = _people(folder, level, method, present[level][method])
            tiles = [_tile(split, face) for split, face in people]
            blanks = [_text("", TILE_WIDTH, TILE_HEIGHT)] * (FACES - len(tiles))
            rows.append(np.concatenate([_text(f"{level} {method}", LABEL_WIDTH, TILE_HEIGHT), *tiles, *blanks], axis=1))
    return np.concatenate(rows)


def write_png(path: Path, picture: np.ndarray) -> None:
    """Writes an RGB picture, uint8 (H, W, 3), as PNG whatever the ending; raises `DataError` where it cannot."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())


def _people(folder: Path, level: str, method: str, splits: list[str]) -> list[tuple[str, dict]]:
    """(split, face) of up to FACES people, taken from the splits in turn."""
    found: dict[str, list[tuple[str, dict]]] = {}
    known: set[bytes] = set()
    for split in splits:
        found[split] = []
        with shards.naming_the_shard(folder):
            for face in shards.read(folder, split, level, [method], fields=FIELDS).take(READ).as_numpy_iterator():
                person = (*face["subjects"], face["video"])[0]
                if person not in known:
                    known.add(person)
                    found[split].append((split, face))
                if len(found[split]) == FACES:
                    break
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*found.values()))
    chosen = [one for one in in_turn if one is not None][:FACES]
    return sorted(chosen, key=lambda one: splits.index(one[0]))


def _tile(split: str, face: dict[str, np.ndarray]) -> np.ndarray:
    """One face, (TILE_HEIGHT, TILE_WIDTH, 3): the crop with key points beside its target, over ELA and mask."""
    marked = _resized(face["frame"])
    for x, y in face["keypoints"] * CELL:
        cv2.circle(marked, (round(float(x)), round(float(y))), 2, GREEN, -1, cv2.LINE_AA)
    mask = face["mask"] if face["mask_known"] else np.full_like(face["mask"], 128)
    above = np.concatenate([marked, _resized(face["target"])], axis=1)
    below = np.concatenate([_resized(face["ela"]), _resized(np.repeat(mask, 3, axis=2))], axis=1)
    clip = face["video"].decode().split("/")[-1]
    caption = _text(f"{split} {clip[-16:]} #{int(face['frame_index'])}", 2 * CELL, CAPTION)
    return np.pad(np.concatenate([caption, above, below]), ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def _resized(picture: np.ndarray) -> np.ndarray:
    shrinking = picture.shape[0] > CELL
    return cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_NEAREST)


def _text(text: str, width: int, height: int) -> np.ndarray:
    canvas = np.full((height, width, 3), 255, np.uint8)
    cv2.putText(canvas, text, (4, height // 2 + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
