"""Training on several devices and workers gives the result of one, whoever is killed; what is wrong is named."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import numpy as np
import pytest
import tensorflow as tf
import yaml

from experiments import distribution, runs, state, training
from experiments.config import DetectorOptions
from experiments.machines_config import MachinesConfig
from records.errors import DataError
from tests.experiments.workers import ADVICE, Two, start

# TFE alone with one stream, which is traced in a few seconds; AFSR's losses and the triplets are in test_replicas.
SMALLEST = {"size": 64, "width": 4, "blocks": 1, "output": "none", "error_image": "none", "pooling": "gap"}
MANIFEST = Path(__file__).parents[2] / "docs/kubernetes/train.yaml"
TOLERANCE = 2e-3  # relative: sums are added in another order, and Adam enlarges the difference
EPOCHS = 5
UNHEALTHY = "The following tasks are unhealthy (stopped sending heartbeats):\n/job:{}\nThe"  # what TensorFlow says
STARTS = 3  # of two workers, until they are not lost by themselves


@pytest.fixture(scope="module")
def config(made_records):
    """The options of all runs of this file."""
    return training.TrainConfig(
        (str(made_records),),
        ("c40",),
        "tiny",
        DetectorOptions(**SMALLEST),
        epochs=EPOCHS,
        batch_size=8,
        learning_rate=1e-3,
        shares=2,
    )


@pytest.fixture(scope="module")
def undisturbed(config, tmp_path_factory):
    """The history of one process that nobody disturbs."""
    run = tmp_path_factory.mktemp("alone") / "run"
    training.train(config, run, say=lambda line: None)
    return history_of(run)


def history_of(run):
    return json.loads((run / runs.HISTORY_FILE).read_text())


def check_equal(found, expected):
    """The losses and AUCs of every epoch are equal, but for the tolerance."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        compared = {name for name in one if not name.startswith("gradient_norm")}  # of the first piece of a batch
        assert {name: one[name] for name in compared} == pytest.approx(
            {name: other[name] for name in compared}, rel=TOLERANCE, abs=1e-4
        )


@pytest.mark.slow  # two minutes: six starts of two processes
def test_two_workers_of_which_one_is_killed_again_and_again_end_where_one_process_ends(config, undisturbed, tmp_path):
    run = tmp_path / "run"

    def finished(epochs):
        newest = state.newest(run)
        return newest is not None and int(newest.name.removeprefix(state.PREFIX)) >= epochs

    def writing_a_state():
        return any(run.glob(f".{state.PREFIX}*"))

    for moment, victim in (
        (lambda: (run / runs.CONFIG_FILE).exists(), 1),  # while the first step is traced
        (lambda: finished(1), 0),
        (lambda: writing_a_state() or finished(2), 0),
        (lambda: finished(3), 1),
        (lambda: writing_a_state() or finished(4), 1),
    ):
        for _ in range(STARTS):
            for left_by_a_kill in run.glob(f".{state.PREFIX}*"):
                shutil.rmtree(left_by_a_kill)
            with Two(config, run) as two:
                if two.reach(moment):
                    two.workers[victim].kill()
                    assert two.ended(1 - victim, seconds=60) == 1, two.everything()
                    assert ADVICE in two.said(1 - victim)
                    break
        else:
            pytest.fail(f"Two workers were lost {STARTS} times by themselves.\n{two.said(0)[-3000:]}")
    for _ in range(STARTS):
        with Two(config, run) as two:
            if two.ended(0, seconds=240) == 0:
                assert two.ended(1, seconds=60) == 0, two.everything()
                break
            two.check_loss()
    else:
        pytest.fail(f"Two workers were lost {STARTS} times by themselves.\n{two.said(0)[-3000:]}")
    assert "Best epoch" in two.said(0)
    assert "Best epoch" not in two.said(1)
    assert "epoch 5/5" not in two.said(1)
    check_equal(history_of(run), undisturbed)
    assert runs.load_config(run).shares == 2


@pytest.mark.slow
def test_two_devices_end_where_one_ends_and_one_goes_on_from_there(config, undisturbed, tmp_path):
    run, two = tmp_path / "run", dataclasses.replace(config, epochs=2)
    file = tmp_path / "said.txt"
    process = start(two, run, file, "--strategy", "mirrored", "--devices", "2", "--deterministic")
    returned, said = process.wait(timeout=300), file.read_text()
    assert returned == 0, said[-3000:]
    assert "Training on 2 devices: CPU:0, CPU:1." in said
    training.train(config, run, say=lambda line: None)
    check_equal(history_of(run), undisturbed)


CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


@pytest.mark.parametrize(("task", "expected"), [(("chief", 0), 0), (("worker", 0), 1), (("worker", "1"), 2)])
def test_tf_config_says_who_this_worker_is(task, expected):
    text = json.dumps({"cluster": CLUSTER, "task": dict(zip(("type", "index"), task, strict=True)), "job": "Vertex's"})
    assert distribution._from_tf_config(text) == (("a:1", "b:1", "c:1"), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "TF_CONFIG cannot be used .*; it must be like"),
        ("[]", "it must be like"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError.'task'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "worker 1 is not in the cluster"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "chief 0 is not in the cluster"),
        ('{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}', "an address is not host:port"),
        ('{"cluster": {"worker": [1]}, "task": {"type": "worker", "index": 0}}', "an address is not host:port"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}', "tasks of the type ps"),
        ('{"cluster": {"worker": ["a:1"], "evaluator": ["b:1"]}, "task": {}}', "KeyError"),
    ],
)
def test_what_is_wrong_with_tf_config_is_said(text, message):
    with pytest.raises(DataError, match=message):
        distribution._from_tf_config(text)


def test_without_tf_config_and_slurm_the_documentation_is_named(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataError, match=r"set TF_CONFIG, or .* srun; see docs/scaling.md"):
        distribution.assemble(MachinesConfig(strategy="multiworker"), print)


@dataclasses.dataclass
class Strategy:
    """A number of replicas, for what needs no devices."""

    num_replicas_in_sync: int


