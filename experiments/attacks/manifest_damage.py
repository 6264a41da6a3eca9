"""Damage to manifest.json: wrong types and numbers, missing keys, paths outside of the folder, broken JSON."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

Generator = np.random.Generator
NAME = "manifest.json"
# Values of another type, or impossible numbers.
NUMBERS = (-1, -(10**30), 10**30, 2**63, 1.5, float("nan"), float("inf"))
OTHERS = (None, True, "text", "", "\ud800", [], {}, [[]], {"a": 1}, "../../escape", "1")


def wrong_value(rng: Generator, folder: Path) -> str:
    """A value of another type, or an impossible number, at a random place of the JSON."""
    values = _load(folder)
    parent, key, place = _random_place(rng, values)
    before = parent[key]
    if isinstance(before, int) and not isinstance(before, bool) and rng.integers(2):
        parent[key] = NUMBERS[rng.integers(len(NUMBERS))]
    else:
        wrong = [value for value in OTHERS if type(value) is not type(before)] + [1.5, 7]
        parent[key] = wrong[rng.integers(len(wrong))]
        if type(parent[key]) is type(before):
            parent[key] = None
    _save(folder, values)
    return f"manifest: {place} = {parent[key]!r} in the place of {before!r:.40}"


def missing_key(rng: Generator, folder: Path) -> str:
    values = _load(folder)
    parent, key, place = _random_place(rng, values)
    del parent[key]
    _save(folder, values)
    return f"manifest: without {place}"


def unknown_key(rng: Generator, folder: Path) -> str:
    values = _load(folder)
    parent, key, place = _random_place(rng, values)
    inside = parent[key] if isinstance(parent[key], dict) else values
    inside["unknown"] = 1
    _save(folder, values)
    return f"manifest: an unknown key in {place if inside is not values else 'it'}"


def wrong_counts(rng: Generator, folder: Path) -> str:
    """Numbers of examples or frames that contradict each other."""
    values = _load(folder)
    change = int((-1, 1, 10, 10**12)[rng.integers(4)])
    kind = int(rng.integers(4))
    if kind == 0:
        place = _any(rng, values["shards"])
        values["shards"][place]["examples"] += change
    elif kind == 1:
        place = _any(rng, values["shards"])
        values["shards"][place]["bytes"] += change
    elif kind == 2:
        place = _any(rng, values["counts"])
        values["counts"][place]["c40"]["real"] += change
    else:
        place = _any(rng, values["clips"])
        values["clips"][place]["frames_scored"] += change
    _save(folder, values)
    what = ("examples of the shard", "bytes of the shard", "counts of the split", "frames_scored of the clip")
    return f"manifest: {what[kind]} {place} + {change}"


def counts_and_examples(rng: Generator, folder: Path) -> str:
    """A shard's number of examples and the count of its kind, changed by the same number: only reading detects it."""
    values = _load(folder)
    place = _any(rng, values["shards"])
    split, compression, file = place.split("/")
    change = int((-1, 1, 100)[rng.integers(3)])
    values["shards"][place]["examples"] += change
    values["counts"][split][compression][file.partition("-")[0]] += change
    _save(folder, values)
    return f"manifest: examples and counts of {place} + {change}"


def wrong_hash(rng: Generator, folder: Path) -> str:
    """A wrong hash of a shard, or of the records."""
    values = _load(folder)
    place = _any(rng, values["shards"])
    names = sorted(name for name in values["shards"][place] if "sha256" in name)
    name = names[rng.integers(len(names))]
    wrong = ("0" * 64, "", "zz", "\u00e9" * 64)[rng.integers(4)]
    values["shards"][place][name] = wrong
    if rng.integers(2):  # the hash over all shards is made to fit
        _fit_content_hash(values)
    _save(folder, values)
    return f"manifest: {name} of {place} = {wrong!r:.20}"


