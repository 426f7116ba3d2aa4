"""What the service knows of assets, transforms and jobs; nothing here does input or output."""
