"""Training on disks that fail while it writes: it has to end with one error of two lines, leave whole checkpoints, and
go on to the same bits when the disk is mended.

The disks are real ones, kept in memory (tmpfs), in a mount namespace that nobody else sees: of a fixed size, of a fixed
number of files, read-only from some moment on, or gone; and one of btrfs, in an image file, whose quota is used up.
What is limited without a disk is the size of a file (RLIMIT_FSIZE).
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from experiments.exactness import DOCUMENT, Start, damaged, differences, logged, newest, train, trained, write_recipe
from experiments.results import keep_result, known, markdown, measured_at, read_results, write_table

EXPERIMENT, MODEL = "disk_faults", "rnn"
SHORT = {"max_updates": 30, "batch_tokens": 64}
ROOM = "size=256m,nr_inodes=10000"
IMAGE = 256 << 20  # bytes of the image file of a disk of btrfs; it takes what is written
POLL = 0.0005  # seconds between looks at the run directory
INSIDE = "--inside"


class Disk(NamedTuple):
    """A disk of a kind and size, mounted at `path`; what is on it stays at `kept` when it vanishes from there."""

    path: Path
    kept: Path

    @classmethod
    def mounted(cls, folder: Path, options: str = ROOM) -> "Disk":
        """A new one in a folder."""
        disk = cls(folder / "disk", folder / "kept")
        disk.path.mkdir(parents=True)
        disk.kept.mkdir()
        call("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk.kept))
        call("mount", "--bind", str(disk.kept), str(disk.path))
        return disk

    def enlarge(self) -> None:
        call("mount", "-o", f"remount,{ROOM}", str(self.kept))

    def vanish(self) -> None:
        call("umount", "-l", str(self.path))

    def come_back(self) -> None:
        call("mount", "--bind", str(self.kept), str(self.path))

    def freeze(self, folder: Path) -> None:
        """Make a folder of it read-only, for those as well who have it open."""
        call("mount", "--bind", str(folder), str(folder))
        remount = ["mount", "-o", "remount,bind,ro", str(folder)]
        wait(lambda: subprocess.run(remount, check=False, stderr=subprocess.DEVNULL).returncode == 0)  # none writes now

    def used(self) -> tuple[int, int]:
        """Bytes and files on it."""
        about = os.statvfs(self.kept)
        return (about.f_blocks - about.f_bfree) * about.f_frsize, about.f_files - about.f_ffree


def call(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Setting(NamedTuple):
    """The recipe, and a run of it on a sound disk: its directory, and how many bytes and files it took at most."""

    folder: Path
    recipe: Path
    reference: Path
    used: tuple[int, int]


class Trial(NamedTuple):
    """One fault: the disk that it happens on, what is done before training, what breaks it meanwhile, what mends it."""

    options: str = ROOM
    prepare_it: Callable[[Disk, Path], None] = lambda disk, run: None
    break_it: Callable[[Disk, Path], None] = lambda disk, run: None
    mend_it: Callable[[Disk, Path], None] = lambda disk, run: None
    before: Callable[[], None] | None = None


def wait(come: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not come() and time.monotonic() < until:
        time.sleep(POLL)


def while_writing(then: Callable[[Disk, Path], None], disk: Disk, run: Path) -> None:
    """When the second checkpoint is being written."""
    wait(lambda: "saved" in logged(run))
    wait(lambda: any((run / "checkpoints").glob(".writing-*")))
    then(disk, run)


def while_updating(then: Callable[[Disk, Path], None], disk: Disk, run: Path) -> None:
    """Some updates after the first checkpoint."""
    wait(lambda: "saved" in logged(run))
    time.sleep(0.05)
    then(disk, run)


def largest_file(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _enlarge(disk: Disk, _run: Path) -> None:
    disk.enlarge()


def full(setting: Setting) -> Iterator[Trial]:
    """Sizes from a few pages up to all but a page of what a run takes."""
    most = setting.used[0]
    for part in (0.02, 0.1, 0.3, 0.5, 0.8, 0.97):
        yield Trial(f"size={int(most * part) // 4096 * 4096 + 4096}", mend_it=_enlarge)


def no_more_files(setting: Setting) -> Iterator[Trial]:
    """Numbers of files from a few up to all but one of what a run makes."""
    first, last = 3, setting.used[1] - 1
    for step in range(8):
        yield Trial(f"size=256m,nr_inodes={first + step * (last - first) // 7}", mend_it=_enlarge)


def quota(setting: Setting) -> Iterator[Trial]:
    """Quotas from a few pages up to all but a page of what a run takes."""
    for part in (0.02, 0.1, 0.3, 0.5, 0.8, 0.97):
        yield Trial(prepare_it=partial(limit, int(setting.used[0] * part)), mend_it=lift)


def limit(size: int, disk: Disk, run: Path) -> None:
    """Let all runs lie in a subvolume of btrfs that may hold so many bytes."""
    folder, own = disk.path.parent, subvolume(disk)
    own.parent.mkdir()
    with (folder / "image").open("wb") as image:
        image.truncate(IMAGE)
    call("mkfs.btrfs", "--quiet", str(folder / "image"))
    call("mount", "-o", "loop", str(folder / "image"), str(own.parent))
    call("btrfs", "--quiet", "quota", "enable", str(own.parent))
    call("btrfs", "--quiet", "subvolume", "create", str(own))
    call("btrfs", "--quiet", "quota", "rescan", "-w", str(own.parent))
    call("btrfs", "--quiet", "qgroup", "limit", str(size), str(own))
    run.parent.mkdir(parents=True)
    call("mount", "--bind", str(own), str(run.parent))


def lift(disk: Disk, _run: Path) -> None:
    call("btrfs", "--quiet", "qgroup", "limit", "none", str(subvolume(disk)))


def subvolume(disk: Disk) -> Path:
    return disk.path.parent / "btrfs" / "own"


def files_too_large(_setting: Setting) -> Iterator[Trial]:
    """Limits on the size of a file: smaller than each kind of file that there is more to write of."""
    for size in (4_000, 12_000, 40_000):
        yield Trial(before=partial(largest_file, size))


def read_only(_setting: Setting) -> Iterator[Trial]:
    """The run, its checkpoints, or the whole disk turns read-only."""
    for moment in (while_writing, while_updating):
        for place in ("runs/x", "runs/x/checkpoints", "."):
            yield Trial(break_it=partial(moment, partial(freeze, place)), mend_it=partial(thaw, place))


def freeze(place: str, disk: Disk, _run: Path) -> None:
    disk.freeze(disk.path / place)


def thaw(place: str, disk: Disk, _run: Path) -> None:
    call("umount", "-l", str(disk.path / place))


def vanished(_setting: Setting) -> Iterator[Trial]:
    """The disk is unmounted while it is written to, and between two checkpoints; also where it is the run alone."""
    for moment in (while_writing, while_updating):
        gone = partial(moment, lambda disk, run: disk.vanish())
        yield Trial(break_it=gone, mend_it=lambda disk, run: disk.come_back())
        gone = partial(moment, lambda disk, run: call("umount", "-l", str(run)))
        yield Trial(prepare_it=own_mount, break_it=gone, mend_it=own_mount)


def own_mount(disk: Disk, run: Path) -> None:
    """Another folder of the disk is mounted as the run; without it there is an empty one."""
    for folder in (run, disk.path / "elsewhere"):
        folder.mkdir(parents=True, exist_ok=True)
    call("mount", "--bind", str(disk.path / "elsewhere"), str(run))


FAULTS: dict[str, tuple[str, Callable[[Setting], Iterator[Trial]]]] = {
    "full": ("no room left: disks of 6 sizes", full),
    "files": ("no room for another file: disks for 8 numbers of files", no_more_files),
    "quota": ("a quota used up: 6 sizes, on btrfs", quota),
    "limit": ("files that may grow no more (RLIMIT_FSIZE)", files_too_large),
    "read-only": ("turned read-only while training: the run, its checkpoints, the disk", read_only),
    "vanished": ("unmounted while training: amid a checkpoint, between two", vanished),
}


class Outcome(NamedTuple):
    """What came of a fault: the file that the error names, or nothing where training did not notice; what was wrong."""

    named: str
    wrong: str


def main(arguments: list[str] | None = None) -> int:
    """Let disks fail, keep the figures and write the table; 1 where a fault was not survived."""
    parser = argparse.ArgumentParser(prog="scripts/experiments/disk_faults", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}: all if left out")
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if not asked.inside:
        faults = list(known(asked.faults, FAULTS))
        if "quota" in faults and shutil.which("mkfs.btrfs") is None:
            sys.exit("mkfs.btrfs: missing\nhint: install btrfs-progs, or name the faults to try, without quota")
        go_inside(faults)
    wrong = False
    with tempfile.TemporaryDirectory(prefix="nmt-disks-") as folder:
        try:
            setting = sound(Path(folder))
            for name in asked.faults:
                found = attempt(setting, name)
                wrong = wrong or bool(found["wrong"])
                keep_result(EXPERIMENT, name, found)
                write_table(DOCUMENT, EXPERIMENT, table(read_results(EXPERIMENT)))
        finally:
            unmount_all(folder)
    return int(wrong)


def unmount_all(folder: str) -> None:
    """Unmount whatever is mounted below a folder, the last first."""
    places = [line.split()[1] for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
    for place in reversed([place for place in places if place.startswith(f"{folder}/")]):
        call("umount", "-l", place)


def go_inside(faults: list[str]) -> None:
    """Start again in a mount namespace of our own; leave with a message where there can be none."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    probe = 'set -e; d=$(mktemp -d); mount -t tmpfs tmpfs "$d"; umount "$d"; rmdir "$d"'
    if shutil.which("unshare") is None or subprocess.run([*unshare, "sh", "-c", probe], check=False).returncode:
        sys.exit(
            f"disks cannot be mounted here: `{' '.join(unshare)}` or mounting in it is refused\n"
            "hint: run this as root, or where users may make namespaces (sysctl user.max_user_namespaces)"
        )
    os.execvp("unshare", [*unshare, sys.executable, "-m", "experiments.disk_faults", INSIDE, *faults])


