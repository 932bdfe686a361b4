"""tests/support/durations.py judges fairly, and tests/support/measured.py measures all that a command starts and hides
nothing of how it ended."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

from durations import Budget, Record, judge, parse_budgets, report, totals

HERE = os.path.dirname(os.path.abspath(__file__))
BUDGETS = {"unit": Budget(wall=100, cpu=50)}


def judgement(wall, cpu, label="unit"):
    """Of two tests that together took so long."""
    warnings, failures = judge([Record("a", label, wall / 2, cpu / 2), Record("b", label, wall / 2, cpu / 2)], BUDGETS)
    return len(warnings), len(failures)


class Judgement(unittest.TestCase):
    def test_within_the_budget_nothing_is_said(self):
        self.assertEqual(judgement(wall=100, cpu=50), (0, 0))

    def test_above_the_budget_is_a_warning(self):
        self.assertEqual(judgement(wall=100, cpu=51), (1, 0))
        self.assertEqual(judgement(wall=101, cpu=50), (1, 0))

    def test_only_twice_the_cpu_seconds_fail(self):
        self.assertEqual(judgement(wall=1000, cpu=100), (2, 0))
        self.assertEqual(judgement(wall=100, cpu=101), (0, 1))

    def test_a_label_needs_a_budget(self):
        self.assertEqual(judgement(wall=1, cpu=1, label="new"), (0, 1))

    def test_labels_are_added_up_the_dearest_first(self):
        records = [Record("a", "unit", 1, 2), Record("b", "mpi", 3, 9), Record("c", "unit", 5, 4)]
        self.assertEqual(list(totals(records).items()),
                         [("mpi", Record("mpi", "mpi", 3, 9)), ("unit", Record("unit", "unit", 6, 6))])

    def test_the_report_names_the_slowest_twenty(self):
        records = [Record(f"test{i}", "unit", i, 0) for i in range(30)]
        named = [line.split()[-1] for line in report(records, BUDGETS) if "test" in line.split()[-1]]
        self.assertEqual(named, [f"test{i}" for i in range(29, 9, -1)])

    def test_budgets_are_read(self):
        self.assertEqual(parse_budgets("# label wall CPU\n\nunit 100 50  # fast\n"), BUDGETS)


class Measured(unittest.TestCase):
    def measure(self, script):
        """(return code, record) of a shell script."""
        with tempfile.TemporaryDirectory() as directory:
            code = subprocess.run([sys.executable, f"{HERE}/measured.py", "name", "unit", "sh", "-c", script], check=False,
                                  env={**os.environ, "TRIREME_DURATIONS": directory}).returncode
            with open(f"{directory}/name.json", encoding="utf-8") as file:
                return code, json.load(file)

    def test_exits_as_the_command_does(self):
        self.assertEqual(self.measure("exit 77")[0], 77)
        self.assertEqual(self.measure("kill -SEGV $$")[0], -signal.SIGSEGV)
        self.assertEqual(self.measure("kill -KILL $$")[0], -signal.SIGKILL)

    def test_counts_the_cpu_seconds_of_daemons(self):
        # The daemon ends by itself once it has used so much; the command waits for it, without being its parent.
        daemon = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.3: pass'"
        _, record = self.measure(f"pid=$({daemon} >&- & echo $!); while kill -0 $pid 2>&-; do sleep 0.01; done")
        self.assertGreaterEqual(record["cpu"], 0.3)
        self.assertEqual(record["label"], "unit")

    def test_without_a_directory_nothing_is_written(self):
        environment = {name: value for name, value in os.environ.items() if name != "TRIREME_DURATIONS"}
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([sys.executable, f"{HERE}/measured.py", "name", "unit", "true"], check=True, cwd=directory,
                           env=environment)
            self.assertEqual(os.listdir(directory), [])


if __name__ == "__main__":
    unittest.main()
