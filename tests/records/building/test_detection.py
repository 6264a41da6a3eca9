"""MTCNN with the networks of the `mtcnn` package gives the same results as that package."""

import joblib
import numpy as np

from records.building import face_detector


def test_the_detector_agrees_with_the_package(clip_frames):
    """Our detector runs graphs, the package eager calls."""
    from mtcnn import MTCNN

    frame = next(clip_frames(5, frames=1))
    (expected,) = MTCNN().detect_faces(frame, box_format="xyxy", output_type="numpy")
    (face,) = face_detector().detect(frame)
    np.testing.assert_allclose(face.box, expected[[2, 1, 4, 3]], atol=1e-3)
    np.testing.assert_allclose(face.keypoints, expected[6:].reshape(2, 5).T, atol=1e-3)


def test_weights_in_the_working_directory_are_not_loaded(tmp_path, monkeypatch):
    joblib.dump(["not weights"], tmp_path / "pnet.lz4")
    monkeypatch.chdir(tmp_path)
    face_detector.__wrapped__()
