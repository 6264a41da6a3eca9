"""ResNet-18's parts: the published parameter count, and padding as the ImageNet weights expect it."""

import keras
import numpy as np
import pytest

from tfafsr import resnet
from tfafsr.layers import FusedBatchNormalization


def test_has_resnet18s_parameters():
    # torchvision's ResNet-18 has 11,689,512, of which 513,000 are the classifier's.
    image = keras.Input((225, 225, 3))
    streams = resnet.max_pool(resnet.stem([image], 64, name="stem"), name="stem")
    sizes = [streams[0].shape[1]]
    for number, factor in enumerate((1, 2, 4, 8), 1):
        streams = resnet.stage(streams, 64 * factor, 1 if number == 1 else 2, name=f"stage{number}")
        sizes.append(streams[0].shape[1])
    model = keras.Model(image, streams[0])
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_variables) == 11_689_512 - 513_000
    assert sizes == [57, 57, 29, 15, 8]
    for layer in model.layers:
        if isinstance(layer, FusedBatchNormalization):
            assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize(("kernel", "stride"), [(7, 2), (3, 2), (3, 1), (1, 2)])
def test_every_kernel_is_centred_on_a_multiple_of_the_stride(size, kernel, stride):
    """Kernels of one: each output is the sum of the window around pixel i * stride, zeros outside the image."""
    image = keras.Input((size, size, 1))
    model = keras.Model(image, resnet.conv_bn([image], 1, kernel, stride, relu=False, name="unit")[0])
    model.get_layer("unit_conv").set_weights([np.ones((kernel, kernel, 1, 1))])
    x = np.random.default_rng(0).normal(0, 1, (size, size))
    padded = np.pad(x, kernel // 2)
    expected = [
        [padded[i : i + kernel, j : j + kernel].sum() for j in range(0, size, stride)] for i in range(0, size, stride)
    ]
    outputs = model(x[None, ..., None].astype(np.float32))[0, ..., 0]
    np.testing.assert_allclose(outputs, np.array(expected) / np.sqrt(1 + 1e-5), rtol=1e-4, atol=1e-5)


def test_streams_share_convolutions_and_nothing_else():
    image, error = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    model = keras.Model([image, error], resnet.block([image, error], 4, 2, name="block"))
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") == 3
    assert kinds.count("FusedBatchNormalization") == 6
    x = np.random.default_rng(0).normal(0, 1, (2, 8, 8, 3)).astype(np.float32)
    first, second = model([x, x])
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 4, 4, 4)
