"""The way from a BlobCreated event to a job of the media service, one concern per module."""
