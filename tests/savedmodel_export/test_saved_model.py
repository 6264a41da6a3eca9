import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf.config_pb2 import CallableOptions
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from faces import crop_square
from records.errors import DataError
from savedmodel_export import Batching, describe, export_saved_model, load_saved_model
from savedmodel_export.graph import MAX_FACES
from savedmodel_export.images import MAX_BYTES, MAX_SCANS, decode_faces
from savedmodel_export.saved_model import find_version, read_description, versions
from savedmodel_export.serving import configuration
from tfafsr import SCORES

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model(exported):
    return load_saved_model(exported)[0]


def answer(model, signature, **inputs):
    outputs = model.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def encode(face, suffix=".png", *options):
    return cv2.imencode(suffix, face[..., ::-1], options)[1].tobytes()


def png(width, height):
    """A small PNG whose header promises that many pixels."""
    chunk = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    body = b"IDAT" + zlib.compress(bytes(100))
    chunks = (len(part[4:]).to_bytes(4, "big") + part + zlib.crc32(part).to_bytes(4, "big") for part in (chunk, body))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def promise(jpeg, width, height):
    """The JPEG with other sides in its header."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + jpeg[start + 4 :]


@pytest.mark.parametrize("count", [1, 2, 12])
def test_any_batch_size_answers_like_keras(model, faces, expected, count):
    got = answer(model, "serving_default", frame=faces[0][:count], keypoints=faces[1][:count])
    assert set(got) == set(SCORES)
    for name, value in got.items():
        assert value.shape == (count, 1)
        np.testing.assert_allclose(value, expected[name][:count], atol=TOLERANCE)
    assert np.ptp(expected["probability"]) > 10 * TOLERANCE


def test_a_request_larger_than_a_batch_keeps_its_order(model, faces, expected):
    order = np.random.default_rng(0).integers(0, 12, 100)
    got = answer(model, "serving_default", frame=faces[0][order], keypoints=faces[1][order])
    np.testing.assert_allclose(got["logit"], expected["logit"][order], atol=TOLERANCE)


def test_explain_shows_the_reconstruction_and_where_it_departs_from_the_face(model, faces, expected):
    got = answer(model, "explain", frame=faces[0], keypoints=faces[1])
    for name in ("probability", "log10_likelihood_ratio"):
        np.testing.assert_allclose(got[name], expected[name], atol=TOLERANCE)
    np.testing.assert_allclose(got["reconstruction"], expected["reconstruction"], atol=TOLERANCE)
    change = np.abs(expected["reconstruction"] - (faces[0] / 127.5 - 1)).mean(-1, keepdims=True) / 2
    assert change.max() > 0.01
    np.testing.assert_allclose(got["artifact_map"], change, atol=TOLERANCE)


def test_size_and_order_of_key_points_are_readable_from_the_model(model, detector, exported):
    got = answer(model, "describe", request=[b"", b""])
    assert got["size"].tolist() == [64, 64]
    assert [name.decode() for name in got["keypoint_order"][1]] == describe(detector)["keypoints"]
    assert got["labels"][0].tolist() == [b"real", b"manipulated"]
    assert json.loads(got["description"][0]) == describe(detector) == read_description(exported)


def test_the_bare_network_compiles_with_xla(model, faces, expected):
    got = tf.function(model.detect, jit_compile=True)(tf.constant(faces[0]), tf.constant(faces[1]))
    np.testing.assert_allclose(got["probability"], expected["probability"], atol=0.02)  # ELA's roundings may tip


def test_without_batching_the_answers_are_the_same(detector, faces, expected, tmp_path):
    alone, _ = load_saved_model(export_saved_model(detector, tmp_path / "alone", batching=None))
    got = answer(alone, "serving_default", frame=faces[0], keypoints=faces[1])
    np.testing.assert_allclose(got["logit"], expected["logit"], atol=TOLERANCE)


def test_lossless_faces_in_a_file_answer_as_arrays_do(model, faces, expected):
    got = answer(model, "faces_jpeg", image_bytes=[encode(face) for face in faces[0]], keypoints=faces[1])
    np.testing.assert_allclose(got["logit"], expected["logit"], atol=TOLERANCE)


@pytest.mark.parametrize("side", [200, 128, 64, 40])
def test_faces_are_decoded_and_resized_as_the_records_are(side, faces):
    large = [cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC) for face in faces[0][:4]]
    encoded = [encode(face, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90) for face in large]
    decoded = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) for data in encoded]
    frame = np.stack([crop_square(image, np.array([0, 0, side, side]), 64) for image in decoded])
    got = tf.function(lambda images: decode_faces(images, 64), autograph=False)(tf.constant(encoded)).numpy()
    difference = np.abs(got.astype(int) - frame)
    assert difference.max() <= 1
    assert difference.mean() < (0.1 if side >= 64 else 0.2)  # cv2 enlarges in whole 2048ths


def test_gray_and_transparent_images_are_read_as_rgb(faces):
    gray = faces[0][0, ..., 0]
    transparent = np.dstack([faces[0][1][..., ::-1], gray])  # BGRA
    images = [cv2.imencode(".png", image)[1].tobytes() for image in (gray, transparent)]
    got = tf.function(lambda images: decode_faces(images, 64), autograph=False)(tf.constant(images)).numpy()
    np.testing.assert_array_equal(got[0], np.dstack([gray] * 3))
    np.testing.assert_array_equal(got[1], faces[0][1])


def refused(model, message, signature="serving_default", **inputs):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        answer(model, signature, **inputs)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01])
@pytest.mark.parametrize("signature", ["serving_default", "explain"])
def test_key_points_outside_are_refused_by_row(model, faces, value, signature):
    points = faces[1].copy()
    points[7, 2, 1] = value
    refused(model, r"keypoints must lie in \[0, 1\].* in row 7: ", signature, frame=faces[0], keypoints=points)
    images = [encode(face) for face in faces[0]]
    refused(model, "in row 7: ", "faces_jpeg", image_bytes=images, keypoints=points)


def test_empty_uneven_and_oversized_batches_are_refused(model, faces):
    frames, points = faces
    refused(model, f"frame must have 1 to {MAX_FACES} rows; received 0", frame=frames[:0], keypoints=points[:0])
    refused(model, r"same number of rows; received \[3 2\]", frame=frames[:3], keypoints=points[:2])
    many = np.zeros((MAX_FACES + 1, 64, 64, 3), np.uint8)
    refused(model, "received 1025", frame=many, keypoints=np.zeros((MAX_FACES + 1, 5, 2), np.float32))
    no_image = np.array([], object)
    refused(model, "received 0", "faces_jpeg", image_bytes=tf.constant(no_image, tf.string), keypoints=points[:0])


def described(folder, request):
    """What `describe` gives in a session, which like a server hands the graph any shape."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signature = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder)).signature_def["describe"]
        feed, fetch = signature.inputs["request"].name, signature.outputs["size"].name
        return session._make_callable_from_options(CallableOptions(feed=[feed], fetch=[fetch]))(request)[0]


