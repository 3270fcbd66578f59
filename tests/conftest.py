"""What every test run shares: no silent skips when asked for, and the same examples on every run.

Without RESTORE_POINT_STRICT=1 a skipped test is a line of the short summary that ``-ra`` prints, one per reason.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

AnyReport = TypeVar("AnyReport", pytest.TestReport, pytest.CollectReport)

# Deadlines off: a rule that waits for a disk's sync takes as long as the disk does.
# A quarter of the examples at hand, all of them where nothing may be skipped: the test command stays under three minutes.
EXAMPLES = 100 if os.environ.get("RESTORE_POINT_STRICT") == "1" else 25
settings.register_profile("default", derandomize=True, max_examples=EXAMPLES, print_blob=True, deadline=None)
settings.load_profile("default")


class Strict:
    """Turns every skip, of a test or of a whole file, into a failure, and lists them at the end. An expected failure is none."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        return self._judged(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        return self._judged(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section(f"RESTORE_POINT_STRICT=1: {len(self.skipped)} skipped", red=True)
            for line in self.skipped:
                terminalreporter.line(line)

    def _judged(self, report: AnyReport) -> AnyReport:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped.append(f"{report.nodeid}: {reason}")
            report.outcome, report.longrepr = "failed", f"skipped in a strict run: {reason}"
        return report


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("RESTORE_POINT_STRICT") == "1":
        config.option.continue_on_collection_errors = True  # otherwise one skipped file hides all the other skips
        config.pluginmanager.register(Strict(), "restore-point-strict")
        config.pluginmanager.import_plugin("tests.leaks.watching")
