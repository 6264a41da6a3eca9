"""Finding the clips of FaceForensics++: layouts, splits, missing videos."""

import json
import shutil

import pytest

from records.errors import DataError
from records.sources.ffpp import find_clips
from records.sources.official_splits import read_splits

PAIRS = {"train": [["000", "001"]], "val": [["002", "003"]], "test": [["004", "005"]]}


def tree(root, layout="youtube/", levels=("raw", "c23", "c40"), methods=("Deepfakes", "NeuralTextures")):
    """Writes one-byte files with the right names: finding clips does not open them."""
    (root / "splits").mkdir(parents=True)
    for split, pairs in PAIRS.items():
        (root / "splits" / f"{split}.json").write_text(json.dumps(pairs))
        for level in levels:
            for a, b in pairs:
                names = [(f"original_sequences/{layout}", name) for name in (a, b)]
                names += [(f"manipulated_sequences/{m}/", name) for m in methods for name in (f"{a}_{b}", f"{b}_{a}")]
                for folder, name in names:
                    path = root / folder / level / "videos" / f"{name}.mp4"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(b"x")
    return root


def by_video(clips):
    return {clip.video: clip for clip in clips}


def test_every_clip_of_the_splits(tmp_path):
    found = find_clips(tree(tmp_path))
    clips, skips = found.clips, found.skips
    assert skips == []
    assert len(clips) == len(by_video(clips)) == 6 * 3 * (1 + 2)  # people, compressions, real and two methods
    fake = by_video(clips)["ffpp/NeuralTextures/c40/002_003"]
    assert (fake.label, fake.split, fake.subjects) == (1, "val", ("002", "003"))
    assert fake.footage.path == tmp_path / "manipulated_sequences/NeuralTextures/c40/videos/002_003.mp4"
    assert fake.best.path == tmp_path / "manipulated_sequences/NeuralTextures/raw/videos/002_003.mp4"
    assert fake.pristine.path == tmp_path / "original_sequences/youtube/raw/videos/002.mp4"
    assert fake.target_known
    assert fake.mask_known
    real = by_video(clips)["ffpp/real/c23/005"]
    assert (real.label, real.split, real.method, real.subjects) == (0, "test", "real", ("005",))
    assert real.best.path == real.pristine.path == tmp_path / "original_sequences/youtube/raw/videos/005.mp4"


def test_the_order_is_fixed(tmp_path):
    root = tree(tmp_path)
    assert [clip.video for clip in find_clips(root).clips] == [clip.video for clip in find_clips(root).clips]


def test_no_person_is_in_two_splits(tmp_path):
    clips = find_clips(tree(tmp_path)).clips
    people = {split: {s for clip in clips if clip.split == split for s in clip.subjects} for split in PAIRS}
    assert people == {"train": {"000", "001"}, "val": {"002", "003"}, "test": {"004", "005"}}


@pytest.mark.parametrize(
    ("levels", "best", "known"), [(("c23", "c40"), "c23", True), (("c40",), "c40", False), (("c0", "c40"), "c0", True)]
)
def test_the_best_quality_in_the_folder_is_the_target(tmp_path, levels, best, known):
    clips = find_clips(tree(tmp_path, levels=levels)).clips
    clip = by_video(clips)["ffpp/Deepfakes/c40/000_001"]
    assert clip.best.path.parts[-3] == clip.pristine.path.parts[-3] == best
    assert (clip.target_known, clip.mask_known) == (known, True)


def test_older_copies_without_youtube(tmp_path):
    found = find_clips(tree(tmp_path, layout="", levels=("c0", "c40")), compressions=["raw"])
    clips, skips = found.clips, found.skips
    assert skips == []
    real = by_video(clips)["ffpp/real/raw/000"]
    assert real.footage.path == tmp_path / "original_sequences/c0/videos/000.mp4"


def test_only_the_wanted_compressions_and_methods_are_found(tmp_path):
    root = tree(tmp_path)
    splits = shutil.move(root / "splits", tmp_path / "elsewhere")
    clips = find_clips(root, compressions=["c40"], methods=["Deepfakes"], splits=splits, dataset="copy").clips
    assert {clip.compression for clip in clips} == {"c40"}
    assert {clip.method for clip in clips} == {"real", "Deepfakes"}
    assert clips[0].video == "copy/real/c40/000"


