"""The workers of a cluster: which of them can be used, and how many tasks each does at a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from renderer.errors import InputError
from renderer.identity import identity
from renderer.messages import counted
from renderer.progress import Progress

if TYPE_CHECKING:
    from distributed import Client

RESOURCE: Final = "render"
"""The resource that a worker must have, one for each task that it may do at a time."""

PATIENCE: Final = 10.0
"""Seconds to wait for a connection, and until a cluster without workers is reported."""

_LOOK_INTERVAL: Final = 2.0  # seconds between two looks at which workers there are


class Workers:
    """The workers of a cluster that can be used: those with the resource and the same version of everything."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._asked: set[str] = set()  # addresses
        self._same: dict[str, bool] = {}  # what those have answered
        self._notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._slots: dict[str, int] = {}
        self.count = 0  # of all workers, usable or not
        self._looked = -_LOOK_INTERVAL

    def slots(self, client: Client, poll: Callable[[], None]) -> dict[str, int]:
        """Return how many tasks each worker does at a time, by address; waits until there is one.

        `poll`: called while it waits. Raises InputError if there are workers, but none can be used.
        """
        started, said = time.monotonic(), False
        while True:
            with self._lock:
                if time.monotonic() - self._looked < _LOOK_INTERVAL:
                    return self._slots
                slots = self._usable(client)
                self._show_notices()
                if slots and (self._slots or not self._waits(started)):
                    if slots.keys() != self._slots.keys():
                        self._progress.notice(f"rendering with {counted(len(slots), 'worker')}")
                    self._slots, self._looked = slots, time.monotonic()
                    return slots
            if time.monotonic() - started > PATIENCE and not said:
                self._progress.notice("The cluster has no workers that answer: waiting for one")
                said = True
            poll()
            time.sleep(0.1)

    def known(self) -> dict[str, int]:
        """Return what was found last."""
        return self._slots

    def _waits(self, started: float) -> bool:
        """Return whether others may answer soon, before the first task is submitted."""
        return not self._asked <= self._same.keys() and time.monotonic() - started < _LOOK_INTERVAL

    def _usable(self, client: Client) -> dict[str, int]:
        found = client.scheduler_info(n_workers=-1)["workers"]
        offered = {address: int(about["resources"].get(RESOURCE, 0)) for address, about in found.items()}
        if found and not any(offered.values()) and not self._slots:
            raise InputError(
                f"No worker of the cluster offers the resource {RESOURCE}: start them with {RESOURCE}=1 as a resource"
            )
        self.count = len(found)
        able = {address: count for address, count in offered.items() if count}
        for address in able.keys() - self._asked:
            self._asked.add(address)
            threading.Thread(target=self._ask, args=(client, address), daemon=True, name="identity").start()
        slots = {address: count for address, count in able.items() if self._same.get(address)}
        if able and not slots and not self._slots and able.keys() <= self._same.keys():
            self._show_notices()
            raise InputError(
                f"No worker of the cluster has the same version as this machine, {identity()}: install it there"
            )
        return slots

    def _show_notices(self) -> None:
        while not self._notices.empty():
            self._progress.notice(self._notices.get())

    def _ask(self, client: Client, address: str) -> None:
        """Learn whether a worker has the same version of everything; in a thread, as one that hangs does not answer.

        The thread ends with the client.
        """
        try:
            its = client.run(identity, workers=[address])[address]
            there, here = its.differences(identity())
        except OSError:  # it has ended, or the connection was lost
            self._asked.discard(address)
            return
        except Exception as error:
            if client.status == "running":
                missing = "renderer" in str(error) and "ModuleNotFoundError" in f"{type(error).__name__} {error}"
                reason = "mosaic-renderer is not installed there" if missing else f"{type(error).__name__}: {error}"
                self._notices.put(f"{address} is not used: {reason}")
                self._same[address] = False
            return
        if its != identity():
            self._notices.put(f"{address} is not used: it has {there}, and this machine {here}")
        self._same[address] = its == identity()
