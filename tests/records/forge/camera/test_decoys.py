"""Decoys do not touch the face, or cover the whole frame."""

import numpy as np
import pytest

from records.forge.camera.decoys import KINDS, PLACES, Decoy
from records.forge.geometry import region
from records.forge.people import RenderedFaces

PATCHES = np.array([(-2.0, 0.0, 1.2, 1.5), (2.0, 0.0, 1.2, 1.5)], np.float32)
COLOUR = np.array((8.0, -8.0, 8.0), np.float32)


@pytest.fixture(scope="module")
def clip():
    return RenderedFaces(0, 160, 1).clip("003")


@pytest.mark.parametrize("kind", KINDS)
def test_a_decoy_away_from_the_face_does_not_change_the_face(clip, kind):
    image, points = clip.frames[0], clip.points[0]
    edited = Decoy(kind, "away", 1.0, COLOUR, PATCHES).apply(image, points)
    changed = np.abs(edited - image).max(axis=2) > 0
    assert changed.any()
    assert not changed[region(points, 160, 160) > 0].any()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "blend"])
def test_a_decoy_of_the_frame_changes_nearly_all_pixels(clip, kind):
    edited = Decoy(kind, "frame", 1.0, COLOUR, PATCHES).apply(clip.frames[0], clip.points[0])
    assert (np.abs(edited - clip.frames[0]).max(axis=2) > 0.01).mean() > 0.9


def test_an_identity_always_has_the_same_decoy_and_all_kinds_occur():
    decoys = [Decoy.of(0, f"{number:03d}") for number in range(200)]
    assert {decoy.kind for decoy in decoys} == set(KINDS)
    assert {decoy.place for decoy in decoys} == set(PLACES)
    assert all(decoy.place == "away" for decoy in decoys if decoy.kind == "blend")
    assert Decoy.of(0, "007").name == Decoy.of(0, "007").name == f"{decoys[7].kind}-{decoys[7].place}"
