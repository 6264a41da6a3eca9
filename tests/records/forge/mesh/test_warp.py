"""Warping by a mesh: triangles are mapped by their own affine maps, the rest by one."""

import numpy as np

from records.forge.mesh import triangulate, warp_mesh

SIDE = 40


def coordinates():
    """A picture whose red is x and whose green is y."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    return np.stack((x, y, 0 * x), axis=2)


def grid(step=10):
    return np.array([(x, y) for y in range(5, 36, step) for x in range(5, 36, step)], np.float32)


def test_equal_meshes_change_nothing():
    points = grid()
    warped = warp_mesh(coordinates(), points, points, triangulate(points), SIDE, SIDE)
    np.testing.assert_allclose(warped, coordinates(), atol=0.02)


def test_an_affine_map_is_followed_inside_and_outside_of_the_mesh():
    points = grid()
    target = points * 0.8 + (3, 5)
    warped = warp_mesh(coordinates(), points, target.astype(np.float32), triangulate(target), SIDE, SIDE)
    for x, y in ((10, 12), (20, 30), (4, 6)):  # the last lies outside of the mesh
        np.testing.assert_allclose(warped[y, x, :2], ((x - 3) / 0.8, (y - 5) / 0.8), atol=0.1)


def test_one_moved_point_moves_its_neighbourhood_alone():
    points = grid()
    target = points.copy()
    target[5] += (3, 0)  # at (15, 15)
    warped = warp_mesh(coordinates(), points, target, triangulate(points), SIDE, SIDE)
    np.testing.assert_allclose(warped[15, 18, :2], (15, 15), atol=0.1)
    np.testing.assert_allclose(warped[33, 33, :2], (33, 33), atol=0.1)


def test_a_triangle_without_area_is_no_error():
    points = grid()
    target = points.copy()
    target[5] = target[6]
    warped = warp_mesh(coordinates(), points, target, triangulate(points), SIDE, SIDE)
    assert np.isfinite(warped).all()


def test_pixels_stay_within_the_range_of_the_picture():
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    picture[:, 20:] = 255
    points = grid()
    warped = warp_mesh(picture, points, points * 1.05, triangulate(points), SIDE, SIDE)
    assert 0 <= warped.min() <= warped.max() <= 255
