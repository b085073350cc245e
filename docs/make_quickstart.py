"""Write ``quickstart.ipynb``: the cells of ``quickstart.py``, run, with what they show.

Run it as ``python docs/make_quickstart.py`` after the script or what it shows has changed; a test holds the
notebook to what it writes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from showing.notebook import cells, notebook, written  # noqa: E402

PAGE = DOCS / "quickstart.ipynb"


def page() -> str:
    """The notebook's text."""
    with tempfile.TemporaryDirectory() as folder:
        return written(notebook(cells((DOCS / "quickstart.py").read_text(encoding="utf-8"), Path(folder))))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
