"""Tests of records/forge/networks/guides.py."""

import numpy as np

from records.forge.networks import source_frame
from records.forge.networks.drawings import drawn_lips
from records.forge.networks.guides import clip_guides, training_references


def difference(a, b):
    """Mean of |a - b| in the middle of two crops."""
    return np.abs(a.astype(float) - b)[..., 12:-8, 14:-14, :].mean()


def test_a_training_reference_is_another_frame_brought_to_the_mesh(crops):
    """It is nearer to its frame than the frame that it was made from."""
    made_from = np.roll(crops.pictures, -1, axis=1)
    assert difference(crops.references, crops.pictures) < 0.9 * difference(made_from, crops.pictures)
    assert difference(crops.references, crops.pictures) > 0.2


def test_one_frame_is_its_own_reference(crops):
    alone = training_references(crops.pictures[0, :1], crops.meshes[0, :1])
    assert difference(alone, crops.pictures[0, :1]) < 0.6


def test_guides_show_the_source_and_the_lips_of_the_target_changed(crops):
    number, references, lips = clip_guides(7, crops.meshes[0], crops.pictures[1], crops.meshes[1], crops.topology)
    frames = [source_frame(t, crops.frames) for t in range(crops.frames)]
    assert number == 7
    assert references.dtype == lips.dtype == np.uint8
    assert difference(references, crops.pictures[1, frames]) < 0.5 * difference(references, crops.pictures[0])
    assert lips.shape == crops.lips[0].shape
    assert np.abs(lips.astype(int) - crops.lips[0]).max() > 100
    centres = [np.argwhere(maps[..., 0] > 128).mean(axis=0) for maps in (lips[0], crops.lips[0, 0])]
    np.testing.assert_allclose(*centres, atol=2.0)


def test_a_face_guided_by_itself_keeps_its_expression(crops):
    still = np.repeat(crops.meshes[0, :1], 3, axis=0), np.repeat(crops.pictures[0, :1], 3, axis=0)
    _, references, lips = clip_guides(0, still[0], still[1], still[0], crops.topology)
    assert difference(references, still[1]) < 0.6
    np.testing.assert_array_equal(lips[0], drawn_lips(still[0][0], crops.topology))
