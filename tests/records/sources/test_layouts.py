"""Every layout that users meet builds from one command, and its records say what is true of it."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.cli.build import build as command
from experiments.cli.forge import forge
from records.building.build import build, build_unit
from records.building.options import BuildOptions
from records.footage import Encoding, Footage, encoded, info
from records.forge import LAYOUTS, V3, arrange
from records.shards import reader
from records.shards.manifest import Manifest, verify
from records.sources.deepfaketimit import METHOD
from records.sources.registry import find
from tests.records.written import examples_of

OPTIONS = BuildOptions(size=64, frames_train=4, frames_eval=4)
ARGUMENTS = ["--size", "64", "--frames-train", "4", "--frames-eval", "4", "--workers", "1"]
SOURCES = {"deepfaketimit": "deepfaketimit", "folder": "folder"}  # the others are FaceForensics++'s
PEOPLE = [f"{number:03d}" for number in range(6)]


@dataclasses.dataclass
class Built:
    """A data set in some layout, and the records made from it."""

    root: Path
    out: Path
    manifest: Manifest
    examples: dict

    def of(self, method, compression):
        """(clip, frame) -> example."""
        prefix = f"/{method}/{compression}/"
        return {(v.partition(prefix)[2], frame): e for (v, frame), e in self.examples.items() if prefix in v}


def in_this_process(tasks):
    """Runs a build's tasks one after the other."""
    return (build_unit(*task) for task in tasks)


def run(root, out, source="ffpp", *more):
    arguments = ["--source", source, "--root", str(root), "--out", str(out), *ARGUMENTS, *map(str, more)]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "Content hash" in result.output
    verify(out)
    return Built(root, out, Manifest.load(out), examples_of(out))


@pytest.fixture(scope="module")
def v3(tmp_path_factory, write_tree):
    return write_tree(tmp_path_factory.mktemp("v3") / "data")


@pytest.fixture(scope="module")
def in_layout(v3, tmp_path_factory):
    """The function that gives the built records of a layout, by name; each is built once.

    DeepfakeTIMIT is forged as a user would do it; the others are rearranged from drawn faces, which is faster.
    """
    held = {}

    def get(layout):
        if layout not in held:
            folder = tmp_path_factory.mktemp(layout)
            if layout == "deepfaketimit":
                line = "--faces rendered --identities 6 --frames 8 --size 160 --compressions raw --workers 1 --layout"
                line = [*line.split(), layout, "--out", str(folder / "data")]
                assert CliRunner().invoke(forge, line, catch_exceptions=False).exit_code == 0
            else:
                arrange(layout, v3, folder / "data")
            table = ["--csv", folder / "data" / "labels.csv"] if layout == "folder" else []
            held[layout] = run(folder / "data", folder / "records", SOURCES.get(layout, "ffpp"), *table)
        return held[layout]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != V3])
def test_nothing_is_left_out_and_nobody_is_in_two_splits(in_layout, layout):
    built = in_layout(layout)
    for skip in built.manifest.skips:  # where MTCNN finds nobody, DeepfakeBench leaves no picture
        assert layout == "deepfakebench"
        assert f"frames/{skip['clip'].rpartition('/')[2]} is missing" in skip["reason"]
    assert set(built.manifest.counts) == {"train", "val", "test"}
    people = {split: set() for split in built.manifest.counts}
    for example in built.examples.values():
        people[example.split] |= set(example.subjects)
        assert example.label == (example.method != "real")
        assert example.frame.shape == (64, 64, 3)
        assert example.label or not example.mask.any()
    assert all(a.isdisjoint(b) for a, b in itertools.combinations(people.values(), 2))
    assert len(set.union(*people.values())) == 6
    for clip in built.manifest.clips.values():
        looked_at = clip["frames_scored"] + clip["frames_without_face"]
        assert looked_at == 4 or (layout == "deepfakebench" and 0 < looked_at < 4)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["no-youtube", "images"])
def test_older_layouts_give_the_very_same_records(in_layout, layout):
    assert in_layout(layout).manifest.content_hash == in_layout("c0").manifest.content_hash


@pytest.mark.slow
def test_faceforensics_in_older_layouts(in_layout):
    built = in_layout("c0")
    assert built.manifest.counts["train"] == {level: {"real": 8, "Deepfakes": 8} for level in ("raw", "c40")}
    real, fake = built.of("real", "c40")["000", 3], built.of("Deepfakes", "c40")["000_001", 3]
    best = built.of("Deepfakes", "raw")["000_001", 3]
    np.testing.assert_array_equal(fake.target, best.frame)
    np.testing.assert_array_equal(fake.box, real.box)
    assert all((e.target_known, e.mask_known) == (1, 1) for e in built.examples.values())
    assert all(e.mask.any() for e in built.examples.values() if e.label)


@pytest.mark.slow
def test_faceshifter_needs_no_masks_of_the_data_set(in_layout):
    built = in_layout("faceshifter")
    assert set(built.manifest.counts["test"]["c40"]) == {"real", "Deepfakes", "FaceShifter"}
    assert all(e.mask_known and e.mask.any() for e in built.of("FaceShifter", "c40").values())
    assert not any("FaceShifter" in video for video in find("ffpp", built.root).masks)


