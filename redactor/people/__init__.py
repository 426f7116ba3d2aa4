"""Who is who: annotations and thumbnails of the first pass, and the second pass that reads them."""
