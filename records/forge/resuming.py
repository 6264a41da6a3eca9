"""Finds out whether a folder holds a complete or an interrupted forged data set, and with which options it was made."""

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

VERSIONS = {"rendered": 3, "photographs": 4}
"""Increase a number when the same options give other bytes than before: rendered 3 and photographs 4 keep the
contrast of the face."""


def description(options: ForgeOptions) -> dict[str, object]:
    """Everything that decides the data set's bytes, as JSON values. The layout v3 is left out."""
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
    """Prepares the folder of a data set, or checks the data set that an earlier run left in it.

    Args:
        out: the folder; it may be missing.
        wanted: the `description` of the options.
        say: prints one line of text.

    Returns:
        The content of forge.json if the data set is complete, else None.

    Raises:
        DataError: `out` holds something else, or a data set that was made with other options.
    """
    finished, interrupted = out / "forge.json", out / WORKING / "options.json"
    existing = next((path for path in (finished, interrupted) if path.is_file()), None)
    if existing is None:
        if out.exists() and (not out.is_dir() or any(entry.name != WORKING for entry in out.iterdir())):
            raise DataError(f"{out} is not an empty folder. Name another one, or empty it.")
        write_json(interrupted, wanted, indent=1, sort_keys=True)
        return None
    try:
        content = json.loads(existing.read_text(encoding="utf-8"))
        found = content["options"] if existing == finished else content
        differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{existing} cannot be read ({error}). Empty the folder and forge again.") from error
    if differing:
        changes = ", ".join(f"{name} {found.get(name)} is now {wanted.get(name)}" for name in differing)
        raise DataError(f"{out} holds a data set with other options ({changes}). Name another folder, or empty it.")
    if existing == finished:
        say(f"{out} is finished already.")
        return content
    if "layout" not in wanted:
        say(f"Resuming {out}: {Tree(out).finished_pairs()} pairs are done.")
    return None
