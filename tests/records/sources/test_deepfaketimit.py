"""DeepfakeTIMIT and VidTIMIT: twins in each form, both qualities, splits, the codec, and missing files."""

import dataclasses
import shutil
from pathlib import Path

import av
import pytest

from experiments.audit.survey import survey
from records.building import BuildOptions
from records.errors import DataError
from records.footage import Encoding, Footage, encoded, info, read_frames, write_encoded
from records.forge.layouts import deepfaketimit
from records.sources.deepfaketimit import METHOD, find_clips
from records.sources.options import SourceOptions
from records.sources.registry import find

PEOPLE = ("faaa0", "maab0", "faac0", "maad0", "faae0", "maaf0")  # each two swap their faces


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_tree):
    folder = tmp_path_factory.mktemp("timit")
    deepfaketimit(write_tree(folder / "v3", compressions=("raw",)), folder / "data")
    return folder / "data"


@pytest.fixture
def copy(root, tmp_path):
    return Path(shutil.copytree(root, tmp_path / "data"))


def by_video(found):
    return {clip.video: clip for clip in found.clips}


def fake(root, quality="lower_quality", target="faaa0", donor="maab0"):
    return root / "DeepfakeTIMIT" / quality / target / f"sa1-video-{donor}.avi"


def test_every_fake_with_its_twin_at_both_qualities(root):
    found = find_clips(root)
    clips = by_video(found)
    assert (found.skips, found.odd) == ([], [])
    assert len(clips) == 2 * 2 * 6
    assert found.layout == "DeepfakeTIMIT, higher_quality, lower_quality; VidTIMIT as pictures"
    low = clips["timit/faceswap-GAN/lq/faaa0/sa1-video-maab0"]
    assert (low.label, low.method, low.subjects, low.twin) == (1, METHOD, ("faaa0", "maab0"), "faaa0/sa1")
    assert low.footage == Footage(fake(root))
    assert low.best == Footage(fake(root, "higher_quality"))
    assert (low.quality, low.target_known, low.mask_known) == ("hq", True, True)
    real = clips["timit/real/lq/faaa0/sa1"]
    assert (real.label, real.subjects, real.split, real.notes) == (
        0,
        ("faaa0",),
        low.split,
        {"encoded_like": "sa1-video-maab0"},
    )
    assert real.footage.path == real.best.path == root / "VidTIMIT/faaa0/video/sa1"
    assert real.pristine == real.best == low.pristine
    for clip in clips.values():  # the best quality's encoding is its own
        assert clip.compression == "lq" or clip.footage == clip.best


def test_originals_take_the_codec_and_the_size_of_their_own_fake(root):
    for clip in find_clips(root).clips:
        if not clip.label:
            quality = {"lq": "lower_quality", "hq": "higher_quality"}[clip.compression]
            (path,) = (root / "DeepfakeTIMIT" / quality / clip.subjects[0]).iterdir()
            assert clip.footage.encoding == Encoding.like(path)
    low, high = (by_video(find_clips(root))[f"timit/real/{level}/faaa0/sa1"].footage for level in ("lq", "hq"))
    assert low.encoding.bytes_a_frame < high.encoding.bytes_a_frame


@pytest.mark.parametrize("codec", ["mpeg4", "h264"])
def test_an_encoded_original_is_within_5_percent_of_the_size_of_its_fake(copy, tmp_path, codec, clip_frames):
    """The clips have 24 frames, because the MPEG-4 encoder misses the rate in shorter ones."""
    folder = copy / "VidTIMIT/faaa0/video/sa1"
    for number in range(9, 25):
        shutil.copy(folder / f"{number - 8:03d}", folder / f"{number:03d}")
    for quality, share in (("lower_quality", 0.08), ("higher_quality", 0.12)):
        encoding = Encoding(codec, "yuv420p", share * 160 * 160, 25.0)
        write_encoded(fake(copy, quality), lambda: clip_frames(0, 24, forged=True), encoding)
    for level, quality in (("lq", "lower_quality"), ("hq", "higher_quality")):
        real = by_video(find_clips(copy))[f"timit/real/{level}/faaa0/sa1"]
        made = encoded(real.footage, tmp_path / f"{level}.avi")
        for header in (info(Footage(fake(copy, quality))), info(made)):
            assert (header.codec, header.pix_fmt, header.frames) == (codec, "yuv420p", 24)
        wanted = Encoding.like(fake(copy, quality)).bytes_a_frame
        assert Encoding.like(made.path).bytes_a_frame == pytest.approx(wanted, rel=0.05)


