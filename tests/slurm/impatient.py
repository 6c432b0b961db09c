"""``snakemake`` that looks every second whether a job of SLURM's has ended.

The executor waits ten seconds longer each time that none has, however short the jobs are; no option says otherwise.
"""

import asyncio

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def one_second(self: RemoteExecutor) -> None:
    await asyncio.sleep(1)


RemoteExecutor.sleep = one_second
main()
