"""What is sent to a machine that has nothing of ours: the host agent's own modules, once for each version.

Promise: the first line that reaches the other Python is all that has to fit into
a command; the rest goes by its input. Holds no secret.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
import zlib
from pathlib import Path

HOST = Path(__file__).resolve().parents[2] / "host"

#: The command's own words: reads as many bytes as the first line says, and runs them.
BOOT = "import sys,zlib;i=sys.stdin.buffer;exec(zlib.decompress(i.read(int(i.readline()))))"

LOADER = """
import io, os, stat, sys, zipfile
from pathlib import Path
digest, tag = {digest!r}, {tag!r}
kept = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "jupyterlab-clusters" / digest
def say(line):
    sys.stdout.buffer.write(b"{ready}" + line + b"\\n")
    sys.stdout.buffer.flush()
if sys.version_info < (3, 10):
    import json
    told = ".".join(map(str, sys.version_info[:3]))
    say(json.dumps({{"error": "Python " + told + " is too old there; 3.10 or newer is needed."}}).encode())
    sys.exit(0)
def ours(folder, forbidden):
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & forbidden
# What lies there is run: others must neither write to it nor put another in its place.
if not (ours(kept.parent, 0) and ours(kept, 0o022)):
    import json
    told = "The folder " + str(kept) + " there is not yours alone, so nothing is run from it."
    say(json.dumps({{"error": told}}).encode())
    sys.exit(0)
os.chmod(kept.parent, 0o700)
if (kept / "whole").exists():
    say(b'{{"have": true}}')
else:
    say(b'{{"have": false}}')
    zipped = sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
    with zipfile.ZipFile(io.BytesIO(zipped)) as parcel:
        for name in parcel.namelist():
            new = kept / (name + "." + str(os.getpid()))
            new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_bytes(parcel.read(name))
            new.replace(kept / name)
    (kept / "whole").touch()
sys.path.insert(0, str(kept))
import jupyterlab_clusters
del sys.path[0]
from jupyterlab_clusters.host import relay
relay.main(tag)
"""


@functools.cache
def parcel() -> bytes:
    """A zip of the package as far as agents need it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "jupyterlab_clusters/__init__.py", b"")
        for module in sorted(HOST.glob("*.py")):
            _add(archive, f"jupyterlab_clusters/host/{module.name}", module.read_bytes())
    return whole.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Without the time, so that the same content is the same parcel.
    archive.writestr(zipfile.ZipInfo(name), content)


def loader(tag: str, ready: bytes) -> bytes:
    """The first thing to send, its length ahead."""
    digest = hashlib.sha256(parcel()).hexdigest()[:16]
    return program(LOADER.format(digest=digest, tag=tag, ready=ready.decode()))


def program(source: str) -> bytes:
    """What ``BOOT`` reads and runs; what follows on the input is the program's own."""
    packed = zlib.compress(source.encode())
    return b"%d\n" % len(packed) + packed


def contents() -> bytes:
    """What to send to one that has not got it yet."""
    return b"%d\n" % len(parcel()) + parcel()
