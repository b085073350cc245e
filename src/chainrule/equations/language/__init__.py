"""The language of sheets: read, typed, and evaluated literally as written."""
