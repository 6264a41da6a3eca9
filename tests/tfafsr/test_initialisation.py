"""A ResNet-18 of keras-hub, mapped onto AFSR's encoder and TFE: the same features come out."""

import keras
import numpy as np
import pytest
from keras_hub.models import ResNetBackbone

from tfafsr import Detector
from tfafsr.initialisation import MEAN, SPREAD, begin_with_resnet18

SIZE = 225


@pytest.fixture(scope="module")
def backbone():
    """With random weights, also of batch normalisation."""
    model = ResNetBackbone([64], [7], [64, 128, 256, 512], [2, 2, 2, 2], [1, 2, 2, 2], "basic_block")
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            values = (rng.uniform(0.5, 1.5, shape), rng.normal(0, 0.2, shape), rng.normal(0, 0.2, shape))
            layer.set_weights([*values, rng.uniform(0.5, 1.5, shape)])
    return model


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).uniform(-1, 1, (1, SIZE, SIZE, 3)).astype(np.float32)


def part(model, before, after):
    """The network between two layers."""
    return keras.Model(model.get_layer(before).output, model.get_layer(after).output)


def close(found, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(np.asarray(found) / scale, np.asarray(expected) / scale, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("fusion", ["early", "late"])
def test_the_same_features_come_out(backbone, image, fusion):
    detector = Detector(fusion=fusion)
    begin_with_resnet18(detector, backbone, mean=None, spread=None)
    maps = keras.Model(backbone.input, backbone.pyramid_outputs)(image)
    close(part(detector, "frame_scale", "afsr_stage4b_relu")(image), maps["P5"])
    for stream, before in (("image", "afsr_tanh"), ("error", "error_scale")):
        close(part(detector, before, f"tfe_{stream}_stage1b_relu")(image), maps["P2"])
    if fusion == "early":
        close(part(detector, "tfe_fusion", "tfe_stage4b_relu")(maps["P2"]), maps["P5"])
    else:
        streams = [detector.get_layer(f"tfe_{stream}_stage1b_relu").output for stream in ("image", "error")]
        trunk = keras.Model(streams, detector.get_layer("tfe_fusion").output)
        close(trunk([maps["P2"], maps["P2"]]), 2 * np.asarray(maps["P5"]))


def test_colours_are_scaled_as_the_backbone_saw_them(backbone, image):
    """Away from the border, where zeros mean another colour."""
    detector = Detector(error_image="ela+residual", output="residual")
    stem, first, other = 2, 2 * 4, 2 * 4 + 2  # layers of a stem, of the first stage, of another one with its shortcut
    assert begin_with_resnet18(detector, backbone) == 3 * (stem + first) + 2 * 3 * other
    stem = part(detector, "frame_scale", "afsr_stem_relu")(image)
    seen = ((image / 2 + 0.5 - MEAN) / SPREAD).astype(np.float32)
    expected = part(backbone, backbone.layers[0].name, "conv1_relu")(seen)
    close(stem[:, 2:-2, 2:-2], expected[:, 2:-2, 2:-2])
    six = detector.get_layer("tfe_error_stem_conv").kernel
    assert np.allclose(six[:, :, :3], six[:, :, 3:])
    assert np.allclose(2 * six[:, :, :3], detector.get_layer("tfe_image_stem_conv").kernel)


def test_another_network_is_refused(backbone):
    with pytest.raises(ValueError, match=r"ResNet-18 has width=64 and blocks=2; the detector has .*'width': 4"):
        begin_with_resnet18(Detector(size=64, width=4, blocks=1), backbone)
    deeper = ResNetBackbone([64], [7], [64, 128, 256, 512], [1, 1, 1, 1], [1, 2, 2, 2], "basic_block")
    with pytest.raises(ValueError, match="no layer stack0_block1_1_conv: it is no ResNet-18 of keras-hub"):
        begin_with_resnet18(Detector(), deeper)
