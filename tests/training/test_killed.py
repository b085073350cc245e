"""A process that trains is killed: its checkpoint loads and goes on, and nothing lies beside it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from chainrule.errors import ModelFileError
from chainrule.network import Network
from chainrule.optimize import Adam
from chainrule.training import Checkpoint, EarlyStopping, fit, load_checkpoint

if sys.platform == "win32":
    pytest.skip("SIGKILL and fork are of POSIX", allow_module_level=True)

NURSERY = """
    import os, signal, sys
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    from training.test_killed import train
    for line in sys.stdin:
        path, moment = line.rstrip("\\n").split("\\t")
        child = os.fork()
        if not child:
            train(path, moment)
            os._exit(0)
        print(child, flush=True)
"""
MOMENTS = ("half of it written", "written", "synchronised", "renamed")


def run(epochs, **options):
    """A run on batches with early stopping: everything that a checkpoint holds has a say."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(31, 4)), rng.integers(0, 3, 31)
    network = Network([4, 6, 3], "tanh", "softmax", "cross_entropy")
    how = {"method": Adam(0.02, batch_size=8), "seed": 2, "progress": False}
    how["early_stopping"] = EarlyStopping(patience=10**6)
    return fit(network, data=(X[:23], y[:23]), validation=(X[23:], y[23:]), epochs=epochs, **how, **options)


def train(path, moment):
    """Train without end, with a checkpoint after every epoch; at a moment of the tenth writing, die."""
    if moment:
        die_at(moment)
    resume = path if os.path.exists(path) else None
    run(10**6, checkpoint=Checkpoint(path, seconds=0), resume=resume)


def die_at(moment):
    """Let this process be killed in the middle of its tenth writing."""
    synchronise, rename, calls = os.fsync, os.replace, {"fsync": 0, "replace": 0}

    def fsync(handle):  # of the file, then of its folder
        calls["fsync"] += 1
        if calls["fsync"] == 19 and moment == "half of it written":
            os.truncate(handle, os.fstat(handle).st_size // 2)
        if (calls["fsync"], moment) in ((19, "half of it written"), (19, "written"), (20, "renamed")):
            os.kill(os.getpid(), signal.SIGKILL)
        synchronise(handle)

    def replace(source, target):
        calls["replace"] += 1
        if calls["replace"] == 10 and moment == "synchronised":
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target)

    os.fsync, os.replace = fsync, replace


@pytest.fixture(scope="module")
def nursery():
    """A process that has imported all there is, and starts those that are killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])}
    command = [sys.executable, "-c", textwrap.dedent(NURSERY)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        yield process
        process.stdin.close()


def start(nursery, path, moment=""):
    """The id of a new process that trains."""
    nursery.stdin.write(f"{path}\t{moment}\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def wait_until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "nothing happened in a minute"
        time.sleep(0.001)


def version(path):
    """Which writing of a file this is."""
    return path.stat().st_mtime_ns if path.exists() else None


def is_gone(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def facts(result):
    """All that a run has to say, but for the time it took."""
    columns = result.history.to_dict()
    return {name: repr(column) for name, column in columns.items() if name != "seconds"}


def assert_goes_on(path):
    """The file loads, is that of a run nobody killed, goes on to its numbers, and lies alone."""
    saved = load_checkpoint(path)
    whole = run(saved.state.epoch)
    assert saved.state == whole.state and saved.best == whole.best and facts(saved) == facts(whole)
    rest, longer = run(3, resume=path, checkpoint=path), run(saved.state.epoch + 3)
    assert rest.state == longer.state and rest.best == longer.best and facts(rest) == facts(longer)
    assert os.listdir(path.parent) == [path.name]
    return saved.state.epoch


def killed_at_random(nursery, path, times):
    """Kill a process and the one that goes on from its file, and so on; how far each came."""
    rng, epochs = np.random.default_rng(0), [0]
    for _ in range(times):
        before, process = version(path), start(nursery, path)
        wait_until(lambda before=before: version(path) != before)
        time.sleep(rng.uniform(0, 0.2))
        os.kill(process, signal.SIGKILL)
        wait_until(lambda process=process: is_gone(process))
        epochs.append(assert_goes_on(path))
    return np.diff(epochs)


def test_a_process_killed_at_random_moments(nursery, tmp_path):
    advances = killed_at_random(nursery, tmp_path / "run", 10)
    assert (advances > 0).all() and len(set(advances)) > 2


@pytest.mark.full
def test_a_process_killed_at_fifty_random_moments(nursery, tmp_path):
    advances = killed_at_random(nursery, tmp_path / "run", 50)
    assert (advances > 0).all() and len(set(advances)) > 2


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_killed_while_it_writes(nursery, tmp_path, moment):
    path = tmp_path / "run"
    process = start(nursery, path, moment)
    wait_until(lambda: is_gone(process))
    beside = [name for name in os.listdir(tmp_path) if name != "run"]
    assert len(beside) == (moment != "renamed")
    if moment == "half of it written":
        with pytest.raises(ModelFileError):
            load_checkpoint(tmp_path / beside[0])
    assert assert_goes_on(path) == (10 if moment == "renamed" else 9)
