"""A Media Services account of one's own: the v3 REST API, redaction workers, and Azure Storage between."""
