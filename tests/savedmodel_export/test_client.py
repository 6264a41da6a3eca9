import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from records.errors import DataError
from savedmodel_export import describe
from savedmodel_export.client import GrpcClient, RestClient, ServingError
from tests.shared import free_port
from tfafsr import SCORES

TOLERANCE = 1e-4
ROOT = Path(__file__).resolve().parents[2]
REAL = shutil.which("tensorflow_model_server")
INVALID = "INVALID_ARGUMENT"
REQUESTS, CLIENTS = 400, 16
GROWTH = 18 * 2**20  # bytes, in as many requests again, whose inputs and outputs are about 26 MB


@pytest.fixture(scope="module", params=["stand-in", *(["tensorflow_model_server"] if REAL else [])])
def server(request, exported):
    """A running server: (process, gRPC's port, REST's port)."""
    ports = [free_port(), free_port()]
    command = [sys.executable, "-m", "tests.savedmodel_export.serving_server", str(exported.parent), *map(str, ports)]
    if request.param != "stand-in":
        command = [REAL, f"--port={ports[0]}", f"--rest_api_port={ports[1]}", "--model_name=tfafsr"]
        command.append(f"--model_base_path={exported.parent}")
    # Without it every thread of the C library's allocator keeps what it once needed, which hides or looks like a leak.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    with (
        subprocess.Popen(command, cwd=ROOT, env=environment) as process,
        RestClient(f"http://localhost:{ports[1]}") as client,
    ):
        try:
            deadline = time.monotonic() + 120
            while not available(client):
                assert process.poll() is None
                assert time.monotonic() < deadline
            yield process, *ports
        finally:
            process.terminate()


@pytest.fixture(params=["gRPC", "REST"])
def client(request, server):
    _, grpc_port, rest_port = server
    made = (
        GrpcClient(f"localhost:{grpc_port}") if request.param == "gRPC" else RestClient(f"http://localhost:{rest_port}")
    )
    with made:
        yield made


def available(client):
    try:
        return client.versions() == [1]
    except ServingError as error:
        if error.status not in ("UNAVAILABLE", "NOT_FOUND"):
            raise
        return False


def encoded(faces, suffix=".png"):
    return [cv2.imencode(suffix, face[..., ::-1])[1].tobytes() for face in faces]


