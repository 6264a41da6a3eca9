"""The file that `make parity` compares with tensorflow-addons has the expected content."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from experiments import parity
from tfafsr.losses import triplet_hard_loss, triplet_semihard_loss


@pytest.fixture(scope="module")
def batches():
    return [*parity.draw_batches(0, sizes=(4, 10), dims=(8,), fakes=(0.2, 0.5))]


def test_batches_hold_triplets_of_two_classes_and_no_near_tie(batches):
    assert len(batches) == 4 * 2 * 2
    assert {kind for kind, _, _ in batches} == set(parity.KINDS)
    for _, labels, embeddings in batches:
        assert np.bincount(labels).min() >= 2
        assert embeddings.shape == (len(labels), 8)
        assert embeddings.dtype == np.float32
        assert not parity._near_tie(embeddings)


def test_a_near_tie_is_seen():
    # The first point is 1 away from both others, or all but.
    assert parity._near_tie(np.array([[0, 1], [1, 1], [-1, 1 + 1e-7]], np.float32))
    assert parity._near_tie(np.array([[0, 2], [1, 3], [-5, 15]], np.float32))  # only once normalised
    assert not parity._near_tie(np.array([[0, 1], [1, 1], [-2, 1.5]], np.float32))


def test_same_seed_same_batches(batches):
    again = [*parity.draw_batches(0, sizes=(4, 10), dims=(8,), fakes=(0.2, 0.5))]
    other = [*parity.draw_batches(1, sizes=(4, 10), dims=(8,), fakes=(0.2, 0.5))]
    for (_, _, first), (_, _, second), (_, _, third) in zip(batches, again, other, strict=True):
        np.testing.assert_array_equal(first, second)
        assert np.any(first != third)


def test_the_cases_are_our_losses(batches):
    arrays, cases = parity.evaluate(batches)
    assert len(cases) == 4 * len(batches)  # two losses, normalised and not
    assert {case["margin"] for case in cases} == set(parity.MARGINS)
    values = []
    for index, case in enumerate(cases):
        loss = {"semi_hard": triplet_semihard_loss, "hard": triplet_hard_loss}[case["mining"]]
        labels, embeddings = arrays[f"labels-{case['batch']}"], arrays[f"embeddings-{case['batch']}"]
        value = arrays[f"value-{index}"]
        assert value == loss(labels, embeddings, case["margin"], case["normalize"])
        assert arrays[f"gradient-{index}"].shape == embeddings.shape
        assert bool(np.any(arrays[f"gradient-{index}"])) == bool(value > 0)
        values.append(value)
    assert min(values) == 0 < max(values)  # easy batches and hard ones


def test_the_file_reads_without_pickle(tmp_path, monkeypatch):
    monkeypatch.setattr(parity.draw_batches, "__defaults__", ((4,), (8,), (0.5,)))
    path = tmp_path / "new" / "cases.npz"
    result = CliRunner().invoke(parity.main, ["export", str(path)], catch_exceptions=False)
    assert result.exit_code == 0
    with np.load(path, allow_pickle=False) as file:
        cases = [json.loads(str(text)) for text in file["cases"]]
        assert {case["kind"] for case in cases} == {*parity.KINDS, *parity.DEPARTURES}
        for index, case in enumerate(cases):
            assert file[f"gradient-{index}"].shape == file[f"embeddings-{case['batch']}"].shape
            assert file[f"value-{index}"].shape == ()
