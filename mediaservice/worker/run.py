"""The worker process: handles one message, or all until the queue is empty, and stops cleanly on a signal."""

import asyncio
import logging
import signal
import sys

from mediaservice import logs, telemetry
from mediaservice.settings import WorkerSettings
from mediaservice.store.work import Lease, Work, open_work
from mediaservice.worker.sandbox.conceal import conceal
from mediaservice.worker.sandbox.descendants import adopt_orphans

log = logging.getLogger(__name__)


def run(settings: WorkerSettings, *, once: bool) -> None:
    """Run the worker. Exits with 1 if Storage cannot be reached; a received message then comes back by itself."""
    logs.configure()
    conceal()
    adopt_orphans()
    try:
        with telemetry.sent(settings.telemetry, settings.storage.client_id, "worker"):
            asyncio.run(_run(settings, once=once))
    except Exception:
        log.exception("the worker cannot go on")
        sys.exit(1)


async def _run(settings: WorkerSettings, *, once: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with open_work(settings.storage) as work:
        receiving = asyncio.create_task(work.receive(settings.work.lease_seconds))
        # The queue's answer arrives while the rest is imported, which takes as long.
        await asyncio.to_thread(__import__, "mediaservice.worker.message_handling")
        await _work(settings, work, receiving, stopping, once=once)


async def _work(
    settings: WorkerSettings,
    work: Work,
    receiving: "asyncio.Task[Lease | None]",
    stopping: asyncio.Event,
    *,
    once: bool,
) -> None:
    from mediaservice.store.account import open_store
    from mediaservice.store.sweep import sweep
    from mediaservice.worker.message_handling import MessageHandler
    from mediaservice.worker.workspace import remove_abandoned

    remove_abandoned()
    async with open_store(settings, work) as store:
        handler = MessageHandler(store, settings.work, stopping)
        done = 0
        while True:
            lease = await receiving
            if lease is None:
                if not await sweep(store):
                    break
            elif stopping.is_set():
                await work.renew(lease, 0)
            else:
                await handler.handle(lease)
                done += 1
            if stopping.is_set() or (once and done):
                break
            receiving = asyncio.create_task(work.receive(settings.work.lease_seconds))
    log.info("worker leaves", extra={"messages": done, "stopped": stopping.is_set()})
