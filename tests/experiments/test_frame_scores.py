"""What a model says of every face is the same for any number of processes."""

import dataclasses

import numpy as np
import pytest

from experiments import frame_scores, runs


@pytest.mark.slow
def test_several_processes_find_what_one_finds(trained_run, made_records):
    """The 36 faces of the split are two batches, so that a third process has nothing to do."""
    arguments = (runs.load_detector(trained_run), made_records, "train", "c40", (16,))
    alone = frame_scores.score_frames(*arguments)
    together = frame_scores.score_frames(*arguments, workers=3, run=trained_run)
    assert len(alone.logits) == 36
    for field in dataclasses.fields(alone.frames):
        one, other = (getattr(scored.frames, field.name) for scored in (alone, together))
        if field.name == "values":
            np.testing.assert_allclose(one, other, rtol=1e-4)
        else:
            np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(alone.logits, together.logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(alone.at_side[16].values, together.at_side[16].values, rtol=1e-3)
    assert alone.gains.keys() == together.gains.keys() != set()
    for name, values in alone.gains.items():
        np.testing.assert_allclose(values, together.gains[name], rtol=1e-3, atol=1e-3)
