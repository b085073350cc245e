"""What reports are drawn with: markup, charts, tables, and documents in HTML and Markdown."""