def strings(values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def test_both_clients_answer_like_keras(client, faces, expected):
    got = client.detect(*faces)
    assert set(got) == set(SCORES)
    for name in SCORES:
        assert got[name].dtype == np.float32
        np.testing.assert_allclose(got[name], expected[name][:, 0], atol=TOLERANCE)
    files = client.detect_encoded(encoded(faces[0]), faces[1])
    np.testing.assert_allclose(files["probability"], expected["probability"][:, 0], atol=TOLERANCE)


def test_many_faces_are_sent_in_parts_and_come_back_in_order(client, faces, expected):
    order = np.random.default_rng(0).integers(0, 12, 70)
    got = client.detect(faces[0][order], faces[1][order])
    np.testing.assert_allclose(got["logit"], expected["logit"][order, 0], atol=TOLERANCE)


def test_explain(client, faces, expected):
    got = client.explain(faces[0][:2], faces[1][:2])
    for name in ("probability", "log10_likelihood_ratio"):
        np.testing.assert_allclose(got[name], expected[name][:2, 0], atol=TOLERANCE)
    np.testing.assert_allclose(got["reconstruction"], expected["reconstruction"][:2], atol=TOLERANCE)
    assert got["artifact_map"].shape == (2, 64, 64, 1)


def test_the_model_describes_itself(client, detector):
    assert client.describe() == describe(detector)
    assert client.versions() == [1]


def test_rows_of_json_are_answered_in_rows(server, faces, expected):
    rows = [{"frame": face.tolist(), "keypoints": points.tolist()} for face, points in zip(*faces, strict=True)][:2]
    body = json.dumps({"instances": rows}).encode()
    url = f"http://localhost:{server[2]}/v1/models/tfafsr/versions/1:predict"
    with urllib.request.urlopen(url, body, timeout=30) as response:
        answers = json.load(response)["predictions"]
    for answer, probability in zip(answers, expected["probability"], strict=False):
        np.testing.assert_allclose(answer["probability"], probability, atol=TOLERANCE)


def test_bad_arrays_are_refused_before_they_are_sent(client, faces):
    frames, points = faces
    outside = points.copy()
    outside[3, 1, 0] = np.nan
    for message, arguments in {
        r"frames must be uint8 .* float64": (frames / 255, points),
        r"received uint8 \(12, 64, 32, 3\)": (frames[:, :, :32], points),
        r"received uint8 \(0, 64": (frames[:0], points[:0]),
        r"12 faces need key points of shape \(12, 5, 2\)": (frames, points[:3]),
        r"keypoints\[3\] must lie in \[0, 1\]": (frames, outside),
    }.items():
        for method in (client.detect, client.explain):
            with pytest.raises(DataError, match=message):
                method(*arguments)
    with pytest.raises(DataError, match=r"images\[1\] must be the 1 to"):
        client.detect_encoded([b"x", b""], points[:2])
    with pytest.raises(DataError, match="is not an HTTP address"):
        RestClient("localhost:8501")


def test_a_server_s_refusal_is_one_line_with_its_status(client, faces):
    with pytest.raises(ServingError) as caught:
        client.detect_encoded([*encoded(faces[0][:2]), b"no image"], faces[1][:3])
    assert caught.value.status == INVALID
    assert str(caught.value) == f"{client.where}: {INVALID}: image_bytes[2] is neither JPEG nor PNG"
    with pytest.raises(ServingError, match="NOT_FOUND: Servable not found"):
        type(client)(client.where, model="another").describe()
    with pytest.raises(ServingError, match="NOT_FOUND: Servable not found"):
        type(client)(client.where, version=7).describe()
    with pytest.raises(ServingError) as caught:
        client.predict("nothing", {"request": strings([b""])})
    assert caught.value.status in (INVALID, "FAILED_PRECONDITION", "NOT_FOUND")


def test_no_server_is_said_after_some_attempts(monkeypatch):
    monkeypatch.setattr("savedmodel_export.client.PAUSE", 0.001)
    port = free_port()
    for client in (GrpcClient(f"localhost:{port}"), RestClient(f"http://localhost:{port}")):
        with client, pytest.raises(ServingError, match=f"localhost:{port}: UNAVAILABLE"):
            client.versions()


def test_a_server_that_is_no_tensorflow_serving_is_named(tmp_path):
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        port = process.stdout.readline().split("port ")[1].split()[0]
        with RestClient(f"http://127.0.0.1:{port}") as client, pytest.raises(ServingError, match="HTTP 501"):
            client.describe()
        process.terminate()


@pytest.mark.slow  # more than 20 s: fewer requests would not show a leak beside what the allocator keeps
def test_hundreds_of_good_and_bad_requests_of_many_clients(server, faces, expected):
    """Every request gets the right answer or refusal while others run at the same time, and memory does not grow."""
    process, grpc_port, rest_port = server
    frames, points = faces
    images, photographs = encoded(frames), encoded(frames, ".jpg")
    outside = points.copy()
    outside[1, 0, 0] = 7.0
    bomb = images[0][:16] + (50000).to_bytes(4, "big") * 2 + images[0][24:]
    remote = GrpcClient(f"localhost:{grpc_port}"), RestClient(f"http://localhost:{rest_port}")
    url = f"http://localhost:{rest_port}/v1/models/tfafsr:predict"

    def good(number):
        rows = np.random.default_rng(number).integers(0, 12, 1 + number % 5)
        client = remote[number % 2]
        kind = number % 3
        if kind == 0:
            got = client.detect(frames[rows], points[rows])
        elif kind == 1:
            got = client.detect_encoded([images[row] for row in rows], points[rows])
        else:
            got = client.explain(frames[rows], points[rows])
        np.testing.assert_allclose(got["probability"], expected["probability"][rows, 0], atol=TOLERANCE)

    bad = (
        ("serving_default", {"frame": frames, "keypoints": outside}, "received in row 1"),
        ("serving_default", {"frame": frames[:0].reshape(0, 64, 64, 3), "keypoints": points[:0]}, None),
        ("explain", {"frame": frames[:2, ::2], "keypoints": points[:2]}, "frame must have shape (N, 64, 64, 3)"),
        ("serving_default", {"frame": frames[:2], "keypoints": points[:3]}, "same number of rows"),
        ("serving_default", {"frame": np.float32(frames[:1]) + 0.5, "keypoints": points[:1]}, None),
        ("serving_default", {"frame": frames[:1]}, None),
        ("nothing", {"frame": frames[:1]}, None),
        ("faces_jpeg", {"image_bytes": strings([photographs[0], bomb]), "keypoints": points[:2]}, "image_bytes[1] is"),
        ("faces_jpeg", {"image_bytes": strings([photographs[0][:300]]), "keypoints": points[:1]}, "image_bytes[0] is"),
        ("faces_jpeg", {"image_bytes": strings([b"\xff" * 5000]), "keypoints": points[:1]}, "neither JPEG nor PNG"),
    )

    def refused(number):
        signature, inputs, message = bad[number % len(bad)]
        with pytest.raises(ServingError) as caught:
            remote[number // len(bad) % 2].predict(signature, inputs)
        assert caught.value.status == INVALID or signature == "nothing", caught.value
        assert message is None or message in str(caught.value)

    def garbage(number):
        body = (b"{", b"[1]", b"\x00" * 999, b'{"instances": [[], {}]}', b'{"inputs": {"frame": "x"}}')[number % 5]
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url, body, timeout=60)
        with caught.value as answer:
            assert answer.code == 400
            assert json.load(answer)["error"]

    def one(number):
        (good, good, refused, good, garbage if number % 10 == 4 else refused)[number % 5](number // 5)
        return number

    memory = psutil.Process(process.pid).memory_info
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            answered = list(pool.map(one, range(REQUESTS)))
            warm = memory().rss  # the allocator holds by now what so many clients need at once
            answered += pool.map(one, range(REQUESTS, 2 * REQUESTS))
    finally:
        for client in remote:
            client.close()
    assert answered == list(range(2 * REQUESTS))
    assert process.poll() is None
    grown = memory().rss - warm
    assert grown < GROWTH, f"{grown / 2**20:.0f} MB beyond {warm / 2**20:.0f}"
    print(f"{warm / 2**20:.0f} MB after {REQUESTS} requests, {grown / 2**20:+.0f} MB after as many again")
