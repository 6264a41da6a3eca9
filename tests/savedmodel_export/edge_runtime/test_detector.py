"""The detector on a device answers like the Keras model on the same face."""

import hashlib
import json
import zipfile

import numpy as np
import pytest

from faces import crop_box, crop_square, normalise_keypoints
from savedmodel_export import convert
from savedmodel_export.edge_runtime.detector import SCORES, Detector
from savedmodel_export.edge_runtime.errors import EdgeError
from savedmodel_export.edge_runtime.network import load_face_detector

TOLERANCE = {"none": 1e-4, "float16": 5e-3, "dynamic": 0.05, "int8": 0.15}  # of the probability on one face


@pytest.fixture(scope="module")
def looked_at(bundle, portrait):
    """Four frames, their faces, and the crops and key points that the runtime makes of them."""
    device, faces = Detector(bundle), load_face_detector(bundle)
    frames = [portrait(number, 320) for number in range(4)]
    found = [faces.detect(frame)[0] for frame in frames]
    return frames, found, [device.crop_face(frame, face) for frame, face in zip(frames, found, strict=True)]


def test_crops_and_key_points_are_those_of_the_records(looked_at):
    for frame, face, (image, keypoints) in zip(*looked_at, strict=True):
        box = crop_box(face.box)
        np.testing.assert_array_equal(image, crop_square(frame, box, 64))
        np.testing.assert_allclose(keypoints, normalise_keypoints(face.keypoints, box), atol=1e-6)


def test_a_crop_beyond_the_frame_repeats_its_edge(bundle, looked_at):
    frames, found, _ = looked_at
    y0, x0, y1, x1 = (int(value) for value in found[0].box)
    narrow = np.ascontiguousarray(frames[0][y0:y1, x0:x1])
    moved = type(found[0])((0, 0, y1 - y0, x1 - x0), found[0].keypoints - [x0, y0], 1.0)
    image, _ = Detector(bundle).crop_face(narrow, moved)
    np.testing.assert_array_equal(image, crop_square(narrow, crop_box(moved.box), 64))


@pytest.mark.slow
@pytest.mark.parametrize("quantize", TOLERANCE)
def test_every_form_answers_like_keras(quantize, detector, looked_at, tmp_path):
    crops = np.stack([image for image, _ in looked_at[2]])
    points = np.stack([keypoints for _, keypoints in looked_at[2]])
    expected = detector.deployed().predict({"frame": crops, "keypoints": points}, verbose=0)
    expected = {name: values[:, 0] for name, values in expected.items() if name in SCORES}
    assert np.ptp(expected["probability"]) > 0.05
    representative = [{"frame": crops, "keypoints": points}] if quantize == "int8" else None
    (tmp_path / "detector.tflite").write_bytes(convert(detector, quantize, representative))
    device = Detector(tmp_path, threads=2)
    found = device.scores(crops, points)
    assert set(found) == set(SCORES)
    for name, factor in (("probability", 1), ("log10_likelihood_ratio", 2)):  # near 0.5, 1.74 times the probability
        np.testing.assert_allclose(found[name], expected[name], atol=factor * TOLERANCE[quantize])
    one = device.scores(crops[:1], points[:1])["probability"]
    np.testing.assert_allclose(one, expected["probability"][:1], atol=TOLERANCE[quantize])


def test_a_network_of_an_earlier_version_is_refused(bundle, tmp_path):
    content = (bundle / "detector.tflite").read_bytes()
    network = content[: content.index(b"PK\x03\x04")].replace(b"log10_likelihood_ratio", b"log10_likelihood_rati_")
    description = {**Detector(bundle).description, "sha256": hashlib.sha256(network).hexdigest()}
    (tmp_path / "detector.tflite").write_bytes(network)
    with zipfile.ZipFile(tmp_path / "detector.tflite", "a") as archive:
        archive.writestr("tfafsr.json", json.dumps(description))
    with pytest.raises(EdgeError, match="lacks the output log10_likelihood_ratio: an earlier version exported it"):
        Detector(tmp_path)


def test_the_file_describes_itself(bundle):
    described = Detector(bundle).description
    assert described["size"] == 64
    assert described["calibration"] == {"scale": pytest.approx(0.6), "bias": pytest.approx(0.25)}
    assert described["labels"] == ["real", "manipulated"]


def test_another_projects_network_is_refused(bundle, tmp_path):
    (tmp_path / "detector.tflite").write_bytes((bundle / "onet.tflite").read_bytes())
    with pytest.raises(EdgeError, match="is no detector that `tfafsr export` wrote"):
        Detector(tmp_path)
