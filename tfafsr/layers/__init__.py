"""The method's layers, registered with Keras so that a saved model loads without custom objects."""

from tfafsr.layers.batch_norm import FusedBatchNormalization
from tfafsr.layers.bursts import BurstsOfFeatures, FacesOfBursts
from tfafsr.layers.calibration import EARLIER, PlattScaling
from tfafsr.layers.ela import ErrorLevelAnalysis, error_images
from tfafsr.layers.gradient import StopGradient
from tfafsr.layers.heatmaps import KeypointHeatmaps
from tfafsr.layers.pooling import FusionPooling
from tfafsr.layers.resizing import Bilinear

__all__ = [
    "EARLIER",
    "Bilinear",
    "BurstsOfFeatures",
    "ErrorLevelAnalysis",
    "FacesOfBursts",
    "FusedBatchNormalization",
    "FusionPooling",
    "KeypointHeatmaps",
    "PlattScaling",
    "StopGradient",
    "error_images",
]
