"""The whole store, opened once per process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableClient
from azure.storage.blob.aio import BlobServiceClient

from mediaservice.settings import ApiSettings, WorkerSettings
from mediaservice.store.assets import Assets
from mediaservice.store.clients import BLOBS_AND_QUEUES, TABLES, connections, credential
from mediaservice.store.containers import Containers
from mediaservice.store.events.outbox import Outbox
from mediaservice.store.events.topic import Topic
from mediaservice.store.jobs import Jobs
from mediaservice.store.transforms import Transforms
from mediaservice.store.work import Work, open_work


@dataclass(frozen=True)
class Store:
    assets: Assets
    transforms: Transforms
    jobs: Jobs
    containers: Containers
    work: Work
    identity: AsyncTokenCredential  # of this process


@asynccontextmanager
async def open_store(settings: ApiSettings | WorkerSettings, work: Work | None = None) -> AsyncIterator[Store]:
    """Open the store without a request. If `work` is given, it is used and not closed."""
    storage = settings.storage
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(credential(storage))
        pool = await stack.enter_async_context(connections())

        async def table(name: str) -> TableClient:
            client = TableClient(storage.table_endpoint, name, credential=identity, transport=pool, **TABLES)
            return await stack.enter_async_context(client)

        blobs = BlobServiceClient(storage.blob_endpoint, credential=identity, transport=pool, **BLOBS_AND_QUEUES)
        if work is None:
            work = await stack.enter_async_context(open_work(storage))
        jobs = await table(storage.jobs_table)
        outbox = None
        if settings.events_endpoint:
            topic = await stack.enter_async_context(Topic(settings.events_endpoint, identity))
            outbox = Outbox(jobs, topic)
            stack.push_async_callback(outbox.close)
        yield Store(
            assets=Assets(await table(storage.assets_table)),
            transforms=Transforms(await table(storage.transforms_table), settings.transforms),
            jobs=Jobs(jobs, outbox),
            containers=Containers(await stack.enter_async_context(blobs), settings.account),
            work=work,
            identity=identity,
        )
