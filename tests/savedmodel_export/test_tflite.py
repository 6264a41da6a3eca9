"""The four LiteRT forms: builtin operations only, the Keras model's probabilities, and a readable description."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from faces import error_level_analysis
from records.errors import DataError
from savedmodel_export import QUANTIZE, convert, describe, export_tflite
from savedmodel_export.edge_runtime import Detector as EdgeDetector
from savedmodel_export.edge_runtime import EdgeError
from savedmodel_export.edge_runtime.description import LABELS_FILE
from savedmodel_export.model import LABELS
from savedmodel_export.tflite import read_description
from tfafsr import SCORES, Detector

# Largest difference of the logit, as a share of its standard deviation over the faces: this untrained detector's
# probabilities are so close to 0 that they would agree whatever was computed. Measured: 1e-5, 0.01, 0.12, 0.53; the
# first would be larger on a processor whose last bits round an error level the other way.
LARGEST = {"none": 0.1, "float16": 0.1, "dynamic": 0.4, "int8": 1.0}
CORRELATION = {"none": 0.999, "float16": 0.999, "dynamic": 0.99, "int8": 0.95}


@pytest.fixture(scope="module")
def files(tflite_file):
    """Form -> its file."""
    return {form: tflite_file(form) for form in QUANTIZE}


@pytest.fixture(scope="module")
def fields(detector, faces):
    """What each form takes: frame and keypoints, or frame, ela and heatmaps, as a device computes them."""
    frame, keypoints = faces
    ela = np.stack([error_level_analysis(face) for face in frame])
    heatmaps = detector.get_layer("tfe_heatmaps")(keypoints).numpy()
    return {
        form: {"frame": frame, "ela": ela, "heatmaps": heatmaps}
        if form == "int8"
        else {"frame": frame, "keypoints": keypoints}
        for form in QUANTIZE
    }


def answer(content, fields):
    return Interpreter(model_content=content).get_signature_runner()(**fields)


def graph(content):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    codes = [code.builtinCode for code in model.operatorCodes]
    (subgraph,) = model.subgraphs
    return model, subgraph, [(codes[operator.opcodeIndex], operator) for operator in subgraph.operators]


def test_a_file_that_explains_gives_the_keras_models_reconstruction(detector, faces, tmp_path, files):
    explaining = EdgeDetector(export_tflite(detector, tmp_path / "explaining.tflite", explain=True))
    expected = detector.deployed()({"frame": faces[0], "keypoints": faces[1]})["reconstruction"]
    np.testing.assert_allclose(explaining.explain(*faces), expected, atol=1e-3)
    plain = EdgeDetector(files["none"])
    np.testing.assert_allclose(explaining.scores(*faces)["logit"], plain.scores(*faces)["logit"], atol=1e-3)
    assert (explaining.explains, plain.explains) == (True, False)
    with pytest.raises(EdgeError, match="exported for scores alone"):
        plain.explain(*faces)
    with pytest.raises(DataError, match="int8 gives no reconstruction"):
        convert(detector, "int8", explain=True)


@pytest.mark.parametrize("form", QUANTIZE)
@pytest.mark.slow
def test_builtin_operations_alone(files, form):
    model, _, operations = graph(files[form].read_bytes())
    assert [code.customCode for code in model.operatorCodes if code.customCode] == []  # a Flex operation has a name
    assert schema.BuiltinOperator.CUSTOM not in {code for code, _ in operations}
    assert len(operations) > 80


@pytest.mark.parametrize("form", QUANTIZE)
def test_answers_like_the_keras_model_for_any_number_of_faces(files, fields, detector, faces, form):
    expected = detector.deployed().predict({"frame": faces[0], "keypoints": faces[1]}, verbose=0)["logit"]
    close = LARGEST[form] * expected.std()
    content = files[form].read_bytes()
    found = answer(content, fields[form])
    shapes = {name: (value.dtype, value.shape) for name, value in found.items()}
    assert shapes == dict.fromkeys(SCORES, (np.float32, (12, 1)))
    np.testing.assert_allclose(found["logit"], expected, atol=close)
    assert np.corrcoef(found["logit"][:, 0], expected[:, 0])[0, 1] > CORRELATION[form]
    log_odds = 0.6 * found["logit"].astype(np.float64) + 0.25  # in every form, the int8 one included, in float32
    np.testing.assert_allclose(found["probability"], 1 / (1 + np.exp(-log_odds)), atol=1e-6)
    np.testing.assert_allclose(found["log10_likelihood_ratio"], log_odds / np.log(10), atol=1e-6)
    for index in (0, 7):
        alone = answer(content, {name: value[index : index + 1] for name, value in fields[form].items()})
        np.testing.assert_allclose(alone["logit"][0], found["logit"][index], atol=close)


@pytest.mark.parametrize("form", QUANTIZE)
def test_inputs_have_the_names_and_types_that_are_promised(files, form):
    details = Interpreter(model_path=str(files[form])).get_signature_runner().get_input_details()
    found = {name: (one["dtype"], one["shape_signature"].tolist()) for name, one in details.items()}
    face = (np.uint8, [-1, 64, 64, 3])
    if form == "int8":
        assert found == {"frame": face, "ela": face, "heatmaps": (np.float32, [-1, 8, 8, 5])}
    else:
        assert found == {"frame": face, "keypoints": (np.float32, [-1, 5, 2])}


def test_every_convolution_of_the_int8_form_computes_in_8_bits(files):
    _, subgraph, operations = graph(files["int8"].read_bytes())
    convolutions = [operator for code, operator in operations if code == schema.BuiltinOperator.CONV_2D]
    assert len(convolutions) > 30
    for operator in convolutions:
        involved = [subgraph.tensors[index] for index in (*operator.inputs[:2], *operator.outputs)]
        assert {tensor.type for tensor in involved} == {schema.TensorType.INT8}
        channels = len(involved[1].quantization.scale)
        assert channels == involved[1].shape[0]  # a scale for each output channel


def test_the_description_is_inside_the_file(files, detector):
    for form, path in files.items():
        described = read_description(path)
        assert {name: described[name] for name in describe(detector)} == describe(detector)
        assert described["form"] == form
        with zipfile.ZipFile(path) as archive:
            assert archive.read(LABELS_FILE).decode().split() == list(LABELS)


def test_a_file_runs_and_describes_itself_where_there_is_no_tensorflow(files, fields, tmp_path):
    np.savez(tmp_path / "fields.npz", **fields["dynamic"])
    program = """
