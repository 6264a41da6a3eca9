"""Tests of records/forge/networks/warps.py."""

import numpy as np
import pytest

from records.forge.networks.warps import toned, warped


@pytest.fixture(name="ramps")
def _ramps():
    """Pictures whose channels are the column, the row and a constant, over 64."""
    rows, columns = np.mgrid[0:64, 0:64]
    picture = np.stack((columns, rows, np.full((64, 64), 16)), axis=2).astype(np.float32) / 64
    return np.repeat(picture[None], 6, axis=0)


def test_no_warp_changes_nothing(ramps):
    moved = warped(ramps, np.random.default_rng(0), 0.0)
    np.testing.assert_allclose(moved[:, :-1, :-1], ramps[:, :-1, :-1], atol=1e-5)


def test_displacements_are_smooth_and_as_large_as_asked(ramps):
    """A ramp of 1/64 a pixel shows by its change how far each pixel was taken from."""
    moved = 64 * (warped(ramps, np.random.default_rng(0), 2.0) - ramps)[:, 8:-8, 8:-8]
    assert moved[..., :2].std() == pytest.approx(1.5, abs=0.5)
    assert np.abs(np.diff(moved[..., 0], axis=2)).max() < 1.0
    np.testing.assert_allclose(moved[..., 2], 0, atol=1e-4)
    assert np.abs(moved[0] - moved[1]).mean() > 0.5


def test_the_same_generator_gives_the_same_bytes(ramps):
    first, again, other = (toned(warped(ramps, rng, 1.0), rng, 0.1) for rng in map(np.random.default_rng, (3, 3, 4)))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert first.dtype == np.float32


def test_tones_change_and_stay_in_range(ramps):
    changed = toned(ramps, np.random.default_rng(0), 0.3)
    assert 0 <= changed.min() <= changed.max() <= 1
    assert np.abs(changed - ramps).mean() > 0.05
