"""Folders that several test modules use are made once in a session, under a lock between the test processes."""

import fcntl
import os
import shutil


def made_once(tmp_path_factory, name, make):
    """The folder `name`, filled by `make(folder)` in the first process that asks for it; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # both processes' own lie in one
    folder, half = base / "shared" / name, base / "half" / name
    folder.parent.mkdir(exist_ok=True)
    half.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(half, ignore_errors=True)
            make(half)
            half.rename(folder)
    return folder
