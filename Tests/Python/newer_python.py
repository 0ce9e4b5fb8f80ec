"""Environments for packages of other people that need a newer Python than some Debian has."""

import pathlib
import shutil
import subprocess
import sys

from environment import ROOT

# What scripts/test takes for "says why, and is no failure".
CANNOT_RUN = 77


def find_python():
    """An interpreter of version 3.12 or later, by its usual names or as pyenv installs it."""
    names = [shutil.which(f"python3.{minor}") for minor in (14, 13, 12)] + [sys.executable]
    names += sorted(map(str, pathlib.Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python")))
    for name in filter(None, names):
        check = [name, "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))"]
        if subprocess.run(check, capture_output=True).returncode == 0:
            return name
    return None


def environment_of(name, package):
    """The environment .venv-NAME of the repository, with what NAME-requirements.txt pins; made once."""
    python = find_python()
    if python is None:
        print(f"CANNOT RUN: {package} needs Python 3.12 or later, and there is none here")
        sys.exit(CANNOT_RUN)
    requirements = ROOT / f"Tests/Python/{name}-requirements.txt"
    folder = ROOT / f".venv-{name}"
    stamp = folder / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, "--require-hashes", "-r", requirements]).returncode != 0:
            print(f"CANNOT RUN: the packages of {requirements.name} cannot be had")
            sys.exit(CANNOT_RUN)
        shutil.copy(requirements, stamp)
    return folder
