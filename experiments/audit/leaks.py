"""Leaks between splits: subjects and videos that are in two of them, and frames that show nearly the same picture.

Two frames are compared by the correlation of grey thumbnails (24 x 24 cells, mean removed, unit norm): the maximum over
shifts of up to 4% of the crop and over both orientations (plain and mirrored). Measured on forged data sets of 320
photographed people (128 pixels) and 100 rendered ones (96 pixels), each with four manipulations, eight frames a video:

| correlation: minimum, 5%, median, 95%, maximum | photographs | rendered faces |
|---|---|---|
| a frame and the most alike one of other people | 0.45, 0.60, 0.78, 0.89, 0.927 | 0.45, 0.73, 0.88, 0.94, 0.961 |
| neighbouring frames of one video | 0.55, 0.91, 0.98, 1.00, 1.00 | 0.76, 0.93, 0.98, 0.99, 1.00 |
| one frame, real and manipulated | 0.68, 0.89, 0.98, 1.00, 1.00 | 0.79, 0.95, 0.99, 1.00, 1.00 |
| a copy at c40 instead of raw, mirrored or not | 0.93, 0.97, 0.99, 1.00, 1.00 | 0.93, 0.97, 0.99, 1.00, 1.00 |
| a copy shifted by 2 pixels both ways | 0.99, 0.99, 1.00, 1.00, 1.00 | 1.00, 1.00, 1.00, 1.00, 1.00 |

A threshold of 0.97 gives no false alarm on either. It finds 19 of 20 frames (and each of 500 videos) of copies at c40
that are shifted by 2 pixels, mirrored and darkened; 9 of 10 frames of crops 3% larger, but 1 of 5 of crops 5% larger.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from records.progress import progress
from records.shards import Manifest, naming_the_shard, read
from records.sources import SPLITS

QUALITIES = ("raw", "c23", "c40")  # the best first; other names follow in alphabetical order
FRAMES = 10  # of each video, as many as `build` takes for validation, so that the same frames of a video are compared
SIDE, SHIFT = 52, 2  # side of a thumbnail and largest shift, in pixels
CELLS = (SIDE - 2 * SHIFT) // 2  # side, in cells, of the vectors that are correlated
FLOOR = 0.8  # pairs with a lower correlation are not shifted; few copies that are 2 pixels off are among them
THRESHOLD = 0.97
BLOCK = 512  # frames of each split that are compared at a time
NAMED = 100  # near-duplicates that are listed for two splits, at most


def in_order(names: Iterable[str], first: Sequence[str] = SPLITS) -> list[str]:
    """The names in `first`, in its order, then the others, sorted."""
    return sorted(names, key=lambda name: (*(name != known for known in first), name))


def in_two_splits(manifests: Sequence[Manifest]) -> dict[str, list[dict]]:
    """Subjects and videos that are in two splits, by the manifests alone.

    Args:
        manifests: of records that are used together; subjects of one dataset are the same people in all of them.

    Returns:
        `subjects`: {dataset, subject, splits} and `videos`: {video, splits} of those in two splits or more; a video is
        dataset/method/clip here, whatever its compression.
    """
    subjects: dict[tuple[str, str], set[str]] = {}
    videos: dict[str, set[str]] = {}
    for manifest in manifests:
        for video, clip in manifest.clips.items():
            dataset, *rest = video.split("/")
            videos.setdefault("/".join([dataset, *rest[:1], *rest[2:]]), set()).add(clip.split)
            for subject in clip.subjects:
                subjects.setdefault((dataset, subject), set()).add(clip.split)
    return {
        "subjects": [
            {"dataset": dataset, "subject": subject, "splits": in_order(splits)}
            for (dataset, subject), splits in sorted(subjects.items())
            if len(splits) > 1
        ],
        "videos": [
            {"video": video, "splits": in_order(splits)} for video, splits in sorted(videos.items()) if len(splits) > 1
        ],
    }


def near_duplicates(folders: Sequence[Path]) -> dict:
    """Frames of two splits that show nearly the same picture, also when mirrored.

    Up to FRAMES frames of each video are compared, at its best compression. Each needs 3 KB of memory.

    Args:
        folders: records that are used together.

    Returns:
        {"threshold", "compared" (number of frames), "pairs"}; `pairs` has an entry for each two splits with
        near-duplicates: {splits, frames (number of pairs of frames), named}. `named` lists at most NAMED pairs of
        videos, the most alike first: {videos, frame_indices, correlation, mirrored}, in the order of `splits`.

    Raises:
        DataError: a shard cannot be read.
    """
    faces = _read(folders)
    found = []
    for splits in itertools.combinations(faces, 2):
        pair = _compare(*(faces[split] for split in splits), " and ".join(splits))
        if pair["frames"]:
            found.append({"splits": list(splits)} | pair)
    return {"threshold": THRESHOLD, "compared": sum(len(one.pictures) for one in faces.values()), "pairs": found}


class _Faces:
    """Frames of one split: names of their videos, their indices, and thumbnails, uint8 (N, SIDE, SIDE)."""

    def __init__(self, number: int) -> None:
        self.videos: list[str] = []
        self.indices: list[int] = []
        self.pictures = np.zeros((number, SIDE, SIDE), np.uint8)

    def add(self, face: dict) -> None:
        """Adds the fields of one record."""
        grey = cv2.cvtColor(face["frame"], cv2.COLOR_RGB2GRAY)
        self.pictures[len(self.videos)] = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        self.videos.append(face["video"].decode())
        self.indices.append(int(face["frame_index"]))


@dataclasses.dataclass
class _Group:
    """The faces of one method in one split; `chosen`, bool (N,), marks those that are compared."""

    folder: Path
    split: str
    compression: str
    method: str
    examples: int
    chosen: np.ndarray | None = None

    def choose(self) -> Iterator[None]:
        """Marks up to FRAMES frames of each video, without decoding images; yields once for each record."""
        places: dict[bytes, list[tuple[int, int]]] = {}
        for place, one in enumerate(self._read(("video", "frame_index"))):
            places.setdefault(one["video"], []).append((place, int(one["frame_index"])))
            yield
        self.chosen = np.zeros(self.examples, bool)
        for pairs in places.values():
            place, index = np.array(pairs).T
            self.chosen[place[_spread(index)]] = True

    def faces(self) -> Iterator[dict]:
        """The chosen records; the others are not decoded."""
        yield from self._read(("video", "frame_index", "frame"))

    def _read(self, fields: tuple[str, ...]) -> Iterator[dict]:
        with naming_the_shard(self.folder):
            yield from read(
                self.folder, self.split, self.compression, [self.method], fields=fields, chosen=self.chosen
            ).as_numpy_iterator()


def _spread(index: np.ndarray) -> np.ndarray:
    """Positions, with repetition, of the frame indices (N,) next to the middles of FRAMES equal spans of the video."""
    length = index.min() + index.max() + 1  # frames are evenly spaced: as much follows the last as precedes the first
    middles = np.floor((np.arange(FRAMES) + 0.5) / FRAMES * length)
    return np.abs(index[:, None] - middles).argmin(axis=0)


def _groups(folder: Path) -> Iterator[_Group]:
    """Every method in every split, at the best compression that it has there."""
    manifest = Manifest.load(folder)
    for split, levels in manifest.counts.items():
        order = in_order(levels, QUALITIES)
        for method in sorted(set().union(*levels.values())):
            level = next(level for level in order if method in levels[level])
            yield _Group(folder, split, level, method, levels[level][method])


def _read(folders: Sequence[Path]) -> dict[str, _Faces]:
    """Split -> its frames. The records are in no order, so a first pass chooses frames and a second decodes them."""
    groups = [group for folder in folders for group in _groups(Path(folder))]
    every = (one for group in groups for one in group.choose())
    for _ in progress(every, sum(group.examples for group in groups), "Frames listed"):
        pass
    numbers: Counter = Counter()
    for group in groups:
        numbers[group.split] += int(group.chosen.sum())
    faces = {split: _Faces(numbers[split]) for split in in_order(numbers)}
    chosen = ((group.split, face) for group in groups for face in group.faces())
    for split, face in progress(chosen, numbers.total(), "Frames read"):
        faces[split].add(face)
    return faces


def _compare(first: _Faces, second: _Faces, what: str) -> dict:
    """The near-duplicates among the frames of two splits, as `near_duplicates` gives them for two splits."""
    codes = [np.unique(faces.videos, return_inverse=True)[1] for faces in (first, second)]
    frames, best = 0, np.empty((0, 5))  # code of the two videos, row, column, correlation, mirrored
    blocks = list(itertools.product(range(0, len(first.pictures), BLOCK), range(0, len(second.pictures), BLOCK)))
    for top, left in progress(blocks, len(blocks), f"Blocks of {what} compared"):
        plain, mirrored = _correlations(first.pictures[top : top + BLOCK], second.pictures[left : left + BLOCK])
        either = np.maximum(plain, mirrored)
        rows, columns = np.nonzero(either >= THRESHOLD)
        frames += len(rows)
        pair = codes[0][top + rows] * len(second.videos) + codes[1][left + columns]
        found = (pair, top + rows, left + columns, either[rows, columns], (mirrored > plain)[rows, columns])
        best = np.concatenate([best, np.stack(found, axis=1)])
        best = best[np.argsort(-best[:, 3], kind="stable")]
        best = best[np.sort(np.unique(best[:, 0], return_index=True)[1])][:NAMED]  # the best for each pair of videos
    named = [
        {
            "videos": [str(first.videos[int(row)]), str(second.videos[int(column)])],
            "frame_indices": [int(first.indices[int(row)]), int(second.indices[int(column)])],
            "correlation": round(float(correlation), 4),
            "mirrored": bool(mirrored),
        }
        for _, row, column, correlation, mirrored in best
    ]
    return {"frames": frames, "named": named}


def _correlations(first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """The highest correlations over all shifts, for the second pictures as they are and for their mirror images.

    Args:
        first, second: thumbnails, uint8 (N, SIDE, SIDE) and (M, SIDE, SIDE).

    Returns:
        Two float32 (N, M); 0 for pairs whose unshifted correlation is below FLOOR.
    """
    vectors = _vectors(first)
    answers = []
    for pictures in (second, second[:, :, ::-1]):
        near = vectors @ _vectors(pictures).T >= FLOOR
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        highest = np.zeros((rows.size, columns.size), np.float32)
        for y, x in itertools.product(range(-SHIFT, SHIFT + 1), repeat=2) if rows.size else ():
            np.maximum(highest, vectors[rows] @ _vectors(pictures[columns], y, x).T, out=highest)
        answers.append(np.zeros(near.shape, np.float32))
        answers[-1][np.ix_(rows, columns)] = highest
    return answers


def _vectors(pictures: np.ndarray, y: int = 0, x: int = 0) -> np.ndarray:
    """Thumbnails without a margin of SHIFT, shifted by (y, x), as vectors whose products are correlations.

    Returns:
        float32 (N, CELLS * CELLS), mean 0, norm 1; all 0 for a picture without any contrast.
    """
    window = pictures[:, SHIFT + y : SIDE - SHIFT + y, SHIFT + x : SIDE - SHIFT + x].astype(np.float32)
    rows = window[:, ::2] + window[:, 1::2]
    cells = (rows[:, :, ::2] + rows[:, :, 1::2]).reshape(-1, CELLS * CELLS)
    cells -= cells.mean(axis=1, keepdims=True)
    cells /= np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1e-3)
    return cells
