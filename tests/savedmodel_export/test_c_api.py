"""The exported folder answers like Keras in a process without Python: a C program on TensorFlow's own C library."""

import json
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from savedmodel_export import describe

SOURCE = Path(__file__).with_name("serve.c")
TOLERANCE = 1e-4
OK, INVALID_ARGUMENT = 0, 3
DTYPES = {np.dtype(np.uint8): "uint8", np.dtype(np.float32): "float", np.dtype(object): "string"}
RESULTS = {tf.float32.as_datatype_enum: np.float32, tf.int64.as_datatype_enum: np.int64}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The compiled program."""
    path = tmp_path_factory.mktemp("program") / "serve"
    library = Path(tf.sysconfig.get_lib())
    libraries = sorted(file.name for file in library.glob("libtensorflow_[cf]*.so.2"))
    assert libraries == ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]
    command = ["gcc", "-std=gnu11", "-O1", "-Wall", "-Werror", str(SOURCE), "-o", str(path)]
    command += ["-isystem", tf.sysconfig.get_include(), f"-L{library}", f"-Wl,-rpath,{library}"]
    subprocess.run([*command, *(f"-l:{name}" for name in libraries)], check=True)
    return path


@pytest.fixture(scope="module")
def serve(program, exported):
    """The function (working folder, [(signature, inputs)]) -> [(status code, message, outputs)], in one process."""
    saved_model = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    signatures = saved_model.meta_graphs[0].signature_def

    def run(working, requests):
        plan = []
        for number, (signature, inputs) in enumerate(requests):
            for name, value in inputs.items():
                file = working / f"{number}-{name}.in"
                file.write_bytes(packed(value))
                tensor = signatures[signature].inputs[name].name.replace(":", " ")
                sides = " ".join(str(side) for side in value.shape)
                plan.append(f"input {tensor} {DTYPES[value.dtype]} {value.ndim} {sides} {file.name}")
            for name, info in signatures[signature].outputs.items():
                plan.append(f"output {info.name.replace(':', ' ')} {number}-{name}.out")
            plan.append("run")
        (working / "plan").write_text("\n".join(plan))
        command = [str(program), str(exported), "plan"]
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3"}  # and nothing else: no PYTHONPATH, no LD_LIBRARY_PATH
        done = subprocess.run(command, cwd=working, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        *lines, last = done.stdout.splitlines()
        assert last == "python 0"
        answers = []
        for number, ((signature, _), line) in enumerate(zip(requests, lines, strict=True)):
            code, message = re.fullmatch(rf"run {number} (\d+) (.*)", line).groups()
            outputs = {}
            for name, info in signatures[signature].outputs.items() if int(code) == OK else ():
                data = (working / f"{number}-{name}.out").read_bytes()
                outputs[name] = np.frombuffer(data, RESULTS[info.dtype]) if info.dtype in RESULTS else unpacked(data)
            answers.append((int(code), message, outputs))
        return answers

    return run


def packed(value):
    if value.dtype != object:
        return value.tobytes()
    return b"".join(np.uint32(len(data)).tobytes() + data for data in value.ravel())


def unpacked(data):
    strings = []
    while data:
        length = int(np.frombuffer(data[:4], np.uint32)[0])
        strings.append(data[4 : 4 + length])
        data = data[4 + length :]
    return strings


def encoded(faces):
    images = [cv2.imencode(".png", face[..., ::-1])[1].tobytes() for face in faces]
    return np.array(images, object)


@pytest.mark.slow
def test_every_signature_answers_like_keras_at_any_batch_size(serve, detector, faces, expected, tmp_path):
    frames, points = faces
    counts = (1, 5, 12)
    requests = []
    for count in counts:
        arrays = {"frame": frames[:count], "keypoints": points[:count]}
        images = {"image_bytes": encoded(frames[:count]), "keypoints": points[:count]}
        requests += [("serving_default", arrays), ("faces_jpeg", images), ("explain", arrays)]
    answers = serve(tmp_path, [*requests, ("describe", {"request": np.array([b""], object)})])
    assert [code for code, _, _ in answers] == [OK] * len(answers)
    for index, count in enumerate(counts):
        plain, jpeg, explained = (outputs for _, _, outputs in answers[3 * index : 3 * index + 3])
        change = np.abs(expected["reconstruction"] - (frames / 127.5 - 1)).mean(-1) / 2
        wanted = {**expected, "artifact_map": change}
        for outputs, names in (
            (plain, {"probability", "log10_likelihood_ratio", "logit"}),
            (jpeg, {"probability", "log10_likelihood_ratio", "logit"}),
            (explained, {"probability", "log10_likelihood_ratio", "reconstruction", "artifact_map"}),
        ):
            assert set(outputs) == names
            for name, value in outputs.items():
                np.testing.assert_allclose(value, wanted[name][:count].ravel(), atol=TOLERANCE)
    described = answers[-1][2]
    assert described["size"].tolist() == [64]
    assert json.loads(described["description"][0]) == describe(detector)


@pytest.mark.slow
def test_bad_requests_get_a_status_and_the_process_goes_on(serve, faces, tmp_path):
    frames, points = faces
    outside = points.copy()
    outside[4, 0, 0] = np.nan
    images = encoded(frames)
    images[9] = images[9][:100]
    good = {"frame": frames, "keypoints": points}
    bad = [
        ("frame must have shape (N, 64, 64, 3); received [12 32 128 3]", {"frame": frames.reshape(12, 32, 128, 3)}),
        ("frame must have shape (N, 64, 64, 3); received [64 64 3]", {"frame": frames[0]}),
        ("frame must have shape (N, 64, 64, 3); received [1 12 64 64 3]", {"frame": frames[None]}),
        ("keypoints must have shape (N, 5, 2); received [12 10]", {"keypoints": points.reshape(12, 10)}),
        ("keypoints must have shape (N, 5, 2); received []", {"keypoints": np.float32(0.5)[...]}),
        ("same number of rows; received [12 3]", {"keypoints": points[:3]}),
        ("frame must have 1 to 1024 rows; received 0", {"frame": frames[:0], "keypoints": points[:0]}),
        ("received in row 4: ", {"keypoints": outside}),
    ]
    requests = [("serving_default", {**good, **inputs}) for _, inputs in bad]
    requests += [("explain", {**good, **inputs}) for _, inputs in bad]
    requests += [("faces_jpeg", {"image_bytes": images, "keypoints": points})]
    requests += [("describe", {"request": np.full((2, 2), b"", object)})]
    messages = 2 * [message for message, _ in bad] + ["image_bytes[9] is broken and cannot be decoded"]
    messages += ["request must have shape (N); received [2 2]"]
    *answers, last = serve(tmp_path, [*requests, ("serving_default", good)])
    for (code, received, _), message in zip(answers, messages, strict=True):
        assert code == INVALID_ARGUMENT, received
        assert message in received
    assert last[0] == OK
