"""Runs a build's tasks on Apache Beam: here with the DirectRunner, or on a cluster that shares the file system."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from records.building.build import Task, build_part
from records.building.parts import index_file
from records.building.workers import one_thread
from records.errors import DataError

RUNNERS = {
    "direct": "DirectRunner",
    "flink": "FlinkRunner",
    "spark": "SparkRunner",
    "portable": "PortableRunner",
    "dataflow": "DataflowRunner",
}
SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_WITHOUT_A_PART = 600.0  # then a warning is due: a pool that cannot start its workers is silent
SECONDS_TO_BE_SEEN = 90.0  # a network file system may hide a new file for a minute
SECONDS_TO_ANSWER = 30
# Beam ends the whole job where this is over with a job server that tells a job's state from its preparation on, as the
# one in Python does; Beam's own default is 300 seconds.
JOB_SERVER_TIMEOUT = 30 * 24 * 3600
_log = logging.getLogger(__name__)
_QUIET = (
    "No original was finished in the last %.0f minutes, %d are waiting: do Beam's workers run? See what they print."
)


def on_beam(runner: str, arguments: Sequence[str] = ()) -> Callable[[Sequence[Task]], Iterator[str]]:
    """What `build_records(run=...)` takes, to run its tasks under Beam.

    Workers write the same parts, into the same folder, as local ones do, so that the records are the same, byte for
    byte, and an interrupted build is resumed by any runner. Root and records must lie, under absolute paths, on a file
    system that all workers see.

    Args:
        runner: a key of RUNNERS.
        arguments: Beam's own options, such as `--flink_master host:8081`.

    Raises:
        DataError: Beam is not installed, an option that it does not know, a job server that does not answer, or a
            pipeline that failed.
    """
    try:
        import apache_beam
    except ImportError as error:
        raise DataError(f'--runner {runner} needs Apache Beam ({error}): pip install "tfafsr[beam]".') from error
    options = pipeline_options(runner, arguments)
    endpoint = options.get_all_options()["job_endpoint"]
    if endpoint and endpoint != "embed":
        _must_answer(endpoint)

    def run(tasks: Sequence[Task]) -> Iterator[str]:
        waiting = {group.name: index_file(out, group.name) for group, out, *_ in tasks}
        for index in waiting.values():
            index.unlink(missing_ok=True)
        jobs: list = []
        pipeline: concurrent.futures.Future[None] = concurrent.futures.Future()
        threading.Thread(target=_run, args=(apache_beam, options, list(tasks), jobs, pipeline), daemon=True).start()
        try:
            last = time.monotonic()
            while waiting:
                ended = pipeline.done()
                for name in [name for name, index in waiting.items() if index.is_file()]:
                    del waiting[name]
                    last = time.monotonic()
                    yield name
                quiet = time.monotonic() - last
                if ended and (pipeline.exception() or quiet > SECONDS_TO_BE_SEEN):
                    break
                if not ended and quiet > SECONDS_WITHOUT_A_PART:
                    _log.warning(_QUIET, SECONDS_WITHOUT_A_PART / 60, len(waiting))
                    last = time.monotonic()
                time.sleep(SECONDS_BETWEEN_LOOKS)
            error = pipeline.exception()
        except BaseException:  # Ctrl-C above all: what a cluster is at would go on for hours
            for job in jobs:
                with contextlib.suppress(Exception):
                    job.cancel()
            raise
        if error:
            raise DataError(
                f"The Beam pipeline failed: {_reason(error)}. What was finished is kept; the same command goes on "
                "from there."
            ) from error
        if waiting:
            raise DataError(
                f"Beam is done, but {min(waiting)} is not in {waiting[min(waiting)].parent}. Workers and this program "
                "must see one file system under the same absolute paths."
            )

    return run


def pipeline_options(runner: str, arguments: Sequence[str] = ()):
    """Beam's PipelineOptions for a key of RUNNERS and Beam's own options; a DataError for one that it does not take."""
    from apache_beam.options.pipeline_options import PipelineOptions

    known = PipelineOptions([]).get_all_options()
    for argument in arguments:
        name = argument.partition("=")[0]
        if name.startswith("-") and name.lstrip("-") not in known:
            raise DataError(f"Beam has no option {name}; `tfafsr build --help` lists those of build itself.")
    given = [f"--runner={RUNNERS[runner]}", f"--job_server_timeout={JOB_SERVER_TIMEOUT}", *arguments]
    try:
        options = PipelineOptions(given)
        options.get_all_options()
    except SystemExit as error:  # argparse's, which has said what is wrong with a value
        raise DataError(f"Beam does not take {' '.join(arguments)}.") from error
    return options


def _must_answer(endpoint: str) -> None:
    """Raises a DataError where no job server is reached at `host:port`; Beam would wait as long as for a job."""
    import grpc  # Beam's own dependency

    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=SECONDS_TO_ANSWER)
        except grpc.FutureTimeoutError as error:
            raise DataError(
                f"No job server answers at {endpoint} (--job_endpoint): it must be running before the build starts."
            ) from error


def _reason(error: Exception) -> str:
    """One line for what Beam raised: a worker's exception comes with its stack, whose last line says what it was."""
    details = error.details() if hasattr(error, "details") else str(error)
    lines = str(details or "").strip().splitlines()
    return lines[-1].removesuffix(".") if lines else type(error).__name__


def _run(apache_beam, options, tasks: list[Task], jobs: list, pipeline: concurrent.futures.Future[None]) -> None:
    """Runs the pipeline to its end; `jobs` gets it as soon as it runs elsewhere, and can be cancelled."""

    class Build(apache_beam.DoFn):
        """Builds one task in a process that computes as a local worker does."""

        def setup(self) -> None:
            one_thread()

        def process(self, task: Task) -> Iterator[str]:
            yield build_part(*task)

    try:
        steps = apache_beam.Pipeline(options=options)
        _ = steps | apache_beam.Create(tasks) | apache_beam.Reshuffle() | apache_beam.ParDo(Build())
        jobs.append(steps.run())
        jobs[0].wait_until_finish()
        pipeline.set_result(None)
    except BaseException as error:  # whatever it is, someone waits for it
        pipeline.set_exception(error)
