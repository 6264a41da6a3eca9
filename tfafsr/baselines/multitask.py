"""The multi-task autoencoder (Nguyen et al., BTAS 2019): it tells, segments and reconstructs."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

from tfafsr.baseline import MOMENTUM, Baseline, signed
from tfafsr.losses import mean_of_known

HALF = 64  # channels of the code for each class


@keras.saving.register_keras_serializable(package="tfafsr")
class ChosenHalf(layers.Layer):
    """Sets the half of the code that belongs to the other class to zero, so that each half must describe its own.

    In training the label chooses the half that stays, afterwards the activations do.
    """

    def call(self, code, activation, label, training: bool = False):
        """The code with one half.

        Args:
            code: (B, H, W, 128): 64 channels of real faces, then 64 of manipulated ones.
            activation: float32 (B, 2), of both halves.
            label: (B,), 1 = manipulated; read in training only.
            training: whether the label chooses.
        """
        manipulated = ops.cast(label, "bool") if training else activation[:, 1] > activation[:, 0]
        kept = ops.cast(ops.stack([~manipulated, manipulated], axis=1), code.dtype)
        return code * ops.repeat(kept, HALF, axis=1)[:, None, None]

    def compute_output_shape(self, code_shape, activation_shape, label_shape):
        """That of the code."""
        return code_shape


@keras.saving.register_keras_serializable(package="tfafsr")
class MultiTask(Baseline):
    """Multi-task autoencoder: one half of the code for real faces, one for manipulated ones; two decoders behind it.

    The activation of a half is the mean of its absolute values; the logit is the difference of both. Loss, each with a
    weight of 1: |activation of the own half - 1| + |activation of the other half|; the cross entropy of the mask; the
    mean squared error of the reconstructed input. Source: Nguyen, Fang, Yamagishi, Echizen, "Multi-task Learning for
    Detecting and Segmenting Manipulated Facial Images and Videos", BTAS 2019. Departures: no decay of weights; images
    in [-1, 1] and Keras's initial weights, where the authors normalise by ImageNet's mean and draw from N(0, 0.02); one
    channel for the mask, where they have a softmax over two; batch normalisation's momentum is 0.9. Input in training:
    also `label`, which chooses the half that is decoded.
    """

    AUTHORS_SIZE, MULTIPLE_OF = 256, 16
    learning_rate = 1e-3

    @classmethod
    def heads(cls, image, inputs: dict) -> dict:
        """See `Baseline.heads`: `logit`, `activation` (B, 2), `mask_logit` (B, N, N, 1), `decoding_error` (B, 1)."""
        inputs["label"] = keras.Input((), dtype="int64", name="label")
        x = wanted = signed(image)
        for number, (filters, stride) in enumerate(
            ((8, 1), (8, 2), (16, 1), (16, 2), (32, 1), (32, 2), (64, 1), (64, 2), (2 * HALF, 1)), 1
        ):
            x = _normalised(layers.Conv2D(filters, 3, stride, padding="same", name=f"encoder{number}")(x))
        code = layers.Activation("linear", dtype="float32", name="code")(x)
        activation = layers.Concatenate(name="activation", dtype="float32")(
            [ops.mean(ops.abs(half), axis=(1, 2, 3))[:, None] for half in (code[..., :HALF], code[..., HALF:])]
        )
        x = ChosenHalf(name="chosen_half")(code, activation, inputs["label"])
        x = _deconvolutions(x, ((64, 1), (64, 2), (32, 1), (32, 2)), "decoder")
        mask, decoded = (_deconvolutions(x, ((16, 1), (16, 2), (8, 1), (8, 2)), name) for name in ("mask", "face"))
        decoded = layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32", name="decoded")(decoded)
        return {
            "logit": layers.Identity(name="logit", dtype="float32")(activation[:, 1:] - activation[:, :1]),
            "activation": activation,
            "mask_logit": layers.Conv2D(1, 3, padding="same", dtype="float32", name="mask_logit")(mask),
            "decoding_error": ops.mean(ops.square(decoded - wanted), axis=(1, 2, 3))[:, None],
        }

    def derived(self, inputs: dict) -> dict:
        """A label, which nothing reads outside of training."""
        return {"label": ops.cast(ops.zeros_like(inputs["frame"][:, 0, 0, 0]), "int64")}

    def loss_terms(self, y: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Each term of the loss: float32 scalars."""
        label = tf.cast(tf.reshape(y["label"], (-1, 1)), tf.float32)
        wanted = tf.concat([1 - label, label], axis=1)
        side = self.options["input_size"]
        mask = tf.image.resize(tf.cast(y["mask"], tf.float32), (side, side), method="area")
        errors = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(mask > 127, tf.float32), outputs["mask_logit"])
        return {
            "activation_loss": mean_of_known(tf.reduce_sum(tf.abs(outputs["activation"] - wanted), axis=1), None),
            "mask_loss": mean_of_known(tf.reduce_mean(errors, axis=(1, 2, 3)), y["mask_known"]),
            "decoding_loss": mean_of_known(outputs["decoding_error"][:, 0], None),
        }

    def weights_of_terms(self) -> dict[str, float]:
        """The weight of each term in the loss."""
        return {"activation_loss": 1.0, "mask_loss": 1.0, "decoding_loss": 1.0}


def _normalised(x):
    """Batch normalisation and ReLU behind a convolution."""
    name = x._keras_history.operation.name
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _deconvolutions(x, widths: tuple[tuple[int, int], ...], name: str):
    """Transposed convolutions 3x3 of (filters, stride)."""
    for number, (filters, stride) in enumerate(widths, 1):
        conv = layers.Conv2DTranspose(filters, 3, stride, padding="same", name=f"{name}{number}")
        x = _normalised(conv(x))
    return x


METHOD = MultiTask
