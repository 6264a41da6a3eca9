"""MTCNN on LiteRT finds the faces that the mtcnn package finds."""

import numpy as np
import pytest

from records.building import face_detector
from savedmodel_export.edge_runtime.errors import EdgeError
from savedmodel_export.edge_runtime.network import load_face_detector

PIXELS = 0.01  # how far a box or a key point may lie from the package's; 0.0015 was measured on real videos


@pytest.fixture(scope="module")
def both(bundle):
    return load_face_detector(bundle, threads=2), face_detector()


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.box, theirs.box, atol=PIXELS)
        np.testing.assert_allclose(ours.keypoints, theirs.keypoints, atol=PIXELS)
        assert ours.score == pytest.approx(theirs.score, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("side", [160, 320, 611])
def test_one_person_at_several_sizes(both, portrait, side):
    for number in range(3):
        frame = portrait(number, side)
        expected = both[1].detect(frame)
        assert len(expected) == 1
        assert_same(both[0].detect(frame), expected)


@pytest.mark.slow
def test_two_people_beside_each_other_and_one_at_the_edge(both, portrait):
    frame = np.concatenate([portrait(0, 320), portrait(1, 320)], axis=1)
    expected = both[1].detect(frame)
    assert len(expected) == 2
    assert_same(both[0].detect(frame), expected)
    cut = np.ascontiguousarray(frame[40:, 70:])
    assert_same(both[0].detect(cut), both[1].detect(cut))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(20, 30, 3), (64, 64, 3), (240, 320, 3)])
def test_no_face_is_an_empty_list(both, shape):
    rng = np.random.default_rng(0)
    for frame in (np.full(shape, 127, np.uint8), rng.integers(0, 256, shape, dtype=np.uint8)):
        assert both[0].detect(frame) == both[1].detect(frame) == []


def test_what_is_no_rgb_frame_is_refused(both):
    with pytest.raises(ValueError, match="rgb must be uint8"):
        both[0].detect(np.zeros((64, 64), np.uint8))


def test_a_missing_and_a_damaged_network_are_named(bundle, tmp_path):
    with pytest.raises(EdgeError, match=r"pnet\.tflite does not exist"):
        load_face_detector(tmp_path)
    (tmp_path / "pnet.tflite").write_bytes(b"nothing")
    with pytest.raises(EdgeError, match=r"cannot load .*pnet\.tflite"):
        load_face_detector(tmp_path)