@pytest.mark.slow
def test_the_actors_split_is_drawn_and_written_down(in_layout):
    built = in_layout("actors")
    assert set(built.manifest.counts["val"]["raw"]) == {"real", "DeepFakeDetection"}
    splits = built.manifest.options["splits"]
    assert splits["DeepFakeDetection drawn with seed"] == 0
    subjects = splits["DeepFakeDetection subjects"]
    assert set(subjects) == {f"{number:02d}" for number in range(1, 7)}
    fakes = built.of("DeepFakeDetection", "c40")
    assert len({name for name, _ in fakes}) == 6
    for (name, _), example in fakes.items():
        assert example.subjects == name.split("__")[0].split("_")
        assert {subjects[person] for person in example.subjects} == {example.split}
        assert (example.target_known, example.mask_known) == (1, 1)


@pytest.mark.slow
def test_deepfakebenchs_frames_have_neither_target_nor_mask(in_layout):
    """Each is cut out around its own face, so that no two lie over each other."""
    built = in_layout("deepfakebench")
    found = find("ffpp", built.root)
    assert found.layout == "FaceForensics++, c40, raw, sampled frames as DeepfakeBench extracts them"
    assert built.manifest.counts["train"]["c40"].keys() == {"real", "Deepfakes"}
    for example in built.examples.values():
        assert (example.target_known, example.mask_known) == (0, int(not example.label))
        assert not example.mask.any()
    for name in ("train", "val", "test"):
        (built.root / f"{name}.json").unlink()
    other = find("ffpp", built.root)
    assert other.clips == found.clips
    assert other.splits == {"from": "FF-DF.json"}
    assert find("ffpp", built.root, splits=built.root / "FF-DF.json").clips == found.clips


@pytest.mark.slow
def test_deepfaketimits_target_is_the_high_quality_and_no_codec_tells_the_label(in_layout, tmp_path):
    built = in_layout("deepfaketimit")
    assert built.manifest.counts["train"].keys() == {"lq", "hq"}
    low, high = built.of(METHOD, "lq"), built.of(METHOD, "hq")
    reals = {level: built.of("real", level) for level in ("lq", "hq")}
    assert low.keys() == high.keys()
    for place, example in low.items():
        np.testing.assert_array_equal(example.target, high[place].frame)
        assert not np.array_equal(example.frame, example.target)
        name, frame = place
        np.testing.assert_array_equal(example.box, reals["lq"][f"{name.partition('/')[0]}/sa1", frame].box)
        assert example.mask.any()
    for place, example in reals["lq"].items():
        np.testing.assert_array_equal(example.target, reals["hq"][place].frame)
    assert all((e.target_known, e.mask_known) == (1, 1) for e in built.examples.values())
    for number, clip in enumerate(clip for clip in find("deepfaketimit", built.root).clips if not clip.label):
        like = built.manifest.clips[clip.video]["notes"]["encoded_like"]
        quality = {"lq": "lower_quality", "hq": "higher_quality"}[clip.compression]
        path = built.root / "DeepfakeTIMIT" / quality / clip.subjects[0] / f"{like}.avi"
        fake, theirs = info(Footage(path)), Encoding.like(path)
        assert clip.footage.encoding == theirs
        result = encoded(clip.footage, tmp_path / f"{number}.avi")
        made = info(result)
        assert (made.codec, made.pix_fmt, made.frames) == (fake.codec, fake.pix_fmt, fake.frames)
        assert Encoding.like(result.path).bytes_a_frame == pytest.approx(theirs.bytes_a_frame, rel=0.05)


@pytest.mark.slow
def test_a_users_folder_with_its_table(in_layout):
    built = in_layout("folder")
    assert built.manifest.counts["train"] == {"as-is": {"real": 8, "Deepfakes": 8}}
    for example in built.examples.values():
        assert (example.target_known, example.mask_known, example.mask.any()) == (0, 1, bool(example.label))
    fake = built.of("Deepfakes", "as-is")["fake/Deepfakes/000_001.mp4", 3]
    assert (fake.subjects, fake.split) == (["000", "001"], "train")


def test_a_users_folder_without_a_table(v3, tmp_path):
    """No twin is known then: neither target nor mask, and every file is a person of its own."""
    arrange("folder", v3, tmp_path / "data")
    found = find("folder", tmp_path / "data")
    build(found, tmp_path / "out", OPTIONS, source="folder", run=in_this_process)
    examples = examples_of(tmp_path / "out").values()
    assert {(e.label, e.target_known, e.mask_known) for e in examples} == {(0, 0, 1), (1, 0, 0)}
    assert not any(e.mask.any() for e in examples)
    assert {e.split for e in examples} == {"train", "val", "test"}


@pytest.mark.parametrize("stored", [{"no_ela": True}, {"target_once": True}])
def test_what_is_not_stored_is_read_back_to_the_same_bytes(v3, full, tmp_path, stored):
    out = tmp_path / "small"
    build(find("ffpp", v3), out, dataclasses.replace(OPTIONS, **stored), run=in_this_process)
    assert sum(path.stat().st_size for path in out.glob("*/*/*")) < sum(
        path.stat().st_size for path in full.glob("*/*/*")
    )
    ours, theirs = examples_of(out), examples_of(full)
    assert ours.keys() == theirs.keys()
    for key, example in ours.items():
        for field in dataclasses.fields(example):
            np.testing.assert_array_equal(getattr(example, field.name), getattr(theirs[key], field.name))
    for split, level in itertools.product(("train", "val"), ("raw", "c40")):
        for one, other in zip(reader.read(out, split, level), reader.read(full, split, level), strict=True):
            for name in one:
                np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def full(v3, tmp_path_factory):
    out = tmp_path_factory.mktemp("full") / "records"
    build(find("ffpp", v3), out, OPTIONS, run=in_this_process)
    return out
