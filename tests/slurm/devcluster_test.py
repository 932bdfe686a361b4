"""trireme devcluster from outside: nodes with names of their own, preemption, a killed node, links, and nothing left."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import cluster as clusters
from cluster import TRIREME, Cluster


def leftovers(directory):
    """Mounts and processes that name the cluster's directory."""
    mounts = [line for line in open("/proc/mounts") if directory in line]
    processes = subprocess.run(["pgrep", "-af", directory], capture_output=True, text=True).stdout.splitlines()
    return mounts + [line for line in processes if "pgrep" not in line]


def four_nodes(folder):
    with Cluster("--nodes", "4", "--grace", "2") as cluster:
        script = os.path.join(folder, "names.sh")
        with open(script, "w") as file:
            file.write("#!/bin/sh\nmpirun hostname\n")
        log = os.path.join(folder, "names.log")
        job = cluster.sbatch("--nodes=4", "--ntasks-per-node=2", f"--output={log}", script)
        cluster.wait_state(job, "COMPLETED")
        assert sorted(open(log).read().split()) == sorted(["n1", "n2", "n3", "n4"] * 2), open(log).read()
        done = cluster.run("srun", "--nodes=2", "--ntasks-per-node=2", "--mpi=pmix", "hostname")
        assert sorted(done.stdout.split()) == ["n1", "n1", "n2", "n2"], done.stdout

        job = cluster.sbatch("--nodes=2", "--requeue", "--output=/dev/null", "--wrap=sleep 100")
        cluster.wait_state(job, "RUNNING")
        cluster.devcluster("preempt", job, "--seconds", 2)
        cluster.wait(lambda: cluster.job(job).get("Restarts") == "1", 30, "the preempted job's requeue")
        cluster.wait_state(job, "RUNNING", 60)
        cluster.run("scancel", job)

        cluster.devcluster("kill-node", "n4")
        cluster.wait(lambda: cluster.node_state("n4").startswith("down"), 40, "n4 down")
        assert subprocess.run([TRIREME, "devcluster", "status", "--dir", cluster.directory],
                              capture_output=True).returncode == 1
        cluster.devcluster("start-node", "n4")
        cluster.wait(lambda: cluster.node_state("n4") == "idle", 40, "n4 back")

        busy = subprocess.run([TRIREME, "devcluster", "up", "--dir", cluster.directory], capture_output=True, text=True)
        assert busy.returncode == 2 and "is up in" in busy.stderr, busy
        for words, wanted in ((["kill-node", "n9"], "n1 to n4"), (["preempt", "77777"], "77777"),
                              (["cut-link", "n1", "n2"], "--links"), (["kill-nodes", "n1"], "kill-node")):
            options = [] if words[0] == "kill-nodes" else ["--dir", cluster.directory]
            refused = subprocess.run([TRIREME, "devcluster", words[0], *options, *words[1:]], capture_output=True,
                                     text=True)
            assert refused.returncode in (1, 2) and wanted in refused.stderr, (words, refused)

        with Cluster("--nodes", "1") as second:  # side by side
            assert second.run("sinfo", "--noheader", "--partition=low", "--format=%D").stdout.strip() == "1"
            assert cluster.run("sinfo", "--noheader", "--partition=low", "--format=%D").stdout.strip() == "4"
            for one in (cluster, second):  # Open MPI names its shared memory by host and job, which may be the same
                found = one.run("srun", "--nodelist=n1", "sh", "-c", "ls /dev/shm; echo > /dev/shm/segment").stdout
                assert found == "", found
            assert not os.path.exists("/dev/shm/segment")
        sleeper = cluster.sbatch("--nodes=4", "--output=/dev/null", "--wrap=srun sleep 1000")
        cluster.wait_state(sleeper, "RUNNING")
    assert not os.path.exists(cluster.directory)
    assert not leftovers(cluster.directory), leftovers(cluster.directory)
    again = subprocess.run([TRIREME, "devcluster", "down", "--dir", cluster.directory], capture_output=True, text=True)
    assert again.returncode == 0 and "no cluster is up" in again.stdout, again


