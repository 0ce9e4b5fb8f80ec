#!/usr/bin/env python3
"""The restart grace under a real service manager: systemd keeps the PINs in a sealed memfd over a restart, and no longer.

Ends with 77 and a reason where no manager can be had."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import service_manager
import summary
from ceremony_site import Site, appliance
from environment import ROOT, wait_until

UNIT = "vault-core-test.service"
# As long as a restart may take on a busy machine.
GRACE = 30
# What the shipped unit says of all this; the rest is sandboxing, which a user manager cannot do.
KEPT = {
    "Type", "Restart", "RestartSec", "RestartPreventExitStatus", "TimeoutStopSec", "NotifyAccess",
    "FileDescriptorStoreMax", "UMask", "LimitCORE", "StartLimitIntervalSec"}
# Parts of a sandbox that take from the core what it needs: /proc/sys/kernel/random/boot_id, and the user ids of its peers.
HARMFUL = {"ProcSubset=pid", "PrivateUsers=yes"}
directory = tempfile.TemporaryDirectory(prefix="restart-grace-")
site = manager = None


def setUpModule():
    global site
    site = Site(pathlib.Path(directory.name) / "site").initialise()
    dials = {"config_approvals": 0, "unattended_start": False, "restart_grace": f"{GRACE}s", "file_tls_keys": False}
    site.draft(site.plan(dials=dials))
    site.approve()
    if (outcome := site.go_on())["state"] != "completed":
        raise AssertionError(outcome)
    manager.write(UNIT, unit())


def tearDownModule():
    manager.ctl("stop", UNIT)
    (manager.units / UNIT).unlink(missing_ok=True)
    manager.stop()
    directory.cleanup()


def unit():
    """The shipped unit without its sandbox, for this site."""
    sections, found = {"Unit": [], "Service": []}, set()
    section = None
    lines = (ROOT / "hsm-config/systemd/vault-core.service").read_text().splitlines()
    if harm := HARMFUL.intersection(lines):
        raise AssertionError(f"the shipped unit has {harm}")
    for line in lines:
        if heading := re.fullmatch(r"\[(.*)\]", line):
            section = heading[1]
        elif (name := line.partition("=")[0]) in KEPT:
            sections[section].append(line)
            found.add(name)
    if found != KEPT:
        raise AssertionError(f"the shipped unit lacks {KEPT - found}")
    sections["Service"] += [
        f"ExecStart={appliance()} core --config {site.directory}/config.yaml",
        f"Environment=SOFTHSM2_CONF={site.directory}/softhsm2.conf",
        f"StandardOutput=append:{site.directory}/core.log", f"StandardError=append:{site.directory}/core.log"]
    return "".join(f"[{name}]\n" + "".join(line + "\n" for line in lines) for name, lines in sections.items())


def command(*arguments):
    return subprocess.run(
        [appliance(), *map(str, arguments)], capture_output=True, text=True, timeout=300, env=site.variables)


def status():
    try:
        return json.loads(command("status", "--json", "--config", site.directory / "config.yaml").stdout)
    except ValueError:
        return {"state": None}


def state_is(state):
    wait_until(lambda: status()["state"] == state, f"the core is {state}")


def activate():
    """Two custodians, with stock tools."""
    request = pathlib.Path(tempfile.mkdtemp(dir=directory.name)) / "request"
    config = ("--config", site.directory / "config.yaml")
    if (done := command("activate", *config, "--no-wait", "--write", request)).returncode != 0:
        raise AssertionError(done.stderr)
    for name in ("anna", "ben"):
        site.custodians[name].contribute(request / "request.json", site.place / "shares" / f"{name}.age", request)
        if (done := command("activate", *config, "--submit", request / f"{name}.age")).returncode != 0:
            raise AssertionError(done.stderr)
    state_is("active")


def kept():
    return int(manager.show(UNIT, "NFileDescriptorStore"))


def main_process():
    return int(manager.show(UNIT, "MainPID"))


class RestartGrace(unittest.TestCase):
    def test_1_a_restart_within_the_grace_needs_nobody(self):
        manager.run("start", UNIT)
        state_is("sealed")
        activate()
        wait_until(lambda: kept() == 1, "systemd keeps the PINs")
        self.assertLessEqual(status()["activation"]["restart_grace_left"], GRACE)
        manager.run("restart", UNIT)
        state_is("active")
        self.assertEqual(status()["activation"]["activated_by"], "restart-grace")

    def test_2_so_does_a_crash_that_systemd_answers_with_a_restart(self):
        wait_until(lambda: kept() == 1, "systemd keeps the PINs again")
        before = main_process()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: main_process() not in (0, before), "systemd starts it again")
        state_is("active")

    def test_3_after_the_grace_it_is_over(self):
        wait_until(lambda: kept() == 1, "systemd keeps the PINs again")
        manager.write(f"{UNIT}.d/late.conf", f"[Service]\nRestartSec={GRACE + 1}s\n")
        before = main_process()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: main_process() not in (0, before), "systemd starts it again", seconds=GRACE + 120)
        state_is("sealed")
        self.assertIn("restart-grace", " ".join(status()["faults"]))
        wait_until(lambda: kept() == 0, "systemd keeps them no longer")
        (manager.units / f"{UNIT}.d/late.conf").unlink()
        manager.run("daemon-reload")

    def test_4_a_seal_takes_them_back(self):
        activate()
        wait_until(lambda: kept() == 1, "systemd keeps the PINs")
        done = command("seal", "--config", site.directory / "config.yaml", "--key", site.custodians["carla"].key)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until(lambda: kept() == 0, "systemd keeps them no longer")
        manager.run("restart", UNIT)
        state_is("sealed")

    def test_5_a_stop_drops_them(self):
        activate()
        wait_until(lambda: kept() == 1, "systemd keeps the PINs")
        manager.run("stop", UNIT)
        manager.run("start", UNIT)
        state_is("sealed")
        self.assertEqual(kept(), 0)

    def test_6_no_pin_is_in_any_file(self):
        pin = site.final_pin().encode()
        for path in pathlib.Path(directory.name).rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.assertNotIn(pin, path.read_bytes(), path)


if __name__ == "__main__":
    service_manager.enter()
    try:
        manager = service_manager.ServiceManager(directory.name)
    except service_manager.Unavailable as reason:
        print(f"CANNOT RUN: {reason}")
        sys.exit(77)
    summary.run("restart grace")
