"""A user's own folder: classes, nested folders, tables, twins, splits, unusual names and links."""

import os

import pytest

from records.errors import DataError
from records.shards import SplitsOrigin
from records.sources.folder import find_clips

REAL, FAKE = ("a.mp4", "b.mov", "c.png"), ("Mine/a.mp4", "Mine/deep/b.mp4", "c.avi", "d.JPG")


def tree(root, real=REAL, fake=FAKE, classes=("real", "fake")):
    """Writes one-byte files with the right names: finding clips does not open them."""
    for folder, names in zip(classes, (real, fake), strict=True):
        for name in names:
            path = root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    return root


def table(root, *rows, columns="path,label,method,subject,split,twin"):
    path = root / "labels.csv"
    path.write_text("\n".join((columns, *rows)) + "\n", encoding="utf-8")
    return path


def by_name(found):
    return {clip.name: clip for clip in found.clips}


def reasons(found):
    return {skip.clip: skip.reason for skip in found.skips}


def test_both_classes_nested_or_not(tmp_path):
    found = find_clips(tree(tmp_path))
    clips = by_name(found)
    assert clips.keys() == {*(f"real/{name}" for name in REAL), *(f"fake/{name}" for name in FAKE)}
    assert {clip.video for clip in found.clips if clip.label} == {
        "folder/Mine/as-is/fake/Mine/a.mp4",
        "folder/Mine/as-is/fake/Mine/deep/b.mp4",
        "folder/fake/as-is/fake/c.avi",
        "folder/fake/as-is/fake/d.JPG",
    }
    real = clips["real/b.mov"]
    assert (real.label, real.method, real.subjects, real.quality) == (0, "real", ("real/b.mov",), "as-is")
    assert real.footage == real.pristine == real.best
    assert not any(clip.target_known or clip.mask_known for clip in found.clips)
    assert (found.skips, found.odd, found.layout) == ([], [], "folders real/ and fake/")
    assert {clip.split for clip in found.clips} == {"train", "val", "test"}
    assert "No file has a twin" in found.remarks[0]


@pytest.mark.parametrize("seed", range(5))
def test_every_split_of_files_without_subjects_has_both_classes(tmp_path, seed):
    names = [f"{number}.mp4" for number in range(24)]
    found = find_clips(tree(tmp_path, real=names[:6], fake=names), seed=seed)
    assert {(clip.split, clip.label) for clip in found.clips} == {
        (split, label) for split in ("train", "val", "test") for label in (0, 1)
    }


def test_other_classes_another_quality_and_data_set(tmp_path):
    tree(tmp_path, classes=("genuine", "deep fakes"))
    found = find_clips(tmp_path, classes=("genuine", "deep fakes"), compressions=["phone"], dataset="mine")
    assert "mine/deep fakes/phone/deep fakes/c.avi" in {clip.video for clip in found.clips}
    assert "mine/real/phone/genuine/a.mp4" in {clip.video for clip in found.clips}


def test_a_folder_called_real_among_the_fakes_does_not_name_a_method(tmp_path):
    found = find_clips(tree(tmp_path, fake=("real/a.mp4", "x/b.mp4")))
    assert {clip.name: clip.method for clip in found.clips if clip.label} == {
        "fake/real/a.mp4": "fake",
        "fake/x/b.mp4": "x",
    }


def test_a_file_that_is_neither_video_nor_picture_is_odd(tmp_path):
    tree(tmp_path, real=(*REAL, "notes.txt", ".hidden.mp4", "Thumbs.db"))
    assert sorted(find_clips(tmp_path).odd) == ["real/.hidden.mp4", "real/Thumbs.db", "real/notes.txt"]


def test_unicode_and_spaces_in_names(tmp_path):
    names = ("Пётр и Волк.mp4", "naïve take (2) #1.mp4", "顔 😀.png", "a\nb.mp4", '#EXT,"quoted".mp4')
    found = find_clips(tree(tmp_path, real=names))
    assert {clip.name for clip in found.clips if not clip.label} == {f"real/{name}" for name in names}
    rows = ['"real/Пётр и Волк.mp4",real', '"real/#EXT,""quoted"".mp4",real', "fake/c.avi,fake"]
    found = find_clips(tmp_path, csv=table(tmp_path, *rows, columns="path,label"))
    assert (len(found.clips), found.skips) == (3, [])


