"""What several test modules and both test processes use is made once a session, under a lock."""

import fcntl
import os
import shutil


def made_once(tmp_path_factory, name, make):
    """The folder `name`, filled by `make(folder)` in whichever process asks first; nobody may change what is in it."""
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
