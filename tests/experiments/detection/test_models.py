"""Every kind of model gives the same scores; wrong names are refused."""

import http.server
import json
import threading

import numpy as np
import pytest

from experiments.detection import Item, Settings, analyse, open_model
from records.errors import DataError
from records.footage import write_video
from savedmodel_export import export_saved_model, export_tflite
from tests.shared import made_once
from tfafsr import Detector

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
