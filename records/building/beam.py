"""Runs a build's tasks on Apache Beam: with the DirectRunner on this machine, or on a cluster with shared files."""

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
SECONDS_BETWEEN_CHECKS = 0.5
SECONDS_WITHOUT_A_PART = 600.0  # then a warning is logged, because a pool that cannot start its workers is silent
SECONDS_TO_BE_SEEN = 90.0  # a network file system may show a new file only after a minute
SECONDS_TO_ANSWER = 30
# Seconds for which a job may run on Beam's job server in Python; its default of 300 seconds would end a build.
JOB_SERVER_TIMEOUT = 30 * 24 * 3600
_log = logging.getLogger(__name__)
_NOTHING_FINISHED = "No group was finished in the last %.0f minutes, %d are waiting. Check that Beam's workers run."


def on_beam(runner: str, arguments: Sequence[str] = ()) -> Callable[[Sequence[Task]], Iterator[str]]:
    """Returns a function for `build_records(run=...)` that runs the tasks under Beam.

    Beam's workers write the same parts into the same folder as local workers, so the records have the same bytes, and
    any runner can resume an interrupted build. All workers must see ROOT and the records under the same absolute paths.

    Args:
        runner: a key of RUNNERS.
        arguments: Beam's own options, such as `--flink_master host:8081`.

    Raises:
        DataError: Beam is not installed or does not know an option, the job server does not answer, or the pipeline
            failed.
    """
    try:
        import apache_beam
    except ImportError as error:
        raise DataError(f'--runner {runner} needs Apache Beam ({error}): pip install "tfafsr[beam]".') from error
    options = pipeline_options(runner, arguments)
    endpoint = options.get_all_options()["job_endpoint"]
    if endpoint and endpoint != "embed":
        _check_job_server(endpoint)

    def run(tasks: Sequence[Task]) -> Iterator[str]:
        waiting = {group.name: index_file(out, group.name) for group, out, *_ in tasks}
        for index in waiting.values():
            index.unlink(missing_ok=True)
        jobs: list = []
        pipeline: concurrent.futures.Future[None] = concurrent.futures.Future()
        pipeline_arguments = (apache_beam, options, list(tasks), jobs, pipeline)
        threading.Thread(target=_run_pipeline, args=pipeline_arguments, daemon=True).start()
        try:
            last_finished = time.monotonic()
            while waiting:
                ended = pipeline.done()
                for name in [name for name, index in waiting.items() if index.is_file()]:
                    del waiting[name]
                    last_finished = time.monotonic()
                    yield name
                seconds = time.monotonic() - last_finished
                if ended and (pipeline.exception() or seconds > SECONDS_TO_BE_SEEN):
                    break
                if not ended and seconds > SECONDS_WITHOUT_A_PART:
                    _log.warning(_NOTHING_FINISHED, SECONDS_WITHOUT_A_PART / 60, len(waiting))
                    last_finished = time.monotonic()
                time.sleep(SECONDS_BETWEEN_CHECKS)
            error = pipeline.exception()
        except BaseException:  # for example Ctrl-C: without this the job would run on in the cluster
            for job in jobs:
                with contextlib.suppress(Exception):
                    job.cancel()
            raise
        if error:
            raise DataError(
                f"The Beam pipeline failed: {_reason(error)}. Finished parts are kept; run the same command again to "
                "continue."
            ) from error
        if waiting:
            raise DataError(
                f"Beam has finished, but {min(waiting)} is not in {waiting[min(waiting)].parent}. Workers and this "
                "program must see the same file system under the same absolute paths."
            )

    return run


def pipeline_options(runner: str, arguments: Sequence[str] = ()):
    """Beam's PipelineOptions for a key of RUNNERS and Beam's own options; raises `DataError` for an unknown option."""
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
    except SystemExit as error:  # argparse has printed which value is wrong
        raise DataError(f"Beam does not accept {' '.join(arguments)}; the lines above say why.") from error
    return options


def _check_job_server(endpoint: str) -> None:
    """Raises `DataError` if no job server answers at `host:port`; Beam itself would wait for JOB_SERVER_TIMEOUT."""
    import grpc  # installed with Beam

    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=SECONDS_TO_ANSWER)
        except grpc.FutureTimeoutError as error:
            raise DataError(
                f"No job server answers at {endpoint} (--job_endpoint): it must be running before the build starts."
            ) from error


def _reason(error: Exception) -> str:
    """The last line of the message that Beam raised: the lines before it are a worker's traceback."""
    details = error.details() if hasattr(error, "details") else str(error)
    lines = str(details or "").strip().splitlines()
    return lines[-1].removesuffix(".") if lines else type(error).__name__


def _run_pipeline(
    apache_beam, options, tasks: list[Task], jobs: list, pipeline: concurrent.futures.Future[None]
) -> None:
    """Runs the pipeline and waits for its end; the running job is appended to `jobs`, so that it can be cancelled."""

    class Build(apache_beam.DoFn):
        """Builds one task, with the same settings of libraries as a local worker."""

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
    except BaseException as error:  # raised again by the thread that waits for `pipeline`
        pipeline.set_exception(error)
