"""Key points as Gaussian maps at the features' resolution: m_kp of Eq. 3."""

from __future__ import annotations

import keras
import tensorflow as tf

from faces import HEATMAP_SIGMA, heatmap_cells


@keras.saving.register_keras_serializable(package="tfafsr")
class KeypointHeatmaps(keras.layers.Layer):
    """One Gaussian for each key point, scaled to sum to H * W, so that the mean of features * map is a weighted mean.

    A convolution of stride s with padding k // 2 has its cell i centred on pixel i * s; the key point x in [0, 1] lies
    on pixel x * S - 0.5, hence at cell (x * S - 0.5) / s. Always float32.

    Args:
        image_size: S, side of the image in pixels.
        stride: s, pixels a cell.
        sigma: of the Gaussian, in cells.
    """

    def __init__(self, image_size: int, stride: int, sigma: float = HEATMAP_SIGMA, **kwargs) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.image_size = image_size
        self.stride = stride
        self.sigma = sigma
        self.cells = heatmap_cells(image_size, stride)

    def call(self, keypoints: tf.Tensor) -> tf.Tensor:
        """(B, K, 2), x and y in [0, 1] -> (B, H, W, K), H = W = ceil(S / s), each map summing to H * W."""
        at = (tf.cast(keypoints, tf.float32) * self.image_size - 0.5) / self.stride  # (B, K, 2)
        offset = tf.range(self.cells, dtype=tf.float32) - at[..., None]  # (B, K, 2, cells)
        # A softmax of the exponents is the Gaussian scaled to sum to 1, without a division by 0 for points far outside.
        weight = tf.nn.softmax(-0.5 * tf.square(offset / self.sigma)) * self.cells
        return tf.einsum("bkh,bkw->bhwk", weight[:, :, 1], weight[:, :, 0])

    def compute_output_spec(self, keypoints) -> keras.KerasTensor:
        """(B, H, W, K) in float32."""
        batch, points, _ = keypoints.shape
        return keras.KerasTensor((batch, self.cells, self.cells, points), dtype="float32")

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "image_size": self.image_size, "stride": self.stride, "sigma": self.sigma}
