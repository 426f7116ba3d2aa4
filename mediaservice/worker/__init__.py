"""The process that works on jobs, one at a time, until the queue is empty; see docs/architecture.md."""
