"""A self-hosted Media Services account: the v3 REST API, redaction workers, and Azure Storage between them."""
