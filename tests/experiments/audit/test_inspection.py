"""The command inspect."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import experiments.audit.contact_sheet
from experiments.audit.contact_sheet import (
    FACES,
    HEADING,
    LABEL_WIDTH,
    TILE_HEIGHT,
    TILE_WIDTH,
    contact_sheet,
    write_png,
)
from experiments.audit.inspection import print_summary
from experiments.cli.inspect import inspect
from experiments.tables import print_built
from records.errors import DataError
from records.shards import Manifest, SkipEntry


def test_tables_name_counts_frames_without_a_face_and_the_hash(made_records):
    result = CliRunner().invoke(inspect, [str(made_records), "--verify"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "81 of 108 frames have a face" in result.output  # 27 clips of 3 + 1 frames
    assert "27 frames: no face" in result.output
    assert "every shard verified" in result.output


def test_names_of_skipped_clips_are_printed_on_one_line(made_records, capsys):
    skip = SkipEntry("made/fake/as-is/new\nline\x1b[31m.mp4", 1, "is empty", "train")
    manifest = dataclasses.replace(Manifest.load(made_records), skips=[skip])
    print_summary(manifest, made_records, checked=False)
    print_built(manifest, made_records)
    shown = capsys.readouterr().out
    assert shown.count(r"made/fake/as-is/new\nline\x1b[31m.mp4 (label 1): is empty") == 2
    assert "\x1b" not in shown


def test_json_is_for_machines(made_records):
    result = CliRunner().invoke(inspect, [str(made_records), "--json"], catch_exceptions=False)
    values = json.loads(result.output)
    assert values["counts"]["train"]["c40"] == {"real": 12, "Deepfakes": 12, "FaceSwap": 12}
    assert values["leaks"] == {"subjects": [], "videos": []}
    assert (values["clips"], values["frames_without_face"], values["size"]) == (27, 27, 64)


def test_the_contact_sheet_has_a_row_for_each_compression_and_method(made_records, tmp_path):
    path = tmp_path / "sheet.png"
    CliRunner().invoke(inspect, [str(made_records), "--png", str(path)], catch_exceptions=False)
    sheet = cv2.imread(str(path))
    assert sheet.shape == (HEADING + 3 * TILE_HEIGHT, LABEL_WIDTH + FACES * TILE_WIDTH, 3)
    for left in range(LABEL_WIDTH, sheet.shape[1], TILE_WIDTH):  # a face in every place
        assert sheet[HEADING : HEADING + TILE_HEIGHT, left : left + TILE_WIDTH].std() > 20


def test_the_faces_of_a_row_are_of_different_people_of_all_splits(made_records, monkeypatch):
    seen, tile = [], np.zeros((TILE_HEIGHT, TILE_WIDTH, 3), np.uint8)
    monkeypatch.setattr(experiments.audit.contact_sheet, "_tile", lambda *one: seen.append(one) or tile)
    contact_sheet(made_records)
    for row in range(3):
        of_row = seen[FACES * row : FACES * (row + 1)]
        assert [split for split, _ in of_row] == ["train", "train", "val", "val", "test", "test"]
        assert len({face["subjects"][0] for _, face in of_row}) == FACES
        assert len({face["video"].split(b"/")[1] for _, face in of_row}) == 1


def test_one_contact_sheet_is_of_one_folder(made_records, tmp_path):
    result = CliRunner().invoke(inspect, [str(made_records), str(made_records), "--png", str(tmp_path / "sheet.png")])
    assert result.exit_code == 2
    assert "one folder" in result.output


def test_a_picture_that_cannot_be_written_is_an_error(made_records, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"sheet\.png cannot be written"):
        write_png(tmp_path / "file" / "sheet.png", np.zeros((8, 8, 3), np.uint8))


def test_where_the_splits_are_from_is_said(made_records):
    result = CliRunner().invoke(inspect, [str(made_records)], catch_exceptions=False)
    assert "Splits: drawn with seed 0: 4 in train, 2 in val, 3 in test (subjects)." in result.output
    values = json.loads(CliRunner().invoke(inspect, [str(made_records), "--json"], catch_exceptions=False).output)
    assert values["splits"]["drawn"]["004"] == "val"
