"""A file that does not describe a detector is refused with the reason."""

import zipfile

import pytest

from savedmodel_export.edge_runtime.description import MAX_DESCRIPTION, read_description
from savedmodel_export.edge_runtime.errors import EdgeError


def test_what_is_no_exported_detector_is_refused(tflite_file, tmp_path):
    path, content = tmp_path / "model.tflite", tflite_file("dynamic").read_bytes()
    with pytest.raises(EdgeError, match="does not exist"):
        read_description(path)
    start = content.rindex(b"PK\x03\x04", 0, content.rindex(b"PK\x03\x04"))  # where the archive begins
    broken = bytearray(content)
    broken[len(broken) // 4] ^= 1
    for what, message in (
        (b"", "no detector that"),
        (b"some text", "no detector that"),
        (content[:start], "no detector that"),  # anyone's .tflite
        (content[: len(content) - 40], "cut off"),
        (content[: len(content) // 2], "cut off"),
        (bytes(broken), "damaged"),
    ):
        path.write_bytes(what)
        with pytest.raises(EdgeError, match=message):
            read_description(path)
    for inside, message in (
        ({"other.json": "{}"}, "no detector that"),
        ({"tfafsr.json": "no JSON"}, "no detector that"),
        ({"tfafsr.json": "[" * 20000}, "no detector that"),
        ({"tfafsr.json": '{"model": "another"}'}, "does not describe a detector"),
        ({"tfafsr.json": '{"model": "tfafsr"}'}, "damaged"),
        ({"tfafsr.json": "0" * (MAX_DESCRIPTION + 1)}, "bytes"),
    ):
        path.write_bytes(content[:start])
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, text in inside.items():
                archive.writestr(name, text)
        with pytest.raises(EdgeError, match=message):
            read_description(path)
    for offset, value, message in ((8, 1, "encrypted"), (10, 99, "not supported")):  # in the archive's directory
        changed = bytearray(content)
        changed[content.index(b"PK\x01\x02", start) + offset] = value
        path.write_bytes(changed)
        with pytest.raises(EdgeError, match=f"no detector that.*{message}"):
            read_description(path)
