"""The peers, each in an environment of its own below .bench/environments: nothing of theirs comes near nmt's."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

CACHE = Path(".bench")
TORCH = "torch==2.13.0"


class Peer(NamedTuple):
    """What pip installs after torch: the peer, and what it imports without asking for it."""

    packages: tuple[str, ...]


PEERS = {
    "huggingface": Peer(("transformers==5.23.0", "ctranslate2==4.8.5", "safetensors")),
    "fairseq": Peer(("fairseq==0.12.2",)),
    "eole": Peer(("eole==0.6.4", "aiohttp")),
    "joeynmt": Peer(("joeynmt==2.3.0", "importlib_metadata", "safetensors")),
}
GUESTS = {"ctranslate2": "huggingface"}  # small enough to live in another's environment


def python(peer: str) -> Path:
    """The interpreter of a peer's environment; it is made if it is not there."""
    peer = GUESTS.get(peer, peer)
    home = CACHE / "environments" / peer
    wanted = hashlib.sha256(repr((TORCH, PEERS[peer])).encode()).hexdigest()
    mark = home / "installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
        _install(home, PEERS[peer])
        mark.write_text(wanted, encoding="utf-8")
    return (home / "bin" / "python").absolute()


def _install(home: Path, peer: Peer) -> None:
    """torch first, and held at its version while the rest comes."""
    print(f"installing {home.name} in {home} (once)", file=sys.stderr, flush=True)
    interpreter = home / "bin" / "python"
    if not interpreter.exists():
        _run([sys.executable, "-m", "venv", str(home)])
    constraints = home / "constraints.txt"
    constraints.write_text(f"{TORCH}\n", encoding="utf-8")
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, TORCH])
    _run([*pip, "-c", str(constraints), *peer.packages])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": ""}, check=False)
    if done.returncode:
        sys.exit(f"could not be installed: {' '.join(command)}")
