"""Every kind of model gives the same scores; wrong names are refused."""

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from experiments.detection import Item, Settings, analyse, open_model
from records.errors import DataError
from records.footage import write_video
from savedmodel_export import export_saved_model, export_tflite
from tests.shared import free_port, made_once
from tfafsr import Detector


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


KINDS = ("detector.tflite", "versions", "model.keras")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One detector as .tflite file, SavedModel and Keras model."""

    def make(folder):
        folder.mkdir()
        detector = Detector(size=64, width=4, blocks=1, output="none", pooling="fp")
        export_tflite(detector, folder / "detector.tflite")
        export_saved_model(detector, folder / "versions")
        detector.save(folder / "model.keras")

    return made_once(tmp_path_factory, "detection-models", make)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, clip_frames):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, clip_frames(3), crf=20, fps=25)
    return path


def test_the_same_clip_has_the_same_scores_through_each(models, clip):
    ratios = []
    for kind in KINDS:
        model = open_model(str(models / kind))
        (person,) = analyse(Item(clip), model, Settings(fps=25)).people
        ratios.append([sight.log10_likelihood_ratio for sight in person.sights])
    assert len(ratios[0]) == 8
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[0], np.shape(ratios)), atol=1e-3)


@pytest.mark.parametrize("name", ["gone.tflite", "gone", "ftp://host/model"])
def test_a_name_without_a_model_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"gone|ftp"):
        open_model(name if "://" in name else str(tmp_path / name))


def test_a_server_that_does_not_answer_is_named():
    with pytest.raises(DataError, match=r"The server gives no model: http://127\.0\.0\.1:9"):
        open_model("http://127.0.0.1:9/v1/models/tfafsr")


def test_a_server_is_asked_for_the_model_in_the_address():
    """The answer is not a detector's: only the address that is asked is looked at."""
    asked = []

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"error": "no such model"}).encode())

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(DataError, match="The server gives no model"):
            open_model(f"{address}/v1/models/other")
        server.shutdown()
    assert asked == ["/v1/models/other:predict"]


@pytest.fixture
def server(models):
    """(addresses by gRPC and REST, process) of a server in a process of its own, of the same model."""
    ports = [free_port(), free_port()]
    command = [sys.executable, "-m", "tests.savedmodel_export.serving_server", str(models / "versions")]
    process = subprocess.Popen([*command, *map(str, ports)], cwd=Path(__file__).parents[3])
    deadline = time.monotonic() + 120
    while not all(map(listening, ports)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    schemes = zip(("grpc", "http"), ports, strict=True)
    yield [f"{scheme}://127.0.0.1:{port}/v1/models/versions" for scheme, port in schemes], process
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_server_gives_the_same_scores_and_may_go_away_in_the_middle(server, models, clip):
    addresses, process = server
    (expected,) = analyse(Item(clip), open_model(str(models / "detector.tflite")), Settings(fps=25)).people
    through = [open_model(address) for address in addresses]
    answers = [analyse(Item(clip), model, Settings(fps=25, evidence=True)) for model in through]
    process.kill()
    process.wait()
    late = [analyse(Item(clip), model, Settings(fps=25)) for model in through]
    for answer in answers:
        (person,) = answer.people
        ratios = [[sight.log10_likelihood_ratio for sight in one.sights] for one in (person, expected)]
        np.testing.assert_allclose(*ratios, atol=1e-3)
    for answer in late:
        assert answer.support is None
        assert "UNAVAILABLE" in answer.reason
