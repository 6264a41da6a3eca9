"""Where a clip of FaceForensics++ lies, in every layout its copies are about in."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from records.errors import DataError
from records.footage import Footage, checked, is_video, printable

LEVELS = {"raw": ("raw", "c0"), "c23": ("c23",), "c40": ("c40",)}  # older copies call raw c0
FORMS = {"videos": "videos", "images": "frame folders", "frames": "sampled frames as DeepfakeBench extracts them"}
MASKS = ("masks/videos", "masks/images", "masks")


class Tree:
    """The folder that a copy of FaceForensics++ lies in.

    Args:
        root: with original_sequences/ and manipulated_sequences/.
        follow_links: accept links that lead out of `root`.

    Attributes:
        seen: the forms and names of levels met, for the description of the layout.
    """

    def __init__(self, root: Path, follow_links: bool = False) -> None:
        self.root = root
        self.follow_links = follow_links
        self.seen: set[str] = set()
        self._asked: set[Path] = set()
        self._listing = functools.cache(self._listed)
        self._check = functools.cache(self._checked)

    def levels(self, folder: Path) -> list[str]:
        """The compressions of which `folder` (of the originals, or of a method) holds anything."""
        return [level for level in LEVELS if self._listing(folder, level)]

    def names(self, folder: Path) -> list[str]:
        """The names of all clips in `folder`, of any compression."""
        return sorted({name for level in LEVELS for name in self._listing(folder, level)})

    def find(self, folder: Path, level: str, name: str) -> Footage | None:
        """The frames of a clip; raises `DataError` where a link leads out of the root."""
        footage = self._listing(folder, level).get(name)
        if footage is not None:
            self._asked.add(footage.path)
            self._check(footage.path)
        return footage

    def place(self, folder: Path, level: str, name: str) -> str:
        """Where a clip that is missing belongs, relative to the root."""
        there = (Path(alias, form) for alias in LEVELS[level] for form in FORMS if (folder / alias / form).is_dir())
        place = folder / next(there, Path(level, "videos"))
        return str((place / (f"{name}.mp4" if place.name == "videos" else name)).relative_to(self.root))

    def mask(self, folder: Path, name: str) -> Footage | None:
        """The data set's own mask of a clip; raises `DataError` where a link leads out of the root."""
        for place in MASKS:
            for path in (folder / place / f"{name}.mp4", folder / place / name):
                if path.is_file() or (path.is_dir() and place != "masks/videos"):
                    self._check(path)
                    return Footage(path)
        return None

    def odd(self) -> list[str]:
        """What lies where clips lie and was asked for by nobody, relative to the root."""
        places = {path.parent for path in self._asked}
        strange = [path for place in places for path in place.iterdir() if path not in self._asked]
        return sorted(printable(path.relative_to(self.root)) for path in strange)

    def _checked(self, path: Path) -> None:
        if not self.follow_links:
            checked(path, self.root)

    def _listed(self, folder: Path, level: str) -> dict[str, Footage]:
        for alias in LEVELS[level]:
            for form in FORMS:
                place = folder / alias / form
                try:
                    found = dict(_entries(place, form)) if place.is_dir() else {}
                except OSError as error:
                    raise DataError(f"{place} cannot be read ({error.strerror}); change its permissions.") from error
                if found:
                    self.seen |= {alias, FORMS[form]}
                    return found
        return {}


def _entries(place: Path, form: str) -> Iterable[tuple[str, Footage]]:
    for path in sorted(place.iterdir()):
        if form == "videos":
            if is_video(path) and not path.name.startswith("."):
                yield path.stem, Footage(path)
        elif path.is_dir():
            yield path.name, Footage(path, sampled=form == "frames")
