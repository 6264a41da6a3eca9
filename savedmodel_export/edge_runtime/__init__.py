"""Runs the detector on a device with ai-edge-litert, numpy and opencv-python-headless, without TensorFlow."""

from .description import DESCRIPTION_FILE, DETECTOR_FILE, LABELS_FILE, read_description
from .detector import RECONSTRUCTION, Detector
from .errors import EdgeError
from .inputs import network_inputs
from .network import load_face_detector

__all__ = [
    "DESCRIPTION_FILE",
    "DETECTOR_FILE",
    "LABELS_FILE",
    "RECONSTRUCTION",
    "Detector",
    "EdgeError",
    "load_face_detector",
    "network_inputs",
    "read_description",
]
