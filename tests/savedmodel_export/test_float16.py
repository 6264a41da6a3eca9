"""Which constants the float16 form rounds, and what that costs."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from savedmodel_export import convert
from tfafsr import Detector

FLOAT16 = schema.TensorType.FLOAT16


@pytest.fixture(scope="module")
def graphs(tflite_file):
    """The float32 and the float16 form's (model, graph)."""
    models = [
        schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite_file(form).read_bytes(), 0))
        for form in ("none", "float16")
    ]
    return [(model, model.subgraphs[0]) for model in models]


def constants(model, graph):
    """(name, type, bytes) of each constant."""
    stored = ((tensor, model.buffers[tensor.buffer].data) for tensor in graph.tensors)
    return [(tensor.name, tensor.type, len(data)) for tensor, data in stored if data is not None]


def test_weights_of_afsr_and_tfe_are_rounded_and_nothing_else(graphs):
    full, halved = (constants(*graph) for graph in graphs)
    rounded = [size for _, kind, size in halved if kind == FLOAT16]
    assert len(rounded) > 40
    for name, kind, _ in halved:
        assert kind != FLOAT16 or b"afsr_" in name or b"tfe_" in name
        bias = b";" in name  # is called after all operations that were fused into it
        assert kind == FLOAT16 or bias or not name.endswith(b"/convolution")
    assert any(b"ela_of_frame" in name for name, _, _ in halved)
    assert sum(size for *_, size in full) - sum(size for *_, size in halved) == sum(rounded)


def test_the_file_is_about_half_as_large(tflite_file):
    assert tflite_file("float16").stat().st_size < 0.7 * tflite_file("none").stat().st_size


def test_a_large_network_whose_weights_stand_behind_the_graph(faces, capfd):
    """From 256 KB of weights on, the quantizer stores them outside of the flatbuffer. It prints nothing."""
    wide = Detector(size=64, width=16, output="none", pooling="gap")
    content = [convert(wide, form) for form in ("none", "float16")]
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "%|" not in printed.err  # a progress bar
    answers = [
        Interpreter(model_content=one).get_signature_runner()(frame=faces[0], keypoints=faces[1])["logit"]
        for one in content
    ]
    assert len(content[1]) < 0.55 * len(content[0])
    np.testing.assert_allclose(answers[1], answers[0], atol=0.02 * np.abs(answers[0]).max())
