"""State of the account in Azure Storage: entities in tables, work in a queue, media in blob containers.

No transaction spans the three, so the order of writes keeps the promises. docs/architecture.md describes it; change
that page together with the order.
"""
