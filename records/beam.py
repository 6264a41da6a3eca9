"""Runs a build's tasks on Apache Beam: here with the DirectRunner, or on a cluster that shares the file system."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterator, Sequence

from records.build import build_unit
from records.errors import DataError
from records.parts import index_file
from records.workers import one_thread

RUNNERS = {
    "direct": "DirectRunner",
    "flink": "FlinkRunner",
    "spark": "SparkRunner",
    "portable": "PortableRunner",
    "dataflow": "DataflowRunner",
}
SECONDS_BETWEEN_LOOKS = 0.5


def on_beam(runner: str, arguments: Sequence[str] = ()) -> Callable[[Sequence[tuple]], Iterator[str]]:
    """What `build(run=...)` takes, to run its tasks under Beam.

    Workers write the same parts, into the same folder, as local ones do, so that the records are the same, byte for
    byte, and an interrupted build is resumed by any runner. Root and records must lie, under absolute paths, on a file
    system that all workers see.

    Args:
        runner: a key of RUNNERS.
        arguments: Beam's own options, such as `--flink_master host:8081`.

    Raises:
        DataError: Beam is not installed, an option that it does not know, or a pipeline that failed.
    """
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise DataError(f'--runner {runner} needs Apache Beam ({error}): pip install "tfafsr[beam]".') from error
    known = PipelineOptions([]).get_all_options()
    for argument in arguments:
        name = argument.partition("=")[0]
        if name.startswith("-") and name.lstrip("-") not in known:
            raise DataError(f"Beam has no option {name}; `tfafsr build --help` lists those of build itself.")
    try:
        options = PipelineOptions([f"--runner={RUNNERS[runner]}", *arguments])
        options.get_all_options()
    except SystemExit as error:  # argparse's, which has said what is wrong with a value
        raise DataError(f"Beam does not take {' '.join(arguments)}.") from error

    def run(tasks: Sequence[tuple]) -> Iterator[str]:
        waiting = {name: index_file(out, name) for name, _, out, *_ in tasks}
        for index in waiting.values():
            index.unlink(missing_ok=True)
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            pipeline = thread.submit(_run, apache_beam, options, list(tasks))
            ended = False
            while waiting:
                ended = pipeline.done()
                for name in [name for name, index in waiting.items() if index.is_file()]:
                    del waiting[name]
                    yield name
                if ended:
                    break
                time.sleep(SECONDS_BETWEEN_LOOKS)
            try:
                pipeline.result()
            except Exception as error:
                raise DataError(
                    f"The Beam pipeline failed: {str(error).strip().splitlines()[-1]} What was finished is kept; the "
                    "same command goes on from there."
                ) from error
        if waiting:
            raise DataError(
                f"Beam is done, but {min(waiting)} is not in {waiting[min(waiting)].parent}. Workers and this program "
                "must see one file system under the same absolute paths."
            )

    return run


def _run(apache_beam, options, tasks: list[tuple]) -> None:
    """Runs the pipeline to its end."""

    class Build(apache_beam.DoFn):
        """Builds one task in a process that computes as a local worker does."""

        def setup(self) -> None:
            one_thread()

        def process(self, task: tuple) -> Iterator[str]:
            yield build_unit(*task)

    pipeline = apache_beam.Pipeline(options=options)
    _ = pipeline | apache_beam.Create(tasks) | apache_beam.Reshuffle() | apache_beam.ParDo(Build())
    pipeline.run().wait_until_finish()
