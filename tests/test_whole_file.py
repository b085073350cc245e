"""Files written as a whole: what killed, failing and concurrent writers leave."""

import os
import subprocess
import sys
import threading

import pytest

from chainrule.whole_file import write_whole


def test_a_file_is_replaced_and_nothing_lies_beside_it(tmp_path):
    for content in (b"", b"one", b"twelve bytes"):
        write_whole(tmp_path / "run", content)
        assert (tmp_path / "run").read_bytes() == content and os.listdir(tmp_path) == ["run"]


def test_a_relative_path_is_of_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_whole(type(tmp_path)("run"), b"here")
    assert (tmp_path / "run").read_bytes() == b"here"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_writing_leaves_the_old_file_and_nothing_else(failing, tmp_path, monkeypatch):
    write_whole(tmp_path / "run", b"old")

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(tmp_path / "run", b"new")
    assert (tmp_path / "run").read_bytes() == b"old" and os.listdir(tmp_path) == ["run"]


KILLED = """
import os, signal, sys
from pathlib import Path
from chainrule.whole_file import write_whole
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write_whole(Path(sys.argv[1]), b"half")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_next_writer_removes_what_a_killed_one_left_and_nothing_else(tmp_path):
    for name in ("run", "other"):
        subprocess.run([sys.executable, "-c", KILLED, tmp_path / name], check=False)
    (tmp_path / ".run.mine.tmp").write_text("not of this kind")
    assert len(os.listdir(tmp_path)) == 3
    write_whole(tmp_path / "run", b"whole")
    left = sorted(os.listdir(tmp_path))
    assert left[0].startswith(".other.") and left[1:] == [".run.mine.tmp", "run"]


def test_a_living_writer_keeps_its_temporary_file(tmp_path, monkeypatch):
    """A second writer of the same file begins and ends while the first is synchronising."""
    synchronise = os.fsync

    def meanwhile(handle):
        monkeypatch.setattr(os, "fsync", synchronise)
        write_whole(tmp_path / "run", b"second")
        synchronise(handle)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_whole(tmp_path / "run", b"first")
    assert (tmp_path / "run").read_bytes() == b"first" and os.listdir(tmp_path) == ["run"]


def test_many_writers_at_once(tmp_path):
    contents, errors = [bytes([65 + i]) * 5000 for i in range(4)], []

    def write(content):
        try:
            for _ in range(25):
                write_whole(tmp_path / "run", content)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and (tmp_path / "run").read_bytes() in contents and os.listdir(tmp_path) == ["run"]
