"""The inputs of the int8 form equal the values that the float forms compute inside their graphs."""

import numpy as np

from faces import error_level_analysis
from savedmodel_export import describe
from savedmodel_export.edge_runtime.inputs import network_inputs


def test_error_levels_and_heat_maps_are_those_of_the_graph(detector, faces):
    frames, keypoints = faces
    found = network_inputs(["heatmaps", "ela", "frame"], describe(detector), frames, keypoints)
    assert list(found) == ["heatmaps", "ela", "frame"]
    assert found["ela"].dtype == np.uint8
    np.testing.assert_array_equal(found["ela"][3], error_level_analysis(frames[3], 90, 20.0))
    expected = detector.get_layer("tfe_heatmaps")(keypoints).numpy()
    np.testing.assert_allclose(found["heatmaps"], expected, rtol=1e-4, atol=1e-5)
    assert found["frame"] is frames


def test_a_float_form_takes_frames_and_key_points(detector, faces):
    found = network_inputs(["frame", "keypoints"], describe(detector), faces[0], faces[1].astype(np.float64))
    assert set(found) == {"frame", "keypoints"}
    assert found["keypoints"].dtype == np.float32
