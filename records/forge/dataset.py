"""Writes a whole data set in FaceForensics++'s layout: pairs, splits, videos, notes; goes on where it stopped."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from records.building import in_processes
from records.errors import DataError
from records.forge.layouts import LAYOUTS, RENAMING, V3
from records.forge.manipulations import METHODS
from records.forge.pair import CRF, PRESET, UNITS, Layout, forge_pair, write_atomically
from records.forge.people.clips import Faces, PhotographedFaces, RenderedFaces
from records.forge.people.photos import Photograph, PhotoSkip, find_faces, list_photographs
from records.forge.seeds import generator
from records.progress import progress

VERSION = 1
"""Counts up when the same options would give other bytes than before."""
RENDERED = "rendered"
FEWEST, MOST = 6, 10_000
SPLITS = ("train", "val", "test")
HELD_OUT = 0.14
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """All that decides the bytes of a data set.

    Attributes:
        faces: `rendered`, or the name of the folder of photographs.
        photographs: hash of the names and sizes of the photographs; empty for rendered faces.
        identities: how many; None takes every usable photograph.
        frames: of each clip.
        size: side of the frames in pixels, even.
        seed: of everything random.
        compressions: some of raw, c23, c40.
        layout: v3, FaceForensics++'s, or a key of LAYOUTS.
    """

    faces: str
    photographs: str
    identities: int | None
    frames: int
    size: int
    seed: int
    compressions: tuple[str, ...]
    layout: str = V3

    def as_dict(self) -> dict[str, object]:
        """For JSON; holds everything on which bytes depend, the layout where it is another than v3."""
        kept = asdict(self)
        if self.layout == V3:
            del kept["layout"]
        return {**kept, "compressions": list(self.compressions), "preset": PRESET, "version": VERSION}


def forge_dataset(
    faces: str,
    out: Path,
    *,
    identities: int | None = None,
    frames: int = 8,
    size: int = 208,
    seed: int = 0,
    compressions: tuple[str, ...] = tuple(CRF),
    layout: str = V3,
    workers: int = 2,
    say: Say = print,
) -> dict:
    """Makes a data set in `out`, or finishes the one that was begun there with the same options.

    Args:
        faces: `rendered` or a folder of photographs.
        out: an empty or missing folder, or one where an earlier run with the same options stopped.
        identities: how many (an even number); None: 120 rendered ones, or all of the photographs.
        frames: of each clip.
        size: side of the frames in pixels.
        seed: of everything random.
        compressions: some of raw, c23, c40.
        layout: v3, FaceForensics++'s own, or a key of LAYOUTS into which that is rearranged.
        workers: number of processes; the bytes do not depend on it.
        say: is told what is going on, a line at a time.

    Returns:
        What forge.json holds: {"seed", "options", "clips", "skips"}.

    Raises:
        DataError: an option makes no sense, or `out` holds something else.
    """
    folder = None if faces == RENDERED else Path(faces)
    if folder is None and identities is None:
        identities = 120
    options = Options(
        faces=RENDERED if folder is None else folder.resolve().name,
        photographs="" if folder is None else _fingerprint(folder),
        identities=identities,
        frames=frames,
        size=size,
        seed=seed,
        compressions=tuple(compression for compression in CRF if compression in compressions),
        layout=layout,
    )
    _check(options)
    if _begin(out, options, say):
        return json.loads((out / "forge.json").read_text(encoding="utf-8"))
    if layout != V3:
        as_v3 = functools.partial(forge_dataset, faces, identities=identities, frames=frames, size=size, seed=seed)
        return _rearranged(out, options, as_v3(out / UNITS / V3, compressions=compressions, workers=workers, say=say))
    layout = Layout(out)
    source, names, skips = _source(folder, out, options, workers, say)
    pairs = _pairs(seed, names)
    for video_folder in layout.folders(options.compressions):
        video_folder.mkdir(parents=True, exist_ok=True)
    notes = _forge_pairs(layout, source, options, pairs, workers, say)
    result = {
        "seed": seed,
        "options": options.as_dict(),
        "clips": dict(sorted(notes.items())),
        "skips": [{"file": skip.file, "reason": skip.reason} for skip in skips],
    }
    (out / "splits").mkdir(exist_ok=True)
    splits = split_pairs(pairs)
    for split in SPLITS:
        write_atomically(out / "splits" / f"{split}.json", json.dumps(splits[split]))
    write_atomically(out / "README.txt", _readme(result, splits))
    write_atomically(out / "forge.json", json.dumps(result, indent=1, sort_keys=True))
    for leftover in sorted((out / UNITS).iterdir()):
        leftover.unlink()
    (out / UNITS).rmdir()
    return result


def split_pairs(pairs: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Train, val and test, about 72, 14 and 14 in a hundred as in FaceForensics++, one pair each at least."""
    held_out = max(1, round(HELD_OUT * len(pairs)))
    train = len(pairs) - 2 * held_out
    return {"train": pairs[:train], "val": pairs[train : train + held_out], "test": pairs[train + held_out :]}


