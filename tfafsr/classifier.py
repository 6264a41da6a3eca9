"""What all methods share: a network from a face to a calibrated probability, trained by `fit` and exported alike."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

import keras
import tensorflow as tf

from faces import KEYPOINTS
from tfafsr import gradients, replicas
from tfafsr.calibration import Platt
from tfafsr.losses import mean_of_known
from tfafsr.restoration import GAINS, restoration_gains

SCORES = ("probability", "log10_likelihood_ratio", "logit")  # what every exported form gives for a face
SUPERVISION = ("label", "target", "target_known", "mask", "mask_known")
TEACHER, DISTILLATION = "teacher", "distillation_loss"  # a field of the supervision, and its term of the loss
OWN_IN_COMPILE = ("loss", "loss_weights", "metrics", "weighted_metrics")  # what `compile` refuses


class Classifier(keras.Model):
    """A functional Keras model that tells whether a face was manipulated.

    Inputs (a dict): `frame` uint8 (B, S, S, 3) RGB, and what else the method reads of the records' fields.
    Outputs (a dict): at least `logit` (B, 1); `probability` (B, 1) = sigmoid(a * logit + b), calibrated at even odds;
    `log10_likelihood_ratio` (B, 1) = (a * logit + b) / ln 10. All float32.

    Supervision (a dict): `label` (B,), 1 = manipulated; `target` uint8 (B, S, S, 3); `mask` uint8 (B, S, S, 1), 255
    where manipulated; `target_known` and `mask_known` (B,), 0 for examples that a loss on target or mask must ignore.

    A subclass builds the graph, with the layer `PlattScaling(options, name="calibration")` behind the logit, calls
    `_set_up`, and says what its loss is: `loss_terms` and `weights_of_terms`; here the cross entropy alone.

    Attributes:
        options: the arguments of the constructor; `size` (S) and `dtype` are among them.
        learning_rate: Adam's first learning rate that is recommended for the method; None leaves it to the preset.
    """

    learning_rate: float | None = None
    BURST = 1
    """Neighbouring frames that the method reads together; with more than 1 they are `frame`'s second dimension."""
    distil_weight = 0.0
    """Weight of the term `distillation_loss`; see `learn_from_a_teacher`."""
    NEGATIVES: Callable[[dict[str, tf.Tensor], tf.Tensor], dict[str, tf.Tensor]] | None = None
    """(one real example, seed int64 (2,)) -> a fake of it, for methods that train on real faces alone."""

    @property
    def restores(self) -> bool:
        """Whether the output `reconstruction` is the face before its compression."""
        return False

    def _set_up(self, options: dict) -> None:
        """Stores the constructor's arguments, and makes one metric for each loss term."""
        self.options = options
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("loss", *self.weights_of_terms())}
        self.gain_trackers = {name: keras.metrics.Mean(name=name) for name in GAINS if self.restores}

    @property
    def calibration(self) -> Platt:
        """a and b of probability = sigmoid(a * logit + b), 1 and 0 until they are set; both are kept as float32."""
        layer = self.get_layer("calibration")
        return Platt(*(float(keras.ops.convert_to_numpy(value)) for value in (layer.scale, layer.bias)))

    @calibration.setter
    def calibration(self, platt: Platt) -> None:
        layer = self.get_layer("calibration")
        layer.scale.assign(platt.scale)
        layer.bias.assign(platt.bias)

    @property
    def metrics(self) -> list[keras.Metric]:
        """The total loss, each term, the restoration gains, and, once it is compiled, the AUC."""
        own = {**self.trackers, **self.gain_trackers}
        return [*own.values(), *(metric for metric in super().metrics if metric.name not in own)]

    def compile(
        self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None, **kwargs
    ) -> None:
        """Keras's `compile`, but losses, their weights and metrics cannot be given: each method has its own.

        The AUC is a compiled metric, because Keras infers for compiled metrics only that higher is better when a
        callback monitors them.

        Raises:
            ValueError: a loss or a metric is given.
        """
        given = dict(zip(OWN_IN_COMPILE, (loss, loss_weights, metrics, weighted_metrics), strict=True))
        weights = [name for name in self.options if name.endswith("_weight")]
        if names := [name for name, value in given.items() if value is not None]:
            raise ValueError(
                f"{type(self).__name__} has its own losses and metrics; compile takes no {' or '.join(names)}."
                + (f" The terms are weighted by its arguments {', '.join(weights)}." if weights else "")
            )
        super().compile(optimizer, metrics=[keras.metrics.AUC(num_thresholds=1000, name="auc")], **kwargs)

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded detector with the optimizer that was saved; the metrics are those of `compile`."""
        config = keras.saving.deserialize_keras_object(
            {name: value for name, value in config.items() if name not in OWN_IN_COMPILE}
        )
        self.compile(**config)
        self.optimizer.build(self.trainable_variables)

    def loss_terms(self, y: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Each term of the loss, unweighted: float32 scalars."""
        label = tf.cast(tf.reshape(y["label"], (-1, 1)), tf.float32)
        errors = tf.nn.sigmoid_cross_entropy_with_logits(label, outputs["logit"])[:, 0]
        return {"cross_entropy": mean_of_known(errors, None)}

    def weights_of_terms(self) -> dict[str, float]:
        """The weight of each term in the loss."""
        return {"cross_entropy": 1.0}

    def learn_from_a_teacher(self, weight: float) -> None:
        """Adds a term to the loss of training: distillation (Hinton et al., 2015).

            mean over known targets of the cross entropy between the teacher's probability and sigmoid(logit)

        The supervision then holds `teacher`, float32 (B,): the probability that a teacher gives for the face at its
        best quality. Batches without it, such as those of validation, have no such term.

        Args:
            weight: weight of the term, from 0 on.
        """
        self.distil_weight = weight
        self.trackers[DISTILLATION] = keras.metrics.Mean(name=DISTILLATION)

    def _all_terms(self, y: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """The terms of `loss_terms`, and that of distillation where the supervision holds a teacher's answers."""
        terms = self.loss_terms(y, outputs)
        if self.distil_weight and TEACHER in y:
            wanted = tf.cast(tf.reshape(y[TEACHER], (-1, 1)), tf.float32)
            errors = tf.nn.sigmoid_cross_entropy_with_logits(wanted, outputs["logit"])[:, 0]
            terms[DISTILLATION] = mean_of_known(errors, y["target_known"])
        return terms

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training: bool = True) -> tf.Tensor:
        """The weighted sum of the terms, a float32 scalar; updates the metric of each term."""
        terms = self._all_terms(y, y_pred)
        weights = {**self.weights_of_terms(), DISTILLATION: self.distil_weight}
        loss = functools.reduce(operator.add, [weights[name] * term for name, term in terms.items()])
        faces = replicas.total(tf.cast(tf.shape(y["label"])[0], tf.float32)) / replicas.count()  # of one replica
        for name, value in {"loss": loss, **terms}.items():
            self.trackers[name].update_state(value, sample_weight=faces)
        self.compute_metrics(x, tf.reshape(y["label"], (-1, 1)), y_pred["probability"])
        return loss

    def fit(self, *args, **kwargs) -> keras.callbacks.History:
        """Keras's `fit`; on one machine the same seed, data and number of threads give the same weights, bit by bit."""
        with gradients.sums_of_two():
            return super().fit(*args, **kwargs)

    def train_step(self, data: tuple) -> dict[str, tf.Tensor]:
        """One step of gradient descent on the loss; `data` is (x, y)."""
        x, y = _pair(data)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
            # Optimizers add up the replicas' gradients; the loss of the global batch is the mean of theirs.
            scaled = self.optimizer.scale_loss(loss / replicas.count())
        found = gradients.repeatable(tape, scaled, [variable.value for variable in self.trainable_variables])
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            found = replicas.finite_on_all(found)
        self.optimizer.apply(found, self.trainable_variables)
        return {name: value for name, value in self._logs().items() if name not in self.gain_trackers}

    def test_step(self, data: tuple) -> dict[str, tf.Tensor]:
        """Loss, metrics and restoration gains of one batch (x, y), without training."""
        x, y = _pair(data)
        outputs = self(x, training=False)
        self.compute_loss(x, y, outputs, training=False)
        if self.gain_trackers:
            supervision = (y[name] for name in ("target", "mask", "target_known", "mask_known"))
            for name, gain in restoration_gains(x["frame"], outputs["reconstruction"], *supervision).items():
                self.gain_trackers[name].update_state(*gain)
        return {name: value for name, value in self._logs().items() if name != DISTILLATION}

    def gradient_norms(self, x: dict, y: dict) -> dict[str, tf.Tensor]:
        """The norms of the terms' gradients on one batch (x, y), see `tfafsr.gradients.norms`; nothing is trained."""
        return gradients.norms(self, x, y)

    def derived(self, inputs: dict) -> dict:
        """Inputs of the model that are computed from the deployed ones; none here."""
        return {}

    def deployed(self) -> keras.Model:
        """The network that is exported: from a face (uint8), and its five key points if it reads them, to scores.

        Scaling and whatever else is computed from the face are inside the graph; the layers are shared with this model.

        Returns:
            A model from `frame` and, where the method reads them, `keypoints` to `probability`,
            `log10_likelihood_ratio`, `logit` and, where there is one, `reconstruction`.
        """
        size = self.options["size"]
        inputs = {"frame": keras.Input((size, size, 3), dtype="uint8", name="frame")}
        if "keypoints" in self.input:
            inputs["keypoints"] = keras.Input((len(KEYPOINTS), 2), dtype="float32", name="keypoints")
        outputs = keras.Model(self.input, self.output)({**inputs, **self.derived(inputs)})
        wanted = {name: outputs[name] for name in (*SCORES, "reconstruction") if name in outputs}
        return keras.Model(inputs, wanted, name=f"{self.name}_deployed")

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {"name": self.name, "trainable": self.trainable, **self.options}

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> Classifier:
        """A model from `get_config`."""
        return cls(**config)

    def _logs(self) -> dict[str, tf.Tensor]:
        """The metrics; of shape (1,) with several workers, because Keras 3.15 averages their logs over axis 0."""
        logs = self.get_metrics_result()
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return {name: tf.reshape(value, (1,)) for name, value in logs.items()}
        return logs

    def _get_metrics_result_or_logs(self, logs: dict) -> dict[str, tf.Tensor]:
        """The metrics of an epoch over all replicas; where there are more metrics than logs, Keras 3.15's own method
        gives the mean of what each replica has counted, which is not the AUC of all."""
        results = self.get_metrics_result()
        return {name: results[name] for name in logs}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Builds the optimizer only: Keras 3.15's own method would average a batch of images over all workers."""
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)


def _pair(data: tuple) -> tuple[dict, dict]:
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError("There is no sample_weight and no class_weight here; target_known and mask_known are in y.")
    if missing := [name for name in SUPERVISION if not isinstance(y, dict) or name not in y]:
        raise ValueError(f"y must be a dict with {', '.join(SUPERVISION)}; it lacks {', '.join(missing)}.")
    return x, y
