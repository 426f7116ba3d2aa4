"""The local cloud: the resources of the Pulumi program, provided by one machine."""