def test_originals_without_equalising_are_not_encoded(root):
    found = find_clips(root, equalise=False)
    assert all(clip.footage.encoding is None for clip in found.clips)
    assert all(not clip.mask_known and clip.notes == {} for clip in found.clips)
    assert any("their codec may tell the label" in remark for remark in found.remarks)


def test_head_rotations_and_people_without_fakes_are_left_out(root):
    found = find_clips(root)
    assert not any("head" in clip.name for clip in found.clips)
    assert not any("mzzz0" in (clip.name, *clip.subjects) for clip in found.clips)
    assert "People of VidTIMIT without fakes, not used: 1." in found.remarks


def test_target_and_donor_are_in_one_split_and_the_drawn_splits_are_kept(root):
    found = find_clips(root, seed=4)
    subjects = found.splits.drawn
    assert found.splits.seed == 4
    assert set(subjects) == set(PEOPLE)
    assert sorted(subjects.values()) == ["test", "test", "train", "train", "val", "val"]
    assert all(len({subjects[person] for person in clip.subjects} | {clip.split}) == 1 for clip in found.clips)
    assert find_clips(root, seed=4).splits == found.splits
    assert len({str(find_clips(root, seed=seed).splits.drawn) for seed in range(4)}) > 1


def test_a_fake_of_people_in_two_splits_is_left_out_with_a_remark(copy):
    for target, donor in (("faaa0", "faac0"), ("faac0", "faae0"), ("maab0", "maad0")):
        shutil.copy(fake(copy), fake(copy, target=target, donor=donor))
    found = find_clips(copy)
    left = [remark for remark in found.remarks if "its people are in two splits" in remark]
    fakes = [clip for clip in found.clips if clip.label and clip.compression == "lq"]
    assert len(left) + len(fakes) == 9
    assert left
    assert all(len({found.splits.drawn[person] for person in clip.subjects}) == 1 for clip in fakes)


@pytest.mark.parametrize("form", ["jpg", "jpeg", "avi"])
def test_vidtimit_in_its_other_forms(copy, form):
    for folder in sorted((copy / "VidTIMIT").glob("*/video/*")):
        if form == "avi":
            frames = [frame for path in sorted(folder.iterdir()) for _, frame in read_frames(path)]
            encoding = Encoding("ffv1", "yuv420p", 1.0, 25.0)
            write_encoded(folder.with_suffix(".avi"), lambda frames=frames: frames, encoding)
            shutil.rmtree(folder)
        else:
            for path in list(folder.iterdir()):
                path.rename(path.with_suffix(f".{form}"))
    found = find_clips(copy)
    assert len(found.clips) == 2 * 2 * 6
    assert found.skips == []
    real = by_video(found)["timit/real/hq/faaa0/sa1"].footage
    assert real.path == copy / "VidTIMIT/faaa0/video" / ("sa1.avi" if form == "avi" else "sa1")
    assert info(real).frames == 8
    assert found.layout.endswith("VidTIMIT as videos" if form == "avi" else "VidTIMIT as pictures")


def test_root_may_be_deepfaketimit_itself_with_vidtimit_beside_it_or_elsewhere(copy, tmp_path):
    expected = by_video(find_clips(copy)).keys()
    assert by_video(find_clips(copy / "DeepfakeTIMIT")).keys() == expected
    elsewhere = shutil.move(copy / "VidTIMIT", tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"VidTIMIT does not exist.*name its folder with --twins"):
        find_clips(copy)
    with pytest.raises(DataError, match="nowhere does not exist"):
        find_clips(copy, twins=tmp_path / "nowhere")
    assert by_video(find_clips(copy, twins=Path(elsewhere))).keys() == expected


def test_only_the_wanted_compressions_are_found(root):
    found = find_clips(root, compressions=["lq"], dataset="other")
    assert {clip.compression for clip in found.clips} == {"lq"}
    assert all(clip.video.startswith("other/") and clip.quality == "hq" for clip in found.clips)
    with pytest.raises(DataError, match="holds no 'c23'; it holds hq, lq"):
        find_clips(root, compressions=["c23"])


def test_low_quality_alone_has_no_target(copy):
    shutil.rmtree(copy / "DeepfakeTIMIT/higher_quality")
    found = find_clips(copy)
    assert {clip.compression for clip in found.clips} == {"lq"}
    assert all((clip.quality, clip.target_known, clip.mask_known) == ("lq", False, True) for clip in found.clips)
    assert all(clip.best == clip.footage for clip in found.clips)


def reasons(found):
    return {skip.clip: skip.reason for skip in found.skips}


