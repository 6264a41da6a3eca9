"""The command inspect."""

import json

import cv2
import pytest
from click.testing import CliRunner

from records.errors import DataError
from records.inspect import inspect


def test_tables_name_counts_frames_without_a_face_and_the_hash(made_records):
    result = CliRunner().invoke(inspect, [str(made_records), "--verify"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "81 of 108 frames have a face" in result.output  # 27 clips of 3 + 1 frames
    assert "27 frames: no face" in result.output
    assert "every shard verified" in result.output


def test_json_is_for_machines(made_records):
    result = CliRunner().invoke(inspect, [str(made_records), "--json"], catch_exceptions=False)
    values = json.loads(result.output)
    assert values["counts"]["train"]["c40"] == {"real": 12, "Deepfakes": 12, "FaceSwap": 12}
    assert (values["clips"], values["frames_without_face"], values["size"]) == (27, 27, 64)


def test_the_contact_sheet_has_a_row_for_each_split_compression_and_method(made_records, tmp_path):
    path = tmp_path / "sheet.png"
    CliRunner().invoke(inspect, [str(made_records), "--png", str(path)], catch_exceptions=False)
    sheet = cv2.imread(str(path))
    assert sheet.shape == (26 + 9 * 128, 230 + 5 * 128, 3)
    assert sheet.std() > 20


def test_a_picture_that_cannot_be_written_is_an_error(made_records, tmp_path):
    path = tmp_path / "missing" / "sheet.png"
    with pytest.raises(DataError, match=r"sheet\.png cannot be written"):
        CliRunner().invoke(inspect, [str(made_records), "--png", str(path)], catch_exceptions=False)
