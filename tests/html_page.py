"""A strict reader of pages: every element closed in order, nothing fetched, no script."""

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.problems, self.tags, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if len({name for name, _ in attributes}) < len(attributes):
            self.problems.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


class Page:
    """What a page holds; reading it asserts that it is well formed and self-contained."""

    def __init__(self, text):
        reader = _Reader()
        reader.feed(text)
        reader.close()
        assert not reader.problems, reader.problems
        assert not reader.open, f"never closed: {reader.open}"
        self.tags, self.text = reader.tags, " ".join(reader.words)
        assert "script" not in self.names
        for tag, attributes in self.tags:
            for name, value in attributes.items():
                assert not name.startswith("on"), f"<{tag} {name}> would run code"
                if name in ("src", "href", "action", "xlink:href"):
                    assert value.startswith("data:"), f"<{tag} {name}={value[:40]}> is elsewhere"
        assert "://" not in text
        assert not re.search(r"url\(|@import", text)

    @property
    def names(self):
        return [tag for tag, _ in self.tags]

    def count(self, name, /, **wanted):
        return sum(
            tag == name and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())
            for tag, attributes in self.tags
        )
