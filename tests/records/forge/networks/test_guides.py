"""Tests of records/forge/networks/guides.py."""

import numpy as np

from records.forge.networks import source_frame
from records.forge.networks.drawings import drawn_lips
from records.forge.networks.guides import clip_guides, training_references


def difference(a, b):
    """Mean of |a - b| in the middle of two crops."""
    return np.abs(a.astype(float) - b)[..., 12:-8, 14:-14, :].mean()


def test_a_training_reference_is_a_neighbouring_frame_brought_to_the_mesh(crops):
    """It is nearer to its frame than the frame that it was made from."""
    made_from = crops.pictures[:, [1, 2, 1]]
    assert difference(crops.references, crops.pictures) < 0.9 * difference(made_from, crops.pictures)
    assert difference(crops.references, crops.pictures) > 0.2


def test_one_frame_is_its_own_reference(crops):
    alone = training_references(crops.pictures[0, :1], crops.meshes[0, :1])
    assert difference(alone, crops.pictures[0, :1]) < 0.6


def guides_of(crops, target, source):
    """The guides of the clip of `target` with the face of `source`."""
    arrays = (array[person] for person in (target, source) for array in (crops.pictures, crops.meshes))
    number, guides = clip_guides(7, *arrays, crops.topology)
    assert number == 7
    return guides


def test_guides_show_each_face_with_the_others_expression(crops):
    guides = guides_of(crops, target=0, source=1)
    frames = [source_frame(t, crops.frames) for t in range(crops.frames)]
    assert guides.persons.dtype == guides.textures.dtype == guides.lips.dtype == np.uint8
    assert difference(guides.persons, crops.pictures[1, frames]) < 0.5 * difference(guides.persons, crops.pictures[0])
    assert difference(guides.textures, crops.pictures[0]) < 0.5 * difference(guides.textures, crops.pictures[1, frames])
    assert difference(guides.persons, crops.pictures[1, frames]) > 0.3
    assert difference(guides.textures, crops.pictures[0]) > 0.1


def test_the_lips_change_and_stay_where_they_are(crops):
    guides = guides_of(crops, target=0, source=1)
    assert guides.lips.shape == crops.lips[0].shape
    assert np.abs(guides.lips.astype(int) - crops.lips[0]).max() > 100
    centres = [np.argwhere(maps[..., 0] > 128).mean(axis=0) for maps in (guides.lips[0], crops.lips[0, 0])]
    np.testing.assert_allclose(*centres, atol=2.0)


def test_a_face_guided_by_itself_keeps_its_expression(crops):
    pictures, meshes = (np.repeat(array[0, :1], 3, axis=0) for array in (crops.pictures, crops.meshes))
    _, guides = clip_guides(0, pictures, meshes, pictures, meshes, crops.topology)
    assert difference(guides.persons, pictures) < 0.6
    assert difference(guides.textures, pictures) < 0.6
    np.testing.assert_array_equal(guides.lips[0], drawn_lips(meshes[0], crops.topology))