def _check(options: Options) -> None:
    if options.layout not in (V3, *LAYOUTS):
        raise DataError(f"--layout is {options.layout}, one of {', '.join((V3, *LAYOUTS))} is wanted.")
    if not options.compressions:
        raise DataError(f"--compressions takes some of {', '.join(CRF)}.")
    if options.size % 2 or not 96 <= options.size <= 1024:
        raise DataError(f"--size is {options.size}, an even number from 96 to 1024 is wanted.")
    if not 1 <= options.frames <= 1000:
        raise DataError(f"--frames is {options.frames}, 1 to 1000 are possible.")
    count = options.identities
    if count is not None and (count % 2 or not FEWEST <= count <= MOST):
        raise DataError(
            f"--identities is {count}, an even number from {FEWEST} to {MOST} is wanted: identities go in pairs,"
            " and train, val and test get one pair each at least."
        )


def _rearranged(out: Path, options: Options, result: dict) -> dict:
    """Moves what a layout makes of the v3 tree in `out`/.forge into `out`; forge.json, which comes last, says it is."""
    made = out / UNITS / "made"
    shutil.rmtree(made, ignore_errors=True)
    LAYOUTS[options.layout](out / UNITS / V3, made)
    for entry in [entry for entry in out.iterdir() if entry.name != UNITS]:  # of a run that was stopped right here
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for entry in sorted(made.iterdir()):
        os.replace(entry, out / entry.name)
    clips = {} if options.layout in RENAMING else result["clips"]
    result = {**result, "options": options.as_dict(), "clips": clips}
    write_atomically(out / "README.txt", "\n".join(_about(result, f"`tfafsr forge --layout {options.layout}`")))
    write_atomically(out / "forge.json", json.dumps(result, indent=1, sort_keys=True))
    shutil.rmtree(out / UNITS)
    return result


def _begin(out: Path, options: Options, say: Say) -> bool:
    """Prepares the folder; True when the data set is there already, whole."""
    wanted = options.as_dict()
    there = next((path for path in (out / "forge.json", out / UNITS / "options.json") if path.is_file()), None)
    if there is None:
        if out.exists() and (not out.is_dir() or any(entry.name != UNITS for entry in out.iterdir())):
            raise DataError(f"{out} is not an empty folder. Name another one, or empty it.")
        (out / UNITS).mkdir(parents=True, exist_ok=True)
        write_atomically(out / UNITS / "options.json", json.dumps(wanted, indent=1, sort_keys=True))
        return False
    try:
        found = json.loads(there.read_text(encoding="utf-8"))
        found = found["options"] if there.name == "forge.json" else found
        differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{there} cannot be read ({error}). Empty the folder and forge again.") from error
    if differing:
        changes = ", ".join(f"{name} {found.get(name)} is now {wanted.get(name)}" for name in differing)
        raise DataError(f"{out} holds a data set with other options ({changes}). Name another folder, or empty it.")
    if there.name == "forge.json":
        say(f"{out} holds this data set already, whole.")
        return True
    if options.layout == V3:
        done = len(list((out / UNITS).glob("*_*.json")))
        say(f"Going on in {out}: {done} pairs are there already.")
    return False


