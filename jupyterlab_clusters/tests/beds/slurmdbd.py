"""Slurm's accounts for the bed: a real slurmdbd on a private MariaDB, in a folder and on a port of their own.

Promise: no database of the machine is read or written; nobody but this user can
reach it, as it listens on a socket in that folder only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROGRAMS = {"mariadbd": "/usr/sbin/mariadbd", "slurmdbd": "/usr/sbin/slurmdbd"}
TABLES = Path("/usr/share/mysql/mysql_system_tables.sql")

DATABASE = """
[mariadbd]
datadir={folder}/database
socket={folder}/database.sock
pid-file={folder}/database.pid
skip-networking
skip-grant-tables
user=root
innodb_buffer_pool_size=32M
innodb_log_file_size=8M
innodb_flush_log_at_trx_commit=0
innodb_lock_wait_timeout=900
"""

CONFIG = """
AuthType=auth/munge
AuthInfo=socket={munge}/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageUser=root
StorageLoc=slurm_acct_db
"""

#: What slurm.conf says of it.
ENFORCED = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={munge}/socket
AccountingStorageEnforce=associations,limits,qos
"""


def check() -> None:
    """Raises RuntimeError when something is not installed."""
    for program, path in PROGRAMS.items():
        if shutil.which(path) is None:
            raise RuntimeError(
                f"{program} is not installed; `make test` installs slurmdbd and mariadb-server-core as root"
            )


def write(folder: Path, munge: Path, port: int) -> None:
    """The configuration and an empty database."""
    (folder / "database.cnf").write_text(DATABASE.format(folder=folder))
    config = folder / "slurmdbd.conf"
    config.write_text(CONFIG.format(folder=folder, munge=munge, port=port))
    config.chmod(0o600)
    (folder / "database").mkdir()
    tables = f"create database mysql;\nuse mysql;\n{TABLES.read_text()}\ncreate database slurm_acct_db;\n"
    done = subprocess.run([*database(folder), "--bootstrap"], input=tables, text=True, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"no database: {done.stderr[-2000:]}")


def database(folder: Path) -> list[str]:
    return [PROGRAMS["mariadbd"], f"--defaults-file={folder}/database.cnf"]


def daemon() -> list[str]:
    return [PROGRAMS["slurmdbd"], "-D"]


def environment(folder: Path) -> dict[str, str]:
    """By which slurmdbd finds the database."""
    return {**os.environ, "MYSQL_UNIX_PORT": f"{folder}/database.sock"}
