"""Adds up what the programs of the fault suite have tried, and fails when that is less than promised.

Usage: count_fault_cases.py DIRECTORY LEAST PROGRAM…; DIRECTORY holds PROGRAM.txt, the names of its cases, one a line."""

import os
import sys

directory, least, *programs = sys.argv[1:]
total = 0
for program in programs:
    path = f"{directory}/{program}.txt"
    if not os.path.exists(path):
        print(f"{program}: no cases (it was skipped, or did not run)")
        continue
    with open(path) as file:
        count = len(set(file.read().splitlines()))
    print(f"{program}: {count}")
    total += count
print(f"{total} distinct cases")
if total < int(least):
    sys.exit(f"{least} are promised")
