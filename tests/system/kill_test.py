"""SIGKILL at random moments of a run that saves without pause: no commit is lost, and the next start goes on.

Usage: kill_test.py MPIEXEC SAVE_LOOP [ROUNDS [SEED]]. Each round is a start of the same run, so it also resumes from
what the kill before left. Prints the seed; the moments of a run with the same seed are only nearly the same."""

import random
import sys
import tempfile
import time

import save_runs

MPIEXEC, SAVE_LOOP = sys.argv[1:3]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 20
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else time.time_ns() % 1000000

# who is killed -> ranks; None = mpirun. Ranks 0 and 1 are one node, 2 and 3 the other.
ROLES = {"rank 0": [0], "another writer of rank 0's node": [1], "the first rank of a node": [2],
         "the last rank of a node": [3], "a whole node": [2, 3], "everything": [0, 1, 2, 3], "mpirun": None}


def kill_round(run_directory, ranks, chance, newest):
    """Starts, checks that it resumes from the newest step, kills, waits for the end. The last step that it said to have
    saved."""
    with save_runs.SaveLoop(MPIEXEC, SAVE_LOOP, run_directory, "free") as loop:
        loop.wait_for_ranks()
        if chance.random() < 0.8:  # else while it starts
            assert loop.wait_for("resumed from step ") == f"resumed from step {newest}", loop.said
        if chance.random() < 0.75:
            loop.wait_for("saved ")
        time.sleep(chance.uniform(0, 0.3))
        for process in [loop.mpirun.pid] if ranks is None else [loop.processes[rank] for rank in ranks]:
            save_runs.kill(process)
        loop.wait_for_death()
        assert not any(line.startswith("not saved ") for line in loop.said), loop.said
        return loop.last_saved()


def main():
    print(f"seed {SEED}", flush=True)
    chance = random.Random(SEED)
    cases = []
    with tempfile.TemporaryDirectory() as run_directory:
        newest = 0
        for number in range(ROUNDS):
            role = list(ROLES)[number % len(ROLES)]
            saved = kill_round(run_directory, ROLES[role], chance, newest)
            newest = save_runs.check_newest(run_directory)
            assert newest >= saved, f"step {saved} was said to be saved, the newest is {newest}"
            cases.append(f"kill {number}: {role}")
            print(f"round {number}: {role} killed after step {saved}; step {newest} is whole", flush=True)
        with save_runs.SaveLoop(MPIEXEC, SAVE_LOOP, run_directory, "asked") as loop:
            assert loop.wait_for("resumed from step ") == f"resumed from step {newest}"
            assert loop.ask() == f"saved {newest + 1}"
            loop.mpirun.stdin.close()
            loop.wait_for_death()
            assert loop.mpirun.returncode == 0, loop.said
        save_runs.check_no_leftovers(run_directory)
        assert save_runs.check_newest(run_directory) == newest + 1
    save_runs.report("kill_test", cases)


main()
