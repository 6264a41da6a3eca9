"""The command `detect`, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import jsonschema
import pytest

import experiments.detection as detection
from savedmodel_export import export_tflite
from tfafsr import Detector

SCHEMA = json.loads(Path(detection.__file__).with_name("answer.schema.json").read_text())


@pytest.fixture(scope="module")
def run_detect(tmp_path_factory):
    """The function (arguments, standard input) that runs the command with an untrained detector."""
    model = tmp_path_factory.mktemp("model") / "detector.tflite"
    export_tflite(Detector(size=64, width=4, blocks=1, output="none", pooling="gap"), model)

    def run(*arguments, given=""):
        line = [sys.executable, "-X", "importtime", "-c", "from experiments.cli.main import main; main()", "detect"]
        return subprocess.run(
            [*line, "--model", str(model), *map(str, arguments)],
            input=given,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def picture(tmp_path, draw_face, backdrop):
    image = backdrop(240, 240)
    draw_face(image, 120, 120, 110)
    cv2.imwrite(str(tmp_path / "face.png"), image[..., ::-1])
    return tmp_path / "face.png"


def test_a_picture_without_tensorflow(run_detect, picture):
    done = run_detect(picture)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{picture}: ")
    assert " support " in done.stdout
    assert "does not mean that nothing was done" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert "ai_edge_litert.interpreter" in imported
    assert not {name for name in imported if name.split(".")[0] in ("tensorflow", "keras", "tfafsr")}


def test_every_other_file_is_answered_and_the_status_says_so(run_detect, picture, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"\x00" * 100)
    done = run_detect("--json", "-", given=f"{picture}\n{tmp_path / 'broken.mp4'}\n{tmp_path / 'gone.png'}\n")
    answers = json.loads(done.stdout)
    jsonschema.validate(answers, SCHEMA)
    assert [answer["judged"] for answer in answers] == [True, False, False]
    assert done.returncode == 1


def test_the_report_is_written_beside_the_answer(run_detect, picture, tmp_path):
    done = run_detect(picture, "--out", tmp_path / "out", "--overlay")
    assert done.returncode == 0, done.stderr
    assert f"Report: {tmp_path / 'out' / 'report.html'}" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", "answers.json", "0001-face.png"}
    assert "This form of the model gives no restoration" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--overlay",), "give --out DIR"), (("--max-false-alarms", "0.01"), "brings no scores of real clips")],
)
def test_what_cannot_be_done_is_refused_at_once(run_detect, picture, arguments, words):
    done = run_detect(picture, *arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_is_none_is_an_error_in_one_line(run_detect, picture):
    done = run_detect(picture, "--model", picture)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"Error: {picture} is no model" in done.stderr
