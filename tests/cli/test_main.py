"""The command as a whole: help, versions, errors, streams."""

import shlex
import subprocess
import sys

import click
import pytest

from chainrule.cli.main import COMMANDS, EXAMPLES, main
from chainrule.errors import UncheckableError

COMMAND_NAMES = list(COMMANDS)


def _command(name):
    return main.get_command(click.Context(main), name)


def test_help_lists_every_command_with_examples_first(run):
    answer = run("--help")
    assert answer.code == 0 and answer.err == ""
    assert answer.out.index("Examples:") < answer.out.index("Options:")
    for name, summary in COMMANDS.items():
        assert name in answer.out and summary.split()[0] in answer.out


@pytest.mark.parametrize("name", COMMAND_NAMES)
def test_help_of_each_command(run, name):
    answer = run(name, "--help")
    assert answer.code == 0
    assert answer.out.index("Examples:") < answer.out.index("Options:")
    assert all(option.help for option in _command(name).params if isinstance(option, click.Option))


@pytest.mark.parametrize("example", [*EXAMPLES, *(e for name in COMMANDS for e in _command(name).examples)])
def test_every_example_can_be_parsed(example):
    words = shlex.split(example.split(" | ")[-1] if example.startswith("cat") else example.split(" | ")[0])
    words = words[: words.index(">")] if ">" in words else words
    assert words[0] == "chainrule"
    command = _command(words[1])
    command.make_context(words[1], words[2:])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_answer_at_once(arguments):
    code = (
        "import sys; sys.argv[1:] = " + repr(arguments) + "\n"
        "import atexit, json\n"
        "heavy = ('numpy', 'scipy', 'sklearn', 'rich')\n"
        "atexit.register(lambda: print('loaded', [m for m in heavy if m in sys.modules], file=sys.stderr))\n"
        "from chainrule.cli.main import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loaded []" in done.stderr
    assert "chainrule" in done.stdout


def test_python_dash_m_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "chainrule", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("chainrule, version ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], 2),
        (["derive"], 2),
        (["derive", "missing.eqs"], 1),
        (["train", "missing.csv", "--target", "x"], 1),
        (["train", "iris", "--target", "specie"], 1),
        (["train", "iris", "--target", "species", "--activation", "tan"], 2),
        (["predict", "missing.model", "iris"], 1),
        (["show", "missing.model"], 1),
    ],
)
def test_errors_are_one_line_and_an_exit_code(run, arguments, code):
    answer = run(*arguments)
    assert answer.code == code
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert answer.err.splitlines()[-1].lower().startswith("error: ")


@pytest.mark.parametrize("error", [OSError(28, "No space left", "a.model"), OSError(28, "No space left")])
def test_an_error_of_the_system_names_its_file(run, sheet, monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr("chainrule.cli.derive.read_sheet", fail)
    answer = run("derive", sheet)
    place = "a.model: " if error.filename else ""
    assert (answer.code, answer.out, answer.err) == (1, "", f"error: {place}No space left\n")


def test_what_could_not_be_checked_has_a_code_of_its_own(run, sheet, monkeypatch):
    def fail(*arguments):
        raise UncheckableError("There is no value.")

    monkeypatch.setattr("chainrule.cli.derive.read_sheet", fail)
    assert run("derive", sheet).code == 3


def test_a_reader_that_stops_early_is_no_error_of_ours(run, sheet, monkeypatch):
    def fail(*arguments):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("chainrule.cli.derive.read_sheet", fail)
    assert run("derive", sheet).err == ""


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere/model.eqs", "There is no sheet 'nowhere/model.eqs'; there is no folder 'nowhere'."),
        ("modle.eqs", "There is no sheet 'modle.eqs'; did you mean 'model.eqs' or"),
        ("model.txt", "There is no sheet 'model.txt'."),
        (".", ". is a folder; expected a sheet of equations."),
        ("large.eqs", "large.eqs is larger than 1048576 bytes; that is no sheet of equations."),
        ("bytes.eqs", "bytes.eqs is not UTF-8 text; a sheet of equations is."),
    ],
)
def test_a_sheet_that_cannot_be_read_is_named(run, sheet, tmp_path, path, message):
    (tmp_path / "large.eqs").write_bytes(b"#" * (2**20 + 1))
    (tmp_path / "bytes.eqs").write_bytes(b"\xff")
    answer = run("derive", path)
    assert answer.code == 1 and message in answer.err and answer.err.startswith("error: "), answer.err


def test_standard_input_is_named_as_such(run):
    answer = run("derive", "-", text=b"\xff")
    assert answer.err == "error: standard input is not UTF-8 text; a sheet of equations is.\n"


def test_a_file_that_breaks_off_is_named(run, sheet, monkeypatch):
    class Broken:
        def __enter__(self):
            raise OSError(5, "Input/output error")

        def __exit__(self, *arguments):
            return None

    monkeypatch.setattr("chainrule.cli.sheet_file.click.open_file", lambda *arguments: Broken())
    assert run("derive", "model.eqs").err == "error: model.eqs cannot be read: Input/output error.\n"


def test_a_near_miss_is_named(run):
    assert "did you mean 'species'?" in run("train", "iris", "--target", "specie").err


def test_colour_only_where_it_is_wanted(run, monkeypatch, sheet):
    from click.testing import CliRunner

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in CliRunner().invoke(main, ["check", str(sheet)], color=True).stdout
    assert "\x1b[" not in CliRunner().invoke(main, ["check", str(sheet)]).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(main, ["check", str(sheet)], color=True).stdout
    assert "\x1b[" not in CliRunner().invoke(main, ["derive", "missing.eqs"], color=True).stderr


def test_a_file_that_cannot_be_written_is_a_usage_error_before_any_work(run, sheet):
    answer = run("demo", "--report", "nowhere/report.html")
    assert answer.code == 2
    assert "its folder does not exist" in answer.err
