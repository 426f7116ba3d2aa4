"""The REST API of Media Services. Jobs are processed elsewhere, by mediaservice.worker."""
