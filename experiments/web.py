"""The local web page of `tfafsr app`: drop a file, watch the progress, read the report. Nothing leaves the machine."""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import html
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported

# isort: split
import gradio as gr
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from experiments.detection import Item, Model, Settings, analyse, write_report
from records.footage import PICTURES, VIDEOS, VideoError, info

WAITING = 8  # people in the queue; further ones are told to come back
REFRESH = 0.3  # seconds between two looks at the progress
# Gradio's page is assembled by scripts of its own; nothing may be fetched from, or sent to, another address.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
)
# Gradio's own colours of the button and of the word "or" have too little contrast for people who see badly.
STYLE = """
#start { background: #b93a06; color: #fff }
.or { color: inherit !important }
"""
INTRODUCTION = """# Is this face manipulated?
Drop a picture or a video. It stays on this machine and is deleted after the answer. The answer is a likelihood ratio in
words, with what it rests on and its limits; a face that cannot be judged is said to be so."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What the page accepts.

    Attributes:
        megabytes: size of a file.
        minutes: length of a video.
    """

    megabytes: int = 200
    minutes: float = 10.0


@dataclasses.dataclass
class _Session:
    """One open page: its files, and the event by which its stop button stops the present one."""

    uploads: set[Path] = dataclasses.field(default_factory=set)
    stopped: threading.Event = dataclasses.field(default_factory=threading.Event)


class _Stopped(Exception):
    """The person at the page pressed the stop button, or left."""


class _OwnAddressOnly:
    """Adds the policy to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self._app(scope, receive, with_policy)


def _page(model: Model, settings: Settings, limits: Limits) -> gr.Blocks:
    settings = dataclasses.replace(settings, evidence=True)
    lock = threading.Lock()  # LiteRT's interpreters serve one thread at a time

    sessions: dict[str, _Session] = collections.defaultdict(_Session)

    def remember(dropped: str | None, request: gr.Request) -> None:
        if dropped:
            sessions[request.session_hash].uploads.add(Path(dropped))

    def answer(dropped: str | None, request: gr.Request) -> Iterator[tuple[str, str]]:
        if dropped is None or not Path(dropped).is_file():
            yield _said("Drop a file first."), ""
            return
        session = sessions[request.session_hash]
        session.stopped = threading.Event()
        yield from _answered(Path(dropped), model, settings, limits, lock, session.stopped)

    def halt(request: gr.Request) -> None:
        sessions[request.session_hash].stopped.set()

    def leave(request: gr.Request) -> None:
        session = sessions.pop(request.session_hash, _Session())
        session.stopped.set()
        for path in session.uploads:
            path.unlink(missing_ok=True)

    with gr.Blocks(title="tfafsr", analytics_enabled=False, delete_cache=(600, 7200)) as blocks:
        gr.Markdown(INTRODUCTION)
        endings = [*PICTURES, *VIDEOS]
        upload = gr.File(label=f"Picture or video, at most {limits.megabytes} MB", file_types=endings, height=160)
        with gr.Row():
            start = gr.Button("Look at it", variant="primary", elem_id="start")
            stop = gr.Button("Stop", elem_id="stop")
        progress = gr.HTML(elem_id="progress")
        report = gr.HTML(elem_id="report")
        start.click(answer, upload, [progress, report], concurrency_limit=WAITING, show_progress="hidden")
        stop.click(halt, queue=False)
        upload.upload(remember, upload, queue=False, show_progress="hidden")
        blocks.unload(leave)
    return blocks.queue(max_size=WAITING)


@contextlib.contextmanager
def served(model: Model, settings: Settings, limits: Limits, host: str, port: int) -> Iterator[str]:
    """Serves the page, and yields its address. Uploads lie in a temporary folder, which is removed at the end.

    Args:
        model: scores and finds faces.
        settings: how closely files are looked at; evidence is always kept.
        limits: what is accepted.
        host: the address that is listened at; 127.0.0.1 for this machine alone.
        port: the port.

    Raises:
        OSError: the port is in use.
    """
    with tempfile.TemporaryDirectory(prefix="tfafsr-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # read when components are made
        blocks = _page(model, settings, limits)
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            enable_monitoring=False,
            footer_links=[],
            max_file_size=limits.megabytes * 10**6,
            theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
            css=STYLE,
            app_kwargs={"middleware": [Middleware(_OwnAddressOnly)]},
        )
        try:
            yield address
        finally:
            blocks.close(verbose=False)


def _answered(
    path: Path, model: Model, settings: Settings, limits: Limits, lock: threading.Lock, stopped: threading.Event
) -> Iterator[tuple[str, str]]:
    """(progress, report) again and again while a thread looks at the file; the upload is deleted whatever happens."""
    state = {"done": 0, "total": 0}

    def watch(done: int, total: int) -> None:
        if stopped.is_set():
            raise _Stopped
        state.update(done=done, total=total)

    def look() -> None:
        try:
            with lock:
                watch(0, 0)
                state["page"] = _report(path, model, settings, watch)
        except _Stopped:
            pass
        except Exception as error:
            state["error"] = error
        finally:
            path.unlink(missing_ok=True)

    try:
        if refusal := _refusal(path, limits):
            yield _said(refusal), ""
            return
        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        while thread.is_alive():
            yield _bar(state["done"], state["total"]), ""
            thread.join(REFRESH)
        if "error" in state:
            raise state["error"]
        if "page" in state:
            yield _said("Done. The file was deleted."), _framed(state["page"])
        else:
            yield _said("Stopped. The file was deleted."), ""
    finally:
        stopped.set()
        path.unlink(missing_ok=True)


def _refusal(path: Path, limits: Limits) -> str | None:
    """Why a file is not looked at; None if it is. What does not open is answered by the report."""
    try:
        minutes = info(path).seconds / 60
    except (VideoError, OSError):
        return None
    if minutes <= limits.minutes:
        return None
    return (
        f"The video has {minutes:.1f} minutes; this page takes {limits.minutes:g} at most. Cut it, or use the command: "
        "tfafsr detect has no such limit."
    )


def _report(path: Path, model: Model, settings: Settings, watch) -> str:
    with tempfile.TemporaryDirectory(prefix="tfafsr-report-") as folder:
        file = Path(folder) / "report.html"
        write_report(analyse(Item(path), model, settings, watch), model, file)
        return file.read_text(encoding="utf-8")


def _said(text: str) -> str:
    return f'<p role="status">{html.escape(text)}</p>'


def _bar(done: int, total: int) -> str:
    words = f"{done} of {total} frames" if total else "Waiting"
    return (
        f'<p role="status">{words}</p>'
        f'<progress aria-label="Progress" max="{total or 1}" value="{done}" style="width:100%"></progress>'
    )


def _framed(text: str) -> str:
    """The report, in a frame that may run nothing, and a link that saves it."""
    data = base64.b64encode(text.encode()).decode()
    return (
        f'<p><a download="report.html" href="data:text/html;base64,{data}">Save this report</a></p>'
        f'<iframe title="Report" sandbox srcdoc="{html.escape(text)}" '
        'style="width:100%;height:80vh;border:1px solid #888"></iframe>'
    )