def reach(cluster, a, b):
    """Whether node a can open a connection to the daemon of node b."""
    number = int(b[1:])
    port = cluster.run("scontrol", "--oneliner", "show", "node", b).stdout.split(" Port=")[1].split()[0]
    connect = f"timeout 2 bash -c 'echo > /dev/tcp/10.99.{cluster.network}.{10 + number}/{port}'"
    return subprocess.run(["nsenter", f"--net={cluster.directory}/ns/{a}.net", "sh", "-c", connect],
                          capture_output=True).returncode == 0


def links():
    with Cluster("--nodes", "3", "--links", "--gpus-per-node", "2") as cluster:
        cluster.network = cluster.run("scontrol", "show", "node", "n1").stdout.split("NodeAddr=10.99.")[1].split(".")[0]
        done = cluster.run("srun", "--nodes=3", "--gres=gpu:2", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        assert done.stdout.split() == ["0,1"] * 3, done.stdout
        assert reach(cluster, "n1", "n2") and reach(cluster, "n1", "n3")
        cluster.devcluster("cut-link", "n1", "n2")
        assert not reach(cluster, "n1", "n2") and not reach(cluster, "n2", "n1")
        assert reach(cluster, "n1", "n3") and reach(cluster, "n3", "n2")
        cluster.devcluster("restore-link", "n2", "n1")
        assert reach(cluster, "n1", "n2") and reach(cluster, "n2", "n1")
    wires = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True).stdout
    assert f"trireme{cluster.network} " not in wires and f"tri{cluster.network}n1" not in wires, wires


def interrupted(folder):
    directory = os.path.join(folder, "interrupted")
    up = subprocess.Popen([TRIREME, "devcluster", "up", "--nodes", "8", "--dir", directory], stderr=subprocess.PIPE)
    while not os.path.exists(os.path.join(directory, "processes")):
        time.sleep(0.001)
    up.terminate()
    _, error = up.communicate(timeout=60)
    if up.returncode == 0:  # it was up before the signal came
        print("the signal came too late to interrupt")
        subprocess.run([TRIREME, "devcluster", "down", "--dir", directory], check=True)
    else:
        assert up.returncode == 75 and b"nothing of it is left" in error, (up.returncode, error)
    assert not os.path.exists(directory) and not leftovers(directory), leftovers(directory)


