"""Attacks evaluation, training and `inspect` with damaged records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from experiments.attacks.child import Attack
from experiments.attacks.intact_records import COMPRESSIONS, difference, everything_read, write_intact_records
from experiments.attacks.manifest_damage import MANIFEST_ATTACKS
from experiments.attacks.outcomes import HARMLESS, refusal
from experiments.attacks.shard_damage import SHARD_ATTACKS
from records.errors import DataError
from records.shards import FIELDS

# Two thirds of the attacks are on shards.
ATTACKS = (*SHARD_ATTACKS, *MANIFEST_ATTACKS)
NAMES = (".tfrecord", "manifest.json", "schema version", *(field.name for field in FIELDS))


class RecordsTarget:
    """Attacks the readers of records; see `child.Target`."""

    seconds = 120.0
    memory = 640 * 2**20

    def __init__(self, workspace: Path, seed: int) -> None:
        self.seed, self.intact, self.damaged = seed, workspace / "intact", workspace / "damaged"
        expected = workspace / "expected.json"
        if not expected.exists():
            write_intact_records(self.intact)
            results = {level: everything_read(self.intact, level) for level in COMPRESSIONS}
            expected.write_text(json.dumps(results))
        self.expected = json.loads(expected.read_text())

    def attack(self, number: int) -> Attack:
        """Damages a copy of the records; the kinds of damage follow each other in the order of ATTACKS."""
        rng = np.random.default_rng((self.seed, number))
        shutil.rmtree(self.damaged, ignore_errors=True)
        shutil.copytree(self.intact, self.damaged)
        damage = ATTACKS[number % len(ATTACKS)]
        return damage(rng, self.damaged), lambda: self._read(COMPRESSIONS[number % len(COMPRESSIONS)])

    def _read(self, compression: str) -> tuple[str, str]:
        try:
            found = everything_read(self.damaged, compression)
        except DataError as error:
            return refusal(str(error), NAMES)
        differs = difference(json.loads(json.dumps(found)), self.expected[compression])
        return ("silent", differs) if differs else (HARMLESS, "")
