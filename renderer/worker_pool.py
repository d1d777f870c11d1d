"""Worker processes: each runs one task at a time, and reports its progress."""

from __future__ import annotations

import _thread
import contextlib
import os
import pickle
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import IO, BinaryIO, Final, Generic, Self, TypeVar, cast

import cv2
import psutil

from renderer import resource_limits
from renderer.budget import WORKERS_VARIABLE
from renderer.child_processes import result_stream, start_child
from renderer.cores import CORES_VARIABLE, core_count
from renderer.messages import named
from renderer.progress import Advance, Progress

PATIENCE: Final = 20.0
"""Time limit in seconds for a worker to remove incomplete files."""

OUT_OF_MEMORY: Final = f"out of memory: use a smaller {named('size')}, or fewer {named('workers')}"
"""The error of a task whose worker could not allocate memory."""

_REPORT_INTERVAL: Final = 0.2  # seconds between reports of progress

_THREAD_LIMITS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass
class _Submitted:
    """A submitted task: its worker, once it has one, and why it was stopped."""

    process: subprocess.Popen[bytes] | None = None
    stop_reason: str = ""


class Processes(Generic[Task, Answer]):
    """A pool of local processes, each with its share of the cores and the memory. Close the pool to end them.

    `module`: its function `serve()`, which calls `serve_tasks`, runs in each process. `failed`: returns the answer for
    a task whose process ended or was stopped, from the task and the reason. Tasks and answers are pickled. If a worker
    crashes, only its own task fails, and the next task starts a new worker. Closing stops running tasks; their workers
    remove incomplete files, as they do when the parent is killed. Memory: one render per worker, see `WORKER_MEMORY`.
    """

    def __init__(self, workers: int, module: str, failed: Callable[[Task, str], Answer]) -> None:
        self.workers = workers
        self._module, self._failed = module, failed
        share = str(max(1, core_count() // workers))
        limits = dict.fromkeys(_THREAD_LIMITS, share)
        self._environment = {CORES_VARIABLE: share, WORKERS_VARIABLE: str(workers), **limits}
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="workers")
        self._local = threading.local()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._submitted: dict[Future[Answer], _Submitted] = {}
        self._closed = False
        self._lock = threading.Lock()  # held while a worker is started, and while closing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, task: Task, progress: Progress) -> Future[Answer]:
        """Run a task as soon as a worker is free; the future raises only if the pool was closed.

        `progress` is called in a thread of the pool.
        """
        submitted = _Submitted()
        future = self._threads.submit(self._run, task, progress, submitted)
        self._submitted[future] = submitted
        future.add_done_callback(lambda done: self._submitted.pop(done, None))
        return future

    def stop(self, task: Future[Answer], reason: str) -> None:
        """Stop a task at once, with `reason` as its failure; no effect if it has ended.

        The worker is killed with all processes that it has started, since they may hang too.
        """
        submitted = self._submitted.get(task)
        if submitted is not None:
            submitted.stop_reason = reason
            if submitted.process is not None:
                _kill(submitted.process)

    def close(self) -> None:
        """End all workers, and wait until they have removed incomplete files."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            with contextlib.suppress(OSError):
                cast("IO[bytes]", process.stdin).close()
        deadline = time.monotonic() + PATIENCE
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._threads.shutdown()
        for process in running:
            self._forget(process)

    def _run(self, task: Task, progress: Progress, submitted: _Submitted) -> Answer:
        process = submitted.process = self._worker()
        if process is None:
            return self._failed(task, "no worker could be started" if not self._closed else "stopped")
        try:
            pickle.dump(task, cast("IO[bytes]", process.stdin))
            cast("IO[bytes]", process.stdin).flush()
            return cast("Answer", _listen(cast("IO[bytes]", process.stdout), progress))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            process.kill()
            code = process.wait()
            self._forget(process)
            crash = f"its process ended with exit code {code}, possibly out of memory: use fewer {named('workers')}"
            return self._failed(task, submitted.stop_reason or crash)

    def _worker(self) -> subprocess.Popen[bytes] | None:
        """Return the calling thread's worker, starting it if necessary; None if that is impossible."""
        process: subprocess.Popen[bytes] | None = getattr(self._local, "process", None)
        if process is not None and process.poll() is None:
            return process
        with self._lock:
            if process is not None:
                self._forget(process)
            if self._closed:
                return None
            try:
                process = self._local.process = start_child(self._module, self._environment)
            except OSError:
                return None
            self._running.add(process)
            return process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        """Close the pipes of a process that has ended."""
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                cast("IO[bytes]", pipe).close()
        self._running.discard(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill all processes that a process has started, and then the process itself, so that none loses its parent."""
    with contextlib.suppress(psutil.Error):
        for child in reversed(psutil.Process(process.pid).children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                child.kill()
    process.kill()


def this_worker() -> str:
    """Return the name of this process on this machine."""
    return f"{socket.gethostname()}, process {os.getpid()}"


# -- Messages between the pool and its workers ---------------------------------------------------------------------


class _RemoteProgress:
    """Progress that is sent to the parent."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, *message: object) -> None:
        pickle.dump(message, self._stream)
        self._stream.flush()

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        self.send("stage", name, total, unit)
        pending, sent = 0, time.monotonic()

        def advance(units: int) -> None:
            nonlocal pending, sent
            pending += units
            if time.monotonic() - sent >= _REPORT_INTERVAL:
                self.send("advance", pending)
                pending, sent = 0, time.monotonic()

        yield advance
        self.send("advance", pending)
        self.send("end")

    def notice(self, message: str) -> None:
        self.send("notice", message)


def _listen(stream: IO[bytes], progress: Progress) -> object:
    """Forward a worker's progress until its task ends; return its answer. Raises EOFError if the worker ends first."""
    with contextlib.ExitStack() as stages:
        advance: list[Advance] = []
        opened: list[contextlib.ExitStack] = []
        while True:
            match pickle.load(stream):
                case ("stage", str(name), int(total), str(unit)):
                    opened.append(stages.enter_context(contextlib.ExitStack()))
                    advance.append(opened[-1].enter_context(progress.stage(name, total, unit)))
                case ("advance", int(units)) if advance:
                    advance[-1](units)
                case ("end",) if opened:
                    advance.pop()
                    opened.pop().close()
                case ("notice", str(message)):
                    progress.notice(message)
                case ("answer", answer):
                    return answer


def serve_tasks(run: Callable[[Task, Progress], Answer]) -> None:
    """Run a worker process until its input ends; a running task is then interrupted, which removes incomplete files."""
    output = result_stream()
    cv2.setNumThreads(core_count())
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()

    def listen() -> None:
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                tasks.put(pickle.load(sys.stdin.buffer))
        tasks.put(None)
        resource_limits.interrupt()
        _thread.interrupt_main()

    threading.Thread(target=listen, name="tasks", daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, OSError):
        remote = _RemoteProgress(output)
        while (task := tasks.get()) is not None:
            remote.send("answer", run(task, remote))
