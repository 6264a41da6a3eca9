"""Which sights are kept as pictures, and what the pictures show."""

import cv2
import numpy as np

from experiments.detection.evidence import CHANGE_GAIN, Gallery, Shot, face_of, scene_of
from faces import Face

CROP = np.full((64, 64, 3), 100, np.uint8)
POINTS = np.full((5, 2), 0.5, np.float32)


def offered(sights, kept=3):
    gallery = Gallery(kept)
    for person, second, ratio in sights:
        gallery.offer(Shot(person, int(25 * second), second, ratio, b"", b""), CROP, POINTS)
    return gallery


def test_the_most_suspicious_sights_are_kept_a_second_apart():
    gallery = offered([(1, 0.0, 0.1), (1, 0.2, 0.9), (1, 0.4, 0.5), (1, 2.0, 0.3), (1, 4.0, 0.2), (1, 6.0, 0.05)])
    assert [shot.log10_likelihood_ratio for shot in gallery.shots([1], None)] == [0.9, 0.3, 0.2]


def test_people_come_in_the_order_asked_for_and_only_four_of_them():
    gallery = offered([(person, 0.0, 0.0) for person in range(1, 7)])
    assert [shot.person for shot in gallery.shots([5, 1, 2, 6, 3], None)] == [5, 1, 2, 6]
    assert list(gallery.shots([], None)) == []


def test_the_map_is_the_change_times_the_gain():
    def explain(frames, keypoints):
        assert keypoints.shape == (1, 5, 2)
        restored = frames / 127.5 - 1.0
        restored[:, :10] += 3 / 127.5  # three grey levels
        return restored

    (shot,) = offered([(1, 0.0, 0.0)]).shots([1], explain)
    restored, change = (cv2.imdecode(np.frombuffer(file, np.uint8), -1) for file in (shot.restored, shot.change))
    assert restored.shape == (192, 192, 3)  # three times as large
    assert (restored[:30] == 103).all()
    assert (restored[30:] == 100).all()
    assert change.shape == (192, 192)
    assert (change[:30] == 3 * CHANGE_GAIN).all()
    assert (change[30:] == 0).all()


def test_pictures_keep_colours_and_frames_are_shrunk():
    red = np.zeros((900, 1200, 3), np.uint8)
    red[..., 0] = 200
    face = Face((300.0, 400.0, 600.0, 700.0), np.zeros((5, 2), np.float32), 1.0)
    scene = cv2.imdecode(np.frombuffer(scene_of(red, face), np.uint8), -1)
    assert scene.shape == (480, 640, 3)
    assert scene[0, 0, 2] > 190 > 10 > scene[0, 0, 0]
    assert (red[300, 400] == (200, 0, 0)).all(), "the frame itself is not drawn on"
    crop = cv2.imdecode(np.frombuffer(face_of(red[:64, :64]), np.uint8), -1)
    assert tuple(crop[0, 0]) == (0, 0, 200)
