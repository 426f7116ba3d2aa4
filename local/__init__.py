"""The local cloud: the Pulumi program's graph made real on one machine."""
