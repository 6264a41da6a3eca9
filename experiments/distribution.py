"""Training on several devices or machines with tf.distribute: who takes part, what each reads, what a loss means."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments import data
from experiments.config import TrainConfig
from experiments.machines_config import MIRRORED, MULTIWORKER, NONE, MachinesConfig
from records import shards
from records.errors import DataError

LOST = (  # what TensorFlow raises when another worker does not answer
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
PERHAPS_LOST = (tf.errors.FailedPreconditionError, tf.errors.InternalError, tf.errors.UnknownError)
SAYS_LOST = re.compile(
    "unhealthy|collective|coordination|heartbeat|ipv[46]:|socket closed|connection re", re.IGNORECASE
)
ROLES = ("chief", "worker")  # the types of task of TF_CONFIG that train
SHOWN = 200  # characters of TensorFlow's message
SECONDS_TO_BE_SEEN = 90.0  # a network file system may show a new file only after a minute


@dataclasses.dataclass(frozen=True)
class Crew:
    """The replicas that train together.

    Attributes:
        strategy: the strategy of tf.distribute; None for one device.
        addresses: host and port of each worker; empty on one machine. A task of type `chief` comes first.
        worker: the number of this one, from 0 on. The first is the chief.
        chiefs: number of tasks of type `chief`, 0 or 1.
    """

    strategy: tf.distribute.Strategy | None = None
    addresses: tuple[str, ...] = ()
    worker: int = 0
    chiefs: int = 0

    @property
    def workers(self) -> int:
        """Number of processes."""
        return max(1, len(self.addresses))

    @property
    def replicas(self) -> int:
        """Number of replicas of all processes together."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes files and messages."""
        return self.worker == 0

    def part(self, shares: int) -> data.Part:
        """What this process reads of each batch."""
        return data.Part(shards.Share(shares, self.worker, self.workers), self.replicas)

    def scope(self) -> AbstractContextManager:
        """The context in which variables are made."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def distributed(self, pieces: tf.data.Dataset) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """A dataset, each of whose elements is the piece of one replica, as Keras's `fit` takes it.

        Keras must be told the number of steps: it would take the number of pieces, which differs between workers. The
        filter makes that number unknown.
        """
        if not self.strategy:
            return pieces
        return self.strategy.distribute_datasets_from_function(lambda _: pieces.filter(lambda *_: True))

    def check_agreement(self, facts: dict[str, str]) -> None:
        """Raises `DataError` unless all workers found the same.

        Args:
            facts: name of a fact -> what this worker found.
        """
        if self.workers == 1:
            return
        for name, of_all in zip(facts, self._of_everyone(list(facts.values())).T, strict=True):
            if len(set(of_all.tolist())) > 1:
                raise DataError(
                    f"The workers do not agree on {name}. Start the same command on all of them, with RECORDS of the "
                    "same content and one RUN folder that all of them see."
                )

    def seen_by_chief(self, look: Callable[[], Path | None], seconds: float = SECONDS_TO_BE_SEEN) -> Path | None:
        """What `look` finds, as soon as its name is that of what the chief found.

        Args:
            look: finds a folder that a network file system may show to one worker later than to another.
            seconds: how long to look; what was found last is given back then.
        """
        found = look()
        if self.workers == 1:
            return found
        wanted, until = self._of_everyone([_name(found)])[0], time.monotonic() + seconds
        while (_keys([_name(found)]) != wanted).any() and time.monotonic() < until:
            time.sleep(1)
            found = look()
        return found

    def _of_everyone(self, texts: list[str]) -> np.ndarray:
        """A number for each text of each replica of all workers, int64 (replicas, texts), the chief's first."""
        keys = _keys(texts)

        def gather() -> tf.Tensor:
            return tf.distribute.get_replica_context().all_gather(tf.constant(keys[None]), axis=0)

        return self.strategy.experimental_local_results(tf.function(self.strategy.run)(gather))[0].numpy()

    def check_batch(self, config: TrainConfig, batch: int) -> None:
        """Raises `DataError` unless the batch can be shared equally among the replicas."""
        pairs = config.balanced and self.workers > 1  # a real and a manipulated face are always of one share
        unit = np.lcm(self.replicas, (2 if pairs else 1) * self.workers)
        if self.strategy and batch % unit:
            near = [size for size in (batch // unit * unit, -(-batch // unit) * unit) if size]
            raise DataError(
                f"A batch of {batch} cannot be shared among {self.replicas} replicas of {self.workers} workers; give "
                f"--batch-size {' or '.join(map(str, near))}."
            )


def assemble(machines: MachinesConfig, say: Callable[[str], None]) -> Crew:
    """Starts the strategy; it must be called before TensorFlow computes anything. It waits for the other workers.

    Args:
        machines: the options.
        say: prints one line.

    Raises:
        DataError: fewer devices than asked for; neither TF_CONFIG nor Slurm says who the workers are, or TF_CONFIG is
            damaged; or the other workers do not come, or this one's port is in use.
    """
    if machines.deterministic:
        tf.config.experimental.enable_op_determinism()
    if machines.strategy == NONE:
        return Crew()
    if machines.strategy == MIRRORED:
        devices = _devices(machines.devices)
        say(f"Training on {len(devices)} devices: {', '.join(devices)}.")
        return Crew(tf.distribute.MirroredStrategy(devices))
    addresses, worker, resolver = _workers()
    own = f"Worker {worker + 1} of {len(addresses)} ({addresses[worker]})"
    say(f"{own} waits for the others: {', '.join(addresses)}.")
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except tf.errors.OpError as error:
        raise DataError(
            f"{own} could not join the others: {_short(error)}. Either its port is in use on this machine, or another "
            "worker has not come. Start the same command on all workers again."
        ) from error
    return Crew(strategy, addresses, worker, len(resolver.cluster_spec().as_dict().get(ROLES[0], ())))


@contextlib.contextmanager
def naming_the_loss(crew: Crew, run: Path) -> Iterator[None]:
    """Turns TensorFlow's error about a worker that does not answer into a `DataError` that says what to do."""
    try:
        yield
    except (*LOST, *PERHAPS_LOST) as error:
        if crew.workers == 1 or (isinstance(error, PERHAPS_LOST) and not SAYS_LOST.search(str(error))):
            raise
        raise DataError(
            f"{_lost(crew, str(error.message))}. {run} keeps the state of the last whole epoch: start the same command "
            "on all workers again, and it goes on from there."
        ) from error


def _lost(crew: Crew, message: str) -> str:
    """Which worker an error of TensorFlow names, or what it says, and what happened to it."""
    unhealthy = re.search(r"unhealthy[^/]*/job:(\w+)\S*task:(\d+)", message)
    lost = int(unhealthy[2]) + (crew.chiefs if unhealthy[1] != ROLES[0] else 0) if unhealthy else None
    for number, address in enumerate(crew.addresses):
        if f"ipv4:{address}" in message or number == lost:
            happened = ", this one, did not answer in time" if number == crew.worker else " ended or cannot be reached"
            return f"Worker {number + 1} of {crew.workers} ({address}){happened}"
    return f"Another worker ({_short(message)}) ended or cannot be reached"


def _short(message: object) -> str:
    return " ".join(str(message).split())[:SHOWN]


def _name(found: Path | None) -> str:
    return found.name if found else ""


def _keys(texts: list[str]) -> np.ndarray:
    return tf.strings.to_hash_bucket_fast(texts, 2**62).numpy()


def _devices(wanted: int | None) -> list[str]:
    """The names of the devices to train on."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        if (wanted or 1) > len(gpus):
            raise DataError(f"--devices {wanted}: this machine has {len(gpus)} GPUs.")
        return [f"GPU:{number}" for number in range(wanted or len(gpus))]
    parts = wanted or 1
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * parts)
    return [f"CPU:{number}" for number in range(parts)]


def _workers() -> tuple[tuple[str, ...], int, tf.distribute.cluster_resolver.ClusterResolver]:
    """The addresses of all workers, the chief's first; the number of this one; and what the strategy reads."""
    resolvers = tf.distribute.cluster_resolver
    if "TF_CONFIG" in os.environ:
        addresses, worker = _from_tf_config(os.environ["TF_CONFIG"])
        return addresses, worker, resolvers.TFConfigClusterResolver()
    if "SLURM_STEP_NODELIST" in os.environ:
        try:
            gpus = (
                {} if shutil.which("nvidia-smi") else {"gpus_per_node": 1024, "gpus_per_task": 1, "auto_set_gpu": False}
            )
            found = resolvers.SlurmClusterResolver(**gpus).cluster_spec().as_dict()["worker"]
            worker = int(os.environ["SLURM_PROCID"])
        except (KeyError, ValueError, RuntimeError, OSError) as error:
            raise DataError(f"Slurm's variables do not say who the workers are ({error}); set TF_CONFIG.") from error
        addresses = tuple(sorted(found, key=_as_slurm_sorts))  # the resolver gives node10 before node9
        cluster = tf.train.ClusterSpec({ROLES[1]: addresses})
        return addresses, worker, resolvers.SimpleClusterResolver(cluster, "", ROLES[1], worker, rpc_layer="grpc")
    raise DataError(
        f"--strategy {MULTIWORKER} needs to know the workers: set TF_CONFIG, or start the command with Slurm's srun; "
        "see docs/scaling.md."
    )


def _as_slurm_sorts(address: str) -> list[tuple[int, str]]:
    """A key that sorts numbers inside of names by their value."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", address)]


def _from_tf_config(text: str) -> tuple[tuple[str, ...], int]:
    """The addresses of the workers and the number of this one, of TF_CONFIG's text."""
    advice = (
        'it must be like {"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
    )
    try:
        values = json.loads(text)
        cluster, task = values["cluster"], values["task"]
        kind, index = task["type"], int(task["index"])
        if others := sorted(set(cluster) - set(ROLES)):
            raise DataError(
                f"TF_CONFIG names tasks of the type {others[0]}, which tfafsr does not need: all workers train and "
                f"validate. Leave only {' and '.join(ROLES)}."
            )
        lists = [cluster.get(role, []) for role in ROLES]
        if not all(isinstance(address, str) and ":" in address for one in lists for address in one):
            raise ValueError("an address is not host:port")
        if kind not in cluster or not 0 <= index < len(cluster[kind]):
            raise ValueError(f"task {kind} {index} is not in the cluster")
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"TF_CONFIG cannot be used ({error!r}); {advice}.") from error
    addresses = tuple(address for one in lists for address in one)
    return addresses, index + (len(lists[0]) if kind == "worker" else 0)
