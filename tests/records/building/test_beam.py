"""Building on Apache Beam gives the same records as building with local processes."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli.build import build as command
from records.building import BuildOptions, build_part, build_records
from records.building.parts import finished_parts, index_file
from records.building.workers import in_processes
from records.errors import DataError
from records.shards import Manifest
from records.sources import SourceOptions, find
from tests.records.written import content

pytestmark = pytest.mark.filterwarnings("default")  # Beam raises warnings
REPOSITORY = Path(__file__).resolve().parents[3]
SIZES = ["--size", "64", "--frames-train", "2", "--frames-eval", "2", "--compressions", "c40"]


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_tree):
    """A data set of six people, with one fake that does not decode."""
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
    """Runs the command in its own process, because Beam's threads stay until the process ends."""
    command = [sys.executable, "-m", "tfafsr", "build", *map(str, arguments)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.mark.slow  # more than 20 s: Beam starts two processes, and each loads TensorFlow and MTCNN
def test_the_same_records_byte_for_byte(root, local, tmp_path):
    out = tmp_path / "beam"
    beam = ["--runner", "direct", "--direct_num_workers", "2", "--direct_running_mode", "multi_processing"]
    output = run("--root", root, "--out", out, *SIZES, *beam)
    assert content(out) == content(local)
    (skip,) = Manifest.load(out).skips
    assert skip.clip == "ffpp/Deepfakes/c40/004_005"
    assert "ffpp/Deepfakes/c40/004_005" in output


@contextlib.contextmanager
def serving(module, option, log):
    """Runs a server of Beam's in its own process, and yields its address."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    # The worker pool starts the first `python` in PATH.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, option, str(port)], stdout=file, stderr=file, env=environment
        )
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


@pytest.mark.slow  # about 20 s: a job server, a worker pool and a build, each of which loads Beam and TensorFlow
def test_a_job_server_with_a_worker_pool_gives_the_same_records(root, local, tmp_path):
    """Flink and Spark use the same protocol as Beam's own job server and worker pool."""
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


@pytest.fixture(scope="module")
def outputs():
    """Name of a case -> what a failing build prints; all run in one process, because loading Beam takes seconds."""
    with socket.socket() as free:  # bound, but not listening
        free.bind(("localhost", 0))
        program = f"""
import sys
from pathlib import Path
from records.building import ClipGroup, beam
from records.errors import DataError

def print_error(name, runner, *arguments):
    print("==", name, flush=True)
    try:
        list(beam.on_beam(runner, arguments)([(ClipGroup("part", ()), Path("nowhere"))]))
    except DataError as error:
        print(error, flush=True)

print("== timeout", flush=True)
for arguments in [], ["--job_server_timeout", "7"]:
    print(beam.pipeline_options("portable", arguments).get_all_options()["job_server_timeout"], flush=True)
beam.SECONDS_TO_ANSWER = 1
print_error("silent server", "portable", "--job_endpoint", "localhost:{free.getsockname()[1]}")
beam.SECONDS_WITHOUT_A_PART = 0.0
print_error("failure", "direct")
beam.build_part, beam.SECONDS_TO_BE_SEEN = lambda *task: "", 0.0
print_error("invisible part", "direct")
sys.modules["apache_beam"] = None
print_error("no beam", "flink")
"""
        result = subprocess.run(
            [sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    assert result.returncode == 0, result.stdout
    return dict(part.split("\n", 1) for part in result.stdout.split("== ")[1:])


def test_a_job_server_that_does_not_answer_is_named(outputs):
    assert re.search(r"No job server answers at localhost:\d+", outputs["silent server"])


def test_a_warning_is_logged_if_workers_finish_nothing_and_a_failure_has_its_reason(outputs):
    assert "1 are waiting. Check that Beam's workers run" in outputs["failure"]
    assert "The Beam pipeline failed: " in outputs["failure"]
    assert "build_part() missing" in outputs["failure"]


def test_parts_that_this_program_cannot_see_are_an_error(outputs):
    message = "Beam has finished, but part is not in nowhere/.parts. Workers and this program must see"
    assert message in outputs["invisible part"]


def test_a_job_may_run_for_days_unless_the_user_sets_a_timeout(outputs):
    assert outputs["timeout"].split()[-2:] == [str(30 * 24 * 3600), "7"]


def test_the_error_without_beam_says_how_to_install_it(outputs):
    assert 'pip install "tfafsr[beam]"' in outputs["no beam"]


@pytest.mark.slow  # more than 20 s: two builds with Beam; groups that take two seconds more, so that some are left
def test_an_interrupt_ends_a_build_at_once(root, local, tmp_path):
    out = tmp_path / "beam"
    slow = """
import signal, time
from records.building import beam
from experiments.cli.build import build
done = beam.build_part
def build_part(*task):
    time.sleep(2)
    return done(*task)
beam.build_part = build_part
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs without this handler
build()
"""
    arguments = ["--root", root, "--out", out, *SIZES, "--runner", "direct"]
    process = subprocess.Popen([sys.executable, "-c", slow, *arguments], cwd=REPOSITORY)
    while not finished_parts(out):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert 1 <= len(finished_parts(out)) < 6
    assert "of 6 groups of clips are done" in run("--root", root, "--out", out, *SIZES)
    assert content(out) == content(local)


@pytest.mark.slow
def test_parts_built_by_local_processes_are_not_built_again(root, local, tmp_path):
    """Beam's runner in the memory of one process builds the others."""
    out = tmp_path / "beam"

    def three(tasks):
        yield from in_processes(build_part, tasks[:3], 1)
        raise KeyboardInterrupt

    found = find(root, SourceOptions(source="ffpp", compressions=("c40",)))
    options = BuildOptions(size=64, frames_train=2, frames_eval=2)
    with pytest.raises(KeyboardInterrupt):
        build_records(found, out, options, source="ffpp", say=lambda line: None, run=three)
    parts = [path.name for path in finished_parts(out)]
    assert len(parts) == 3
    assert index_file(out, parts[0].removesuffix(".json")).is_file()
    output = run("--root", root, "--out", out, *SIZES, "--runner", "direct")
    assert "3 of 6 groups of clips are done" in output
    assert content(out) == content(local)


def test_an_option_that_neither_build_nor_beam_has_is_refused(root, tmp_path):
    arguments = ["--root", str(root), "--out", str(tmp_path / "out"), *SIZES]
    result = CliRunner().invoke(command, [*arguments, "--frames-trian", "3"])
    assert result.exit_code == 2
    assert "No such option" in result.output
    assert "--frames-trian" in result.output
    result = CliRunner().invoke(command, [*arguments, "--runner", "direct", "--frames-trian", "3"])
    assert isinstance(result.exception, DataError)
    assert "Beam has no option --frames-trian" in str(result.exception)
