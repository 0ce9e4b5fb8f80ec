#!/usr/bin/env python3
"""The power fails under load, many times: what a client had received by then is in the log that the disk holds.

The environment lives on an ext4 file system in an image file, and that on XFS. A reflink copy of the image is what a disk
holds at one moment: all that was flushed to it, and nothing of what the kernel still kept in memory. Each copy is mounted
where the original was, a core recovers from it, and the log is checked. Run as root:

    campaign_power.py 50                 no token may be missing
    campaign_power.py 5 --eatmydata      the negative control: without syncs tokens must be missing
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from environment import ROOT, Environment
from gateway_load import GatewayLoad

EATMYDATA = pathlib.Path("/usr/lib/x86_64-linux-gnu/libeatmydata.so")


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


class Disk:
    """An ext4 image on XFS, mounted."""

    def __init__(self, folder):
        self.outer, self.path = folder / "outer", folder / "disk"
        self.image = self.outer / "disk.img"
        for path in (self.outer, self.path):
            path.mkdir()
        outer = folder / "outer.img"
        run("truncate", "-s", "6G", outer)
        run("mkfs.xfs", "-q", "-m", "reflink=1", outer)
        run("mount", "-o", "loop", outer, self.outer)
        run("truncate", "-s", "1G", self.image)
        run("mkfs.ext4", "-q", self.image)
        run("mount", "-o", "loop", self.image, self.path)

    def cut(self):
        """What the disk holds now."""
        copy = self.outer / "copy.img"
        run("cp", "--reflink=always", self.image, copy)
        return copy

    def close(self):
        for path in (self.path, self.outer):
            # The kernel lets go of the last copy's device a moment after it was unmounted.
            for _ in range(50):
                if subprocess.run(["umount", path], stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                print(f"{path} stays mounted", file=sys.stderr)


# In a mount namespace of its own, so that the copy stands where the original does for whoever looks from here. The process
# numbers in the copy are those of the live environment, which must not be touched.
RECOVER = """
set -e
mount -o loop "$1" "$2"
rm -f "$3"/run/*.pid "$3"/run/lock
"$4/dev-restart" "$3" core >&2
"$3/run/vault-appliance" audit verify --log "$5" --vkey "$6" >&2
"$4/dev-down" "$3" >&2
"$7" "$8" "$5"
umount "$2"
"""
# Prints the jti of each mint under the checkpoint.
LIST = "import sys; from log_entries import read_entries\n" \
    "for entry in read_entries(sys.argv[1]):\n    if entry['kind'] == 'mint': print(entry['jti'])"


def recover(disk, copy, environment, script):
    """The tokens that the recovered log of a copy holds, and what went wrong."""
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", RECOVER, "recover", copy, disk.path, environment.directory, ROOT / "scripts",
         environment["VAULT_LOG_DIR"], environment["VAULT_LOG_VKEY"], sys.executable, script],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "Tests" / "Python")})
    return set(done.stdout.split()), "" if done.returncode == 0 else done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=int)
    parser.add_argument("--eatmydata", action="store_true", help="make every sync of the core a lie")
    arguments = parser.parse_args()
    missing, faults, received = [], [], []
    with tempfile.TemporaryDirectory(prefix="power-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        script = folder / "list.py"
        script.write_text(LIST)
        disk = Disk(folder)
        environment = Environment.up(disk.path / "e")
        run("sync")
        if arguments.eatmydata:
            environment.restart("core", {"LD_PRELOAD": str(EATMYDATA)})
        load = GatewayLoad(environment, received, connections=4, pause=0.02)
        try:
            for number in range(1, arguments.images + 1):
                time.sleep(0.3 + random.random())
                held = list(received)
                copy = disk.cut()
                found, problem = recover(disk, copy, environment, script)
                copy.unlink()
                lost = [token for token in held if token not in found]
                if lost:
                    missing.append(f"image {number}: {len(lost)} of {len(held)} tokens are not in the log")
                if problem:
                    faults.append(f"image {number}: {problem}")
        finally:
            load.stop()
            environment.down()
            disk.close()
    for line in missing + faults:
        print(line)
    bad = len(missing) + len(faults)
    print(f"power: {arguments.images} images, {len(received)} tokens received, {bad} violations")
    if arguments.eatmydata:
        sys.exit(0 if bad else "the control found nothing: this campaign cannot see a missing sync")
    sys.exit(1 if bad or not received else 0)


if __name__ == "__main__":
    main()
