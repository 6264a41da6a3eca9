"""Tests of records/forge/networks/faces.py."""

import subprocess
import sys

import numpy as np

from records.forge.networks.faces import crop_everybody
from records.forge.people import RenderedFaces


def test_the_order_is_that_of_the_names_for_any_number_of_workers(faces, crops):
    names = [f"{number:03d}" for number in range(6)]
    made = crop_everybody(faces, names[::-1], workers=2)
    for name in ("pictures", "meshes", "references", "lower_faces", "lips"):
        np.testing.assert_array_equal(getattr(made, name)[::-1], getattr(crops, name), name)
    assert (made.people, made.frames) == (6, 3)
    assert made.topology == crops.topology
    assert made.pictures.dtype == made.references.dtype == np.uint8


def test_a_worker_crops_without_tensorflow():
    code = (
        "import sys; from records.forge.networks.faces import _crop; from records.forge.people import RenderedFaces; "
        "from records.forge.networks.guides import clip_guides; _crop(RenderedFaces(0, 96, 1), 0, '000'); "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_frame_is_enough():
    made = crop_everybody(RenderedFaces(0, 96, 1), ["000"], workers=1)
    assert made.pictures.shape == made.references.shape == (1, 1, 64, 64, 3)
