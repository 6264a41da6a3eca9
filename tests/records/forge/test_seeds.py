"""Random numbers by name, and smooth random curves."""

import numpy as np

from records.forge.seeds import generator, smooth_path


def test_equal_names_give_equal_numbers_and_different_names_do_not():
    numbers = [generator(0, "a", "1").random(), generator(0, "a", "1").random(), generator(0, "a1").random()]
    assert numbers[0] == numbers[1] != numbers[2]


def test_a_path_is_smooth_and_bounded():
    path = smooth_path(generator(3), 100, 2.0)
    assert path.dtype == np.float32
    assert np.abs(path).max() <= 2.0
    # Sinusoids of at most 1.4 cycles in 100 frames and amplitude 2: no step is above 2 * 2 pi * 1.4 / 100.
    assert np.abs(np.diff(path)).max() < 0.18
