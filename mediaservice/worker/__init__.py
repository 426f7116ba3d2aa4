"""The process that does jobs: one at a time, until the queue is empty. What it promises is in mediaservice.store."""
