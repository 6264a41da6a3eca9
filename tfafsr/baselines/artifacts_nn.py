"""Artifacts-NN (Li and Lyu, CVPR workshops 2019), which learns the traces of warping from real faces alone."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

from tfafsr.baseline import Baseline, pooled_features
from tfafsr.degradation import blurred
from tfafsr.self_blending import MASKED, Chances, blended_over, changed_inside, oval

SHRUNK = (1.3, 5.0)  # by how much the crop is shrunk before it is warped back
SIGMA = (0.5, 1.2)  # of the Gaussian blur, in pixels
MEAN_BGR = (103.939, 116.779, 123.68)  # of ImageNet's colours


def face_warp(fields: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """A fake as a face swap of low resolution leaves it: the face is shrunk, blurred, enlarged again and pasted back.

    Args:
        fields: one real example, as in `tfafsr.self_blending.self_blend`.
        seed: int64 (2,); the same seed gives the same fake on one machine.

    Returns:
        The same fields with the same shapes and dtypes: `label` is 1, `mask` is 255 where the face was pasted.
    """
    chances = Chances(seed)
    size = fields["frame"].shape[0]
    pasted = tf.cast(oval(fields["keypoints"] * float(size), size, chances) > MASKED, tf.float32)
    side, sigma = tf.cast(size / chances.between(*SHRUNK), tf.int32), chances.between(*SIGMA)

    def change(image: tf.Tensor) -> tf.Tensor:
        small = tf.image.resize(tf.cast(image, tf.float32), (side, side), method="bilinear", antialias=True)
        return blended_over(image, tf.image.resize(blurred(small, sigma), (size, size), method="bilinear"), pasted)

    return changed_inside(fields, pasted, change)


@keras.saving.register_keras_serializable(package="tfafsr")
class ArtifactsNN(Baseline):
    """Artifacts-NN: a ResNet-101 that tells real faces from the same faces, shrunk, warped back and pasted.

    Trained on real faces alone: those of the training split and fakes made of them; the fakes of the validation split
    choose the epoch. 42.7 million parameters before the logit. Source: Li and Lyu, "Exposing DeepFake Videos By
    Detecting Face Warping Artifacts", CVPR workshops 2019. Departures: one crop is scored, where the authors average
    the five highest of ten crops of random extent; what is pasted is an irregular oval around the key points, in a
    fifth of the fakes its lower part, where they paste the aligned square or a polygon of 68 landmarks; the crop is
    shrunk by 1.3 to 5, where they align the face to 64 to 127 pixels; colours are not changed; from random weights,
    where they begin with ImageNet's; Adam in the place of gradient descent; batch normalisation's momentum is 0.9.
    """

    AUTHORS_SIZE, BACKBONE = 224, "ResNet101"
    NEGATIVES = staticmethod(face_warp)
    learning_rate = 2e-4

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 2048). Colours as ImageNet's weights of `keras.applications` expect them: BGR."""
        colours = layers.Normalization(mean=MEAN_BGR, variance=(1.0, 1.0, 1.0), dtype="float32", name="colours")
        return pooled_features(keras.applications.ResNet101, colours(ops.flip(image, axis=-1)))


METHOD = ArtifactsNN
