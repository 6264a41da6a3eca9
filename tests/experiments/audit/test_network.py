"""The probe's network: it finds a difference of colour in people it never saw, and nothing where there is none."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from experiments.audit.network import cross_validated

PEOPLE = [f"{person:02d}" for person in range(40) for _ in range(2)]
LABELS = np.tile([0, 1], 40)


def crops(violet):
    """Two frames of 16 x 16 pixels for each clip; fakes have another colour in the middle if `violet`."""
    rng = np.random.default_rng(0)
    found = []
    for label in LABELS:
        frames = rng.normal(rng.uniform(80, 160, 3), 10, (2, 16, 16, 3))
        frames[:, 4:12, 4:12] += rng.normal(0, 15, 3) + violet * label * np.array([30, -30, 30])
        found.append(np.clip(frames, 0, 255).astype(np.uint8))
    return found


@pytest.mark.slow
def test_another_colour_is_found_and_chance_is_not():
    seen, chance = (roc_auc_score(LABELS, cross_validated(crops(violet), LABELS, PEOPLE, 30, 0)) for violet in (1, 0))
    assert seen > 0.85
    assert 0.35 < chance < 0.65


def test_a_person_is_scored_by_a_network_that_never_saw_them(monkeypatch):
    seen = []

    def fit_and_score(train, labels, test, steps, seed):
        seen.append(({int(value) for value in train[:, 0, 0, 0]}, {int(value) for value in test[:, 0, 0, 0]}))
        return np.zeros(len(test))

    monkeypatch.setattr("experiments.audit.network.fit_and_score", fit_and_score)
    numbered = [np.full((3, 16, 16, 3), int(person), np.uint8) for person in PEOPLE]
    cross_validated(numbered, LABELS, PEOPLE, 1, 0)
    assert len(seen) == 3
    assert set.union(*(tested for _, tested in seen)) == set(range(40))
    for learnt, tested in seen:
        assert not learnt & tested
        assert learnt | tested == set(range(40))
