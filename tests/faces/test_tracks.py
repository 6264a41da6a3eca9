"""The longest track chooses one person for each clip."""

import numpy as np

from faces import Face, longest_track


def face(x, size=100.0, y=0.0):
    return Face((y, x, y + size, x + size), np.zeros((5, 2), np.float32), 0.9)


def test_the_longest_track_is_preferred_to_the_largest_face():
    stays = [face(10 * t) for t in range(5)]
    passes = face(500, size=300)
    frames = [[stays[0]], [passes, stays[1]], [passes, stays[2]], [stays[3]], [stays[4]]]
    assert longest_track(frames) == stays


def test_of_two_equally_long_tracks_that_of_the_larger_face_is_chosen():
    small, large = face(0), face(500, size=120)
    assert longest_track([[large, small], [small, large]]) == [large, large]


def test_a_track_goes_on_after_frames_without_its_face():
    a, b = face(0), face(15)
    assert longest_track([[a], [], [face(600, size=50)], [b]]) == [a, None, None, b]


def test_no_faces_at_all():
    assert longest_track([[], []]) == [None, None]
    assert longest_track([]) == []
