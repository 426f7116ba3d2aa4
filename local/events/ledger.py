"""Deliveries in progress, stored so that a restart neither loses one nor repeats a successful one."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from local.events.filter import Event
from local.host.data_folder import open_database

SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL,
    event TEXT NOT NULL,
    published REAL NOT NULL,
    attempts INTEGER NOT NULL,
    due REAL NOT NULL,
    attempted REAL,
    outcome TEXT,
    status INTEGER,
    given_up TEXT
)
"""


@dataclass
class Delivery:
    """One event on its way to one subscription; times are epoch seconds.

    `outcome` and `status` are the last attempt's. `given_up` is the reason once it is to be dead-lettered.
    """

    number: int
    subscription: str
    event: Event
    published: float
    attempts: int
    due: float
    attempted: float | None = None
    outcome: str | None = None
    status: int | None = None
    given_up: str | None = None


class DeliveryLedger:
    """A table in `folder`, or in memory without one. Safe to use from several threads."""

    def __init__(self, folder: Path | None) -> None:
        self._lock = threading.Lock()
        self._database = open_database(folder and folder / "deliveries.sqlite", SCHEMA)
        # Safe if the process is killed; only a power failure would lose rows.
        self._database.execute("PRAGMA synchronous = OFF")

    def pending(self) -> list[Delivery]:
        with self._lock:
            rows = self._database.execute("SELECT * FROM deliveries ORDER BY number").fetchall()
        return [Delivery(number, name, json.loads(event), *rest) for number, name, event, *rest in rows]

    def add(self, subscription: str, event: Event, now: float) -> Delivery:
        with self._lock:
            number = self._database.execute(
                "INSERT INTO deliveries (subscription, event, published, attempts, due) VALUES (?, ?, ?, 0, ?)",
                (subscription, json.dumps(event), now, now),
            ).lastrowid
        assert number is not None
        return Delivery(number, subscription, event, now, 0, now)

    def update(self, delivery: Delivery) -> None:
        with self._lock:
            self._database.execute(
                "UPDATE deliveries SET attempts=?, due=?, attempted=?, outcome=?, status=?, given_up=? WHERE number=?",
                (
                    delivery.attempts,
                    delivery.due,
                    delivery.attempted,
                    delivery.outcome,
                    delivery.status,
                    delivery.given_up,
                    delivery.number,
                ),
            )

    def remove(self, delivery: Delivery) -> None:
        with self._lock:
            self._database.execute("DELETE FROM deliveries WHERE number=?", (delivery.number,))

    def close(self) -> None:
        with self._lock:
            self._database.close()
