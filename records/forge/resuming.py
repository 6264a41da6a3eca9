"""What a data set's folder says of the options that it was made with, and whether it is whole."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from records.atomic import write_json
from records.errors import DataError
from records.forge.options import CRF, RENDERED, RENDERED_IDENTITIES, V3, ForgeOptions
from records.forge.pair import PRESET
from records.forge.people import fingerprint
from records.forge.tree import WORKING, Tree

VERSIONS = {"rendered": 1, "photographs": 2}
"""Count up when the same options would give other bytes than before. Photographs 2: decoded by FFmpeg."""


def description(options: ForgeOptions) -> dict[str, object]:
    """For JSON: everything on which the bytes depend. The layout is left out where it is v3."""
    folder = options.photographs
    identities = options.identities
    described = {
        **dataclasses.asdict(options),
        "faces": RENDERED if folder is None else folder.resolve().name,
        "photographs": "" if folder is None else fingerprint(folder),
        "identities": RENDERED_IDENTITIES if folder is None and identities is None else identities,
        "compressions": [compression for compression in CRF if compression in options.compressions],
        "preset": PRESET,
        "version": VERSIONS["rendered" if folder is None else "photographs"],
    }
    if options.layout == V3:
        del described["layout"]
    return described


def begin(out: Path, wanted: dict[str, object], say: Callable[[str], None]) -> dict | None:
    """Prepares the folder of a data set, or finds what an earlier run has left in it.

    Args:
        out: the folder; it need not be there.
        wanted: what `description` says of the options.
        say: is told what is there already.

    Returns:
        What forge.json holds where the data set is whole, else None.

    Raises:
        DataError: `out` holds something else, or a data set that was made with other options.
    """
    whole, begun = out / "forge.json", out / WORKING / "options.json"
    there = next((path for path in (whole, begun) if path.is_file()), None)
    if there is None:
        if out.exists() and (not out.is_dir() or any(entry.name != WORKING for entry in out.iterdir())):
            raise DataError(f"{out} is not an empty folder. Name another one, or empty it.")
        write_json(begun, wanted, indent=1, sort_keys=True)
        return None
    try:
        content = json.loads(there.read_text(encoding="utf-8"))
        found = content["options"] if there == whole else content
        differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{there} cannot be read ({error}). Empty the folder and forge again.") from error
    if differing:
        changes = ", ".join(f"{name} {found.get(name)} is now {wanted.get(name)}" for name in differing)
        raise DataError(f"{out} holds a data set with other options ({changes}). Name another folder, or empty it.")
    if there == whole:
        say(f"{out} holds this data set already, whole.")
        return content
    if "layout" not in wanted:
        say(f"Going on in {out}: {Tree(out).finished_pairs()} pairs are there already.")
    return None
