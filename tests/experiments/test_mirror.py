"""A run at a URL is fetched, goes on, and is whole there at every moment."""

import dataclasses
import shutil
import threading

import pytest
import tensorflow as tf

from experiments import data, mirror, runs, state, training
from experiments.config import DetectorOptions, TrainConfig
from records.errors import DataError
from records.places import Remote, place

FILES = tf.io.gfile


def tree(url):
    """The relative paths of all files at a URL."""
    found = []
    for folder, _, names in FILES.walk(url):
        found += [
            f"{folder}/{name}".replace("//", "/").partition(url.partition("://")[2])[2].strip("/") for name in names
        ]
    return sorted(found)


def copy_to(folder, url):
    for path in folder.rglob("*"):
        if path.is_file():
            there = f"{url}/{path.relative_to(folder).as_posix()}"
            FILES.makedirs(there.rpartition("/")[0])
            FILES.copy(str(path), there, overwrite=True)


def test_a_copy_that_fails_is_tried_again(tmp_path, monkeypatch):
    (folder := tmp_path / "local" / "state-0001").mkdir(parents=True)
    (folder / state.PROGRESS).write_text("{}")
    (there := tmp_path / "there").write_text("a file in the place of the folder")
    monkeypatch.setattr(mirror, "PAUSES", (0.5, 30))
    removed = threading.Timer(0.2, there.unlink)
    removed.start()
    mirror._push(tmp_path / "local", Remote(f"file://{there}"), {})
    removed.join()
    assert (there / "state-0001" / state.PROGRESS).read_text() == "{}"
    monkeypatch.setattr(mirror, "PAUSES", (0.01,))
    shutil.rmtree(there)
    there.write_text("a file")
    with pytest.raises(DataError, match="cannot be read or written"):
        mirror._push(tmp_path / "local", Remote(f"file://{there}"), {})


@pytest.fixture
def config(made_records):
    """Options of a small run on records in TensorFlow's memory."""
    copy_to(made_records, "ram://records")
    return TrainConfig(
        ("ram://records",),
        ("c40",),
        "tiny",
        DetectorOptions(size=64),
        epochs=2,
        batch_size=8,
        method="meso4",
        input_size=64,
    )


@pytest.mark.slow
def test_records_and_run_at_urls_give_the_same_model_also_when_it_was_interrupted(config, made_records, tmp_path):
    local, url = tmp_path / "run", "ram://runs/a"
    training.train(dataclasses.replace(config, records=(str(made_records),)), local, say=lambda line: None)
    lines = []
    training.train(dataclasses.replace(config, epochs=1), url, say=lines.append)
    assert [name for name in tree(url) if name.startswith("state")] == [
        f"state-0001/{name}" for name in sorted((state.MODEL, state.BEST, state.PROGRESS))
    ]
    training.train(config, url, say=lines.append)
    assert f"Resuming {url}: 1 of 2 epochs are done." in lines
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    for name in (runs.MODEL_FILE, runs.CONFIG_FILE):
        FILES.copy(f"{url}/{name}", str(fetched / name))
    for one, other in zip(
        runs.load_detector(local).get_weights(), runs.load_detector(fetched).get_weights(), strict=True
    ):
        assert (one == other).all()
    assert {name.partition("/")[0] for name in tree(url)} == {path.name for path in local.iterdir()}
    assert next(data.scoring_batches(place("ram://records"), "test", "c40", runs.load_detector(local)))


def test_a_half_copied_state_is_not_taken_and_a_finished_one_replaces_it(trained_run, tmp_path):
    url = "ram://runs/half"
    copy_to(trained_run, url)
    newest = state.newest(trained_run).name
    with FILES.GFile(f"{url}/state-0009/{state.MODEL}", "wb") as file:
        file.write(b"half")
    with mirror.local(place(url)) as (folder, push):
        assert [path.name for path in folder.glob("state-*")] == [newest]
        assert state.load(folder / newest).epoch == 3
        shutil.copytree(folder / newest, folder / "state-0004")
        shutil.rmtree(folder / newest)
        push()
    assert {name.partition("/")[0] for name in tree(url) if name.startswith("state")} == {"state-0004"}


def test_errors_name_the_url_and_not_the_local_folder():
    with (
        pytest.raises(DataError, match=r"^ram://runs/b/config\.json is damaged$"),
        mirror.local(place("ram://runs/b")) as (folder, _),
    ):
        raise DataError(f"{folder / 'config.json'} is damaged")
    with pytest.raises(DataError, match="nowhere://a cannot be read or written"), mirror.local(place("nowhere://a")):
        pass


def test_a_local_folder_is_itself(tmp_path):
    with mirror.local(tmp_path) as (folder, push):
        assert folder == tmp_path
        push()
