"""The options of forging: their ranges and choices, and that they import no large library."""

import dataclasses
import subprocess
import sys

import pytest

from records.errors import DataError
from records.forge import LAYOUTS, V3, ForgeOptions
from records.forge.layouts import ARRANGEMENTS
from records.forge.people.photos import list_photographs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"identities": 7}, "--identities is 7; it must be even"),
        ({"identities": 4}, "--identities is 4"),
        ({"size": 97}, "--size is 97; it must be even"),
        ({"size": 32}, "--size is 32; it must be from 96 to 1024"),
        ({"frames": 0}, "--frames is 0"),
        ({"compressions": ()}, "--compressions is empty; choose from raw, c23, c28, c34, c40, c46"),
        ({"compressions": ("c40", "c18")}, "--compressions is c18"),
        ({"layout": "v4"}, "--layout is v4; choose from v3, c0, no-youtube"),
    ],
)
def test_values_out_of_range_are_named(change, message):
    with pytest.raises(DataError, match=message):
        ForgeOptions("rendered", **change)


def test_the_folder_of_photographs_is_none_for_rendered_faces(tmp_path):
    assert ForgeOptions("rendered").photographs is None
    assert ForgeOptions(str(tmp_path)).photographs == tmp_path
    with pytest.raises(DataError, match="holds no photographs"):
        list_photographs(ForgeOptions(str(tmp_path)).photographs)


def test_every_option_has_its_help():
    assert all(field.metadata["help"] for field in dataclasses.fields(ForgeOptions))


def test_every_layout_can_be_arranged():
    assert list(LAYOUTS) == [V3, *ARRANGEMENTS]


def test_options_import_no_large_library():
    code = "import sys; from records.forge import ForgeOptions; assert not {'cv2', 'av', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
