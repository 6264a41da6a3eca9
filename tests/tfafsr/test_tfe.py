"""TFE: resolution of m_cnn, both fusions and the three poolings."""

import keras
import numpy as np
import pytest

from tfafsr.tfe import strides, tfe


def build(size: int = 64, **options) -> keras.Model:
    image, error, keypoints = keras.Input((size, size, 3)), keras.Input((size, size, 3)), keras.Input((5, 2))
    return keras.Model([image, error, keypoints], tfe(image, error, keypoints, width=4, **options))


def inputs(size: int = 64, shift: float = 0.0) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    image, error = rng.uniform(-1, 1, (2, 2, size, size, 3)).astype(np.float32)
    return [image, error, rng.uniform(0.2, 0.8, (2, 5, 2)).astype(np.float32) + np.float32(shift)]


@pytest.mark.parametrize(
    ("size", "expected", "cells"),
    [(64, (2, 1, 1), 8), (65, (2, 1, 1), 9), (96, (2, 1, 1), 12), (128, (2, 2, 1), 8), (225, (2, 2, 2), 8)],
)
def test_features_are_never_coarser_than_8_by_8(size, expected, cells):
    assert strides(size) == expected
    model = build(size)
    assert model.get_layer("tfe_stage4b_relu").output.shape == (None, cells, cells, 32)
    assert model.get_layer("tfe_heatmaps").output.shape == (None, cells, cells, 5)
    assert model.output_shape == (None, 32)


@pytest.mark.parametrize("pooling", ["fp", "gap", "gmp"])
def test_only_fusion_pooling_looks_at_the_key_points(pooling):
    model = build(pooling=pooling)
    moved = np.abs(model(inputs()) - model(inputs(shift=0.1))).max()
    assert (moved > 1e-3) == (pooling == "fp")


def test_gap_and_gmp_are_mean_and_maximum_of_the_features():
    for pooling, reduce in (("gap", np.mean), ("gmp", np.max)):
        model = build(pooling=pooling)
        features = keras.Model(model.inputs, model.get_layer("tfe_stage4b_relu").output)(inputs()).numpy()
        np.testing.assert_allclose(model(inputs()), reduce(features, axis=(1, 2)), rtol=1e-4, atol=1e-6)


def test_late_fusion_shares_convolutions_and_sums_behind_the_trunk():
    early, late = build(), build(fusion="late")

    def count(model: keras.Model, kind: str) -> int:
        return sum(type(layer).__name__ == kind for layer in model.layers)

    assert count(late, "Conv2D") == count(early, "Conv2D")
    # Two streams of 5 normalizations and a trunk of 15, which late fusion needs twice.
    assert (count(early, "FusedBatchNormalization"), count(late, "FusedBatchNormalization")) == (25, 40)
    names = [f"tfe_stage4b_relu_{number}" for number in (1, 2)]
    parts = keras.Model(late.inputs, [late.get_layer(name).output for name in (*names, "tfe_fusion")])(inputs())
    np.testing.assert_allclose(parts[0] + parts[1], parts[2], rtol=1e-6)
    assert late(inputs()).shape == (2, 32)


@pytest.mark.parametrize("option", ["pooling", "fusion"])
def test_refuses_an_unknown_option(option):
    with pytest.raises(ValueError, match=f"{option} must be one of .* received 'middle'"):
        build(**{option: "middle"})
