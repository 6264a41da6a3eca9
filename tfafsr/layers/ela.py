"""Error level analysis inside a graph; `records/ela.py` is the same arithmetic in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

BLOCK = 8
# ITU-T T.81, Annex K.1 and K.2: the example tables that libjpeg scales by its quality factor.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * BLOCK,) * 4,
)
# JFIF 1.02, rows Y, Cb, Cr and R, G, B.
TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))
CHROMA_CENTRE = (0.0, 128.0, 128.0)
# Exact halves are common: a block's mean is a multiple of 1/8, luminance one of 1/1000. The last bit of a float32 sum,
# which differs from one runtime to the next, would decide where they go; so all of them go up (coefficients away from
# zero, as libjpeg's), with room for that bit. 0.0004 is far above rounding errors (0.00003) and no multiple of 1/1000.
HALF = 0.5 + 0.0004


@keras.saving.register_keras_serializable(package="tfafsr")
class ErrorLevelAnalysis(keras.layers.Layer):
    """|x - jpeg(x)| times a gain: what a further JPEG compression would still take from each pixel.

    JPEG is written in plain tensor operations: YCbCr without chroma subsampling (4:4:4), 8x8 DCT as matrix products,
    libjpeg's quantization tables, edges repeated to a multiple of 8. x is rounded to whole levels, as a file would hold
    it, straight through to the gradient. jpeg(x) is a constant to the gradient, which is therefore the sign of
    x - jpeg(x), times the gain (straight through, x - jpeg(x) would have none). Always float32.

    Args:
        quality: of the compression, in [1, 100].
        gain: makes differences of about one grey level visible.
    """

    def __init__(self, quality: int = 90, gain: float = 20.0, **kwargs) -> None:
        if not 1 <= quality <= 100:
            raise ValueError(f"quality must be in [1, 100]; received {quality}.")
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.quality = quality
        self.gain = gain
        self._tables = _quantization_tables(quality)  # (3, 8, 8)
        self._dct = _dct_matrix()  # (8, 8)

    def call(self, image: tf.Tensor) -> tf.Tensor:
        """(B, H, W, 3) in [0, 255], any dtype -> float32 (B, H, W, 3) in [0, 255]."""
        image = tf.cast(image, tf.float32)
        image += tf.stop_gradient(_whole(image) - image)
        error = tf.abs(image - tf.stop_gradient(self.jpeg(image)))
        return tf.minimum(error * self.gain, 255.0)

    def jpeg(self, image: tf.Tensor) -> tf.Tensor:
        """What is left of an image after JPEG: float32 (B, H, W, 3) in [0, 255] -> whole numbers in [0, 255]."""
        height, width = image.shape[1:3]
        padded = _repeat_edge(_repeat_edge(image, 1, -height % BLOCK), 2, -width % BLOCK)  # (B, H', W', 3)
        rows, columns = padded.shape[1] // BLOCK, padded.shape[2] // BLOCK
        ycbcr = _whole(tf.tensordot(padded, np.float32(TO_YCBCR).T, 1) + CHROMA_CENTRE) - 128.0
        blocks = tf.reshape(ycbcr, (-1, BLOCK, columns, BLOCK, 3))  # (B rows, 8, columns, 8, 3)
        blocks = tf.transpose(blocks, (0, 2, 4, 1, 3))  # (B rows, columns, 3, 8, 8)
        blocks = self._transform(blocks, self._dct)
        levels = blocks / self._tables
        blocks = tf.sign(levels) * tf.floor(tf.abs(levels) + HALF) * self._tables
        blocks = self._transform(blocks, self._dct.T)
        ycbcr = tf.reshape(tf.transpose(blocks, (0, 3, 1, 4, 2)), (-1, rows * BLOCK, columns * BLOCK, 3))
        ycbcr = _whole(ycbcr + 128.0) - CHROMA_CENTRE
        return _whole(tf.tensordot(ycbcr, np.float32(TO_RGB).T, 1))[:, :height, :width]

    def compute_output_spec(self, image) -> keras.KerasTensor:
        """The same shape in float32."""
        return keras.KerasTensor(image.shape, dtype="float32")

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "quality": self.quality, "gain": self.gain}

    @staticmethod
    def _transform(blocks: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
        return tf.matmul(tf.matmul(matrix, blocks), matrix, transpose_b=True)


def _quantization_tables(quality: int) -> np.ndarray:
    """The tables of Y, Cb and Cr, scaled by libjpeg's rule: float32 (3, 8, 8), whole numbers."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    tables = np.array([LUMINANCE, CHROMINANCE, CHROMINANCE])
    return np.clip((tables * scale + 50) // 100, 1, 255).astype(np.float32)


def _dct_matrix() -> np.ndarray:
    """The orthonormal DCT-II of eight points: float32 (8, 8)."""
    k, n = np.mgrid[:BLOCK, :BLOCK]
    matrix = np.sqrt(2 / BLOCK) * np.cos((2 * n + 1) * k * np.pi / (2 * BLOCK))
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _repeat_edge(image: tf.Tensor, axis: int, count: int) -> tf.Tensor:
    """Repeats the last row (axis 1) or column (axis 2) `count` times."""
    if not count:
        return image
    edge = image[:, -1:] if axis == 1 else image[:, :, -1:]
    return tf.concat([image, *[edge] * count], axis=axis)


def _whole(values: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(tf.floor(values + HALF), 0.0, 255.0)
