"""From a BlobCreated event to a job at the media service; one concern a module."""