def test_a_missing_or_damaged_fake_and_its_original_are_skips(copy):
    fake(copy).unlink()
    fake(copy, target="faac0", donor="maad0").write_bytes(b"")
    shutil.rmtree(copy / "VidTIMIT/faae0/video/sa1")
    found = find_clips(copy)
    skipped = reasons(found)
    prefix = "timit/faceswap-GAN"
    assert "lower_quality/faaa0/sa1-video-maab0.avi is missing" in skipped[f"{prefix}/lq/faaa0/sa1-video-maab0"]
    assert "does not open as a video" in skipped[f"{prefix}/lq/faac0/sa1-video-maad0"]
    for level in ("lq", "hq"):
        assert "its twin faae0/video/sa1 is missing" in skipped[f"{prefix}/{level}/faae0/sa1-video-maaf0"]
        assert "left out with its fake" in skipped[f"timit/real/{level}/faae0/sa1"]
    for person in ("faaa0", "faac0"):
        assert "left out with its fake" in skipped[f"timit/real/lq/{person}/sa1"]
    assert len(skipped) == 8
    assert len(found.clips) == 24 - 8
    assert {skip.split for skip in found.skips} <= {"train", "val", "test"}


def test_a_low_quality_fake_without_its_high_quality_has_no_target(copy):
    fake(copy, "higher_quality").unlink()
    clip = by_video(find_clips(copy))["timit/faceswap-GAN/lq/faaa0/sa1-video-maab0"]
    assert (clip.quality, clip.target_known, clip.best) == ("lq", False, clip.footage)


def test_a_codec_that_cannot_be_encoded_is_a_skip_unless_originals_keep_theirs(copy):
    path = fake(copy)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, width=160, height=160, pix_fmt="yuv420p")
        for _, frame in read_frames(fake(copy, "higher_quality")):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    reason = reasons(find_clips(copy))["timit/faceswap-GAN/lq/faaa0/sa1-video-maab0"]
    assert "codec 'mpeg2video', with which no twin can be encoded" in reason
    assert find_clips(copy, equalise=False).skips == []


def test_files_with_other_names_are_odd(copy):
    low = copy / "DeepfakeTIMIT/lower_quality"
    for name in ("faaa0/sa1.avi", "faaa0/._sa1-video-maab0.avi", "faaa0/sa1-video-maab0.txt", "readme.avi"):
        (low / name).write_bytes(b"x")
    (low / "faaa0").joinpath(b"na\xefve-video-maab0.avi".decode("utf-8", "surrogateescape")).write_bytes(b"x")
    found = find_clips(copy)
    assert len(found.clips) == 24
    assert {Path(name).name for name in found.odd} == {
        "sa1.avi",
        "._sa1-video-maab0.avi",
        "sa1-video-maab0.txt",
        "readme.avi",
        "na?ve-video-maab0.avi",
    }


def test_links_out_of_the_root_are_skips_unless_they_are_followed(copy, tmp_path):
    picture = copy / "VidTIMIT/faac0/video/sa1/003"
    for number, path in enumerate((fake(copy), picture)):
        outside = shutil.move(path, tmp_path / f"outside{number}")
        path.symlink_to(outside)
    found = find_clips(copy)
    assert (
        "sa1-video-maab0.avi is a link that leads out" in reasons(found)["timit/faceswap-GAN/lq/faaa0/sa1-video-maab0"]
    )
    assert "003 is a link that leads out" in reasons(found)["timit/faceswap-GAN/hq/faac0/sa1-video-maad0"]
    assert len(found.clips) == 24 - 2 - 4
    assert find_clips(copy, follow_links=True).skips == []


def test_a_folder_without_deepfaketimit_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds no DeepfakeTIMIT: there is neither lower_quality/"):
        find_clips(tmp_path)
    (tmp_path / "lower_quality/faaa0").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no DeepfakeTIMIT"):
        find_clips(tmp_path)


def test_options_of_other_sources_are_refused(root):
    with pytest.raises(DataError, match="--methods is for --source ffpp; --source deepfaketimit does not take it"):
        find(root, SourceOptions(source="deepfaketimit", methods=("Deepfakes",)))
    assert dataclasses.asdict(find(root, SourceOptions(source="deepfaketimit"))) == dataclasses.asdict(find_clips(root))


@pytest.mark.parametrize("equalise", [True, False])
def test_codec_and_bit_rate_tell_the_label_unless_originals_are_encoded(root, equalise):
    cues = survey(find_clips(root, equalise=equalise), BuildOptions(size=64), workers=1, sample=0, faces=0).cues
    for level in ("hq", "lq"):
        assert cues[level]["codec"]["auc"] == (0.5 if equalise else 1.0)
        assert (cues[level]["bits_per_pixel"]["auc"] == 0.5) == equalise
