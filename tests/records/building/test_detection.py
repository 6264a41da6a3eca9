"""MTCNN as building runs it: the networks of the `mtcnn` package, and their results."""

import joblib
import numpy as np

from records.building import face_detector


def test_it_is_the_mtcnn_of_the_package(clip_frames):
    """Our graphs and the package's own eager calls agree."""
    from mtcnn import MTCNN

    frame = next(clip_frames(5, frames=1))
    (theirs,) = MTCNN().detect_faces(frame, box_format="xyxy", output_type="numpy")
    (ours,) = face_detector().detect(frame)
    np.testing.assert_allclose(ours.box, theirs[[2, 1, 4, 3]], atol=1e-3)
    np.testing.assert_allclose(ours.keypoints, theirs[6:].reshape(2, 5).T, atol=1e-3)


def test_weights_in_the_working_directory_are_left_alone(tmp_path, monkeypatch):
    joblib.dump(["not weights"], tmp_path / "pnet.lz4")
    monkeypatch.chdir(tmp_path)
    face_detector.__wrapped__()
