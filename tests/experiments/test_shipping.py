"""The files that ship beside the weights are those that the weights and the mtcnn package give."""

import numpy as np

from experiments.detection import DEFAULT, open_model, shipped
from records.building import mtcnn_networks
from savedmodel_export.edge_runtime import Detector as EdgeDetector
from savedmodel_export.edge_runtime.network import Network
from tfafsr.weights import read_weights


def test_the_shipped_network_answers_like_the_weights():
    detector = read_weights(DEFAULT).detector()
    rng = np.random.default_rng(0)
    size = detector.options["size"]
    frames = np.clip(rng.normal(120, 20, (2, size, size, 3)), 0, 255).astype(np.uint8)
    keypoints = rng.uniform(0.3, 0.7, (2, 5, 2)).astype(np.float32)
    expected = detector.deployed().predict_on_batch({"frame": frames, "keypoints": keypoints})
    network = EdgeDetector(shipped() / f"{DEFAULT}.tflite")
    scores = network.scores(frames, keypoints)["log10_likelihood_ratio"]
    np.testing.assert_allclose(scores, expected["log10_likelihood_ratio"][:, 0], atol=2e-3)
    np.testing.assert_allclose(network.explain(frames, keypoints), expected["reconstruction"], atol=2e-3)


def test_the_shipped_face_finder_is_the_packages():
    rng = np.random.default_rng(0)
    for name, keras_network in mtcnn_networks().items():
        side = {"pnet": 40, "rnet": 24, "onet": 48}[name]
        image = rng.uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
        network = Network(shipped() / "mtcnn" / f"{name}.tflite")
        found = network(**{network.inputs[0]: image})
        expected = [np.asarray(output) for output in keras_network(image, training=False)]
        for output in expected:
            assert any(
                np.shape(other) == output.shape and np.allclose(other, output, atol=1e-4) for other in found.values()
            )


def test_the_weights_that_ship_need_no_tensorflow_and_bring_their_errors():
    model = open_model(None)
    assert model.explain is not None
    assert model.card is None or model.card.rows
