"""The sessions of the README and of the pages print what stands there, and the files they name are here."""

import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from showing.examples import Session, blocks  # noqa: E402
from showing.transcripts import Step, Terminal, as_printed, steps  # noqa: E402

PAGES = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))}
SESSIONS = {name: found for name, path in PAGES.items() if (found := list(steps(path.read_text("utf-8"))))}


def test_every_command_behind_a_prompt_is_one_that_is_run():
    for name, path in PAGES.items():
        prompts = re.findall(r"^ *\$ (.*)", path.read_text("utf-8"), re.MULTILINE)
        assert prompts == [step.command for step in SESSIONS.get(name, [])], name
    assert {"README.md", "docs/tutorial.md"} <= set(SESSIONS)


@pytest.mark.parametrize("page", SESSIONS)
def test_a_session_prints_what_the_page_shows(page, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    terminal = Terminal(tmp_path)
    for step in SESSIONS[page]:
        printed = terminal.run(step)
        if step.shown:
            assert as_printed(list(step.shown), printed) is not None, f"{step.command} prints\n" + "\n".join(
                printed
            )


def test_a_sheet_of_a_page_that_is_a_file_here_is_the_same():
    shown = [
        (block.argument, block.content)
        for path in PAGES.values()
        for block in blocks(path.read_text("utf-8"))
        if block.kind == "sheet" and (ROOT / "examples" / block.argument).is_file()
    ]
    assert {"homework.eqs", "model.eqs"} <= {name for name, _ in shown}
    for name, text in shown:
        assert (ROOT / "examples" / name).read_text("utf-8").strip() == text.strip()


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a 1,000 b", "a  1001 b", True),
        ("a 1,000 b", "a 1100 b", False),
        ("a 1 b", "a 1 c", False),
        ("error 3e-16", "error 0", True),
        ("error 3e-6", "error 0", False),
        ("after 0.13 s of", "after 2.5 s of", True),
        ("a\n...", "a\nb\nc", True),
        ("...\nc", "a\nb\nc", True),
        ("...\nb", "a\nb\nc", False),
        ("a", "a\nb", False),
        ("a\nb", "a", False),
        ("a\n...\nd", "a\nd", True),
    ],
)
def test_what_is_printed_is_compared_word_by_word(shown, printed, same):
    assert (as_printed(shown.splitlines(), printed.splitlines()) is not None) is same


def test_a_command_that_is_to_fail_fails_and_others_do_not(tmp_path):
    terminal = Terminal(tmp_path)
    assert terminal.run(Step("chainrule show no.model", ("error: ...",)))[0].startswith("error:")
    with pytest.raises(RuntimeError):
        terminal.run(Step("chainrule show no.model", ()))
    with pytest.raises(RuntimeError):
        terminal.run(Step("chainrule derive --help", ("error: ...",)))


def test_results_go_to_the_file_behind_the_arrow(tmp_path):
    (tmp_path / "a.eqs").write_text("parameters w: R\nL = w**2\n")
    assert Session(tmp_path).command("chainrule derive a.eqs --of L > a.txt") == ""
    assert "dL/dw" in (tmp_path / "a.txt").read_text("utf-8")
