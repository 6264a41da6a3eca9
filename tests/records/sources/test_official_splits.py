"""FaceForensics++'s splits: the three official files, DeepfakeBench's JSON, and the folders where they may be."""

import json

import pytest

from records.errors import DataError
from records.sources.official_splits import MAX_JSON_BYTES, find_splits, read_splits

PAIRS = {"train": [("000", "001")], "val": [("002", "003")], "test": [("004", "005")]}


def write_official(folder, pairs=PAIRS):
    folder.mkdir(parents=True, exist_ok=True)
    for split, of_split in pairs.items():
        (folder / f"{split}.json").write_text(json.dumps(of_split))
    return folder


def write_bench(path, pairs=PAIRS, levels=("c23", "c40")):
    """Writes {data set: {class: {split: {level: {clip: {"label", "frames"}}}}}}."""
    classes = {}
    for split, of_split in pairs.items():
        for a, b in of_split:
            for name, clips in (("FF-real", (a, b)), (path.stem, (f"{a}_{b}", f"{b}_{a}"))):
                for level in levels:
                    listed = classes.setdefault(name, {}).setdefault(split, {}).setdefault(level, {})
                    listed.update({clip: {"label": name, "frames": []} for clip in clips})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({path.stem: classes}))
    return path


@pytest.mark.parametrize("place", ["splits", "."])
def test_the_three_files_are_looked_for_in_splits_and_in_the_root(tmp_path, place):
    write_official(tmp_path / place)
    assert find_splits(tmp_path) == (PAIRS, "train.json, val.json, test.json")


def test_splits_are_preferred_to_the_root_and_both_to_deepfakebench(tmp_path):
    write_official(tmp_path / "splits")
    write_official(tmp_path, {**PAIRS, "test": [("006", "007")]})
    write_bench(tmp_path / "FF-DF.json", {**PAIRS, "test": [("008", "009")]})
    assert find_splits(tmp_path)[0] == PAIRS


@pytest.mark.parametrize("name", ["FF-DF.json", "FF-NT.json", "FaceForensics++.json"])
def test_deepfakebenchs_json_names_pairs_both_ways(tmp_path, name):
    write_bench(tmp_path / name)
    assert find_splits(tmp_path) == (PAIRS, name)


def test_several_of_deepfakebenchs_files_are_one_split(tmp_path):
    write_bench(tmp_path / "FF-DF.json")
    write_bench(tmp_path / "FF-F2F.json", {**PAIRS, "train": [("000", "001"), ("010", "011")]})
    pairs, names = find_splits(tmp_path)
    assert pairs["train"] == [("000", "001"), ("010", "011")]
    assert names == "FF-DF.json, FF-F2F.json"


def test_a_given_file_or_folder_is_used_instead_of_those_in_the_root(tmp_path):
    write_official(tmp_path / "splits", {**PAIRS, "test": [("006", "007")]})
    assert find_splits(tmp_path, write_official(tmp_path / "mine"))[0] == PAIRS
    assert find_splits(tmp_path, write_bench(tmp_path / "there" / "FF-DF.json")) == (PAIRS, "FF-DF.json")
    with pytest.raises(DataError, match=r"nowhere.train\.json is missing.*name their folder with --splits"):
        find_splits(tmp_path, tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"none\.json is not a JSON file of DeepfakeBench \(FileNotFoundError"):
        find_splits(tmp_path, tmp_path / "none.json")


def test_the_error_for_missing_splits_names_the_files_and_their_place(tmp_path):
    with pytest.raises(
        DataError, match=r"train\.json is missing.*train\.json, val\.json and test\.json.*dataset/splits"
    ):
        find_splits(tmp_path)


def test_an_identity_in_two_splits_is_named_with_both(tmp_path):
    shared = {**PAIRS, "val": [("002", "003"), ("001", "009")]}
    with pytest.raises(DataError, match=r"val\.json and train\.json share 001; no identity may be in two splits"):
        read_splits(write_official(tmp_path / "splits", shared))
    with pytest.raises(DataError, match=r"FF-DF\.json: val and train share 001; no identity may be in two splits"):
        find_splits(tmp_path, write_bench(tmp_path / "FF-DF.json", shared))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        '{"FF-DF": 3}',
        '{"FF-DF": {"FF-real": {"development": {"c23": {"000_001": {}}}}}}',
        '{"FF-DF": {"FF-real": {"train": [1]}}}',
        '{"FF-DF": {"FF-real": {"train": {"c23": 7}}}}',
        "[" * 100_000,
        '\x00"',
    ],
)
def test_a_damaged_json_of_deepfakebench_is_named(tmp_path, text):
    (tmp_path / "FF-DF.json").write_text(text)
    with pytest.raises(DataError, match=r"FF-DF\.json is not a JSON file of DeepfakeBench.*--splits"):
        find_splits(tmp_path)


def test_a_json_without_a_fake_is_named(tmp_path):
    (tmp_path / "FF-DF.json").write_text('{"FF-DF": {"FF-real": {"train": {"c23": {"000": {}}}}}}')
    with pytest.raises(DataError, match="names no manipulated clip such as 000_003"):
        find_splits(tmp_path)


def test_files_that_are_not_text_or_too_large_are_damaged(tmp_path):
    folder = write_official(tmp_path)
    (folder / "val.json").write_bytes(b"\xff\xfe[")
    with pytest.raises(DataError, match=r"val\.json is damaged"):
        read_splits(folder)
    with (folder / "val.json").open("wb") as file:
        file.truncate(MAX_JSON_BYTES + 1)
    with pytest.raises(DataError, match=r"val\.json is damaged \(it is larger than"):
        read_splits(folder)
