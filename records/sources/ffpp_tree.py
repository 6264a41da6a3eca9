"""Finds the files of a clip of FaceForensics++ in every layout that copies of the data set have."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from records.errors import DataError
from records.footage import Footage, checked, is_video, printable
from records.sources.ffpp_names import COMPRESSIONS

LEVELS = {level: (level, "c0") if level == "raw" else (level,) for level in COMPRESSIONS}  # older copies call raw c0
FORMS = {"videos": "videos", "images": "frame folders", "frames": "sampled frames as DeepfakeBench extracts them"}
MASKS = ("masks/videos", "masks/images", "masks")


class Tree:
    """The folder of a copy of FaceForensics++.

    Args:
        root: folder with original_sequences/ and manipulated_sequences/.
        follow_links: accept links that lead out of `root`.

    Attributes:
        seen: the forms of frames and the names of compressions met so far; they describe the layout.
    """

    def __init__(self, root: Path, follow_links: bool = False) -> None:
        self.root = root
        self.follow_links = follow_links
        self.seen: set[str] = set()
        self._found: set[Path] = set()
        self._listing = functools.cache(self._listed)
        self._check = functools.cache(self._checked)

    def levels(self, folder: Path) -> list[str]:
        """The compressions at which `folder` (of the originals, or of a method) holds clips."""
        return [level for level in LEVELS if self._listing(folder, level)]

    def names(self, folder: Path) -> list[str]:
        """The names of all clips in `folder`, at any compression."""
        return sorted({name for level in LEVELS for name in self._listing(folder, level)})

    def find(self, folder: Path, level: str, name: str) -> Footage | None:
        """The frames of a clip, None if missing; raises `DataError` for a link that leads out of the root."""
        footage = self._listing(folder, level).get(name)
        if footage is not None:
            self._found.add(footage.path)
            self._check(footage.path)
        return footage

    def expected_path(self, folder: Path, level: str, name: str) -> str:
        """Where a missing clip should be, relative to the root."""
        present = (Path(alias, form) for alias in LEVELS[level] for form in FORMS if (folder / alias / form).is_dir())
        parent = folder / next(present, Path(level, "videos"))
        return str((parent / (f"{name}.mp4" if parent.name == "videos" else name)).relative_to(self.root))

    def mask(self, folder: Path, name: str) -> Footage | None:
        """The data set's own mask of a clip, None if missing; raises `DataError` for a link out of the root."""
        for masks in MASKS:
            for path in (folder / masks / f"{name}.mp4", folder / masks / name):
                if path.is_file() or (path.is_dir() and masks != "masks/videos"):
                    self._check(path)
                    return Footage(path)
        return None

    def odd(self) -> list[str]:
        """Paths, relative to the root, in the folders of the clips that `find` returned, but none of those clips."""
        folders = {path.parent for path in self._found}
        others = [path for folder in folders for path in folder.iterdir() if path not in self._found]
        return sorted(printable(path.relative_to(self.root)) for path in others)

    def _checked(self, path: Path) -> None:
        if not self.follow_links:
            checked(path, self.root)

    def _listed(self, folder: Path, level: str) -> dict[str, Footage]:
        for alias in LEVELS[level]:
            for form in FORMS:
                parent = folder / alias / form
                try:
                    found = dict(_entries(parent, form)) if parent.is_dir() else {}
                except OSError as error:
                    raise DataError(f"{parent} cannot be read ({error.strerror}); change its permissions.") from error
                if found:
                    self.seen |= {alias, FORMS[form]}
                    return found
        return {}


def _entries(folder: Path, form: str) -> Iterable[tuple[str, Footage]]:
    for path in sorted(folder.iterdir()):
        if form == "videos":
            if is_video(path) and not path.name.startswith("."):
                yield path.stem, Footage(path)
        elif path.is_dir():
            yield path.name, Footage(path, sampled=form == "frames")
