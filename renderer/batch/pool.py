"""Where orders are done: an interface of a few lines, and processes of this machine behind it."""

from __future__ import annotations

import _thread
import contextlib
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import IO, BinaryIO, Final, Protocol, Self, cast

import cv2
import psutil

from renderer import resource_limits
from renderer.batch.work import JobRunner, Outcome, RenderJob
from renderer.child_processes import result_stream, start_child
from renderer.cores import CORES_VARIABLE, core_count
from renderer.progress import Advance, Progress

PATIENCE: Final = 20.0
"""Seconds that a worker gets to remove what it has begun."""

_SAID_EVERY: Final = 0.2  # seconds between two words on progress

_OTHERS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Pool(Protocol):
    """Does orders, `workers` of them at once. A cluster's client can stand here: it need not report progress."""

    workers: int

    def submit(self, render_job: RenderJob, progress: Progress) -> Future[Outcome]:
        """Begin an order as soon as a worker is free; nothing but an ended pool raises."""
        ...

    def stop(self, render_job: Future[Outcome], reason: str) -> None:
        """End an order at once, whatever it does: the reason is its error. Nothing happens if it is done."""
        ...


@dataclass
class _InHand:
    """An order that was submitted: its worker, once it has one, and why it was stopped."""

    process: subprocess.Popen[bytes] | None = None
    stopped: str = ""


class Processes:
    """Workers that are processes of this machine, each with its share of the cores. Close it to end them.

    A worker that crashes takes its own order with it and no other; the next order starts a new one. Closing ends what
    is in hand: a worker removes what it has begun. So does a worker whose parent was killed. Memory: that of a render
    for each worker, see `MEMORY_A_WORKER`.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        share = str(max(1, core_count() // workers))
        self._environment = {CORES_VARIABLE: share, **dict.fromkeys(_OTHERS, share)}
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="batch")
        self._mine = threading.local()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._in_hand: dict[Future[Outcome], _InHand] = {}
        self._closed = False
        self._lock = threading.Lock()  # of starting a worker, and of closing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, render_job: RenderJob, progress: Progress) -> Future[Outcome]:
        """See `Pool`."""
        mine = _InHand()
        future = self._threads.submit(self._do, render_job, progress, mine)
        self._in_hand[future] = mine
        future.add_done_callback(lambda done: self._in_hand.pop(done, None))
        return future

    def stop(self, render_job: Future[Outcome], reason: str) -> None:
        """See `Pool`. The worker is killed with all processes that it has started: they may hang as it does."""
        mine = self._in_hand.get(render_job)
        if mine is not None:
            mine.stopped = reason
            if mine.process is not None:
                _kill(mine.process)

    def close(self) -> None:
        """End all workers, and wait until they have removed what they had begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            with contextlib.suppress(OSError):
                cast("IO[bytes]", process.stdin).close()
        until = time.monotonic() + PATIENCE
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._threads.shutdown()
        for process in running:
            self._forget(process)

    def _do(self, render_job: RenderJob, progress: Progress, mine: _InHand) -> Outcome:
        process = mine.process = self._worker()
        if process is None:
            return Outcome("no worker could be started" if not self._closed else "stopped")
        try:
            pickle.dump(render_job, cast("IO[bytes]", process.stdin))
            cast("IO[bytes]", process.stdin).flush()
            return _listen(cast("IO[bytes]", process.stdout), progress)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            process.kill()
            code = process.wait()
            self._forget(process)
            return Outcome(
                mine.stopped or f"its process ended with code {code}: out of memory, perhaps: give fewer --workers"
            )

    def _worker(self) -> subprocess.Popen[bytes] | None:
        """The worker of the thread that asks, which is started if there is none."""
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is not None and process.poll() is None:
            return process
        with self._lock:
            if process is not None:
                self._forget(process)
            if self._closed:
                return None
            try:
                process = self._mine.process = start_child("renderer.batch.pool", self._environment)
            except OSError:
                return None
            self._running.add(process)
            return process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        """Close what a process that has ended was talked to by."""
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                cast("IO[bytes]", pipe).close()
        self._running.discard(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started, those first: none is left without a parent."""
    with contextlib.suppress(psutil.Error):
        for child in reversed(psutil.Process(process.pid).children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                child.kill()
    process.kill()


# -- What is said between the two ----------------------------------------------------------------------------------


class _Teller:
    """Progress that is told to the parent."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def tell(self, *message: object) -> None:
        pickle.dump(message, self._stream)
        self._stream.flush()

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        self.tell("stage", name, total, unit)
        waiting, said = 0, time.monotonic()

        def advance(units: int) -> None:
            nonlocal waiting, said
            waiting += units
            if time.monotonic() - said >= _SAID_EVERY:
                self.tell("advance", waiting)
                waiting, said = 0, time.monotonic()

        yield advance
        self.tell("advance", waiting)
        self.tell("end")

    def notice(self, message: str) -> None:
        self.tell("notice", message)


def _listen(stream: IO[bytes], progress: Progress) -> Outcome:
    """Pass on what a worker says until it has done its order. Raises EOFError if it ends before."""
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
                case Outcome() as outcome:
                    return outcome


def serve() -> None:
    """What a worker's process does until its input ends; what is begun by then is interrupted, and so removed."""
    output = result_stream()
    cv2.setNumThreads(core_count())
    render_jobs: queue.SimpleQueue[RenderJob | None] = queue.SimpleQueue()

    def listen() -> None:
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                render_jobs.put(pickle.load(sys.stdin.buffer))
        render_jobs.put(None)
        resource_limits.interrupt()
        _thread.interrupt_main()

    threading.Thread(target=listen, name="orders", daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, OSError), JobRunner() as runner:
        while (render_job := render_jobs.get()) is not None:
            outcome = runner.perform(render_job, _Teller(output))
            pickle.dump(outcome, output)
            output.flush()
