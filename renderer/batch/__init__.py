"""Many videos of one file: reading it, planning, running, and what is left to look at.

`campaign` reads a file (`tables` one of its `[[job]]` tables, `rows` a table of people or wares, `names` the outputs)
and gives tasks; `uptodate` says what each is made of; `running` hands them to a `pool`, whose workers do `work`;
`manifest` and `page` keep and show what came of it.
"""

from renderer.batch.batch import MEMORY_A_WORKER, Batch, campaign_folder, plan_batch, render_batch, worker_count
from renderer.batch.campaign import Campaign, Task, read_campaign
from renderer.batch.manifest import Manifest
from renderer.batch.page import NAME as PAGE
from renderer.batch.page import write_page
from renderer.batch.pool import Pool, Processes
from renderer.batch.running import BatchObserver
from renderer.batch.tables import BatchRequest
from renderer.batch.work import Outcome, RenderJob

__all__ = [
    "MEMORY_A_WORKER",
    "PAGE",
    "Batch",
    "BatchObserver",
    "BatchRequest",
    "Campaign",
    "Manifest",
    "Outcome",
    "Pool",
    "Processes",
    "RenderJob",
    "Task",
    "campaign_folder",
    "plan_batch",
    "read_campaign",
    "render_batch",
    "worker_count",
    "write_page",
]  # fmt: skip
