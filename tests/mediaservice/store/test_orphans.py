"""Containers without an asset, as a crash between two writes leaves them."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mediaservice.model.assets import Asset
from mediaservice.store.account import Store
from mediaservice.store.orphans import remove_orphans
from tests.mediaservice.stored import Steps


def test_an_empty_container_without_an_asset_is_deleted_after_a_while_and_no_other(
    in_store: Callable[[Steps], None], name: str
) -> None:
    now = datetime.now(UTC)

    async def steps(store: Store) -> None:
        for container in (f"orphan-{name}", f"used-{name}", f"owned-{name}"):
            assert await store.containers.create(container)
        await store.containers.commit(f"used-{name}", "a", [], {}, None)
        await store.assets.insert(Asset(name, str(uuid.uuid4()), f"owned-{name}", now, now))
        assert await remove_orphans(store, now) == 0
        assert await remove_orphans(store, now + timedelta(hours=2)) == 1
        assert not await store.containers.create(f"used-{name}")
        assert not await store.containers.create(f"owned-{name}")
        assert await remove_orphans(store, now + timedelta(hours=2)) == 0

    in_store(steps)
