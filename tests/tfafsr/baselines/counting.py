"""Counts parameters."""

import numpy as np


def trainable(model):
    """The number of trainable parameters."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
