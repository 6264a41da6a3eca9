"""What several test modules use: folders made once in a session, under a lock between the processes; free ports."""

import fcntl
import os
import shutil
import socket


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


def free_port():
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
