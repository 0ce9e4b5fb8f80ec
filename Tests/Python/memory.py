#!/usr/bin/env python3
"""What a core that custodians have activated keeps in its memory, and what it keeps out of other processes' reach.

The PIN, the activation secret and the shares are known here: two custodians together could always tell them. What ceremonies
leave in memory is looked at in memory_ceremonies.py.
"""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import process_memory
import summary
from custodians import combine
from environment import module_environment, wait_until

environment = None


def setUpModule():
    global environment
    environment = module_environment("vault memory ")


def shares():
    """Each custodian's share, as the custodian alone could open it."""
    return {
        name: subprocess.run(
            ["age", "-d", "-i", environment.directory / "custodians" / name / "identity",
             next(environment.directory.glob(f"custody/ceremonies/genesis-*/shares/{name}.age"))],
            check=True, stdout=subprocess.PIPE).stdout
        for name in ("anna", "ben", "carla")}


def secrets():
    """What may lie in locked memory alone, by name."""
    held = shares()
    # A share ends with its salt and its value; what stands before is no secret.
    whole = {f"share of {name}": share[-48:] for name, share in held.items()}
    return whole | {"PIN": environment.pin().encode(), "A": combine([held["anna"], held["carla"]])}


class Memory(unittest.TestCase):
    """Root may read the memory of a process that is not dumpable, if it has CAP_SYS_PTRACE (ptrace(2))."""

    def look(self, variable, wanted):
        try:
            return process_memory.look(environment[variable], wanted)
        except PermissionError:
            self.skipTest("this user may not read another process's memory")

    def assert_kept(self):
        self.assertEqual(self.look("VAULT_CORE_PID", secrets()), ({"PIN"}, []))

    def test_1_what_is_searched_for_is_found(self):
        # Something that is no secret: else the tests below could find nothing whatever is there.
        serial = json.loads((environment.directory / "custody" / "manifests" / "1.json").read_text())["tokens"][0]["serial"]
        found, loose = self.look("VAULT_CORE_PID", {"serial": serial.encode()})
        self.assertTrue(found)
        self.assertTrue(loose)

    def test_2_the_pin_lies_in_locked_memory_alone_and_secret_and_shares_nowhere(self):
        self.assert_kept()

    def test_3_the_front_has_never_had_any_of_it(self):
        self.assertEqual(self.look("VAULT_PID", secrets()), (set(), []))

    def test_4_a_sealed_core_has_forgotten_the_pin_and_an_activated_one_keeps_it_as_before(self):
        key = environment.directory / "custodians" / "anna" / "id_ssh"
        sealed = environment.appliance("seal", "--config", environment["VAULT_CONFIG"], "--key", key)
        self.assertEqual(sealed.returncode, 0, sealed.stderr)
        try:
            self.assertEqual(self.look("VAULT_CORE_PID", secrets()), (set(), []))
        finally:
            environment.activate()
        self.assert_kept()


class Reach(unittest.TestCase):
    """What other processes see of the core in /proc (proc(5))."""

    def process(self):
        return pathlib.Path("/proc") / environment["VAULT_CORE_PID"]

    def test_the_core_leaves_no_core_dump(self):
        limits = (self.process() / "limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_locked_memory_is_counted_and_never_dumped_nor_inherited(self):
        status = (self.process() / "status").read_text()
        locked = int(re.search(r"^VmLck:\s+(\d+) kB$", status, re.MULTILINE).group(1))
        kept = [mapping for mapping in process_memory.mappings(environment["VAULT_CORE_PID"]) if mapping.is_kept]
        self.assertTrue(kept, "no mapping is locked, undumpable and wiped on fork")
        # Nothing that is locked is dumped.
        self.assertEqual(locked, sum(mapping.end - mapping.start for mapping in kept) // 1024)

    def test_a_process_that_may_hold_a_pin_belongs_to_root_in_proc(self):
        """PR_SET_DUMPABLE 0 gives the files in /proc/PID to root, which shows where the process is another user's."""
        if os.getuid() != 0:
            self.assertEqual((self.process() / "mem").stat().st_uid, 0)
            return
        # The core of this test is root's own: doctor, which hardens itself the same way, waits for a PIN as nobody.
        with tempfile.TemporaryDirectory() as place:
            os.chmod(place, 0o755)
            binary = shutil.copy((environment.directory / "run" / "vault-appliance").resolve(), place)
            child, terminal = pty.fork()
            if child == 0:
                os.setgid(process_memory.NOBODY)
                os.setuid(process_memory.NOBODY)
                os.execv(binary, [binary, "doctor", "--module", environment["VAULT_MODULE"], "--token", "x"])
            try:
                wait_until(lambda: b"PIN of" in os.read(terminal, 4096), "doctor asks for a PIN")
                process = pathlib.Path("/proc") / str(child)
                self.assertRegex((process / "status").read_text(), rf"(?m)^Uid:\s+{process_memory.NOBODY}\s")
                self.assertEqual((process / "mem").stat().st_uid, 0)
                self.assertRegex((process / "limits").read_text(), r"Max core file size +0 +0 ")
            finally:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(terminal)

    def test_the_pin_is_in_no_argument_and_no_variable(self):
        pin = environment.pin().encode()
        for name in ["cmdline", "environ"]:
            self.assertNotIn(pin, (self.process() / name).read_bytes())

    def test_no_child_would_inherit_a_file(self):
        """Sockets and polls are the network library's, which does not mark them; what the core itself starts gets one socket alone."""
        leaking = []
        for entry in (self.process() / "fd").iterdir():
            try:
                target = os.readlink(entry)
                information = (self.process() / "fdinfo" / entry.name).read_text()
            except FileNotFoundError:
                continue
            flags = int(re.search(r"^flags:\s+(\d+)$", information, re.MULTILINE).group(1), 8)
            if int(entry.name) > 2 and target.startswith("/") and not flags & os.O_CLOEXEC:
                leaking.append(f"{entry.name} -> {target}")
        self.assertEqual(leaking, [])


if __name__ == "__main__":
    summary.run("memory")
