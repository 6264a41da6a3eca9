"""Image operations on faces: error levels, crops, heat maps, MTCNN and tracks; uses only NumPy and OpenCV."""

from faces.crop import CROP_SCALE, crop_box, crop_square, normalise_keypoints
from faces.ela import (
    CHROMA_CENTRE,
    ELA_GAIN,
    ELA_QUALITY,
    JPEG_BLOCK,
    RGB_TO_YCBCR,
    ROUNDING,
    YCBCR_TO_RGB,
    dct_matrix,
    error_level_analysis,
    jpeg_round_trip,
    quantization_tables,
)
from faces.heatmaps import HEATMAP_SIGMA, heatmap_cells, keypoint_heatmaps
from faces.mtcnn import KEYPOINTS, Face, FaceDetector, Networks
from faces.tracks import intersection_over_union, longest_track

__all__ = [
    "CHROMA_CENTRE",
    "CROP_SCALE",
    "ELA_GAIN",
    "ELA_QUALITY",
    "HEATMAP_SIGMA",
    "JPEG_BLOCK",
    "KEYPOINTS",
    "RGB_TO_YCBCR",
    "ROUNDING",
    "YCBCR_TO_RGB",
    "Face",
    "FaceDetector",
    "Networks",
    "crop_box",
    "crop_square",
    "dct_matrix",
    "error_level_analysis",
    "heatmap_cells",
    "intersection_over_union",
    "jpeg_round_trip",
    "keypoint_heatmaps",
    "longest_track",
    "normalise_keypoints",
    "quantization_tables",
]
