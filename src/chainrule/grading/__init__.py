"""Functions in somebody's Python file, judged from outside the process they run in, and their grades."""