def sound(folder: Path) -> Setting:
    """The recipe, and what comes of it on a sound disk."""
    recipe = write_recipe(folder / "text", MODEL, **SHORT)
    disk = Disk.mounted(folder / "sound")
    start = Start(recipe, disk.path / "runs/x", folder / "output", disk.path)
    process, most = train(start), (0, 0)
    while process.poll() is None:
        now = disk.used()
        most = (max(most[0], now[0]), max(most[1], now[1]))
        time.sleep(POLL)
    if process.wait():
        raise RuntimeError(start.output.read_text("utf-8", "replace"))
    print(f"on a sound disk: {most[0]:,} bytes and {most[1]} files at most", flush=True)
    return Setting(folder, recipe, disk.path / "runs/x", most)


def attempt(setting: Setting, fault: str) -> dict[str, Any]:
    """All trials of a fault, and what they came to."""
    outcomes = []
    for number, trial in enumerate(FAULTS[fault][1](setting)):
        outcomes.append(outcome(setting, trial, setting.folder / f"{fault}-{number}"))
        print(f"{fault} {number}: {outcomes[-1].named or 'not noticed'}; {outcomes[-1].wrong or 'well'}", flush=True)
    named = sorted({found.named for found in outcomes if found.named})
    wrong = [found.wrong for found in outcomes if found.wrong]
    refused = sum(bool(found.named) for found in outcomes)
    survived = len(outcomes) - len(wrong)
    return {"trials": len(outcomes), "refused": refused, "survived": survived, "named": named, "wrong": wrong}