def path_that_leads_out(rng: Generator, folder: Path) -> str:
    """A shard with another path: in another folder, absolute, or not a valid name."""
    values = _load(folder)
    place = _any(rng, values["shards"])
    outside = folder.parent / "outside.tfrecord"
    outside.write_bytes((folder / place).read_bytes())
    name = place.rpartition("/")[2]
    paths = (
        f"../{name}",
        str(outside),
        f"train/../{name}",
        f"../../{name}",
        f"train/c40/../../{name}",
        f"train/{name}",
    )
    paths += (f"train/c40/{name}\0", "", "train/c40/" + "x" * 5000 + name, f"./c40/{name}", f"train//{name}")
    wrong = paths[rng.integers(len(paths))]
    values["shards"][wrong] = values["shards"].pop(place)
    _fit_content_hash(values)
    _save(folder, values)
    return f"manifest: the shard {place} is called {wrong!r:.60}"


def another_schema(rng: Generator, folder: Path) -> str:
    values = _load(folder)
    now = values["schema_version"]
    wrong = (now - 1, now + 1, str(now), float(now), True, None, -1, 10**400, [now], float("nan"))[rng.integers(10)]
    values["schema_version"] = wrong
    _save(folder, values)
    return f"manifest: schema_version {wrong!r:.20}"


def broken_json(rng: Generator, folder: Path) -> str:
    """A file that is not JSON, or JSON that breaks parsers."""
    path = folder / NAME
    text = path.read_text()
    cut = int(rng.integers(len(text)))
    contents = {
        "truncated": text[:cut].encode(),
        "empty": b"",
        "nested 100,000 deep": b"[" * 100_000,
        "objects nested 100,000 deep": b'{"a":' * 100_000,
        "a number of 5,000 digits": text.replace('"size": 64', '"size": ' + "9" * 5000).encode(),
        "1e999 for size": text.replace('"size": 64', '"size": 1e999').encode(),
        "NaN for size": text.replace('"size": 64', '"size": NaN').encode(),
        "a list": b"[1, 2]",
        "a number": b"3",
        "a string": b'"manifest"',
        "null": b"null",
        "UTF-16": text.encode("utf-16"),
        "no UTF-8": text.replace("made", "m\u00e9de").encode("latin-1"),
        "with zeros": b"\0" + text.encode(),
        "twice": 2 * text.encode(),
        "size named twice": text.replace('"size": 64', '"size": 64, "size": 32').encode(),
    }
    what = sorted(contents)[rng.integers(len(contents))]
    path.write_bytes(contents[what])
    return f"manifest: {what}" + f" at {cut}" * (what == "truncated")


def no_manifest(rng: Generator, folder: Path) -> str:
    """Something else in the place of the manifest."""
    path = folder / NAME
    path.unlink()
    which = int(rng.integers(6))
    if which == 0:
        path.mkdir()
    elif which == 1:
        os.mkfifo(path)
    elif which == 2:
        path.symlink_to(NAME)
    elif which == 3:
        path.symlink_to("not-there")
    elif which == 4:
        path.symlink_to("/dev/zero")
    what = ("a folder", "a pipe", "a link to itself", "a link to nothing", "a link to endless zeros", "missing")
    return f"manifest: {what[which]}"


def _load(folder: Path) -> dict:
    return json.loads((folder / NAME).read_text())


def _save(folder: Path, values: dict) -> None:
    (folder / NAME).write_text(json.dumps(values))


def _any(rng: Generator, values: dict) -> str:
    names = sorted(values)
    return names[rng.integers(len(names))]


def _fit_content_hash(values: dict) -> None:
    lines = "".join(f"{name} {shard['sha256']}\n" for name, shard in sorted(values["shards"].items()))
    values["content_hash"] = hashlib.sha256(lines.encode("utf-8", "replace")).hexdigest()


def _random_place(rng: Generator, values: dict) -> tuple[dict | list, str | int, str]:
    """(container, key in it, path in words); every top-level key is as likely as any other."""
    parent, key = values, _any(rng, values)
    place = key
    while isinstance(parent[key], dict | list) and parent[key] and rng.integers(5):
        parent = parent[key]
        key = _any(rng, parent) if isinstance(parent, dict) else int(rng.integers(len(parent)))
        place += f"[{key!r}]"
    return parent, key, place


MANIFEST_ATTACKS: tuple[Callable[[Generator, Path], str], ...] = (
    wrong_value,
    wrong_value,
    wrong_value,
    missing_key,
    unknown_key,
    wrong_counts,
    counts_and_examples,
    wrong_hash,
    path_that_leads_out,
    another_schema,
    broken_json,
    no_manifest,
)