def test_a_file_whose_name_is_not_utf_8_is_a_skip(tmp_path):
    tree(tmp_path)
    name = os.fsencode(tmp_path / "real") + b"/na\xefve.mp4"
    with open(name, "wb") as file:
        file.write(b"x")
    with open(os.fsencode(tmp_path / "fake") + b"/\xff.txt", "wb") as file:
        file.write(b"x")
    found = find_clips(tmp_path)
    assert reasons(found) == {"folder/real/as-is/real/na?ve.mp4": "its name is not UTF-8; rename it"}
    assert found.odd == ["fake/?.txt"]
    assert len(found.clips) == 7
    assert not any("?" in name for name in found.splits.drawn)


def test_a_table_is_read_instead_of_the_folders(tmp_path):
    tree(tmp_path, real=("a.mp4", "b.mp4", "c.mp4"), fake=("a.mp4", "b.mp4", "c.mp4"))
    rows = [f"real/{n}.mp4,0,,{s},{split}," for n, s, split in (("a", 1, "train"), ("b", 2, "val"), ("c", 3, "test"))]
    rows += [
        "fake/a.mp4,fake,Swap,1;9,train,real/a.mp4",
        "./fake//b.mp4,1,,2,val,./real/b.mp4",
        "fake/c.mp4,1,X,3,test,",
    ]
    found = find_clips(tmp_path, csv=table(tmp_path, *rows))
    clips = by_name(found)
    swap = clips["fake/a.mp4"]
    assert (swap.method, swap.label, swap.subjects, swap.split) == ("Swap", 1, ("1", "9"), "train")
    assert (swap.twin, swap.pristine, swap.best) == ("real/a.mp4", clips["real/a.mp4"].footage, swap.footage)
    assert (swap.mask_known, swap.target_known) == (True, False)
    assert (clips["fake/b.mp4"].twin, clips["fake/b.mp4"].method) == ("real/b.mp4", "fake")  # written as ./real/b.mp4
    assert not clips["fake/c.mp4"].mask_known
    assert found.splits == SplitsOrigin(files="the table")
    assert (found.layout, found.remarks, found.skips) == ("a table, labels.csv", [], [])


def test_a_twin_goes_into_the_split_of_its_fake(tmp_path):
    people = range(20)
    tree(tmp_path, [f"{n}.mp4" for n in people], [f"{n}.mp4" for n in people])
    rows = [f"real/{n}.mp4,0,," for n in people if n % 2] + [f"fake/{n}.mp4,1,,real/{n // 2 * 2}.mp4" for n in people]
    found = find_clips(tmp_path, csv=table(tmp_path, *rows, columns="path,label,subject,twin"), seed=3)
    splits = {}
    for clip in found.clips:
        splits.setdefault(clip.twin, set()).add(clip.split)
    assert len(splits) == 20
    assert all(len(of_twin) == 1 for of_twin in splits.values())
    assert set().union(*splits.values()) == {"train", "val", "test"}


