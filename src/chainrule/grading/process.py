"""Somebody's file in a process of its own, seen from outside: questions, answers, an end."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from chainrule.errors import UncheckableError
from chainrule.grading.frames import PRINTED, Frame, FrameError, printable, read_frame, write_frame
from chainrule.grading.limits import Limits

STARTING = 120.0
"""Seconds that Python and NumPy may take to start on a busy machine."""
SIGNALS = {
    "SIGSEGV": ", as compiled code is that crashes,",
    "SIGKILL": ", as on a machine short of memory,",
    "SIGXCPU": ", for all the time it took,",
}
"""What ends a process, in words."""


class FileFaultError(UncheckableError):
    """Something is wrong in somebody's file, which therefore cannot be checked."""


class Process:
    """The process of one file. Close it, or use it in ``with``.

    Parameters
    ----------
    file : Path
    limits : Limits
    """

    def __init__(self, file: Path, limits: Limits) -> None:
        self.file, self.limits = file.resolve(), limits
        self.left = limits.seconds
        self._dead, self._killed = "", False
        self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._kept = bytearray()
        self._answers: queue.Queue[Frame | str] = queue.Queue()
        self._process = _start(self._scratch.name)
        self._readers = [threading.Thread(target=one) for one in (self._read_answers, self._read_printed)]
        for reader in self._readers:
            reader.daemon = True
            reader.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Run the file.

        Raises
        ------
        FileFaultError
            If it ends with an error, or not in time.
        """
        words = {"do": "ready"}
        self._ask(Frame(words), STARTING)
        limits = {"seconds": self.limits.seconds, "megabytes": self.limits.megabytes}
        self.ask({"do": "open", "file": str(self.file), "scratch": self._scratch.name, **limits})

    def ask(self, words: dict[str, Any], arrays: Any = None, seconds: float | None = None) -> Frame:
        """The answer to a question.

        Parameters
        ----------
        words : dict
        arrays : mapping of str to ndarray, optional
        seconds : float, optional
            How long our own work there may take; else it counts as the file's.

        Raises
        ------
        FileFaultError
            With a sentence on what went wrong.
        """
        start = time.monotonic()
        try:
            answer = self._ask(Frame(words, arrays or {}), self.left if seconds is None else seconds)
        finally:
            if seconds is None:
                self.left -= time.monotonic() - start
        if "fault" in answer.words:
            raise FileFaultError(printable(answer.words["fault"]))
        return answer

    def _ask(self, question: Frame, seconds: float) -> Frame:
        if self._dead:
            raise FileFaultError(self._dead)
        threading.Thread(target=self._write, args=(question,), daemon=True).start()
        try:
            answer = self._answers.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            waited = (
                f"{self.limits.seconds:g} s" if question.words.get("do") != "ready" else "its time to start"
            )
            answer = f"{self.file.name} has not answered within {waited}: is there a loop without end?"
        if isinstance(answer, str):
            self._dead = answer
            self._kill()
            raise FileFaultError(answer)
        return answer

    @property
    def printed(self) -> str:
        """What the file printed; of much, the beginning."""
        return printable(self._kept.decode(errors="replace")).strip()

    def close(self) -> None:
        """End the process."""
        self._dead = self._dead or f"{self.file.name} is not asked any more"
        self._kill()
        for reader in self._readers:
            reader.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                _pipe(stream).close()
        self._scratch.cleanup()

    def _write(self, question: Frame) -> None:
        with suppress(OSError, ValueError):  # it has ended, which the reader says
            write_frame(_pipe(self._process.stdin), question)

    def _read_answers(self) -> None:
        while True:
            try:
                answer = read_frame(_pipe(self._process.stdout))
            except (FrameError, OSError, ValueError, MemoryError) as error:
                self._answers.put(f"{self.file.name} wrote into the answers of its process: {error}")
                return
            if answer is None:
                self._answers.put(self._ended())
                return
            self._answers.put(answer)

    def _ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.returncode
        if code is None or code >= 0:
            how = "" if code is None else f" with code {code}"
            return f"{self.file.name} ended its process{how} before it answered"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"{self.file.name} was ended by {name}{SIGNALS.get(name, '')} before it answered"

    def _read_printed(self) -> None:
        with suppress(OSError, ValueError):
            while piece := os.read(_pipe(self._process.stderr).fileno(), 65_536):
                self._kept += piece[: PRINTED - len(self._kept)]

    def _kill(self) -> None:
        if self._killed:
            return  # its number may be another's by now
        self._killed = True
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)  # what it has started, too
            else:
                self._process.kill()
        self._process.wait()


def _start(scratch: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        # Threads of BLAS take address space, each; caches of libraries go where writing is allowed.
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "XDG_CACHE_HOME"), scratch),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8:replace",
        "PYTHONUNBUFFERED": "1",
    }
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    # -P: a random.py beside the homework is not Python's own.
    command = [sys.executable, "-P", "-m", "chainrule.grading.child"]
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise OSError("no pipe")
    return stream
