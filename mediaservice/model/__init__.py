"""Assets, transforms and jobs as values, without input or output."""