def killed(folder):
    """What a killed `up` leaves is cleaned up by the next one."""
    directory = os.path.join(folder, "killed")
    up = subprocess.Popen([TRIREME, "devcluster", "up", "--nodes", "2", "--dir", directory], stdout=subprocess.DEVNULL)
    while not os.path.exists(os.path.join(directory, "ns", "n1.uts")):
        time.sleep(0.001)
    up.kill()
    up.wait()
    subprocess.run([TRIREME, "devcluster", "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
    assert not os.path.exists(directory) and not leftovers(directory), leftovers(directory)
    os.mkdir(directory)
    with open(os.path.join(directory, "cluster.json.123.tmp"), "w") as torn:  # killed while it wrote its plan
        torn.write('{"directory": "/var')
    subprocess.run([TRIREME, "devcluster", "up", "--nodes", "1", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([TRIREME, "devcluster", "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
    assert not os.path.exists(directory)
    os.mkdir(directory)
    open(os.path.join(directory, "mine"), "w").close()
    foreign = subprocess.run([TRIREME, "devcluster", "up", "--dir", directory], capture_output=True, text=True)
    assert foreign.returncode == 2 and "no devcluster" in foreign.stderr, foreign
    assert os.path.exists(os.path.join(directory, "mine"))


def for_users(folder):
    """Whatever root's umask is: a user finds the cluster, runs a job on it, and ends nothing."""
    nobody = dict(user=65534, group=65534, extra_groups=[])
    directory = os.path.join(folder, "users")
    os.chmod(folder, 0o755)
    old = os.umask(0o077)
    try:
        subprocess.run([TRIREME, "devcluster", "up", "--nodes", "1", "--dir", directory], check=True, capture_output=True)
    finally:
        os.umask(old)
    try:
        program = os.path.join(folder, "trireme")  # the build may lie where only root comes
        shutil.copy(TRIREME, program)
        home = os.path.join(folder, "home")
        os.mkdir(home)
        os.chown(home, 65534, 65534)
        def call(*words):
            return subprocess.run([program, "devcluster", words[0], "--dir", directory, *words[1:]], cwd=home,
                                  capture_output=True, text=True, timeout=60, **nobody)
        done = call("run", "srun", "--mpi=none", "id", "-u")
        assert done.returncode == 0 and done.stdout.strip() == "65534", done
        done = call("submit", "--wait", "--output=job.log", "--wrap=id -u")
        assert done.returncode == 0 and open(os.path.join(home, "job.log")).read().strip() == "65534", done
        done = call("status")
        assert done.returncode == 0 and "slurmctld" in done.stdout, done
        found = subprocess.run([program, "devcluster", "run", "true"], cwd=home, capture_output=True, text=True, **nobody)
        assert found.returncode == 0 or "trireme-devcluster-0;" in found.stderr, found  # root's place, not one of his own
        for words in (("down",), ("kill-node", "n1"), ("start-node", "n1")):
            done = call(*words)
            assert done.returncode == 2 and "root" in done.stderr, done
        assert open(os.path.join(directory, "etc", "munge.key"), "rb").read() and call("run", "cat", f"{directory}/etc/munge.key").returncode == 1
    finally:
        subprocess.run([TRIREME, "devcluster", "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)


def has_bridge(directory):
    bridges = subprocess.run(["ip", "link", "show", "type", "bridge"], capture_output=True, text=True).stdout
    return f"alias {directory}\n" in bridges


def no_bridge_left(folder):
    """Links that cannot be made leave no bridge; neither does a cluster that was killed while it made them."""
    programs = os.path.join(folder, "programs")
    os.mkdir(programs)
    ip = os.path.join(programs, "ip")
    with open(ip, "w") as file:  # all works but the bridge's address
        file.write(f'#!/bin/sh\n[ "$1" = address ] && {{ echo "no address today" >&2; exit 2; }}\nexec {shutil.which("ip")} "$@"\n')
    os.chmod(ip, 0o755)
    directory = os.path.join(folder, "no-bridge")
    words = [TRIREME, "devcluster", "up", "--nodes", "1", "--links", "--dir", directory]
    failed = subprocess.run(words, capture_output=True, text=True,
                            env=dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}"))
    assert failed.returncode == 1 and "no address today" in failed.stderr, failed
    assert not os.path.exists(directory) and not has_bridge(directory) and not leftovers(directory)
    up = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while not has_bridge(directory):
        time.sleep(0.001)
    up.kill()
    up.wait()
    subprocess.run([TRIREME, "devcluster", "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
    assert not os.path.exists(directory) and not has_bridge(directory) and not leftovers(directory), leftovers(directory)


def unrecorded(folder):
    """A daemon that was started, and its `up` killed before it could write that down, is ended all the same."""
    directory = os.path.join(folder, "unrecorded")
    up = subprocess.Popen([TRIREME, "devcluster", "up", "--nodes", "1", "--dir", directory], stdout=subprocess.DEVNULL)
    while not any("munged" in line for line in leftovers(directory)):
        time.sleep(0.01)
    up.kill()
    up.wait()
    processes = os.path.join(directory, "processes")
    if os.path.exists(processes):
        os.remove(processes)
    subprocess.run([TRIREME, "devcluster", "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
    assert not os.path.exists(directory) and not leftovers(directory), leftovers(directory)


def main():
    clusters.skip_unless_possible("ip", "mpirun")
    with tempfile.TemporaryDirectory(dir=clusters.VAR_TMP) as folder:
        for name, case in (("four nodes", lambda: four_nodes(folder)), ("links", links),
                           ("interrupted", lambda: interrupted(folder)), ("killed", lambda: killed(folder)),
                           ("no bridge left", lambda: no_bridge_left(folder)),
                           ("for users", lambda: for_users(folder)),
                           ("unrecorded", lambda: unrecorded(folder))):
            start = time.monotonic()
            case()
            print(f"{name}: good, {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