@pytest.mark.parametrize(
    ("replicas", "workers", "batch", "advice"),
    [
        (2, 1, 8, None),
        (3, 1, 8, "6 or 9"),
        (2, 2, 6, "4 or 8"),
        (4, 2, 4, None),
        (3, 3, 4, "6"),
        (8, 4, 20, "16 or 24"),
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused_with_the_next_ones(config, replicas, workers, batch, advice):
    crew = distribution.Crew(Strategy(replicas), tuple("ab" * workers)[:workers])
    if advice is None:
        crew.check_batch(config, batch)
        return
    with pytest.raises(DataError, match=f"A batch of {batch} cannot be shared .* give --batch-size {advice}."):
        crew.check_batch(config, batch)


@pytest.mark.parametrize(
    ("given", "begun", "workers", "expected"),
    [(None, None, 1, None), (None, None, 3, 3), (4, None, 2, 4), (None, 4, 2, 4), (None, 4, 1, 4), (None, 4, 3, 3)],
)
def test_the_shares_are_those_given_or_the_runs_or_the_workers(config, tmp_path, given, begun, workers, expected):
    if begun:
        runs.save_config(tmp_path, dataclasses.replace(config, shares=begun), ["hash"], [])
    said = []
    crew = distribution.Crew(None, tuple("abc")[:workers])
    found = training._with_shares(dataclasses.replace(config, shares=given), tmp_path, crew, said.append)
    assert found.shares == expected
    assert len(said) == (begun == 4 and workers == 3)


def test_shares_that_the_workers_cannot_divide_are_refused(config, tmp_path):
    crew = distribution.Crew(None, ("a", "b"))
    with pytest.raises(DataError, match="--shares must be a multiple of the 2 workers; received 3"):
        training._with_shares(dataclasses.replace(config, shares=3), tmp_path, crew, print)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"devices": 2}, "--devices needs --strategy mirrored"),
        ({"strategy": "mirrored", "devices": 0}, "devices must be at least 1"),
        ({"strategy": "mirrored", "jit": True}, "--jit does not go with --strategy mirrored"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        MachinesConfig(**options)


def test_slurms_variables_name_the_workers(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for name, value in {
        "SLURM_STEP_NODELIST": "node[9-10]",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_PROCID": "2",
    }.items():
        monkeypatch.setenv(name, value)
    addresses, worker, resolver = distribution._workers()
    assert addresses == ("node9:8888", "node9:8889", "node10:8888", "node10:8889")  # as Slurm counts its tasks
    assert worker == resolver.task_id == 2
    assert tuple(resolver.cluster_spec().as_dict()["worker"]) == addresses
    assert (resolver.task_type, resolver.rpc_layer) == ("worker", "grpc")


def test_a_port_in_use_is_named(tmp_path):
    program = "from experiments import distribution; from experiments.machines_config import MachinesConfig\n"
    program += "distribution.assemble(MachinesConfig(strategy='multiworker'), print)"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        cluster = {"cluster": {"worker": [address, "127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}
        variables = {**os.environ, "TF_CONFIG": json.dumps(cluster)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=variables, capture_output=True, text=True, timeout=120
        )
    assert f"Worker 1 of 2 ({address}) could not join the others" in done.stderr
    assert "its port is in use" in done.stderr


@pytest.mark.parametrize(
    ("chiefs", "message", "expected"),
    [
        (0, UNHEALTHY.format("worker/replica:0/task:1"), "Worker 2 of 3 (b:1) ended"),
        (0, UNHEALTHY.format("worker/replica:0/task:0"), "Worker 1 of 3 (a:1), this one, did not answer in time"),
        (1, UNHEALTHY.format("worker/replica:0/task:1"), "Worker 3 of 3 (c:1) ended"),
        (1, UNHEALTHY.format("chief/replica:0/task:0"), "Worker 1 of 3 (a:1), this one, did not answer in time"),
        (0, "failed to connect to all addresses; last error: UNKNOWN: ipv4:c:1: Failed", "Worker 3 of 3 (c:1) ended"),
        (0, "Collective  ops is\naborted", "Another worker (Collective ops is aborted) ended"),
    ],
)
def test_the_worker_that_is_lost_is_named(chiefs, message, expected):
    found = distribution._lost(distribution.Crew(None, ("a:1", "b:1", "c:1"), 0, chiefs), message)
    assert found.removesuffix(" or cannot be reached") == expected


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (tf.errors.UnavailableError(None, None, "Socket closed"), True),
        (tf.errors.InternalError(None, None, "Collective ops is aborted by: x"), True),
        (tf.errors.InternalError(None, None, "cuDNN launch failure"), False),
        (tf.errors.FailedPreconditionError(None, None, "Error executing an HTTP request"), False),
        (tf.errors.ResourceExhaustedError(None, None, "out of memory"), False),
    ],
)
def test_only_what_tells_of_a_loss_is_called_one(error, lost):
    crew = distribution.Crew(None, ("a:1", "b:1"))
    with pytest.raises(DataError if lost else type(error)), distribution.naming_the_loss(crew, Path("run")):
        raise error
    with pytest.raises(type(error)), distribution.naming_the_loss(distribution.Crew(), Path("run")):
        raise error


class SlowToSee(distribution.Crew):
    """The second of two workers; the chief has found state-0002."""

    def _of_everyone(self, texts):
        return np.stack([distribution._keys(["state-0002"]), distribution._keys(texts)])


def test_a_state_that_the_chief_sees_first_is_waited_for():
    crew = SlowToSee(None, ("a:1", "b:1"), 1)
    seen = iter([None, Path("run/state-0001"), Path("run/state-0002")])
    assert crew.seen_by_chief(lambda: next(seen)) == Path("run/state-0002")
    assert crew.seen_by_chief(lambda: Path("run/state-0001"), seconds=0.1) == Path("run/state-0001")
    assert distribution.Crew().seen_by_chief(lambda: None) is None


def test_too_many_shares_are_refused_before_anything_is_written(config, tmp_path):
    with pytest.raises(DataError, match="give fewer --shares"):
        training.train(dataclasses.replace(config, shares=100), tmp_path / "run", say=lambda line: None)
    assert not (tmp_path / "run" / runs.CONFIG_FILE).exists()


def test_the_kubernetes_manifest_is_valid_and_its_tf_config_can_be_used():
    service, job = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    for one in (service, job):
        kubernetes_validate.validate(one, "1.30", strict=True)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    script = container["args"][0].replace("exec tfafsr", "printenv TF_CONFIG #")
    for index in range(job["spec"]["completions"]):
        variables = {"JOB_COMPLETION_INDEX": str(index), "PATH": os.environ["PATH"]}
        said = subprocess.run(
            [*container["command"], script], env=variables, capture_output=True, text=True, check=True
        )
        addresses, worker = distribution._from_tf_config(said.stdout)
        assert worker == index
        assert len(addresses) == job["spec"]["parallelism"] == 4
        name, _, domain = addresses[index].partition(".")
        assert name == f"{job['metadata']['name']}-{index}"
        assert domain == f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert "--strategy multiworker" in script
