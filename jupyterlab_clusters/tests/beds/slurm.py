"""A real Slurm with three nodes on this machine, in a folder and on ports of its own.

Promise: no configuration of the machine is read or written; ends what it began,
by pid, and nothing of a job is left.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import slurmdbd
from .ports import Ports

NODES = ("node1", "node2", "node3")
CPUS = 8
NO_ACCOUNTS = "AccountingStorageType=accounting_storage/none"

CONFIG = """
ClusterName=bed
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={munge}/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
{accounts}
JobCompType=jobcomp/none
KillWait=2
MessageTimeout=5
SlurmdTimeout={node_timeout}
SchedulerParameters=sched_interval=2,bf_interval=2
{nodes}
{more}
PartitionName=long Nodes=node[1-3] Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=node[1-3] MaxTime=00:10:00 State=UP
PartitionName=small Nodes=node[1-3] MaxNodes=1 State=UP
"""


class Slurm:
    """``conf`` is what SLURM_CONF must say. ``accounts`` = with slurmdbd; ``more`` = lines for slurm.conf."""

    def __init__(self, folder: Path, *, node_timeout: int = 10, accounts: bool = False, more: str = "") -> None:
        for program in ("slurmctld", "slurmd", "munged"):
            if shutil.which(program, path=f"{os.environ.get('PATH')}:/usr/sbin") is None:
                raise RuntimeError(f"{program} is not installed; `make test` installs slurm-wlm as root")
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        # Munge wants a folder that everybody may look into, up to the root.
        self._munge = Path(tempfile.mkdtemp(prefix="jlcm"))
        self._munge.chmod(0o755)
        self._accounts = accounts
        # As it is now: what a test sets for itself is not for daemons that outlive it.
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        self._ports = Ports(2 + len(NODES))
        ports = self._ports.numbers
        if accounts:
            slurmdbd.check()
            slurmdbd.write(folder, self._munge, ports[-1])
        host = socket.gethostname()
        nodes = "\n".join(
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory=8000"
            for name, port in zip(NODES, ports[1:], strict=False)
        )
        self.conf.write_text(
            CONFIG.format(
                host=host,
                port=ports[0],
                folder=folder,
                munge=self._munge,
                nodes=nodes,
                node_timeout=node_timeout,
                accounts=slurmdbd.ENFORCED.format(port=ports[-1], munge=self._munge) if accounts else NO_ACCOUNTS,
                more=more,
            )
        )

    def start(self) -> None:
        self._start_munge()
        if self._accounts:
            self._start_accounts()
        self._start_slurm()

    def _start_slurm(self) -> None:
        (self.folder / "state").mkdir()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self._until(self._idle, "idle nodes")

    def start_controller(self) -> None:
        self._daemon("slurmctld", ["/usr/sbin/slurmctld", "-D", "-f", str(self.conf)])

    def start_node(self, node: str) -> None:
        self._daemon(node, ["/usr/sbin/slurmd", "-D", "-N", node, "-f", str(self.conf)])

    def stop_one(self, name: str) -> None:
        """``slurmctld`` or a node's slurmd, as if its machine had gone."""
        daemon = self._daemons.pop(name)
        daemon.send_signal(signal.SIGKILL if name in NODES else signal.SIGTERM)
        daemon.wait(10)

    def says(self, *argv: str) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, env=self.environment, timeout=30)
        return done.stdout

    def jobs(self) -> list[str]:
        """What squeue lists."""
        return self.says("squeue", "-h", "-o", "%i %j %T").splitlines()

    def fill(self, nodes: int = len(NODES), *words: str) -> str:
        """Take that many nodes whole; the number of the job."""
        job = self.says(
            "sbatch", "--parsable", f"--nodes={nodes}", "--exclusive", "--output=/dev/null", *words, "--wrap=sleep 600"
        ).strip()
        self._until(lambda: "RUNNING" in self.says("squeue", "-h", "-j", job, "-o", "%T"), "a full queue")
        return job

    def fresh(self) -> None:
        """For the next test: all daemons run, all nodes are idle, no job is left."""
        if "slurmctld" not in self._daemons:
            self.start_controller()
        self.says("scancel", "--user", pwd.getpwuid(os.getuid()).pw_name)
        for node in NODES:
            if node not in self._daemons:
                self.start_node(node)
        try:
            self._until(lambda: not self.jobs() and self._idle(), "rest", within=8)
        except RuntimeError:
            # A node may wait for minutes until it tells a new slurmctld of what has ended meanwhile.
            self._anew()

    def _anew(self) -> None:
        """Without a memory of jobs."""
        for name in ("slurmctld", *NODES):
            self.stop_one(name)
        shutil.rmtree(self.folder / "state")
        self._start_slurm()

    def _idle(self) -> bool:
        return self.says("sinfo", "-h", "-N", "-p", "long", "-o", "%N %t").count("idle") >= len(NODES)

    def stop(self) -> None:
        if any(node in self._daemons for node in NODES):
            if "slurmctld" not in self._daemons:
                self.start_controller()  # else nobody would end what the nodes run
                self._until(lambda: "UP" in self.says("scontrol", "ping"), "slurmctld")
            self.says("scancel", "--user", pwd.getpwuid(os.getuid()).pw_name)
            with contextlib.suppress(RuntimeError):
                self._until(lambda: all("COMPLETING" in job for job in self.jobs()), "the end of all jobs", within=15)
        for name in reversed(list(self._daemons)):
            daemon = self._daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(5)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._end_steps()
        shutil.rmtree(self._munge, ignore_errors=True)
        self._ports.release()

    def _end_steps(self) -> None:
        """Those whose slurmd was killed would wait for it for a long time."""
        processes = self._processes()
        steps = [pid for pid, (_, command) in processes.items() if command.startswith("slurmstepd")]
        while steps:
            pid = steps.pop()
            steps += [child for child, (parent, _) in processes.items() if parent == pid]
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes(self) -> dict[int, tuple[int, str]]:
        """Parent and command of each that was begun under this configuration."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if f"SLURM_CONF={self.conf}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    found[int(entry.name)] = (parent, (entry / "cmdline").read_bytes().decode(errors="replace"))
        return found

    def _start_munge(self) -> None:
        munge = pwd.getpwnam("munge")
        key = self._munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        for path in (self._munge, key):
            os.chown(path, munge.pw_uid, munge.pw_gid)
        words = [f"--socket={self._munge}/socket", f"--key-file={key}", f"--log-file={self._munge}/log"]
        words += [f"--pid-file={self._munge}/pid", f"--seed-file={self._munge}/seed", "--num-threads=2"]
        self._daemons["munged"] = subprocess.Popen(
            ["/usr/sbin/munged", "--foreground", *words],
            user=munge.pw_uid,
            group=munge.pw_gid,
            extra_groups=[],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._until((self._munge / "socket").exists, "munge")

    def _start_accounts(self) -> None:
        """One account, ``group``, which this user may use."""
        self._daemon("mariadbd", slurmdbd.database(self.folder))
        self._until((self.folder / "database.sock").exists, "database")
        self._daemon("slurmdbd", slurmdbd.daemon(), slurmdbd.environment(self.folder))
        user = pwd.getpwuid(os.getuid()).pw_name
        self._until(lambda: "Cluster" in self.says("sacctmgr", "-P", "show", "cluster"), "accounts")
        for words in (["cluster", "bed"], ["account", "group"], ["user", user, "account=group"]):
            self.says("sacctmgr", "-i", "add", *words)

    def _daemon(self, name: str, argv: list[str], environment: dict[str, str] | None = None) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            env = {**(environment or {}), **self.environment}
            self._daemons[name] = subprocess.Popen(argv, stdout=out, stderr=out, env=env)

    def _until(self, condition: object, what: str, *, within: float = 20) -> None:
        end = time.monotonic() + within
        while not condition():  # type: ignore[operator]
            if time.monotonic() > end:
                logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in self.folder.glob("*.log"))
                raise RuntimeError(f"no {what} within {within} s\n{logs}")
            time.sleep(0.1)


def main() -> None:
    """Up in the folder of the first argument until the input ends; one line of JSON tells where."""
    bed = Slurm(Path(sys.argv[1]))
    try:
        bed.start()
        print(json.dumps({"conf": str(bed.conf)}), flush=True)
        sys.stdin.read()
    finally:
        bed.stop()


if __name__ == "__main__":
    main()
