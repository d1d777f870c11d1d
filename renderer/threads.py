"""Work divided among threads: on independent blocks, one for each core, and on items that are still generated."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from renderer.cores import core_count

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Block = TypeVar("Block")
Result = TypeVar("Result")

_MOST_IN_ORDER: Final = 4  # items that are worked on at a time, since each may be large


@cache
def _libraries() -> ThreadpoolController:
    """Return the libraries with threads of their own, NumPy's BLAS among them; finding them takes 2 ms."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def run_blocks(
    work: Callable[[Block], Result], blocks: Sequence[Block], done: Callable[[Result], object] = lambda _result: None
) -> list[Result]:
    """Call `work` for each block, in threads, and return the results in order.

    done: called in this thread with each result, in order; if it raises, blocks that have not started are skipped.
    The blocks must not depend on the number of threads if results do: products of matrices may round differently in
    blocks of different sizes.
    """
    results = []
    # One BLAS thread per product: waiting BLAS threads spin, which would slow down the threads below.
    with (
        _libraries().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(min(core_count(), max(len(blocks), 1)), thread_name_prefix="blocks") as pool,
    ):
        try:
            for result in pool.map(work, blocks):
                done(result)
                results.append(result)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def in_order(work: Callable[[Block], Result], items: Iterable[Block]) -> Generator[Result, None, None]:
    """Yield the results of `work` in order; it is called in up to 4 threads while the next items are generated.

    At most 6 items exist at a time: 4 that are worked on, one that waits, and one that is generated.
    """
    threads = min(core_count(), _MOST_IN_ORDER)
    with ThreadPoolExecutor(threads, thread_name_prefix="in-order") as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
