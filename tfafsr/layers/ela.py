"""Error level analysis inside a graph; `faces.error_level_analysis` is the same arithmetic in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from faces import (
    CHROMA_CENTRE,
    ELA_GAIN,
    ELA_QUALITY,
    JPEG_BLOCK,
    RGB_TO_YCBCR,
    ROUNDING,
    YCBCR_TO_RGB,
    dct_matrix,
    quantization_tables,
)


@keras.saving.register_keras_serializable(package="tfafsr")
class ErrorLevelAnalysis(keras.layers.Layer):
    """|x - jpeg(x)| times a gain: how much another JPEG compression would change each pixel.

    JPEG is written in plain tensor operations: YCbCr without chroma subsampling (4:4:4), 8x8 DCT as matrix products,
    libjpeg's quantization tables, edges repeated to a multiple of 8. x is rounded to whole levels, as in an image file.
    The gradient treats this rounding as the identity and jpeg(x) as a constant; it is the sign of x - jpeg(x) times the
    gain. (If jpeg were treated as the identity too, the gradient would be 0.) Always float32.

    Args:
        quality: JPEG quality of the compression, in [1, 100].
        gain: factor that makes differences of about one grey level visible.
    """

    def __init__(self, quality: int = ELA_QUALITY, gain: float = ELA_GAIN, **kwargs) -> None:
        if not 1 <= quality <= 100:
            raise ValueError(f"quality must be in [1, 100]; received {quality}.")
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.quality = quality
        self.gain = gain
        self._tables = quantization_tables(quality)  # (3, 8, 8)
        self._dct = dct_matrix()  # (8, 8)

    def call(self, image: tf.Tensor) -> tf.Tensor:
        """(B, H, W, 3) in [0, 255], any dtype -> float32 (B, H, W, 3) in [0, 255]."""
        image = tf.cast(image, tf.float32)
        image += tf.stop_gradient(_whole(image) - image)
        error = tf.abs(image - tf.stop_gradient(self.jpeg(image)))
        return tf.minimum(error * self.gain, 255.0)

    def jpeg(self, image: tf.Tensor) -> tf.Tensor:
        """The image after JPEG compression: float32 (B, H, W, 3) in [0, 255] -> whole numbers in [0, 255]."""
        height, width = image.shape[1:3]
        padded = _repeat_edge(_repeat_edge(image, 1, -height % JPEG_BLOCK), 2, -width % JPEG_BLOCK)  # (B, H', W', 3)
        rows, columns = padded.shape[1] // JPEG_BLOCK, padded.shape[2] // JPEG_BLOCK
        ycbcr = _whole(tf.tensordot(padded, RGB_TO_YCBCR.T, 1) + CHROMA_CENTRE) - 128.0
        blocks = tf.reshape(ycbcr, (-1, JPEG_BLOCK, columns, JPEG_BLOCK, 3))  # (B rows, 8, columns, 8, 3)
        blocks = tf.transpose(blocks, (0, 2, 4, 1, 3))  # (B rows, columns, 3, 8, 8)
        blocks = self._transform(blocks, self._dct)
        levels = blocks / self._tables
        blocks = tf.sign(levels) * tf.floor(tf.abs(levels) + ROUNDING) * self._tables
        blocks = self._transform(blocks, self._dct.T)
        ycbcr = tf.reshape(tf.transpose(blocks, (0, 3, 1, 4, 2)), (-1, rows * JPEG_BLOCK, columns * JPEG_BLOCK, 3))
        ycbcr = _whole(ycbcr + 128.0) - CHROMA_CENTRE
        return _whole(tf.tensordot(ycbcr, YCBCR_TO_RGB.T, 1))[:, :height, :width]

    def compute_output_spec(self, image) -> keras.KerasTensor:
        """The same shape in float32."""
        return keras.KerasTensor(image.shape, dtype="float32")

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "quality": self.quality, "gain": self.gain}

    @staticmethod
    def _transform(blocks: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
        return tf.matmul(tf.matmul(matrix, blocks), matrix, transpose_b=True)


def error_images(frames: tf.Tensor, quality: int = ELA_QUALITY) -> tf.Tensor:
    """The error images of frames as the records store them: uint8 (B, H, W, 3) -> uint8 (B, H, W, 3)."""
    return tf.cast(tf.round(ErrorLevelAnalysis(quality)(frames)), tf.uint8)


def _repeat_edge(image: tf.Tensor, axis: int, count: int) -> tf.Tensor:
    """Repeats the last row (axis 1) or column (axis 2) `count` times."""
    if not count:
        return image
    edge = image[:, -1:] if axis == 1 else image[:, :, -1:]
    return tf.concat([image, *[edge] * count], axis=axis)


def _whole(values: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(tf.floor(values + ROUNDING), 0.0, 255.0)
