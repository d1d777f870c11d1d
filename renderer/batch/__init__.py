"""Render many videos described by one file: read it, plan, run, and report the results.

`campaign` reads a file into tasks: `tables` expands its `[[job]]` tables, `rows` reads tables of data, and `names`
builds the names of the outputs. `problems` collects the problems of the file. `fingerprints` finds tasks that are up to
date. `running` hands the others to a `pool`, whose workers execute `work`. `manifest` stores the results, and `page`
shows them.
"""

from renderer.batch.batch import WORKER_MEMORY, Batch, campaign_folder, plan_batch, render_batch, worker_count
from renderer.batch.campaign import Campaign, Task, read_campaign
from renderer.batch.manifest import Manifest
from renderer.batch.page import NAME as PAGE
from renderer.batch.page import write_page
from renderer.batch.pool import LocalPool, Pool, ThreadsPool
from renderer.batch.running import BatchObserver
from renderer.batch.tables import BatchRequest
from renderer.batch.work import Outcome, RenderJob
from renderer.deprecation import old_names

__all__ = [
    "PAGE",
    "WORKER_MEMORY",
    "Batch",
    "BatchObserver",
    "BatchRequest",
    "Campaign",
    "LocalPool",
    "Manifest",
    "Outcome",
    "Pool",
    "RenderJob",
    "Task",
    "ThreadsPool",
    "campaign_folder",
    "plan_batch",
    "read_campaign",
    "render_batch",
    "worker_count",
    "write_page",
]  # fmt: skip

__getattr__ = old_names(__name__, {"MEMORY_A_WORKER": "WORKER_MEMORY", "Order": "RenderJob", "Watch": "BatchObserver"})
