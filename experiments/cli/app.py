"""The command `app`."""

from __future__ import annotations

import importlib.util
import signal
import threading

import click

from experiments.cli.command import command


@command()
@click.option("--model", help="As in `tfafsr detect`.  [default: the weights that ship]")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 serves the whole network.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(1, 65535))
@click.option("--fps", default=5.0, show_default=True, type=click.FloatRange(0, 1000, min_open=True))
@click.option("--smallest-face", default=32, show_default=True, type=click.IntRange(16))
@click.option("--max-megabytes", default=200, show_default=True, type=click.IntRange(1), help="Size of a file.")
@click.option(
    "--max-minutes", default=10.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Length of a video."
)
def app(
    model: str | None,
    host: str,
    port: int,
    fps: float,
    smallest_face: int,
    max_megabytes: int,
    max_minutes: float,
) -> None:
    """Serve a local web page: drop a picture or a video, watch the progress, read the report.

    No request leaves the machine, and uploads are deleted after the answer.
    """
    if not importlib.util.find_spec("gradio"):
        raise click.ClickException("The page needs Gradio: pip install 'tfafsr[app]' (or pip install '.[app]').")
    from experiments.detection import Settings, open_model
    from experiments.web import Limits, served

    opened, stop = open_model(model), threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    try:
        with served(opened, Settings(fps, smallest_face), Limits(max_megabytes, max_minutes), host, port) as address:
            click.echo(f"{address} (Ctrl+C stops)")
            stop.wait()
    except OSError as error:
        raise click.ClickException(f"{error} Give another --port.") from error
