"""Reports what the test suite took and judges it by the budgets of its labels.

    durations.py BUDGETS DIRECTORY     the records that tests/support/measured.py wrote into DIRECTORY

Warns above a budget. Exits with 1 only where a label took more than twice its CPU seconds, which a busy machine alone
does not bring about, or has no budget."""

import dataclasses
import glob
import json
import sys

SLOWEST = 20
FAILS_ABOVE = 2  # times the CPU seconds of a budget


@dataclasses.dataclass(frozen=True)
class Record:
    """What one test took, in seconds."""
    name: str
    label: str
    wall: float
    cpu: float


@dataclasses.dataclass(frozen=True)
class Budget:
    """What all tests of a label may take together, in seconds."""
    wall: float
    cpu: float


def parse_budgets(text):
    """Lines of `LABEL WALL CPU`; `#` begins a comment. A label's name -> Budget."""
    budgets = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            label, wall, cpu = words
            budgets[label] = Budget(float(wall), float(cpu))
    return budgets


def totals(records):
    """A label's name -> the sum over its tests, as a Record named for the label; the most CPU seconds first."""
    sums = {}
    for record in records:
        before = sums.get(record.label, Record(record.label, record.label, 0, 0))
        sums[record.label] = Record(record.label, record.label, before.wall + record.wall, before.cpu + record.cpu)
    return dict(sorted(sums.items(), key=lambda item: -item[1].cpu))


def judge(records, budgets):
    """(warnings, failures): one sentence for each label that took more than its budget, or more than twice of it."""
    warnings, failures = [], []
    for label, total in totals(records).items():
        if label not in budgets:
            failures.append(f"label {label} has no budget")
            continue
        budget = budgets[label]
        if total.cpu > FAILS_ABOVE * budget.cpu:
            failures.append(f"label {label} took {total.cpu:.0f} CPU seconds, more than {FAILS_ABOVE} times its budget "
                            f"of {budget.cpu:.0f}")
        elif total.cpu > budget.cpu:
            warnings.append(f"label {label} took {total.cpu:.0f} CPU seconds of {budget.cpu:.0f}")
        if total.wall > budget.wall:
            warnings.append(f"label {label} took {total.wall:.0f} s of {budget.wall:.0f} s")
    return warnings, failures


def report(records, budgets):
    """The lines of the report but the judgement."""
    yield f"durations: the slowest {min(SLOWEST, len(records))} of {len(records)} (wall s, CPU s, label, name)"
    for record in sorted(records, key=lambda record: -record.wall)[:SLOWEST]:
        yield f"{record.wall:8.1f} {record.cpu:8.1f}  {record.label:8s} {record.name}"
    yield "durations: per label (wall s of budget, CPU s of budget, label)"
    for label, total in totals(records).items():
        budget = budgets.get(label, Budget(0, 0))
        yield f"{total.wall:8.1f} of {budget.wall:5.0f} {total.cpu:8.1f} of {budget.cpu:5.0f}  {label}"


def read_records(directory):
    records = []
    for name in glob.glob(f"{glob.escape(directory)}/*.json"):
        with open(name, encoding="utf-8") as file:
            records.append(Record(**json.load(file)))
    return records


def main():
    budgets_file, directory = sys.argv[1:]
    with open(budgets_file, encoding="utf-8") as file:
        budgets = parse_budgets(file.read())
    records = read_records(directory)
    warnings, failures = judge(records, budgets)
    for line in report(records, budgets):
        print(line)
    for sentence in warnings:
        print(f"durations: warning: {sentence} ({budgets_file})")
    for sentence in failures:
        print(f"durations: FAILED: {sentence} ({budgets_file})")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
