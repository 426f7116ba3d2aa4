"""The REST API that Media Services clients speak, and nothing of how jobs are done."""
