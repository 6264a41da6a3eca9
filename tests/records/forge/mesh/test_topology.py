"""Topologies: every index is a point of the mesh, and curves run as they say."""

import dataclasses

import numpy as np
import pytest

from records.forge.mesh import MEDIAPIPE, RENDERED, find_mesh
from records.forge.people import RenderedFaces


@pytest.fixture(scope="module")
def meshes():
    """The same rendered face, as drawn and as the network finds it."""
    clip = RenderedFaces(0, 208, 1).clip("000")
    found, _ = find_mesh(np.rint(clip.frames[0]).astype(np.uint8), clip.points[0])
    return {RENDERED: clip.meshes[0], MEDIAPIPE: found[:, :2]}


@pytest.mark.parametrize("topology", [MEDIAPIPE, RENDERED], ids=["mediapipe", "rendered"])
def test_parts_are_where_their_names_say(topology, meshes):
    mesh = meshes[topology]
    assert mesh.shape == (topology.size, 2)
    middle = {
        field.name: mesh[list(getattr(topology, field.name))].mean(axis=0)
        for field in dataclasses.fields(topology)
        if field.name != "size"
    }
    assert middle["left_eye"][0] < middle["nose"][0] < middle["right_eye"][0]
    assert middle["left_brow"][1] < middle["left_eye"][1] < middle["nose"][1] < middle["outer_lips"][1]
    lips = mesh[list(topology.outer_lips)]
    assert lips[0, 0] == lips[:, 0].min()
    assert lips[10, 0] == lips[:, 0].max()
    assert lips[5, 1] > lips[15, 1]  # the lower lip comes first


def test_both_meshes_of_one_face_agree(meshes):
    side = 208
    for part in ("left_eye", "right_eye", "outer_lips", "left_brow"):
        drawn, found = (mesh[list(getattr(topology, part))].mean(axis=0) for topology, mesh in meshes.items())
        assert np.linalg.norm(drawn - found) < 0.035 * side, part


def test_parts_of_the_rendered_mesh_do_not_overlap_and_leave_no_point_out():
    indices = [index for field in dataclasses.fields(RENDERED)[1:] for index in getattr(RENDERED, field.name)]
    assert sorted(indices) == list(range(RENDERED.size))
