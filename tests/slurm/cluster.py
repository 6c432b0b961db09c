"""A SLURM cluster on this host, for tests: all its daemons, files, keys and ports are its own.

``python -m tests.slurm.cluster FOLDER`` supervises it: prints ``ready``, then kills a node (``kill NAME``) or starts it again
(``start NAME``) for each line it reads, and ends with its standard input or with SIGTERM. Every process of the cluster, jobs
too, is a descendant of the supervisor and is killed with it.
"""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

NODES = ("cpu1", *(f"gpu{number}" for number in range(1, 7)))
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={slurmctld}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=30
CredType=cred/munge
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
# Jobs stay on record for the tests; a busy machine is not a dead node.
MinJobAge=36000
SlurmdTimeout=3600
SlurmctldTimeout=3600
MessageTimeout=100
ReturnToService=2
KillWait=5
OverTimeLimit=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=2,bf_interval=5,batch_sched_delay=0
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
{nodes}
PartitionName=CPUQ Nodes=cpu1 Default=YES MaxTime=7-0 PriorityTier=10
PartitionName=GPUQ Nodes=gpu[1-4] MaxTime=7-0 PriorityTier=10
PartitionName=maintained Nodes=gpu5 MaxTime=7-0 PriorityTier=10
PartitionName=urgent Nodes=gpu6 MaxTime=7-0 PriorityTier=10
PartitionName=preemptible Nodes=gpu6 MaxTime=7-0 PriorityTier=1 PreemptMode=REQUEUE
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 RealMemory=64000"
GPU = " Feature=A100 Gres=gpu:a100:1"


class Cluster:
    """The daemons of a cluster whose files are in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = {"SLURM_CONF": f"{folder}/slurm.conf", "PATH": f"{folder}/bin:{PATH}"}

    def configure(self) -> None:
        """Write the configuration, with a key and ports that nobody else has."""
        with ExitStack() as stack:
            names = ("slurmctld", *NODES)
            listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
            ports = {name: listener.getsockname()[1] for name, listener in zip(names, listeners, strict=True)}
        host = socket.gethostname().split(".")[0]
        for name in ("state", "bin", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir()
        nodes = [NODE.format(name=name, host=host, port=ports[name]) + GPU * (name != "cpu1") for name in NODES]
        text = CONFIGURATION.format(folder=self.folder, host=host, slurmctld=ports["slurmctld"], nodes="\n".join(nodes))
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text("AutoDetect=off\nNodeName=gpu[1-6] Name=gpu Type=a100 File=/dev/null\n")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        (self.folder / "munge.key").write_bytes(secrets.token_bytes(1024))
        (self.folder / "munge.key").chmod(0o400)
        # The executor starts srun without any SLURM_ variable: elsewhere the configuration is in /etc/slurm.
        srun = self.folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)

    def start(self) -> None:
        """Start all daemons, and return when every node is up."""
        munge = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in munge.items()]
        munged = self._spawn("munged", "--foreground", "--force", *options)
        self._until(munged, lambda: self.run("munge", "-n", "-S", f"{self.folder}/munge.socket"))
        slurmctld = self._spawn("slurmctld", "-D")
        self._until(slurmctld, lambda: "UP" in self.run("scontrol", "ping"))
        for node in NODES:
            self.start_node(node)

    def start_node(self, node: str) -> None:
        """Start the daemon of a node, and return when the node is up."""
        slurmd = self._spawn("slurmd", "-D", "-N", node)
        self._until(slurmd, lambda: self.state(node) in ("idle", "mixed", "allocated"))

    def kill_node(self, node: str) -> None:
        """What a power cut does: the node's daemon and its jobs are gone, and SLURM comes to know of it."""
        jobs = set(self.run("squeue", "-h", "-w", node, "-o", "%i").split())
        for process in psutil.Process().children(recursive=True):
            if is_of_node(process, node, jobs):
                process.kill()
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=power")

    def stop(self) -> None:
        """Kill every process of the cluster; orphans became children of this process. Remove its files."""
        while children := psutil.Process().children(recursive=True):
            for process in children:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(children, timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str) -> str:
        """Standard output of a command; empty when it fails."""
        done = subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True)
        return "" if done.returncode else done.stdout

    def state(self, node: str) -> str:
        return self.run("sinfo", "-hN", "-n", node, "-o", "%T").split("\n")[0].rstrip("*")

    def jobs(self, folder: Path) -> list[dict[str, str]]:
        """SLURM's records of all jobs submitted from `folder`, in the order of submission."""
        records = [
            dict(field.split("=", 1) for field in line.split() if "=" in field)
            for line in self.run("scontrol", "-o", "show", "job").splitlines()
        ]
        return [record for record in records if record.get("WorkDir") == str(folder)]

    def _spawn(self, *command: str) -> subprocess.Popen:
        """Start a daemon that dies with this process, even if that is killed."""
        with open(self.folder / "daemons.log", "ab") as log:
            daemon = ["setpriv", "--pdeathsig", "KILL", *command]
            environment = os.environ | self.environment
            return subprocess.Popen(daemon, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _until(self, daemon: subprocess.Popen, condition: Callable[[], object]) -> None:
        def holds() -> object:
            if daemon.poll() is not None:
                raise RuntimeError(f"{daemon.args} ended:\n{(self.folder / 'daemons.log').read_text()}")
            return condition()

        wait_for(holds, str(daemon.args))


def is_of_node(process: psutil.Process, node: str, jobs: set[str]) -> bool:
    """Whether a process is the daemon of `node` or belongs to one of `jobs`, which run there."""
    try:
        command, environment = process.cmdline(), process.environ()
    except psutil.Error:
        return False
    step = any(f"[{job}." in " ".join(command) for job in jobs)
    return step or environment.get("SLURM_JOB_ID") in jobs or ("slurmd" in command[:1] and node in command)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 900) -> None:
    """Return when `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.2)


def supervise(folder: Path) -> None:
    """Run a cluster until standard input ends."""
    pr_set_pdeathsig, pr_set_child_subreaper = 1, 36
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1)
    cluster = Cluster(folder)
    try:
        cluster.configure()
        cluster.start()
        print("ready", flush=True)
        for line in sys.stdin:
            verb, node = line.split()
            {"kill": cluster.kill_node, "start": cluster.start_node}[verb](node)
            print("done", flush=True)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        cluster.stop()


if __name__ == "__main__":
    supervise(Path(sys.argv[1]))