import json, sys, zipfile
sys.modules["tensorflow"] = None  # importing it fails
import numpy as np
from ai_edge_litert.interpreter import Interpreter
model, fields = sys.argv[1:]
description = json.loads(zipfile.ZipFile(model).read("tfafsr.json"))
answer = Interpreter(model_path=model).get_signature_runner()(**np.load(fields))
print(json.dumps([description["size"], description["keypoints"], answer["probability"].tolist()]))
"""
    command = [sys.executable, "-c", program, str(files["dynamic"]), str(tmp_path / "fields.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    size, keypoints, probability = json.loads(done.stdout.splitlines()[-1])
    assert (size, keypoints[0]) == (64, "left eye")
    np.testing.assert_allclose(
        probability, answer(files["dynamic"].read_bytes(), fields["dynamic"])["probability"], atol=1e-6
    )


@pytest.mark.slow
def test_other_detectors_convert_too(simplest, faces, representative):
    mean = simplest  # without heat maps, key points decide nothing
    found = answer(convert(mean, "none"), {"frame": faces[0], "keypoints": faces[1]})
    expected = mean.deployed().predict({"frame": faces[0], "keypoints": faces[1]}, verbose=0)
    np.testing.assert_allclose(found["probability"], expected["probability"], atol=1e-3)
    ela = np.stack([error_level_analysis(face) for face in faces[0]])
    found = answer(convert(mean, "int8", representative), {"frame": faces[0], "ela": ela})
    np.testing.assert_allclose(found["probability"], expected["probability"], atol=0.05)
    inside = Detector(size=64, width=4, blocks=1, ela_of="reconstruction")
    with pytest.raises(DataError, match="ela_of=reconstruction"):
        convert(inside, "int8", representative)


def test_what_cannot_be_converted_is_said_and_nothing_is_written(detector, files, tmp_path):
    with pytest.raises(DataError, match="none, float16, dynamic, int8; received 'int4'"):
        convert(detector, "int4")
    with pytest.raises(DataError, match="representative"):
        export_tflite(detector, tmp_path / "new.tflite", "int8", [])
    with pytest.raises(DataError, match="is a folder"):
        export_tflite(detector, tmp_path)
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(DataError, match=r"notes\.txt exists and is no exported detector"):
        export_tflite(detector, notes)
    assert notes.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interrupted_export_leaves_the_earlier_file(simplest, files, tmp_path):
    out = tmp_path / "detector.tflite"
    out.write_bytes(files["dynamic"].read_bytes())

    def interrupted():
        yield {"frame": np.zeros((1, 64, 64, 3), np.uint8), "keypoints": np.full((1, 5, 2), 0.5, np.float32)}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_tflite(simplest, out, "int8", interrupted())
    assert read_description(out)["form"] == "dynamic"
    assert [path.name for path in tmp_path.iterdir()] == ["detector.tflite"]
    assert export_tflite(simplest, out, "none") == out
    assert read_description(out)["form"] == "none"


def test_a_full_disk_is_named_and_the_earlier_file_stays(simplest, files, full_disk, tmp_path):
    out = tmp_path / "detector.tflite"
    out.write_bytes(files["dynamic"].read_bytes())
    with full_disk(), pytest.raises(DataError, match=r"detector\.tflite cannot be written \(File too large\)"):
        export_tflite(simplest, out)
    assert read_description(out)["form"] == "dynamic"
    assert [path.name for path in tmp_path.iterdir()] == ["detector.tflite"]
