"""Each method changes only the face, and keeps about its sharpness."""

import cv2
import numpy as np
import pytest

from records.forge.geometry import region
from records.forge.manipulations import METHODS, Manipulation
from records.forge.networks import face_crop
from records.forge.people import RenderedFaces

SIZE = 192


@pytest.fixture(scope="module")
def clips():
    faces = RenderedFaces(0, SIZE, 2)
    return faces.clip("000"), faces.clip("001")


def forge(method, seed, name, target, source):
    """(image, mask) of the second frame; the networks' pictures are the source's crop and the target's."""
    manipulation = Manipulation(method, seed, name, "001", 2, target.topology)
    swapped, mouth = (np.rint(face_crop(clip.frames[1], clip.points[1])) for clip in (source, target))
    return manipulation.apply(1, target.face(1), source.face(0), swapped.astype(np.uint8), mouth.astype(np.uint8))


@pytest.fixture(scope="module", params=METHODS)
def forged(request, clips):
    target, source = clips
    return forge(request.param, 0, "000", target, source)


def test_pixels_outside_of_the_mask_hardly_change(forged, clips):
    image, mask = forged
    target = clips[0]
    change = np.abs(image - target.frames[1]).max(axis=2)
    outside = region(target.points[1], SIZE, SIZE) == 0
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 255}
    assert not mask[outside].any()
    assert change[outside].max() == 0
    # The mask is 255 from an opacity of 5% on; changes below that are too small to be seen.
    assert np.quantile(change[mask == 0], 0.999) < 8


def test_the_face_changes_inside_of_the_mask(forged, clips):
    image, mask = forged
    change = np.abs(image - clips[0].frames[1]).mean(axis=2)
    assert 0.02 < (mask > 0).mean() < 0.5
    assert change[mask > 0].mean() > 4


def test_sharpness_does_not_tell_the_label(forged, clips):
    image, mask = forged
    sharpness = [
        np.square(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_32F))[mask > 0].mean()
        for frame in (image, clips[0].frames[1])
    ]
    assert 0.4 < sharpness[0] / sharpness[1] < 2.5


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_and_names_give_equal_faces_and_others_do_not(method, clips):
    target, source = clips

    def face(seed, target_name):
        return forge(method, seed, target_name, target, source)[0]

    np.testing.assert_array_equal(face(0, "000"), face(0, "000"))
    assert np.abs(face(0, "000") - face(1, "000")).max() > 1
    assert np.abs(face(0, "000") - face(0, "009")).max() > 1