@pytest.mark.parametrize("shape", [(), (2, 2), (1, 1), (0,), (MAX_FACES + 1,)])
def test_a_description_is_asked_for_by_1_to_1024_rows_and_nothing_else(exported, shape):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"request must have (shape|1 to 1024 rows; received)"):
        described(exported, np.full(shape, b"", object))


def broken_images(faces):
    jpeg, whole = encode(faces[0][0], ".jpg"), encode(faces[0][0])
    wide = np.zeros((64, 100, 3), np.uint8)
    return {
        "neither": (b"GIF89a" + bytes(100), "is neither JPEG nor PNG"),
        "empty": (b"", "is neither JPEG nor PNG"),
        "short": (b"\xff", "is neither JPEG nor PNG"),
        "jpeg cut off": (jpeg[: len(jpeg) // 2], "is broken"),
        "jpeg without content": (b"\xff\xd8\xff\xe0" + bytes(100), "is broken"),
        "png cut off": (whole[:200], "is broken"),
        "png bomb": (png(30000, 30000), "is 30000 x 30000 pixels; 1 to 2048"),
        "png of no size": (png(0, 0), "is 0 x 0 pixels"),
        "png of a negative size": (png(2**32 - 1, 2**32 - 1), "pixels; 1 to 2048"),
        "jpeg bomb": (promise(jpeg, 65000, 65000), "is 65000 x 65000 pixels; 1 to 2048"),
        "too long": (whole + bytes(MAX_BYTES), f"more than {MAX_BYTES} bytes"),
        "many scans": (jpeg + b"\xff\xda" * (MAX_SCANS + 1), f"more than {MAX_SCANS} scans"),
        "not square": (encode(wide), "is 100 x 64 pixels; a square crop is needed"),
    }


def test_a_broken_image_in_a_batch_is_refused_by_its_index_and_the_next_request_is_served(model, faces, expected):
    good = [encode(face) for face in faces[0][:4]]
    for name, (data, message) in broken_images(faces).items():
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            answer(model, "faces_jpeg", image_bytes=[good[0], good[1], data, good[3]], keypoints=faces[1][:4])
        assert "image_bytes[2] " in str(caught.value), name
        assert message in str(caught.value), name
    got = answer(model, "faces_jpeg", image_bytes=good, keypoints=faces[1][:4])
    np.testing.assert_allclose(got["logit"], expected["logit"][:4], atol=TOLERANCE)


def test_the_warm_up_holds_requests_that_every_signature_answers(model, exported):
    path = exported / "assets.extra" / "tf_serving_warmup_requests"
    signatures = []
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == "tfafsr"
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        assert answer(model, request.model_spec.signature_name, **inputs)
        signatures.append(request.model_spec.signature_name)
    assert sorted(signatures) == sorted(2 * ["serving_default", "faces_jpeg", "explain", "describe"])


def test_a_server_s_configuration_stands_beside_the_versions(exported):
    folder = exported.parent
    parsed = text_format.Parse((folder / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (config,) = parsed.model_config_list.config
    assert (config.name, config.base_path, config.model_platform) == ("tfafsr", "/models/tfafsr", "tensorflow")
    assert "max_batch_size { value: 32 }" in (folder / "batching.config").read_text()
    compose = (folder / "compose.yaml").read_text()
    assert 'image: "tensorflow/serving:' in compose
    assert ".:/models/tfafsr:ro" in compose
    assert sorted(path.name for path in folder.iterdir()) == ["1", *sorted(configuration("tfafsr"))]


def test_versions_are_counted_up_and_edited_files_stay(simplest, exported, tmp_path):
    out = tmp_path / "tfafsr"
    shutil.copytree(exported, out / "9")
    (out / "compose.yaml").write_text("mine")
    assert export_saved_model(simplest, out) == out / "10"
    assert [path.name for path in versions(out)] == ["9", "10"]  # by number, not by name
    assert find_version(out) == out / "10"
    assert (out / "compose.yaml").read_text() == "mine"
    with pytest.raises(DataError, match="9 exists already"):
        export_saved_model(simplest, out, version=9)


def test_what_cannot_be_exported_to_is_refused(detector, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file"):
        export_saved_model(detector, tmp_path / "file")
    with pytest.raises(DataError, match="cannot be called 'a b'"):
        export_saved_model(detector, tmp_path / "a b")
    with pytest.raises(DataError, match="positive number; received 0"):
        export_saved_model(detector, tmp_path / "model", version=0)
    with pytest.raises(ValueError, match=r"waiting \* faces"):
        Batching(waiting=1)


def test_folders_that_are_no_model_of_ours_are_refused(tmp_path, exported):
    with pytest.raises(DataError, match="is no folder"):
        load_saved_model(tmp_path / "nothing")
    with pytest.raises(DataError, match="neither saved_model"):
        load_saved_model(tmp_path)
    other = tmp_path / "other"
    tf.saved_model.save(tf.Module(), str(other))
    with pytest.raises(DataError, match="not of this project"):
        load_saved_model(other)
    (other / "assets.extra").mkdir()
    (other / "assets.extra" / "tfafsr.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        load_saved_model(other)
    (other / "assets.extra" / "tfafsr.json").write_bytes((exported / "assets.extra" / "tfafsr.json").read_bytes())
    with pytest.raises(DataError, match="lacks the signatures"):
        load_saved_model(other)
    (other / "saved_model.pb").write_bytes(b"no protobuf")
    with pytest.raises(DataError, match="cannot be loaded"):
        load_saved_model(other)


EXPORT = """
import sys
from pathlib import Path
from savedmodel_export import export_saved_model
from tfafsr import load_detector

export_saved_model(load_detector(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_an_export_that_is_killed_leaves_no_version(model_file, simplest, tmp_path):
    out = tmp_path / "tfafsr"
    process = subprocess.Popen([sys.executable, "-c", EXPORT, str(model_file), str(out)], cwd=ROOT)
    while not list(out.glob(".1.tmp-*/*")):  # the first file is being written
        assert process.poll() is None
        time.sleep(0.005)
    with pytest.raises(DataError, match="Another process is exporting into"):
        export_saved_model(simplest, out)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert versions(out) == []
    with pytest.raises(DataError, match="neither saved_model"):
        find_version(out)
    (partial,) = out.glob(".1.tmp-*")
    os.utime(partial, (0, 0))  # long ago
    assert export_saved_model(simplest, out) == out / "1"
    assert not list(out.glob(".1.tmp-*"))


def test_a_full_disk_is_named_and_nothing_is_left(simplest, full_disk, tmp_path):
    out = tmp_path / "tfafsr"
    with full_disk(), pytest.raises(DataError, match=r"1 cannot be written \(File too large\)"):
        export_saved_model(simplest, out)
    assert not list(out.iterdir())