def outcome(setting: Setting, trial: Trial, folder: Path) -> Outcome:
    """Train on a disk that fails, mend it, go on, compare."""
    disk = Disk.mounted(folder, trial.options)
    start = Start(setting.recipe, disk.path / "runs/x", folder / "output", disk.path, trial.before)
    trial.prepare_it(disk, start.run)
    process = train(start)
    trial.break_it(disk, start.run)
    code = process.wait(timeout=300)
    said = start.output.read_text("utf-8", "replace")
    trial.mend_it(disk, start.run)
    wrong, kept, length = complaint(code, said, start.run), newest(start.run), len(logged(start.run))
    trained(start._replace(output=folder / "then", before=None))
    if different := differences(setting.reference, start.run):
        wrong = wrong or f"other bits in {', '.join(different)}"
    elif kept and f"step {kept}: training" not in logged(start.run, length):
        wrong = wrong or f"did not go on from update {kept}"
    named = re.search(r"^error: (.+?): ", said, re.MULTILINE)
    shutil.rmtree(start.run, ignore_errors=True)
    return Outcome(kind(named[1], disk) if named else "", wrong)


def complaint(code: int, said: str, run: Path) -> str:
    """What is wrong with how training ended, and with what it left."""
    if damaged(run):
        return damaged(run)[0]
    lines = said.splitlines()
    if code and (code != 2 or "Traceback" in said or not re.search(r"^error: .+\nhint: .+\n\Z", said, re.MULTILINE)):
        return f"exit code {code}: {lines[-3:]}"
    return ""


def kind(path: str, disk: Disk) -> str:
    """A path of this run as it is in any: without its place, hash and number."""
    short = re.sub(r"\.prepared/[0-9a-f]+", ".prepared/HASH", path.removeprefix(f"{disk.path}/"))
    return re.sub(r"step-\d+", "step-N", short)


def table(kept: Mapping[str, Any]) -> str:
    """A row for each fault."""
    rows = []
    for name, (words, _) in FAULTS.items():
        if figures := kept.get(name):
            named = ", ".join(f"`{path}`" for path in figures["named"])
            counts = [str(figures["trials"]), str(figures["refused"])]
            survived, lost = figures["survived"], figures["trials"] - figures["survived"]
            rows.append([words, *counts, f"**{survived}**", f"**{lost}**", named])
    header = ["fault", "times", "ended by an error", "survived", "lost", "the error named"]
    return f"{markdown(header, rows)}\n\n{measured_at(kept.values())}"


if __name__ == "__main__":
    sys.exit(main())
