"""Folders with a complete, an interrupted or another data set, or with other files."""

import json
from dataclasses import replace

import pytest

from records.errors import DataError
from records.forge import ForgeOptions, forge_dataset
from records.forge.resuming import VERSIONS, description
from tests.records.forge.conftest import silent
from tests.records.forge.contents import content


def test_a_complete_data_set_is_not_changed(v3, options):
    before, printed = content(v3), []
    forge_dataset(options, v3, say=printed.append)
    assert "already" in printed[0]
    assert content(v3) == before


def test_other_options_in_the_same_folder_are_refused(v3, options):
    with pytest.raises(DataError, match="seed 3 is now 4"):
        forge_dataset(replace(options, seed=4), v3, say=silent)


def test_a_data_set_of_another_version_is_refused(v3, options, monkeypatch):
    monkeypatch.setitem(VERSIONS, "rendered", 99)
    with pytest.raises(DataError, match="version 3 is now 99"):
        forge_dataset(options, v3, say=silent)


@pytest.mark.parametrize("layout", ["v3", "c0"])
def test_a_folder_with_other_files_is_refused(tmp_path, options, layout):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="not an empty folder"):
        forge_dataset(replace(options, layout=layout), tmp_path, say=silent)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "\x00"])
def test_damaged_notes_are_named(tmp_path, options, text):
    (tmp_path / "forge.json").write_text(text)
    with pytest.raises(DataError, match=r"forge\.json cannot be read"):
        forge_dataset(options, tmp_path, say=silent)


def test_the_description_has_all_that_decides_the_bytes_and_no_path(tmp_path):
    assert description(ForgeOptions("rendered", compressions=("c40", "raw"))) == {
        "faces": "rendered",
        "photographs": "",
        "identities": 120,
        "frames": 8,
        "size": 208,
        "seed": 0,
        "compressions": ["raw", "c40"],
        "preset": "veryfast",
        "version": 3,
    }
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "a.png").write_bytes(b"x")
    described = description(ForgeOptions(str(tmp_path / "people"), layout="c0"))
    assert (described["faces"], described["identities"], described["layout"]) == ("people", None, "c0")
    assert str(tmp_path) not in json.dumps(described)
    (tmp_path / "people" / "a.png").write_bytes(b"xy")
    again = description(ForgeOptions(str(tmp_path / "people"), layout="c0"))
    assert again["photographs"] != described["photographs"]
