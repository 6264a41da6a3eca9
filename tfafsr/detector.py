"""The detector: AFSR and TFE as one Keras model that trains both together."""

from __future__ import annotations

import math
import os

import keras
import tensorflow as tf
from keras import layers

from faces import KEYPOINTS
from tfafsr import replicas
from tfafsr.afsr import afsr
from tfafsr.classifier import Classifier
from tfafsr.dtype_policy import dtype_policy
from tfafsr.layers import ErrorLevelAnalysis, PlattScaling, StopGradient
from tfafsr.losses import artifact_loss, mask_loss, reconstruction_loss, triplet_hard_loss, triplet_semihard_loss
from tfafsr.presets import preset
from tfafsr.tfe import cell_stride, features, pool

SMALLEST = 64
ELA_QUALITY = 90  # JPEG quality of the records' error level analysis
ELA_SOURCES = ("input", "reconstruction")
ERROR_IMAGES = ("ela", "ela+residual", "none")
RESIDUAL_GAIN = 10.0  # makes I^r - I^l, a few grey levels, as large as the other images
AFSR_GRADIENTS = ("full", "stop")
MINING = {"semi_hard": triplet_semihard_loss, "hard": triplet_hard_loss}


@keras.saving.register_keras_serializable(package="tfafsr")
class Detector(Classifier):
    """Restores a low-resolution face (AFSR) and tells whether it was manipulated (TFE).

    Inputs (a dict): `frame` uint8 (B, S, S, 3) RGB; `keypoints` float32 (B, 5, 2) in [0, 1]; and, with
    `ela_of="input"`, `ela` uint8 (B, S, S, 3), the records' error level analysis of the frame.

    Outputs (a dict): `logit` (B, 1); `probability` (B, 1) = sigmoid(a * logit + b), calibrated at even odds;
    `log10_likelihood_ratio` (B, 1) = (a * logit + b) / ln 10; `reconstruction` (B, S, S, 3), I^r in [-1, 1];
    `embedding` (B, 8 * width), q; with `mask_weight` above 0 also `mask_logit` (B, H, W, 1), of the share of
    manipulated pixels around each cell of m_cnn. All float32.

    Supervision (a dict): `label` (B,), 1 = manipulated; `target` uint8 (B, S, S, 3); `mask` uint8 (B, S, S, 1), 255
    where manipulated; `target_known` and `mask_known` (B,), 0 for examples that the loss on target or mask must ignore.

    Loss = afsr_weight * (artifact_weight * artifact loss + reconstruction_weight * reconstruction loss)
        + cross entropy + triplet_weight * triplet loss on q + mask_weight * mask loss,
    where the artifact loss is the mean of |M * (I^h - I^r)|^2 and the reconstruction loss that of |I^h - I^r|^2.

    Args:
        size: S, side of the faces in pixels, at least 64.
        width: filters of ResNet-18's first stage.
        blocks: residual blocks in each stage: 2 is the paper's ResNet-18, 1 is ResNet-10.
        decoder: factor of the filters of AFSR's decoder; see `tfafsr.afsr.afsr`.
        output: AFSR's output: plain, residual or none.
        pooling: fp, gap or gmp.
        fusion: early or late.
        ela_of: the image whose error levels TFE reads: `input`, or `reconstruction` (inside the graph).
        ela_quality: JPEG quality of the error level analysis inside the graph. With `ela_of="input"` it must be 90, as
            in the records: in deployment the graph computes the error levels that training read from the records.
        mining: how triplets are chosen, semi_hard or hard.
        margin: margin of the triplet loss, on distances of L2-normalised embeddings.
        afsr_weight, artifact_weight, reconstruction_weight, triplet_weight: weights of the loss terms. Without
            `artifact_weight` L_AFSR is the plain mean squared error. `reconstruction_weight` is the paper's lambda_1.
            AFSR's two losses are means here where the paper prints sums, which are 3 * S * S times as
            large; with afsr_weight=100 the gradient of detection on AFSR is several times theirs, and I^r is hardly
            nearer to I^h than I^l was.
        mask_weight: weight of a head, a 1x1 convolution on m_cnn, that tells where the face was manipulated
            (`tfafsr.losses.mask`); 0, as in the paper, for no such head.
        error_image: what TFE's second stream reads: `ela`, the error levels; `ela+residual`, the error levels and
            I^r - I^l times 10, what AFSR has changed, as six channels; or `none`: TFE has its first stream alone.
        afsr_gradient: `full`: detection trains AFSR, too. `stop`: AFSR is trained by its own two losses alone.
        dtype: dtype policy of the layers, e.g. `mixed_bfloat16`, saved with the model; Keras's global one by default.

    Raises:
        ValueError: an argument has a value that is not allowed; the message repeats it.

    `keras.models.clone_model` calls the constructor with the graph that it has copied, `Detector(inputs, outputs)`.
    """

    def __init__(
        self,
        *graph,
        size: int = 225,
        width: int = 64,
        blocks: int = 2,
        decoder: int = 1,
        output: str = "plain",
        pooling: str = "fp",
        fusion: str = "early",
        ela_of: str = "input",
        ela_quality: int = ELA_QUALITY,
        mining: str = "semi_hard",
        margin: float = 0.5,
        error_image: str = "ela",
        afsr_gradient: str = "full",
        afsr_weight: float = 1e4,
        artifact_weight: float = 1.0,
        reconstruction_weight: float = 0.5,
        triplet_weight: float = 1.0,
        mask_weight: float = 0.0,
        dtype: str | None = None,
        **kwargs,
    ) -> None:
        if graph:
            super().__init__(*graph, **kwargs)
            self._set_up({**self.get_layer("calibration").detector})
            return
        if size < SMALLEST:
            raise ValueError(f"size must be at least {SMALLEST} pixels; received {size}.")
        if blocks not in (1, 2):
            raise ValueError(f"blocks must be 1 or 2; received {blocks!r}.")
        if not isinstance(decoder, int) or decoder < 1:
            raise ValueError(f"decoder must be a whole number from 1 on; received {decoder!r}.")
        if ela_of not in ELA_SOURCES:
            raise ValueError(f"ela_of must be one of {', '.join(ELA_SOURCES)}; received {ela_of!r}.")
        if ela_of == "input" and ela_quality != ELA_QUALITY:
            raise ValueError(
                f"ela_quality must be the records', {ELA_QUALITY}, with ela_of='input'; received {ela_quality}."
            )
        if error_image not in ERROR_IMAGES:
            raise ValueError(f"error_image must be one of {', '.join(ERROR_IMAGES)}; received {error_image!r}.")
        if error_image == "ela+residual" and output == "none":
            raise ValueError(f"error_image={error_image!r} needs AFSR, and output='none' has none.")
        if afsr_gradient not in AFSR_GRADIENTS:
            raise ValueError(f"afsr_gradient must be one of {', '.join(AFSR_GRADIENTS)}; received {afsr_gradient!r}.")
        if mining not in MINING:
            raise ValueError(f"mining must be one of {', '.join(MINING)}; received {mining!r}.")
        weights = {
            "afsr_weight": afsr_weight,
            "artifact_weight": artifact_weight,
            "reconstruction_weight": reconstruction_weight,
            "triplet_weight": triplet_weight,
            "mask_weight": mask_weight,
        }
        for name, value in {"margin": margin, **weights}.items():
            if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a number from 0 on; received {value!r}.")

        dtype = dtype or keras.config.dtype_policy().name
        options = {
            "size": size,
            "width": width,
            "blocks": blocks,
            "decoder": decoder,
            "output": output,
            "pooling": pooling,
            "fusion": fusion,
            "ela_of": ela_of,
            "ela_quality": ela_quality,
            "mining": mining,
            "margin": margin,
            "error_image": error_image,
            "afsr_gradient": afsr_gradient,
            **weights,
            "dtype": dtype,
        }

        # The graph.
        with dtype_policy(dtype):
            inputs = {
                "frame": keras.Input((size, size, 3), dtype="uint8", name="frame"),
                "keypoints": keras.Input((len(KEYPOINTS), 2), dtype="float32", name="keypoints"),
            }
            frame = _to_signed("frame_scale")(inputs["frame"])  # I^l
            reconstruction = read = afsr(frame, width, output, blocks, decoder)  # I^r
            if afsr_gradient == "stop":
                read = StopGradient(dtype="float32", name="afsr_stop_gradient")(reconstruction)
            error = None if error_image == "none" else _error_image(inputs, frame, read, options)
            m_cnn = features(read, error, width, fusion, blocks)
            embedding = pool(m_cnn, inputs["keypoints"], size, pooling)  # q
            logit = layers.Dense(1, dtype="float32", name="logit")(embedding)
            outputs = {
                "logit": logit,
                **PlattScaling(options, name="calibration")(logit),
                "reconstruction": reconstruction,
                "embedding": embedding,
            }
            if mask_weight:
                outputs["mask_logit"] = layers.Conv2D(1, 1, dtype="float32", name="mask_logit")(m_cnn)
            super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        self._set_up(options)

    @property
    def restores(self) -> bool:
        """Whether there is an AFSR."""
        return self.options["output"] != "none"

    @classmethod
    def from_preset(cls, name: str, weights: str | os.PathLike | None = None, **overrides) -> Detector:
        """The preset `paper`, `small` or `tiny`.

        Args:
            name: name of the preset.
            weights: trained weights: the name of those that ship with the package (`tfafsr.weights.SHIPPED`), or a
                file; random ones by default.
            overrides: arguments that replace those of the preset.

        Raises:
            ValueError: an unknown preset, or weights that are unknown, damaged, or for another preset.
        """
        if weights is not None:
            from tfafsr import weights as trained

            return trained.from_preset(name, weights, **overrides)
        return cls(**preset(name, **overrides))

    def loss_terms(self, y: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Each term of the loss, unweighted: float32 scalars."""
        target = tf.cast(y["target"], tf.float32) / 127.5 - 1.0  # I^h
        mask = tf.cast(tf.cast(y["mask"], tf.int32) > 127, tf.float32)  # M
        target_known = tf.cast(y["target_known"], tf.float32)
        both_known = target_known * tf.cast(y["mask_known"], tf.float32)
        terms = {
            "reconstruction_loss": reconstruction_loss(target, outputs["reconstruction"], target_known),
            "artifact_loss": artifact_loss(target, outputs["reconstruction"], mask, both_known),
            **super().loss_terms(y, outputs),
            "triplet_loss": MINING[self.options["mining"]](
                replicas.gathered(tf.reshape(y["label"], (-1,))),
                replicas.gathered(outputs["embedding"]),
                self.options["margin"],
            ),
        }
        if self.options["mask_weight"]:
            terms["mask_loss"] = mask_loss(
                mask, outputs["mask_logit"], cell_stride(self.options["size"]), y["mask_known"]
            )
        return terms

    def weights_of_terms(self) -> dict[str, float]:
        """The weight of each term in the loss; without the mask head there is no `mask_loss`."""
        weight, mask_weight = self.options["afsr_weight"], self.options["mask_weight"]
        return {
            "reconstruction_loss": weight * self.options["reconstruction_weight"],
            "artifact_loss": weight * self.options["artifact_weight"],
            "cross_entropy": 1.0,
            "triplet_loss": self.options["triplet_weight"],
            **({"mask_loss": mask_weight} if mask_weight else {}),
        }

    def derived(self, inputs: dict) -> dict:
        """The error levels of the frame, which training reads from the records."""
        if "ela" not in self.input:
            return {}
        return {"ela": ErrorLevelAnalysis(self.options["ela_quality"], name="ela_of_frame")(inputs["frame"])}


def _error_image(inputs: dict, frame, read, options: dict) -> keras.KerasTensor:
    """What TFE's second stream reads, (B, S, S, 3 or 6); adds the input `ela` if it is the records'.

    Args:
        inputs: the model's inputs.
        frame: I^l in [-1, 1].
        read: I^r as TFE reads it, in [-1, 1].
        options: the arguments of `Detector`.
    """
    if options["ela_of"] == "input":
        error = inputs["ela"] = keras.Input(inputs["frame"].shape[1:], dtype="uint8", name="ela")
    else:
        restored = layers.Rescaling(127.5, 127.5, dtype="float32", name="restored")(read)
        error = ErrorLevelAnalysis(options["ela_quality"], name="ela_of_reconstruction")(restored)
    error = _to_signed("error_scale")(error)
    if options["error_image"] == "ela":
        return error
    changed = layers.Subtract(dtype="float32", name="residual")([read, frame])
    changed = layers.Rescaling(RESIDUAL_GAIN, dtype="float32", name="residual_scale")(changed)
    return layers.Concatenate(dtype="float32", name="error_image")([error, changed])


def _to_signed(name: str) -> layers.Layer:
    """[0, 255] -> [-1, 1]."""
    return layers.Rescaling(1 / 127.5, -1.0, dtype="float32", name=name)
