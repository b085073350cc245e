"""pytest's side of `chainrule.testing`: short failures, an outcome for what could not be checked, a fixture.

pytest loads this module at every start, so it imports nothing but the exceptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from chainrule.errors import UncheckableError, WrongDerivativeError

if TYPE_CHECKING:
    from chainrule.testing import Assertions

UNCHECKED = "unchecked"


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show a verdict in a few lines, and mark the lack of one; what xfail has excused stays so."""
    outcome: Any = yield
    report, info = outcome.get_result(), call.excinfo
    if info is None or not report.failed:
        return
    if not isinstance(info.value, (UncheckableError, WrongDerivativeError)):
        return
    report.chainrule_unchecked = call.when == "call" and isinstance(info.value, UncheckableError)
    if item.config.getoption("tbstyle") in ("auto", "long") and not item.config.getoption("fulltrace"):
        report.longrepr = _short(item, info)


def _short(item: pytest.Item, info: pytest.ExceptionInfo[BaseException]) -> Any:
    """The test's own line and the verdict, which the summary begins with, too."""
    shown: Any = info.getrepr(
        style="short", chain=False, tbfilter=lambda one: one.traceback.cut(path=item.path).filter(one)
    )
    shown.reprcrash.message = str(info.value)
    return shown


def pytest_report_teststatus(report: Any) -> tuple[str, str, Any] | None:
    """Count what could not be checked by itself; the report stays failed, and so does the run."""
    if getattr(report, "chainrule_unchecked", False):
        return UNCHECKED, "U", ("UNCHECKED", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why; pytest itself prints the reasons of its own outcomes alone."""
    reports = terminalreporter.stats.get(UNCHECKED, [])
    if not reports or terminalreporter.config.getoption("tbstyle") == "no":
        return
    terminalreporter.section("DERIVATIVES THAT COULD NOT BE CHECKED")
    for report in reports:
        terminalreporter.write_sep("_", report.head_line or report.nodeid)
        terminalreporter.line(report.longreprtext)
        for title, content in report.sections:
            terminalreporter.write_sep("-", title)
            terminalreporter.line(content.rstrip())


@pytest.fixture
def derivatives(request: pytest.FixtureRequest) -> Assertions:
    """Assertions of `chainrule.testing`, with the verdicts kept as properties of the test (JUnit XML)."""
    from chainrule.testing import Assertions

    return Assertions(lambda name, verdict: request.node.user_properties.append((name, verdict)))
