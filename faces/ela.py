"""Error level analysis (ELA) of an image in NumPy.

`tfafsr.layers.ErrorLevelAnalysis` computes the same in a graph and uses the constants and tables declared here.
"""

from __future__ import annotations

import numpy as np

ELA_QUALITY, ELA_GAIN = 90, 20.0  # the defaults of records and detectors
JPEG_BLOCK = 8  # pixels a side
# ITU-T T.81, Annex K: the example tables that libjpeg scales by its quality factor.
LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
CHROMINANCE = np.full((JPEG_BLOCK, JPEG_BLOCK), 99, np.float32)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
# JFIF 1.02, rows Y, Cb, Cr and R, G, B.
RGB_TO_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]], np.float32
)
YCBCR_TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136286, -0.714136286], [1, 1.772, 0]], np.float32)
CHROMA_CENTRE = np.float32([0, 128, 128])  # added to Y, Cb and Cr: grey has Cb = Cr = 128
# Exact halves are common: a block's mean is a multiple of 1/8, luminance a multiple of 1/1000. The last bit of a
# float32 sum differs between libraries and would decide how a half is rounded. So every half is rounded up
# (coefficients away from zero, as in libjpeg), with a margin for that bit: 0.0004 is far above rounding errors
# (0.00003) and below 1/1000.
ROUNDING = np.float32(0.5 + 0.0004)


def quantization_tables(quality: int) -> np.ndarray:
    """The tables of Y, Cb and Cr at `quality` in [1, 100], scaled as libjpeg does; float32 (3, 8, 8), whole numbers."""
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be in [1, 100]; received {quality}.")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luminance, chrominance = (
        np.clip((table.astype(np.int64) * scale + 50) // 100, 1, 255).astype(np.float32)
        for table in (LUMINANCE, CHROMINANCE)
    )
    return np.stack([luminance, chrominance, chrominance])


def dct_matrix() -> np.ndarray:
    """The orthonormal DCT-II of eight points, float32 (8, 8): coefficients = D @ block @ D.T."""
    k, n = np.mgrid[:JPEG_BLOCK, :JPEG_BLOCK]
    matrix = np.sqrt(2 / JPEG_BLOCK) * np.cos((2 * n + 1) * k * np.pi / (2 * JPEG_BLOCK))
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def jpeg_round_trip(rgb: np.ndarray, quality: int = ELA_QUALITY) -> np.ndarray:
    """The image after JPEG compression and decompression, without chroma subsampling (4:4:4).

    Args:
        rgb: uint8 (H, W, 3), any size; edges are repeated to a multiple of 8.
        quality: libjpeg's quality factor, in [1, 100].

    Returns:
        float32 (H, W, 3), whole numbers in [0, 255].
    """
    height, width = rgb.shape[:2]
    padding = ((0, -height % JPEG_BLOCK), (0, -width % JPEG_BLOCK), (0, 0))
    rows = np.moveaxis(np.pad(rgb, padding, mode="edge"), -1, 1).astype(np.float32, order="C")  # (H', 3, W')
    shape, offset = rows.shape, CHROMA_CENTRE[:, None]
    ycbcr = _round(RGB_TO_YCBCR @ rows + offset) - 128  # libjpeg rounds here, too
    dct, tables = dct_matrix(), quantization_tables(quality).transpose(1, 0, 2)[:, :, None]  # (8, 3, 1, 8)
    levels = _transform_blocks(ycbcr, dct, shape)
    levels /= tables
    coefficients = np.abs(levels)
    coefficients += ROUNDING
    np.copysign(np.floor(coefficients, out=coefficients), levels, out=coefficients)
    coefficients *= tables
    ycbcr = _round(_transform_blocks(coefficients, dct.T, shape).reshape(shape) + 128) - offset
    return np.moveaxis(_round(YCBCR_TO_RGB @ ycbcr), 1, -1)[:height, :width]


def error_level_analysis(rgb: np.ndarray, quality: int = ELA_QUALITY, gain: float = ELA_GAIN) -> np.ndarray:
    """|x - jpeg(x)| times `gain`: how much one more JPEG compression changes each pixel.

    Args:
        rgb: uint8 (H, W, 3).
        quality: of the compression, in [1, 100].
        gain: factor that makes the small differences (a mean of about one grey level) visible.

    Returns:
        uint8 (H, W, 3).
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"rgb must be uint8 (H, W, 3); received {rgb.dtype} {rgb.shape}.")
    error = rgb - jpeg_round_trip(rgb, quality)
    np.abs(error, out=error)
    error *= np.float32(gain)
    return _round(error).astype(np.uint8)


def _transform_blocks(rows: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """matrix @ block @ matrix.T of each 8 x 8 block of rows of `shape` (H', 3, W'); (H'/8, 8, 3, W'/8, 8).

    Many small products are faster than one large one: BLAS would split that among threads, which costs more.
    """
    height, _, width = shape
    down = matrix @ rows.reshape(height // JPEG_BLOCK, JPEG_BLOCK, 3 * width)
    across = down.reshape(-1, width // JPEG_BLOCK, JPEG_BLOCK) @ matrix.T
    return across.reshape(height // JPEG_BLOCK, JPEG_BLOCK, 3, width // JPEG_BLOCK, JPEG_BLOCK)


def _round(values: np.ndarray) -> np.ndarray:
    """Rounds `values` to whole numbers in [0, 255], in place, because a copy costs more than the arithmetic."""
    values += ROUNDING
    np.floor(values, out=values)
    return np.clip(values, 0, 255, out=values)
