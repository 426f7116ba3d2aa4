"""Transfer of inputs to this machine."""
