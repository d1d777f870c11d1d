"""Work on many machines, with Dask (`dask.distributed`): a scheduler, and workers that reach its address and a store.

A task is one segment of a video, or the matching of a mosaic (`tasks`). What it needs and what it makes are files in
the `store`; through the scheduler go names, digests and numbers of frames. `client` submits tasks
(`task_list`) to those `workers` that can be used. Requires the extra `cluster`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from renderer.budget import WORKERS_VARIABLE
from renderer.cores import CORES_VARIABLE, core_count
from renderer.errors import InputError
from renderer.messages import named
from renderer.output_files import temporary_folder
from renderer.paths import cache_folder
from renderer.progress import Progress

if TYPE_CHECKING:
    from renderer.cluster.client import Cluster

__all__ = ["open_cluster"]

_ADDRESS: Final = re.compile(r"((tcp|tls|ws|wss|ucx|ucxx)://)?([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}(/\S*)?")
"""Addresses of schedulers: those of Dask's protocols, by default tcp."""

_MOST_LOCAL: Final = 64  # processes

_QUIET: Final = {
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
}
"""Settings of Dask for processes that share the cores with their encoders. Its workers look after themselves a hundred
times a second, which takes a tenth of the time of a thread that draws in Python."""


@contextmanager
def open_cluster(
    address: str | None, store: str | None, progress: Progress, workers: int | None = None
) -> Iterator[Cluster | None]:
    """Connect to a cluster: `tcp://HOST:PORT` or another address of Dask, or `local:N` for N processes started here.

    None: none is used. `store`: a folder or a URL; by default a folder in the cache. `workers`: what was specified for
    this machine. Raises InputError if Dask is not installed, the address is wrong or can't be reached, the store can't
    be used, or one of the values would have no effect.
    """
    if address is None:
        if store is not None:
            raise InputError(f"{named('store', store)} is for a cluster: add {named('cluster')}")
        yield None
        return
    if workers is not None:
        raise InputError(f"{named('workers', workers)} is for this machine alone: remove it, or {named('cluster')}")
    local = re.fullmatch(r"local:(\d+)", address)
    if (int(local[1]) not in range(1, _MOST_LOCAL + 1)) if local else not _ADDRESS.fullmatch(address):
        raise InputError(
            f"{named('cluster', address)} is not an address: give tcp://HOST:PORT, or local:N with N from 1 to "
            f"{_MOST_LOCAL} for processes here"
        )
    try:
        import dask
        from distributed import LocalCluster

        from renderer.cluster.client import Cluster
        from renderer.cluster.store import Store
        from renderer.cluster.workers import RESOURCE
    except ImportError as error:
        raise InputError(
            f"{named('cluster', address)} needs Dask: install mosaic-renderer with the extra cluster"
        ) from error
    with ExitStack() as stack:
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)  # of what fails, it logs tracebacks
        target: object = address
        if store is None:
            store = str(stack.enter_context(temporary_folder()) if local else cache_folder() / "store")
        files = Store(store)
        files.check()
        if local:
            stack.enter_context(dask.config.set(_QUIET))
            share = {WORKERS_VARIABLE: local[1], CORES_VARIABLE: str(max(core_count() // int(local[1]), 1))}
            target = stack.enter_context(
                LocalCluster(
                    n_workers=int(local[1]), threads_per_worker=1, processes=True, resources={RESOURCE: 1},
                    dashboard_address=":0", silence_logs=logging.CRITICAL, env=share,
                )
            )  # fmt: skip
        yield stack.enter_context(Cluster(target, files, progress))