def test_if_all_people_share_clips_files_of_two_splits_are_left_out(tmp_path):
    tree(tmp_path, fake=("a.mp4", "b.mp4", "c.mp4"), real=("a.mp4", "b.mp4", "c.mp4"))
    rows = [f"real/{name}.mp4,0,{name}" for name in "abc"]
    rows += [f"fake/{name}.mp4,1,{name};{other}" for name, other in zip("abc", "bca", strict=True)]
    found = find_clips(tmp_path, csv=table(tmp_path, *rows, columns="path,label,subject"))
    assert {clip.name for clip in found.clips} == {f"real/{name}.mp4" for name in "abc"}
    assert len(found.skips) == 3
    assert all("its people are in two splits" in skip.reason for skip in found.skips)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("real/a.mp4,0,,anna,train,", "fake/c.avi,1,,anna,test,"), "anna is in two splits, train and test"),
        (("real/a.mp4,0,,1,train,", "fake/c.avi,1,,2;1,val,"), "1 is in two splits"),
        (("real/a.mp4,0,,1,train,", "fake/c.avi,1,,2,val,real/a.mp4"), "1 is in two splits"),
        (("fake/d.JPG,1,,1,train,real/a.mp4", "fake/c.avi,1,,2,val,real/a.mp4"), r"real/a\.mp4 is in two splits"),
        (("real/a.mp4,0,,1,train,", "fake/c.avi,1,,2,,"), r"fake/c\.avi has no split, but other files have"),
        (("real/a.mp4,2,,,,",), r"line 2: label '2' of 'real/a\.mp4' is not one of"),
        ((",0,,,,",), "line 2: label '0' of ''"),
        (("real/a.mp4,0,,,development,",), "line 2: split 'development'"),
        ((), "holds no video or picture"),
    ],
)
def test_a_table_that_contradicts_itself_is_named(tmp_path, rows, message):
    with pytest.raises(DataError, match=message):
        find_clips(tree(tmp_path), csv=table(tmp_path, *rows))


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    tree(tmp_path)
    with pytest.raises(DataError, match=r"labels\.csv lacks the column 'label'"):
        find_clips(tmp_path, csv=table(tmp_path, "real/a.mp4,0", columns="path,class"))
    with pytest.raises(DataError, match=r"none\.csv cannot be read as a table"):
        find_clips(tmp_path, csv=tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"path,label\nna\xefve.mp4,0\n")
    with pytest.raises(DataError, match=r"latin\.csv cannot be read as a table.*UTF-8"):
        find_clips(tmp_path, csv=tmp_path / "latin.csv")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("real/none.mp4,0,,,", "real/none.mp4 is missing"),
        ("real/a\0.mp4,0,,,", "is missing"),
        (f"real/{'n' * 300}.mp4,0,,,", "File name too long"),
        ("fake/c.avi,1,,,real/none.mp4", "real/none.mp4 is missing"),
        ("../secret.mp4,0,,,", "../secret.mp4 leads out of"),
        ("/etc/passwd,0,,,", "/etc/passwd leads out of"),
        ("fake/c.avi,1,,,../secret.mp4", "../secret.mp4 leads out of"),
        ("real/a.mp4,0,,,", "the table names it twice"),
        ("./real//a.mp4,0,,,", "the table names it twice"),
        ("fake/c.avi,1,a/b,,", "'a/b' is not allowed as the name of a method"),
        ("fake/c.avi,1,real,,", "'real' is not allowed as the name of a method"),
        ("fake/c.avi,1,,,fake/d.JPG", "its twin fake/d.JPG is a manipulated file"),
        ("fake/c.avi,1,,,fake/c.avi", "its twin fake/c.avi is a manipulated file"),
    ],
)
def test_a_row_that_cannot_be_used_is_a_skip_and_the_others_are_clips(tmp_path, row, reason):
    tree(tmp_path / "data")
    (tmp_path / "secret.mp4").write_bytes(b"x")
    good = ["real/a.mp4,0,,,", "real/b.mov,0,,,", "fake/d.JPG,1,,,"]
    path = table(tmp_path, *good, row, columns="path,label,method,subject,twin")
    found = find_clips(tmp_path / "data", csv=path)
    assert {clip.name for clip in found.clips} == {"real/a.mp4", "real/b.mov", "fake/d.JPG"}
    (skip,) = found.skips
    assert reason in skip.reason


def test_links_out_of_the_root_are_skips_unless_they_are_followed(tmp_path):
    root = tree(tmp_path / "data")
    others = tree(tmp_path / "others")
    (root / "real" / "link.mp4").symlink_to(others / "real" / "a.mp4")
    (root / "real" / "inside.mp4").symlink_to(root / "real" / "a.mp4")
    (root / "fake" / "linked").symlink_to(others / "fake", target_is_directory=True)
    (root / "fake" / "circle").symlink_to(root / "fake", target_is_directory=True)
    found = find_clips(root)
    assert list(reasons(found)) == ["folder/real/as-is/real/link.mp4"]
    assert "link.mp4 is a link that leads out of" in found.skips[0].reason
    assert found.odd == ["fake/circle", "fake/linked"]
    assert len(found.clips) == 7 + 1
    found = find_clips(root, follow_links=True)
    assert (found.skips, found.odd) == ([], ["fake/circle"])
    assert len(found.clips) == 7 + 2 + len(FAKE)
    assert by_name(found)["fake/linked/Mine/a.mp4"].method == "linked"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ("real",)}, "--classes takes the names of two folders.*received real"),
        ({"classes": ("real", "fake", "other")}, "--classes takes the names of two folders"),
        ({"classes": ("real", "real")}, "--classes takes the names of two folders"),
        ({"classes": ("real", "generated")}, "generated does not exist; name your two folders with --classes"),
        ({"compressions": ["c23", "c40"]}, "have one quality; give one name, not c23, c40"),
    ],
)
def test_options_that_do_not_fit_are_named(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        find_clips(tree(tmp_path), **options)


def test_empty_and_missing_folders_are_named(tmp_path):
    with pytest.raises(DataError, match="none is not a folder"):
        find_clips(tmp_path / "none")
    (tmp_path / "real").mkdir()
    (tmp_path / "fake").mkdir()
    with pytest.raises(DataError, match="holds no video or picture; put files into"):
        find_clips(tmp_path)


def test_too_few_files_to_split_are_named(tmp_path):
    with pytest.raises(DataError, match="2 people cannot be put into train, val, test"):
        find_clips(tree(tmp_path, ("a.mp4",), ("b.mp4",)))
