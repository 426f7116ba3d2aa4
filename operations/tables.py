"""Tables on standard output, with one line per record however narrow the terminal."""

from collections.abc import Iterable, Mapping, Sequence


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    wide = Console(highlight=False, width=10_000)
    wide.print(table, width=Measurement.get(wide, wide.options, table).maximum)


def show_entries(entries: Mapping[str, str]) -> None:
    """Print one line per name and value. Further lines of a value are aligned below its first."""
    width = max(map(len, entries))
    for name, value in entries.items():
        print(f"{name:{width}}  " + value.replace("\n", f"\n{'':{width}}  "))
