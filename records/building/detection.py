"""MTCNN with the networks of the `mtcnn` package."""

from __future__ import annotations

import functools
import importlib.resources
from typing import TYPE_CHECKING

import numpy as np

from faces.mtcnn import FaceDetector, Networks

if TYPE_CHECKING:
    import keras

PATCHES = {"pnet": None, "rnet": 24, "onet": 48}  # side of what each network takes; P-Net takes images of any size


@functools.cache
def face_detector() -> FaceDetector:
    """This process's own MTCNN; loaded at the first call."""
    return FaceDetector(
        Networks(**{name: _traced(network, PATCHES[name]) for name, network in mtcnn_networks().items()})
    )


def mtcnn_networks() -> dict[str, keras.Model]:
    """`pnet`, `rnet` and `onet` with the weights inside the `mtcnn` package; inputs and outputs as in `Networks`.

    The weights are named by their full path: the package itself looks in the working directory first and would
    unpickle what somebody left there.
    """
    import joblib
    from mtcnn.network.onet import ONet
    from mtcnn.network.pnet import PNet
    from mtcnn.network.rnet import RNet

    weights = importlib.resources.files("mtcnn.assets.weights")
    networks = {"pnet": PNet(), "rnet": RNet(), "onet": ONet()}
    for name, network in networks.items():
        network.build()
        network.set_weights(joblib.load(str(weights / f"{name}.lz4")))
    return networks


def _traced(network: keras.Model, side: int | None):
    """The network as a function of arrays: one graph for all sizes, since eager calls take three times as long."""
    import tensorflow as tf

    graph = tf.function(network, input_signature=[tf.TensorSpec((None, side, side, 3), tf.float32)])

    def call(images: np.ndarray) -> tuple[np.ndarray, ...]:
        with tf.device("CPU:0"):
            return tuple(output.numpy() for output in graph(tf.constant(images, tf.float32)))

    return call
