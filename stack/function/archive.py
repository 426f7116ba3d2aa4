"""Reproducible archives: the same content gives the same zip."""

import zipfile
from pathlib import Path

import pulumi

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip
_FILE_MODE = 0o100644


def write_zip(archive: pulumi.AssetArchive, destination: Path) -> None:
    """Write an archive of file assets as a zip whose bytes depend only on their names and content.

    Raises TypeError for an asset that is not a file.
    """
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as package:
        for name, asset in sorted(archive.assets.items()):
            if not isinstance(asset, pulumi.FileAsset):
                raise TypeError(f"{name} is a {type(asset).__name__}; only file assets are zipped")
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _FILE_MODE << 16
            package.writestr(entry, Path(asset.path).read_bytes())