def test_a_missing_fake_is_a_skip_with_its_reason(tmp_path):
    root = tree(tmp_path)
    (root / "manipulated_sequences/Deepfakes/c40/videos/000_001.mp4").unlink()
    found = find_clips(root)
    clips, (skip,) = found.clips, found.skips
    assert (skip.clip, skip.label) == ("ffpp/Deepfakes/c40/000_001", 1)
    assert "Deepfakes/c40/videos/000_001.mp4 is missing" in skip.reason
    assert "split train" in skip.reason
    assert len(clips) == 6 * 3 * 3 - 1


def test_a_clip_without_its_best_quality_uses_the_next_and_has_no_mask(tmp_path):
    root = tree(tmp_path)
    (root / "manipulated_sequences/Deepfakes/raw/videos/000_001.mp4").unlink()
    clip = by_video(find_clips(root).clips)["ffpp/Deepfakes/c40/000_001"]
    assert clip.best.path.parts[-3] == "c23"
    assert clip.target_known
    assert not clip.mask_known  # the difference of c23 and raw would show compression


def test_a_fake_without_its_original_is_a_skip(tmp_path):
    root = tree(tmp_path, levels=("c40",))
    (root / "original_sequences/youtube/c40/videos/004.mp4").unlink()
    skips = find_clips(root).skips
    reasons = {skip.clip: skip.reason for skip in skips}
    assert reasons.keys() == {
        f"ffpp/{name}" for name in ("real/c40/004", "Deepfakes/c40/004_005", "NeuralTextures/c40/004_005")
    }
    assert "pristine twin 004.mp4 is missing" in reasons["ffpp/Deepfakes/c40/004_005"]


def test_a_person_in_several_pairs_gives_one_real_clip(tmp_path):
    root = tree(tmp_path)
    (root / "splits/train.json").write_text('[["000", "001"], ["001", "000"]]')
    clips = find_clips(root).clips
    assert len(by_video(clips)) == len(clips) == 6 * 3 * 3


@pytest.mark.parametrize("make", [False, True])
def test_the_error_for_an_empty_folder_says_what_is_expected(tmp_path, make):
    root = tmp_path / "root"
    if make:
        root.mkdir()
    with pytest.raises(DataError, match="no original_sequences/ with videos"):
        find_clips(root)


def test_the_error_for_a_missing_split_file_names_the_three_files_and_their_place(tmp_path):
    root = tree(tmp_path)
    (root / "splits/val.json").unlink()
    with pytest.raises(DataError, match=r"val\.json is missing.*train\.json, val\.json and test\.json.*--splits"):
        find_clips(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[" * 100_000, "is damaged"),
        ('{"train": 1}', "is damaged"),
        ('[["000"]]', "is damaged"),
        ("[[0, 1]]", "names 0; an id has three digits"),
        ('[["../../x", "001"]]', "three digits"),
        ('[["000", "²³¹"]]', "three digits"),
        ('[["000", "001"], ["004", "007"]]', r"test\.json and train\.json share 004"),
    ],
)
def test_a_damaged_split_file_is_named(tmp_path, text, message):
    root = tree(tmp_path)
    (root / "splits/train.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_splits(root / "splits")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compressions": ["c99"]}, "'c99' is not a compression.*raw, c23, c28, c34, c40, c46"),
        (
            {"compressions": ["c40"], "methods": ["FaceSwap"]},
            "no method 'FaceSwap'; it holds Deepfakes, NeuralTextures",
        ),
        ({"methods": ["Morph"]}, "'Morph' is not a method"),
    ],
)
def test_an_unknown_or_missing_option_value_is_named_with_the_allowed_ones(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        find_clips(tree(tmp_path), **options)


def test_notes_of_a_forged_data_set_reach_the_clips(tmp_path):
    root = tree(tmp_path)
    notes = {"original/000": {"decoy": "blur-frame"}, "Deepfakes/000_001": {"decoy": None, "strength": 0.5}}
    (root / "forge.json").write_text(json.dumps({"seed": 1, "options": {}, "clips": notes}))
    clips = by_video(find_clips(root).clips)
    assert clips["ffpp/real/c40/000"].notes == {"decoy": "blur-frame"}
    assert clips["ffpp/Deepfakes/raw/000_001"].notes == {"decoy": None, "strength": 0.5}
    assert clips["ffpp/real/c40/001"].notes == {}


@pytest.mark.parametrize(
    "text", ["[]", "{}", "no json", '{"clips": {"original/000": 3}}', json.dumps({"clips": {"a": {"x": "y" * 5000}}})]
)
def test_damaged_notes_are_named(tmp_path, text):
    root = tree(tmp_path)
    (root / "forge.json").write_text(text)
    with pytest.raises(DataError, match=r"forge\.json is damaged"):
        find_clips(root)
