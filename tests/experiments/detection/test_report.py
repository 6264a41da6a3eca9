"""The pages of `detect --out`, opened in a real browser: readable by everybody, without a network, running nothing."""

import dataclasses
import io
import json
import os
import re
from pathlib import Path

import cv2
import jsonschema
import pytest

import experiments.detection as detection
from experiments.detection import Answer, Item, Results, Settings, analyse, items
from records.footage import info, write_video
from tests.browser import LAYOUTS, faults, laid_out

HOSTILE = 'a"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}\u202e.mp4'
SCHEMA = json.loads(Path(detection.__file__).with_name("answer.schema.json").read_text())


@pytest.fixture(scope="module")
def out(tmp_path_factory, brightness, clip_frames):
    """Results of a clip with a hostile name, a file that is no video, and a picture without a face."""
    folder = tmp_path_factory.mktemp("report")
    clip = folder / HOSTILE.replace("/", "∕")
    write_video(folder / "clip.mp4", clip_frames(3), crf=20, fps=4)
    (folder / "clip.mp4").rename(clip)
    broken, empty = folder / "broken.mp4", folder / "empty.png"
    broken.write_bytes(b"\0" * 99)
    cv2.imwrite(str(empty), next(iter(clip_frames(3)))[:40, :40])
    results = Results(folder / "out", brightness, overlay=True)
    for path in (clip, broken, empty):
        results.add(analyse(Item(path), brightness, Settings(max_false_alarms=0.5, evidence=True)))
    assert results.finish() == folder / "out" / "report.html"
    return folder / "out"


@pytest.fixture(scope="module")
def page_of_clip(out):
    return next(out.glob("0001-*.html"))


def test_the_folder_holds_a_page_a_file_and_the_json(out):
    names = sorted(path.name for path in out.iterdir())
    assert [re.sub(r"a_.*\.", "clip.", name) for name in names] == [
        *("0001-clip.html", "0001-clip.mp4", "0002-broken.html", "0003-empty.html", "answers.json", "report.html"),
    ]
    answers = json.loads((out / "answers.json").read_text())
    jsonschema.validate(answers, SCHEMA)
    assert [answer["judged"] for answer in answers] == [True, False, False]
    assert answers[0]["alarm"]["max_false_alarms"] == 0.5
    assert info(next(out.glob("*.mp4"))).frames == 8


def test_page_about_a_pipe_does_not_wait_for_its_writer(brightness, tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    results = Results(tmp_path / "out", brightness, overlay=False)
    for item in items([str(tmp_path / "pipe.mp4")], io.BytesIO()):
        results.add(analyse(item, brightness, Settings(evidence=True)))
    assert "it is not a regular file" in results.finish().read_text()


def test_pages_are_readable_in_every_layout(out, page_of_clip, browser):
    page, asked, dialogs = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for path in (page_of_clip, out / "0002-broken.html", out / "report.html"):
        page.goto(path.as_uri())
        for width, scheme in LAYOUTS:
            laid_out(page, width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
            assert faults(page) == []
    assert not dialogs
    assert all(url.startswith(("file:", "data:")) for url in asked)
    page.close()


def test_the_page_says_what_the_answer_rests_on(page_of_clip, browser):
    page = browser.new_page()
    page.goto(page_of_clip.as_uri())
    text = page.inner_text("main")
    for words in (
        "nearest to c23 of the data",
        "Clips of 40 people <of nobody>.",
        "0.80 (95% interval 0.70 to 0.90",
        "It does not show where the face was manipulated",
        "That nothing was found does not mean that nothing was done.",
        "larm. The threshold is",
    ):
        assert words in text
    assert page.locator("figure img").count() % 4 == 0
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    page.close()


def test_a_hostile_name_is_text_and_runs_nothing(out, page_of_clip, browser):
    page = browser.new_page()
    page.goto(page_of_clip.as_uri())
    assert "<script>alert(2)<" in page.inner_text("h1")
    assert "{{ 7*7 }}" in page.inner_text("h1")
    assert page.locator("script").count() == page.locator("[onerror]").count() == 0
    for path in out.glob("*.html"):
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", path.read_text())
    page.goto((out / "report.html").as_uri())
    page.click("tbody a >> nth=0")
    assert page.url == page_of_clip.as_uri()
    page.close()


def test_who_cannot_be_judged_is_told_why(out):
    text = (out / "0002-broken.html").read_text()
    assert "Cannot be judged: " in text
    assert "artifact map" not in text
    assert "What the model knows" not in text


def test_one_file_has_one_page(tmp_path, brightness, answer, person):
    results = Results(tmp_path / "out", dataclasses.replace(brightness, card=None), overlay=False)
    results.add(answer([person([0.1] * 20), person([1.5] * 20, number=2)]))
    report = results.finish()
    assert sorted(path.name for path in report.parent.iterdir()) == ["answers.json", "report.html"]
    text = report.read_text()
    assert text.index("Person 2: Moderate support") < text.index("Person 1: No support")
    assert "Person 2 of 2 in the video “clip.mp4” gives moderate support that it is manipulated" in text
    assert "Nothing is known of what this model was trained on" in text


def test_a_copy_that_cannot_be_made_is_a_note(tmp_path, brightness, answer, person):
    gone = answer([person([0.1])], path=tmp_path / "gone.mp4")
    noted = Results(tmp_path / "out", brightness, overlay=True).add(gone)
    assert "no annotated copy: " in noted.notes[0]
    assert isinstance(noted, Answer)
