"""The other layouts: their paths, that no file is lost, and that an interrupted forge can be resumed."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.cli.forge import forge
from records.footage import Footage, info, read_frames, read_picture
from records.forge import LAYOUTS, arrange, forge_dataset
from records.forge.tree import WORKING
from tests.records.forge.contents import media

METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "SelfBlended")


@pytest.fixture
def arranged(v3, tmp_path, request):
    arrange(request.param, v3, tmp_path / "out")
    return tmp_path / "out"


def layout(name):
    return pytest.mark.parametrize("arranged", [name], indirect=True)


def files(folder):
    """Relative paths of all files except notes."""
    return media(folder).keys()


def same(folder, name, v3, original):
    return (folder / name).read_bytes() == (v3 / original).read_bytes()


def fakes(v3):
    return sorted(path.stem for path in (v3 / "manipulated_sequences/Deepfakes/raw/videos").iterdir())


@layout("c0")
def test_c0(arranged, v3):
    assert files(arranged) == {name.replace("/raw/", "/c0/") for name in files(v3)}
    assert same(
        arranged, "original_sequences/youtube/c0/videos/000.mp4", v3, "original_sequences/youtube/raw/videos/000.mp4"
    )


@layout("no-youtube")
def test_no_youtube(arranged, v3):
    assert files(arranged) == {name.replace("/youtube/", "/") for name in files(v3)}
    assert (arranged / "original_sequences/c40/videos/005.mp4").is_file()


@layout("images")
def test_images_hold_every_frame_of_every_video_and_mask(arranged, v3):
    videos = list(v3.rglob("*.mp4"))
    assert len(files(arranged)) == 3 * len(videos) + 3
    assert not list(arranged.rglob("*.mp4"))
    assert (arranged / "splits/train.json").is_file()
    name = fakes(v3)[0]
    for folder, video in (
        ("original_sequences/youtube/c40/images/000", "original_sequences/youtube/c40/videos/000.mp4"),
        (f"manipulated_sequences/FaceSwap/masks/{name}", f"manipulated_sequences/FaceSwap/masks/videos/{name}.mp4"),
    ):
        assert sorted(path.name for path in (arranged / folder).iterdir()) == ["0000.png", "0001.png", "0002.png"]
        for index, frame in read_frames(Footage(v3 / video)):
            np.testing.assert_array_equal(read_picture(arranged / folder / f"{index:04d}.png"), frame)


@layout("actors")
def test_actors(arranged, v3):
    name = fakes(v3)[0]
    target, donor = (int(identity) + 1 for identity in name.split("_"))
    folders = {str(Path(path).parent) for path in files(arranged)}
    assert folders == {
        *(f"original_sequences/actors/{level}/videos" for level in ("raw", "c40")),
        *(f"manipulated_sequences/DeepFakeDetection/{level}/videos" for level in ("raw", "c40", "masks")),
    }
    assert len(files(arranged)) == 6 * 2 + 6 * 3
    (real,) = (arranged / "original_sequences/actors/raw/videos").glob(f"{target:02d}__*.mp4")
    (fake,) = (arranged / "manipulated_sequences/DeepFakeDetection/raw/videos").glob(f"{target:02d}_{donor:02d}__*.mp4")
    assert fake.stem.split("__")[1] == real.stem.split("__")[1]
    assert len(fake.stem.split("__")[2]) == 8
    assert same(arranged, str(fake.relative_to(arranged)), v3, f"manipulated_sequences/Deepfakes/raw/videos/{name}.mp4")


@layout("faceshifter")
def test_faceshifter_is_one_more_method_without_masks(arranged, v3):
    added = {
        f"manipulated_sequences/FaceShifter/{level}/videos/{name}.mp4" for level in ("raw", "c40") for name in fakes(v3)
    }
    assert files(arranged) == files(v3) | added


@pytest.mark.slow
def test_deepfakebench(v3, tmp_path):
    one_level, arranged = tmp_path / "v3", tmp_path / "out"
    shutil.copytree(v3, one_level, ignore=shutil.ignore_patterns("c40", "masks"))
    arrange("deepfakebench", one_level, arranged)
    assert {path for path in files(arranged) if "/" not in path} == {
        *("train.json", "val.json", "test.json"),
        *("FF-DF.json", "FF-F2F.json", "FF-FS.json", "FF-NT.json", "SelfBlended.json"),
    }
    assert not list(arranged.rglob("*.mp4"))
    pictures = {path for path in files(arranged) if path.endswith(".png")}
    listed = set()
    for name in ("FF-DF", "FF-F2F", "FF-FS", "FF-NT", "SelfBlended"):
        classes = json.loads((arranged / f"{name}.json").read_text())[name]
        assert set(classes) == {"FF-real", name}
        for label, splits in classes.items():
            assert set(splits) == {"train", "val", "test"}
            for split, levels in splits.items():
                named = {part for pair in json.loads((v3 / f"splits/{split}.json").read_text()) for part in pair}
                for level, clips in levels.items():
                    for clip, values in clips.items():
                        assert set(clip.split("_")) <= named
                        assert values["label"] == label
                        assert all(f"/{level}/frames/{clip}/" in frame for frame in values["frames"])
                        listed |= {frame.removeprefix("FaceForensics++/") for frame in values["frames"]}
    assert listed == pictures
    picture = next(path for path in pictures if "youtube/raw" in path)
    assert Path(picture).name in ("000.png", "002.png")  # two of three frames, the middle ones of their halves
    assert (info(Footage(arranged / picture)).width, info(Footage(arranged / picture)).height) == (256, 256)


@layout("deepfaketimit")
def test_deepfaketimit(arranged, v3):
    low, high = (
        sorted((arranged / "DeepfakeTIMIT" / name).glob("*/*")) for name in ("lower_quality", "higher_quality")
    )
    assert [path.parts[-2:] for path in low] == [path.parts[-2:] for path in high]
    assert len(low) == 6
    for worse, better in zip(low, high, strict=True):
        assert info(Footage(worse)).codec == "h264"
        assert info(Footage(worse)).frames == 3
        assert worse.stat().st_size < better.stat().st_size
        target, donor = worse.parent.name, worse.stem.partition("-video-")[2]
        assert (arranged / f"DeepfakeTIMIT/lower_quality/{donor}/sa1-video-{target}.avi").is_file()
        twin = arranged / "VidTIMIT" / target / "video" / "sa1"
        assert sorted(path.name for path in twin.iterdir()) == ["001", "002", "003"]
        assert (twin / "001").read_bytes()[:2] == b"\xff\xd8"
        assert (twin.parent / "head").is_dir()
    people = {path.name for path in (arranged / "VidTIMIT").iterdir()}
    assert people - {path.parent.name for path in low} == {"mzzz0"}


@layout("folder")
def test_folder(arranged, v3):
    with (arranged / "labels.csv").open(encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert rows.keys() == files(arranged) - {"labels.csv"}
    assert len(rows) == 6 + 6 * len(METHODS)
    train = {part for pair in json.loads((v3 / "splits/train.json").read_text()) for part in pair}
    for path, row in rows.items():
        people = Path(path).stem.split("_")
        assert row["subject"].split(";") == people
        assert (row["split"] == "train") == (people[0] in train)
        if row["label"] == "real":
            assert (row["path"], row["method"], row["twin"]) == (f"real/{people[0]}.mp4", "", "")
        else:
            assert row["path"] == f"fake/{row['method']}/{'_'.join(people)}.mp4"
            assert row["twin"] in rows
    assert same(arranged, "real/000.mp4", v3, "original_sequences/youtube/raw/videos/000.mp4")


@pytest.mark.parametrize("state", ["before", "half made", "half moved"])
def test_a_resumed_forge_gives_the_same_files(v3, options, tmp_path, state):
    """States after a kill: .forge holds the complete v3; also half of the layout's tree; half of the tree is moved."""
    out, expected = tmp_path / "out", tmp_path / "expected"
    arrange("folder", v3, expected)
    result = json.loads((v3 / "forge.json").read_text())
    (out / WORKING).mkdir(parents=True)
    (out / WORKING / "options.json").write_text(json.dumps({**result["options"], "layout": "folder"}))
    shutil.copytree(v3, out / WORKING / "v3")
    if state != "before":
        shutil.copytree(expected, out / WORKING / "made")
        (out / WORKING / "made" / "labels.csv").unlink()
    if state == "half moved":
        (out / WORKING / "made" / "fake").rename(out / "fake")
        (out / "fake/Deepfakes").rename(out / "fake/stale")
    printed = []
    forge_dataset(replace(options, layout="folder"), out, say=printed.append)
    assert printed == [f"{out / WORKING / 'v3'} is finished already."]
    assert media(out) == media(expected)
    assert json.loads((out / "forge.json").read_text())["clips"] == {}
    assert not (out / WORKING).exists()


def test_help_names_every_layout():
    text = CliRunner().invoke(forge, ["--help"]).output
    listed = text.partition("Layouts:")[2].partition("Options:")[0]
    assert [line.split()[0] for line in listed.splitlines() if line.strip()] == [
        *("v3", "c0", "no-youtube", "images", "faceshifter", "actors", "deepfakebench", "deepfaketimit", "folder"),
    ]
    assert set(LAYOUTS) == {line.split()[0] for line in listed.splitlines() if line.strip()}
