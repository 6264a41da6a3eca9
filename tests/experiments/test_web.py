"""The local web page in a real browser: upload, progress, stop, report; nothing leaves the machine, nothing is kept."""

import os
import sys
import time
from pathlib import Path

import pytest

from experiments.detection import Settings
from experiments.web import Limits, served
from records.footage import write_video
from tests.browser import LAYOUTS, faults, laid_out
from tests.experiments.detection.conftest import brightness  # noqa: F401  # a fixture
from tests.shared import free_port

LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0", None)
reached: list[object] = []


def _watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        reached.append(arguments[1][0])
    elif event == "socket.getaddrinfo":
        reached.append(arguments[0])


sys.addaudithook(_watch)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, clip_frames):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    write_video(path, list(clip_frames(3)) * 4, crf=20, fps=8)
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory, clip_frames):
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    write_video(path, list(clip_frames(3)) * 40, crf=20, fps=5)
    return path


@pytest.fixture(scope="module")
def address(brightness):  # noqa: F811
    reached.clear()
    with served(brightness, Settings(), Limits(megabytes=5, minutes=1.1), "127.0.0.1", free_port()) as where:
        yield where


@pytest.fixture
def page(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("#start")
    yield page
    context.close()


def uploads():
    """What Gradio keeps."""
    return [path.name for path in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*.*") if path.is_file()]


def drop(page, path):
    page.set_input_files("input[type=file]", str(path))
    page.wait_for_selector(f".file-preview >> text={path.stem}")
    page.wait_for_timeout(500)  # the page reports the upload


def waited(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def test_a_clip_becomes_a_report_and_is_deleted(page, clip, address):
    drop(page, clip)
    assert uploads() == ["clip.mp4"]
    page.click("#start")
    page.wait_for_selector("#report iframe", timeout=60_000)
    report = page.frame_locator("#report iframe")
    assert report.locator("h1").inner_text() == "clip.mp4"
    assert " support" in report.locator(".verdict").inner_text()
    assert page.inner_text("#progress").strip() == "Done. The file was deleted."
    assert uploads() == []
    assert page.get_attribute("#report a[download]", "href").startswith("data:text/html;base64,")
    assert page.get_attribute("#report iframe", "sandbox") == ""
    page.asked = [url for url in page.asked if not url.startswith(("data:", "blob:", "about:"))]
    assert page.asked
    assert all(url.startswith(address) for url in page.asked), page.asked
    assert set(reached) <= set(LOOPBACK), reached


def test_the_stop_button_stops_and_the_next_file_is_answered(page, long_clip, clip):
    drop(page, long_clip)
    page.click("#start")
    page.wait_for_function("/[1-9]\\d* of/.test(document.querySelector('#progress').innerText)", timeout=60_000)
    page.click("#stop")
    page.wait_for_selector("text=Stopped. The file was deleted.")
    assert waited(lambda: uploads() == [])
    page.click("[aria-label='Clear']")
    drop(page, clip)
    page.click("#start")
    page.wait_for_selector("#report iframe", timeout=60_000)


def test_who_leaves_the_page_leaves_nothing(page, long_clip):
    drop(page, long_clip)
    page.click("#start")
    page.wait_for_selector("text=of 320 frames", timeout=60_000)
    page.goto("about:blank")
    assert waited(lambda: uploads() == [], 60.0)


def test_a_video_that_is_too_long_is_refused_in_words(page, tmp_path, clip_frames):
    write_video(tmp_path / "slow.mp4", list(clip_frames(3)) * 10, crf=40, fps=1)
    drop(page, tmp_path / "slow.mp4")
    page.click("#start")
    page.wait_for_selector("text=this page takes 1.1 at most")
    assert uploads() == []


def test_a_file_that_is_dropped_and_left_is_deleted(page, clip):
    drop(page, clip)
    page.goto("about:blank")
    assert waited(lambda: uploads() == [])


def test_without_a_file_it_asks_for_one(page):
    page.click("#start")
    page.wait_for_selector("text=Drop a file first.")


def test_the_page_is_usable_in_every_layout(page, clip):
    drop(page, clip)
    for width, scheme in LAYOUTS:
        laid_out(page, width, scheme)
        page.reload()  # Gradio looks at the scheme once
        page.wait_for_selector("#start")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert faults(page) == []
