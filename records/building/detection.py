"""MTCNN with the networks of the `mtcnn` package."""

from __future__ import annotations

import functools
import importlib.resources
from typing import TYPE_CHECKING

import numpy as np

from faces import FaceDetector, Networks

if TYPE_CHECKING:
    import keras

INPUT_SIDES = {"pnet": None, "rnet": 24, "onet": 48}  # side of each network's input; P-Net takes images of any size


@functools.cache
def face_detector() -> FaceDetector:
    """MTCNN, loaded at the first call in each process."""
    return FaceDetector(
        Networks(**{name: _traced(network, INPUT_SIDES[name]) for name, network in mtcnn_networks().items()})
    )


def mtcnn_networks() -> dict[str, keras.Model]:
    """`pnet`, `rnet` and `onet` with the weights of the `mtcnn` package; inputs and outputs as in `Networks`.

    The weights are loaded by their full path, because the package itself would first look in the working directory and
    unpickle a foreign file there.
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
    """The network as a function of arrays. It runs as one graph, because eager calls take three times as long."""
    import tensorflow as tf

    graph = tf.function(network, input_signature=[tf.TensorSpec((None, side, side, 3), tf.float32)])

    def call(images: np.ndarray) -> tuple[np.ndarray, ...]:
        with tf.device("CPU:0"):
            return tuple(output.numpy() for output in graph(tf.constant(images, tf.float32)))

    return call