def _source(
    folder: Path | None, out: Path, options: Options, workers: int, say: Say
) -> tuple[Faces, list[str], list[PhotoSkip]]:
    """Where faces come from, the names of the identities and the photographs that were left out."""
    seed, size, frames = options.seed, options.size, options.frames
    if folder is None:
        return RenderedFaces(seed, size, frames), _names(options.identities), []
    kept = out / UNITS / "faces.json"
    if kept.is_file():
        content = json.loads(kept.read_text(encoding="utf-8"))
        found = [Photograph(file, tuple(box), tuple(map(tuple, points))) for file, box, points in content["found"]]
        skips = [PhotoSkip(**skip) for skip in content["skips"]]
    else:
        found, skips = find_faces(folder, size, options.identities, workers)
        content = {"found": [[p.file, p.box, p.points] for p in found], "skips": [asdict(skip) for skip in skips]}
        write_atomically(kept, json.dumps(content))
    if len(found) % 2:
        skips.append(PhotoSkip(found.pop().file, "left over: identities go in pairs."))
    wanted = options.identities or FEWEST
    if len(found) < wanted:
        reasons = "; ".join(f"{skip.file}: {skip.reason}" for skip in skips[:5])
        raise DataError(
            f"{folder} gives {len(found)} usable identities, {wanted} are wanted;"
            f" {len(skips)} photographs were left out: {reasons}."
        )
    say(f"{len(found)} identities, {len(skips)} photographs left out.")
    names = _names(len(found))
    return PhotographedFaces(seed, size, frames, folder, dict(zip(names, found, strict=True))), names, skips


def _names(count: int) -> list[str]:
    return [f"{number:03d}" for number in range(count)]


def _pairs(seed: int, names: list[str]) -> list[tuple[str, str]]:
    order = generator(seed, "pairs", len(names)).permutation(len(names))
    return [(names[a], names[b]) for a, b in order.reshape(-1, 2)]


def _forge_pairs(
    layout: Layout, source: Faces, options: Options, pairs: list[tuple[str, str]], workers: int, say: Say
) -> dict[str, dict]:
    notes: dict[str, dict] = {}
    missing = []
    for pair in pairs:
        if layout.unit(pair).is_file():
            notes.update(json.loads(layout.unit(pair).read_text(encoding="utf-8")))
        else:
            missing.append(pair)
    if not missing:
        return notes
    jobs = [(layout, source, options.seed, options.compressions, pair) for pair in missing]
    forged = in_processes(forge_pair, jobs, workers, tasks_a_process=len(jobs))
    for of_pair in progress(forged, len(jobs), "Forging pairs of clips"):
        notes.update(of_pair)
    return notes


def _fingerprint(folder: Path) -> str:
    """A hash of the photographs' names and sizes."""
    lines = [
        f"{file} {(folder / file).stat().st_size}" for files in list_photographs(folder).values() for file in files
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _readme(result: dict, splits: dict[str, list[tuple[str, str]]]) -> str:
    decoys = sum(bool(note["decoy"]) for name, note in result["clips"].items() if name.startswith("original/"))
    pairs = ", ".join(f"{split} {len(splits[split])}" for split in SPLITS)
    return "\n".join(
        (
            *_about(result, "FaceForensics++ (download script v3)"),
            f"encoder       libx264, yuv420p, 25 frames/s, preset {PRESET}, one thread; crf "
            + ", ".join(f"{name} {crf}" for name, crf in CRF.items()),
            f"methods       {', '.join(METHODS)}",
            f"pairs         {pairs}; a pair a, b gives the clips a, b and, for each method, a_b and b_a",
            f"decoys        {decoys} original clips carry a harmless edit, and so do their manipulated versions",
            f"left out      {len(result['skips'])} photographs",
            "",
            "splits/*.json  pairs as in FaceForensics++'s own files; no identity is in two splits",
            "forge.json     seed, options, decoys by clip, photographs left out and why",
        )
    )


def _about(result: dict, layout: str) -> list[str]:
    """What every README.txt begins with."""
    options = result["options"]
    names = ("faces", "identities", "frames", "size", "compressions", "version")
    return [
        f"A forged data set in the layout of {layout}. Every manipulated face in it was",
        "made by the program that wrote this file; nothing of the real data set is in it.",
        "",
        f"seed          {result['seed']}",
        *(f"{name:13} {options[name]}" for name in names),
    ]
