"""Finds the clips of DeepfakeTIMIT and of VidTIMIT, whose videos DeepfakeTIMIT's fakes were made from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from records.errors import DataError
from records.footage import Encoding, Footage, checked, is_video, printable
from records.shards import SplitsOrigin
from records.sources.clip import REAL, Clip, Found, Skip
from records.sources.splits import draw

COMPRESSIONS = {"hq": "higher_quality", "lq": "lower_quality"}  # the best quality first; two sizes of the GAN
METHOD = "faceswap-GAN"
FAKE = re.compile(r"(.+)-video-([^-]+)")  # utterance, donor


def find_clips(
    root: Path,
    *,
    compressions: Sequence[str] | None = None,
    twins: Path | None = None,
    dataset: str = "timit",
    seed: int = 0,
    equalise: bool = True,
    follow_links: bool = False,
) -> Found:
    """Finds every fake and its VidTIMIT twin, at both qualities.

    DeepfakeTIMIT holds only fakes, as AVI; VidTIMIT holds the originals as JPEG pictures. A model could tell the label
    by the codec, so the originals are encoded again, each with the codec and the bytes per frame of its fake. AFSR's
    target for a low-quality face is the same frame of the high-quality fake. There is no official split: it is drawn,
    and the two people of a fake (target and donor) go into the same split.

    Args:
        root: folder with lower_quality/ and higher_quality/, or with DeepfakeTIMIT/ that holds them.
        compressions: lq, hq; None for all in the folder.
        twins: folder of VidTIMIT; None looks for VidTIMIT/ in ROOT and beside it. Its frames may be pictures without
            suffix, .jpg or .jpeg, or one .avi for each utterance.
        dataset: first part of the videos' ids.
        seed: seed of the drawn split.
        equalise: encode the originals like the fakes; False uses them as they are.
        follow_links: accept links that lead out of ROOT or VidTIMIT.

    Raises:
        DataError: the folder holds no DeepfakeTIMIT, or there is no VidTIMIT.
    """
    root, found = Path(root), Found()
    home = next((folder for folder in (root / "DeepfakeTIMIT", root) if folder.is_dir()), root)
    fakes = {level: _fakes(home / folder, root, found) for level, folder in COMPRESSIONS.items()}
    present = [level for level in COMPRESSIONS if fakes[level]]
    if not present:
        raise DataError(
            f"{root} holds no DeepfakeTIMIT: there is neither lower_quality/ nor higher_quality/ with .avi files."
        )
    wanted = list(present) if compressions is None else [level for level in COMPRESSIONS if level in compressions]
    if absent := [level for level in compressions or () if level not in present]:
        raise DataError(f"{home} holds no {absent[0]!r}; it holds {', '.join(present)}.")
    vidtimit = _vidtimit(root, home, twins)
    keys = sorted({key for level in present for key in fakes[level]})
    subjects = {key: (key[0], FAKE.fullmatch(key[1])[2]) for key in keys}
    split_of = draw({person for pair in subjects.values() for person in pair}, subjects.values(), seed)
    found.layout = "DeepfakeTIMIT, " + ", ".join(sorted(COMPRESSIONS[level] for level in present))
    found.splits = SplitsOrigin(seed=seed, drawn=split_of)
    used: set[Footage] = set()
    reals: set[tuple[str, str]] = set()  # (twin, level) of each original that a usable fake has
    skipped_reals: dict[tuple[str, str], Skip] = {}
    for key in keys:
        target, name = key
        utterance = FAKE.fullmatch(name)[1]
        split = split_of[target]
        if split_of[subjects[key][1]] != split:
            found.remarks.append(f"{target}/{name} is left out: its people are in two splits.")
            continue
        best = next(level for level in COMPRESSIONS if key in fakes[level])
        twin = f"{target}/{utterance}"
        for level in wanted:
            try:
                if key not in fakes[level]:
                    path = (home / COMPRESSIONS[level] / target / f"{name}.avi").relative_to(root)
                    raise DataError(f"{path} is missing; another quality has it")
                real = _twin(vidtimit, target, utterance)
                if not follow_links:
                    checked(real.path, vidtimit)
                    for quality in {level, best}:
                        checked(fakes[quality][key].path, root)
                encodings = {
                    quality: Encoding.like(fakes[quality][key].path) if equalise else None for quality in {level, best}
                }
            except DataError as error:
                found.skips.append(Skip(f"{dataset}/{METHOD}/{level}/{target}/{name}", 1, str(error), split))
                reason = f"left out with its fake {name}: {error}"
                skipped_reals[twin, level] = Skip(f"{dataset}/{REAL}/{level}/{twin}", 0, reason, split)
                continue
            used.add(real)
            pristine = Footage(real.path, encodings[best])
            common = {"dataset": dataset, "compression": level, "split": split, "twin": twin, "pristine": pristine}
            common |= {"quality": best, "target_known": best == "hq", "mask_known": equalise}
            if (twin, level) not in reals:
                reals.add((twin, level))
                footage = Footage(real.path, encodings[level])
                notes = {"encoded_like": name} if equalise else {}
                found.clips.append(
                    Clip(
                        method=REAL,
                        name=twin,
                        footage=footage,
                        label=0,
                        subjects=(target,),
                        best=pristine,
                        notes=notes,
                        **common,
                    )
                )
            found.clips.append(
                Clip(
                    method=METHOD,
                    name=f"{target}/{name}",
                    footage=fakes[level][key],
                    label=1,
                    subjects=subjects[key],
                    best=fakes[best][key],
                    **common,
                )
            )
    found.skips += [skip for real, skip in skipped_reals.items() if real not in reals]
    _describe(found, vidtimit, used, equalise)
    return found


def _fakes(folder: Path, root: Path, found: Found) -> dict[tuple[str, str], Footage]:
    """(target, file name without .avi) -> frames; other files are added to `found.odd`."""
    fakes: dict[tuple[str, str], Footage] = {}
    for person in sorted(folder.iterdir()) if folder.is_dir() else ():
        for path in sorted(person.iterdir()) if person.is_dir() else (person,):
            name = printable(path.relative_to(root))
            is_fake = path.suffix == ".avi" and not path.name.startswith(".") and FAKE.fullmatch(path.stem)
            if is_fake and path != person and name == str(path.relative_to(root)):
                fakes[person.name, path.stem] = Footage(path)
            else:
                found.odd.append(name)
    return fakes


def _vidtimit(root: Path, home: Path, given: Path | None) -> Path:
    folders = [given] if given is not None else [root / "VidTIMIT", home.parent / "VidTIMIT"]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise DataError(
        f"{folders[0]} does not exist. DeepfakeTIMIT holds only fakes; their originals are in VidTIMIT, which has a "
        "folder for each person with video/ in it. Put VidTIMIT beside DeepfakeTIMIT, or name its folder with --twins."
    )


def _twin(vidtimit: Path, subject: str, utterance: str) -> Footage:
    """The original of a fake: a folder of pictures, or one video; raises `DataError` if it is missing."""
    for folder in (vidtimit / subject / "video", vidtimit / subject):
        try:
            if (folder / utterance).is_dir():
                return Footage(folder / utterance)
            for path in sorted(folder.glob(f"{utterance}.*")):
                if is_video(path):
                    return Footage(path)
        except OSError as error:
            raise DataError(f"{folder} cannot be read ({error.strerror}); change its permissions.") from error
    raise DataError(f"its twin {subject}/video/{utterance} is missing in {vidtimit}")


def _describe(found: Found, vidtimit: Path, used: set[Footage], equalise: bool) -> None:
    if used:
        found.layout += "; VidTIMIT as " + ("pictures" if any(footage.path.is_dir() for footage in used) else "videos")
    people = {clip.subjects[0] for clip in found.clips}
    others = [path.name for path in vidtimit.iterdir() if path.is_dir() and path.name not in people]
    if others:
        found.remarks.append(f"People of VidTIMIT without fakes, not used: {len(others)}.")
    if not equalise:
        found.remarks.append("The originals are not encoded again: their codec may tell the label.")
