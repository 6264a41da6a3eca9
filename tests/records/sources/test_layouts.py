"""Data sets in every known layout are built, and their records hold the right targets, masks and splits."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from records.building import build_records
from records.footage import Encoding, Footage, encoded, info
from records.forge import LAYOUTS, V3, arrange
from records.shards import Manifest, SplitsOrigin, reader, verify
from records.sources.deepfaketimit import METHOD
from records.sources.options import SourceOptions
from records.sources.registry import find as find_in
from tests.records.written import OPTIONS, examples_of, in_this_process

SOURCES = {"deepfaketimit": "deepfaketimit", "folder": "folder"}  # all other layouts are of FaceForensics++
PEOPLE = [f"{number:03d}" for number in range(6)]


@dataclasses.dataclass
class Built:
    """A data set in one layout, and the records built from it."""

    root: Path
    out: Path
    manifest: Manifest
    examples: dict

    def of(self, method, compression):
        """(clip, frame index) -> example, of a method at a compression."""
        prefix = f"/{method}/{compression}/"
        return {(v.partition(prefix)[2], frame): e for (v, frame), e in self.examples.items() if prefix in v}


def find(source, root, **options):
    return find_in(root, SourceOptions(source=source, **options))


def run(root, out, source="ffpp", **options):
    build_records(find(source, root, **options), out, OPTIONS, source=source, say=str, run=in_this_process)
    verify(out)
    return Built(root, out, Manifest.load(out), examples_of(out))


@pytest.fixture(scope="module")
def in_layout(tree, tmp_path_factory):
    """A function that returns the records of a layout; each layout is made and built only once."""
    built = {}

    def get(layout):
        if layout not in built:
            folder = tmp_path_factory.mktemp(layout)
            arrange(layout, tree, folder / "data")
            table = {"csv": folder / "data" / "labels.csv"} if layout == "folder" else {}
            built[layout] = run(folder / "data", folder / "records", SOURCES.get(layout, "ffpp"), **table)
        return built[layout]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != V3])
def test_nothing_is_left_out_and_nobody_is_in_two_splits(in_layout, layout):
    built = in_layout(layout)
    for skip in built.manifest.skips:  # DeepfakeBench writes no picture of a frame without a face
        assert layout == "deepfakebench"
        assert f"frames/{skip.clip.rpartition('/')[2]} is missing" in skip.reason
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
        frames = clip.frames_scored + clip.frames_without_face
        assert frames == 4 or (layout == "deepfakebench" and 0 < frames < 4)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["no-youtube", "images"])
def test_older_layouts_give_the_same_records(in_layout, layout):
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
def test_faceshifter_is_built_without_masks_of_the_data_set(in_layout):
    built = in_layout("faceshifter")
    assert set(built.manifest.counts["test"]["c40"]) == {"real", "Deepfakes", "FaceShifter"}
    assert all(e.mask_known and e.mask.any() for e in built.of("FaceShifter", "c40").values())
    assert not any("FaceShifter" in video for video in find("ffpp", built.root).masks)


@pytest.mark.slow
def test_the_actors_splits_are_drawn_and_kept_in_the_manifest(in_layout):
    built = in_layout("actors")
    assert set(built.manifest.counts["val"]["raw"]) == {"real", "DeepFakeDetection"}
    assert built.manifest.splits.seed == 0
    subjects = built.manifest.splits.drawn
    assert set(subjects) == {f"{number:02d}" for number in range(1, 7)}
    fakes = built.of("DeepFakeDetection", "c40")
    assert len({name for name, _ in fakes}) == 6
    for (name, _), example in fakes.items():
        assert example.subjects == name.split("__")[0].split("_")
        assert {subjects[person] for person in example.subjects} == {example.split}
        assert (example.target_known, example.mask_known) == (1, 1)


@pytest.mark.slow
def test_deepfakebenchs_frames_have_neither_target_nor_mask(in_layout):
    """Each frame is cut out around its own face, so that the pixels of a fake and its original do not match."""
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
    assert other.splits == SplitsOrigin(files="FF-DF.json")
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
        like = built.manifest.clips[clip.video].notes["encoded_like"]
        quality = {"lq": "lower_quality", "hq": "higher_quality"}[clip.compression]
        path = built.root / "DeepfakeTIMIT" / quality / clip.subjects[0] / f"{like}.avi"
        fake, of_fake = info(Footage(path)), Encoding.like(path)
        assert clip.footage.encoding == of_fake
        result = encoded(clip.footage, tmp_path / f"{number}.avi")
        made = info(result)
        assert (made.codec, made.pix_fmt, made.frames) == (fake.codec, fake.pix_fmt, fake.frames)
        assert Encoding.like(result.path).bytes_a_frame == pytest.approx(of_fake.bytes_a_frame, rel=0.05)


@pytest.mark.slow
def test_a_users_folder_with_its_table(in_layout):
    built = in_layout("folder")
    assert built.manifest.counts["train"] == {"as-is": {"real": 8, "Deepfakes": 8}}
    for example in built.examples.values():
        assert (example.target_known, example.mask_known, example.mask.any()) == (0, 1, bool(example.label))
    fake = built.of("Deepfakes", "as-is")["fake/Deepfakes/000_001.mp4", 3]
    assert (fake.subjects, fake.split) == (["000", "001"], "train")


def test_a_users_folder_without_a_table(tree, tmp_path):
    """No twin is known, so there is neither target nor mask; every file counts as a person of its own."""
    arrange("folder", tree, tmp_path / "data")
    found = find("folder", tmp_path / "data")
    build_records(found, tmp_path / "out", OPTIONS, source="folder", run=in_this_process)
    examples = examples_of(tmp_path / "out").values()
    assert {(e.label, e.target_known, e.mask_known) for e in examples} == {(0, 0, 1), (1, 0, 0)}
    assert not any(e.mask.any() for e in examples)
    assert {e.split for e in examples} == {"train", "val", "test"}


@pytest.mark.parametrize("stored", [{"no_ela": True}, {"target_once": True}])
def test_images_that_are_not_stored_are_computed_by_the_reader_to_the_same_bytes(tree, full, tmp_path, stored):
    out = tmp_path / "small"
    build_records(find("ffpp", tree), out, dataclasses.replace(OPTIONS, **stored), run=in_this_process)
    assert sum(path.stat().st_size for path in out.glob("*/*/*")) < sum(
        path.stat().st_size for path in full.glob("*/*/*")
    )
    examples, expected = examples_of(out), examples_of(full)
    assert examples.keys() == expected.keys()
    for key, example in examples.items():
        for field in dataclasses.fields(example):
            np.testing.assert_array_equal(getattr(example, field.name), getattr(expected[key], field.name))
    for split, level in itertools.product(("train", "val"), ("raw", "c40")):
        for derived, read_whole in zip(reader.read(out, split, level), reader.read(full, split, level), strict=True):
            for name in derived:
                np.testing.assert_array_equal(derived[name], read_whole[name], err_msg=name)


@pytest.fixture(scope="module")
def full(tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("full") / "records"
    build_records(find("ffpp", tree), out, OPTIONS, run=in_this_process)
    return out
