"""Building on Apache Beam gives what building here gives."""

import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from records.commands import build as command
from records.errors import DataError
from records.manifest import Manifest
from records.parts import PARTS, index_file
from tests.records.written import content

pytestmark = pytest.mark.filterwarnings("default")  # Beam's own
REPOSITORY = Path(__file__).resolve().parents[2]
SIZES = ["--size", "64", "--frames-train", "2", "--frames-eval", "2", "--compressions", "c40"]


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_tree):
    """Six people; one of the fakes does not decode."""
    root = write_tree(tmp_path_factory.mktemp("data") / "data", frames=4)
    damaged = root / "manipulated_sequences/Deepfakes/c40/videos/004_005.mp4"
    damaged.write_bytes(damaged.read_bytes()[:700])
    return root


@pytest.fixture(scope="module")
def local(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("records") / "local"
    run("--root", root, "--out", out, "--workers", "1", *SIZES)
    return out


def run(*arguments):
    """The command, in a process of its own as a user starts it: Beam stays until a process ends."""
    command = [sys.executable, "-m", "tfafsr", "build", *map(str, arguments)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["in_memory", "multi_processing"])
def test_the_same_records_byte_for_byte(root, local, tmp_path, mode):
    out = tmp_path / "beam"
    beam = ["--runner", "direct", "--direct_num_workers", "2", "--direct_running_mode", mode]
    said = run("--root", root, "--out", out, *SIZES, *beam)
    assert content(out) == content(local)
    (skip,) = Manifest.load(out).skips
    assert skip["clip"] == "ffpp/Deepfakes/c40/004_005"
    assert "ffpp/Deepfakes/c40/004_005" in said


@contextlib.contextmanager
def serving(module, option, log):
    """A server of Beam's, in a process of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", module, option, str(port)], stdout=file, stderr=file)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("localhost", port)):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_a_job_server_and_workers_of_their_own(root, local, tmp_path):
    """The protocol by which Flink and Spark are spoken to, with a job server and a pool of workers that Beam brings."""
    jobs, workers = (
        "apache_beam.runners.portability.local_job_service_main",
        "apache_beam.runners.worker.worker_pool_main",
    )
    with (
        serving(jobs, "--port", tmp_path / "jobs.log") as job,
        serving(workers, "--service_port", tmp_path / "workers.log") as pool,
    ):
        beam = ["--runner", "portable", "--job_endpoint", job, "--environment_type", "EXTERNAL"]
        run("--root", root, "--out", tmp_path / "beam", *SIZES, *beam, "--environment_config", pool)
    assert content(tmp_path / "beam") == content(local)


@pytest.mark.slow
def test_what_was_built_here_is_not_built_again(root, local, tmp_path):
    out = tmp_path / "beam"
    interrupted = f"""
import os
from records import build as module
from records.commands import build
from records.workers import one_thread
one_thread()
done = module.build_unit
def three(tasks):
    for task in tasks[:3]:
        yield done(*task)
    os._exit(9)
module.in_processes = lambda function, tasks, workers, died: three(tasks)
build({["--root", str(root), "--out", str(out), "--workers", "1", *SIZES]!r})
"""
    assert subprocess.run([sys.executable, "-c", interrupted], cwd=REPOSITORY, capture_output=True).returncode == 9
    parts = sorted(path.name for path in (out / PARTS).glob("*-*.json"))
    assert len(parts) == 3
    assert index_file(out, parts[0].removesuffix(".json")).is_file()
    said = run("--root", root, "--out", out, *SIZES, "--runner", "direct")
    assert "3 of 6 people are done" in said
    assert content(out) == content(local)


def test_an_option_of_nobody_is_refused(root, tmp_path):
    arguments = ["--root", str(root), "--out", str(tmp_path / "out"), *SIZES]
    result = CliRunner().invoke(command, [*arguments, "--frames-trian", "3"])
    assert result.exit_code == 2
    assert "No such option: --frames-trian" in result.output
    result = CliRunner().invoke(command, [*arguments, "--runner", "direct", "--frames-trian", "3"])
    assert isinstance(result.exception, DataError)
    assert "Beam has no option --frames-trian" in str(result.exception)


def test_without_beam_the_package_is_named(root, tmp_path):
    program = (
        "import sys; sys.modules['apache_beam'] = None\n"
        "from records.beam import on_beam\n"
        "try: on_beam('flink')\n"
        "except Exception as error: print(error)"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert 'pip install "tfafsr[beam]"' in result.stdout
