#!/usr/bin/env python3
"""No PIN and no credential in anything the appliance writes or shows: log, output, metrics, status, its processes."""

import pathlib
import unittest

import summary
from environment import module_environment, wait_until
from gateway_client import GatewayClient, get, tool
from gateway_load import READ, identifier

environment = None
secrets = {}


def setUpModule():
    global environment
    environment = module_environment("vault canary ")
    use()
    environment.restart("core")
    use()


def use():
    """Grants, denials and broken requests, each with credentials that must not be seen again."""
    gateway = GatewayClient(environment)
    wait_until(lambda: get(environment, environment["VAULT_OPS_URL"] + "/health/ready")[0] == 200, "the front is ready")
    user, agent = environment.user_token(), environment.agent_token()
    status, body = gateway.exchange(user=user, agent=agent, authorization_details=READ)
    assert status == 200, body
    minted = body["access_token"]
    stranger = environment.user_token(subject="mallory")
    assert gateway.exchange(user=stranger, agent=agent, authorization_details=READ)[0] != 200
    assert gateway.exchange(user=user + "x", agent=agent, authorization_details=READ)[0] != 200
    assert gateway.exchange(user=user, agent=user, authorization_details=tool("crm.delete", "delete"))[0] != 200
    gateway.close()
    for name, token in (("user's token", user), ("agent's token", agent), ("minted", minted), ("stranger", stranger)):
        secrets[f"{name} {len(secrets)}"] = token
        secrets[f"signature of {name} {len(secrets)}"] = token.split(".")[2]
    secrets["PIN"] = environment.pin()
    wait_until(lambda: identifier(body) in tail(), "the entry is in the log")


def tail():
    return environment.appliance("audit", "tail", "--log", environment["VAULT_LOG_DIR"], "-n", "0", "--json").stdout


def found_in(data):
    if isinstance(data, str):
        data = data.encode()
    return [name for name, secret in secrets.items() if secret.encode() in data]


class Canary(unittest.TestCase):
    def test_the_search_finds_what_is_there(self):
        for name, secret in secrets.items():
            self.assertGreaterEqual(len(secret), 16, name)
            self.assertIn(name, found_in(f"before {secret} after"))
        self.assertEqual(found_in(environment.pin()), ["PIN"])

    def test_nothing_is_in_the_log_and_what_lies_beside_it(self):
        log = pathlib.Path(environment["VAULT_LOG_DIR"])
        files = [file for file in log.glob("**/*") if file.is_file()] + [environment.directory / "log.vkey"]
        files += [file for file in (environment.directory / "custody").glob("**/*") if file.is_file()]
        self.assertGreater(len(files), 5)
        for file in files:
            self.assertEqual(found_in(file.read_bytes()), [], file)

    def test_nothing_is_in_what_the_processes_write(self):
        for name in ("core.log", "front.log", "genesis.log", "activation.log"):
            self.assertEqual(found_in((environment.directory / name).read_bytes()), [], name)

    def test_nothing_is_in_command_lines_and_environments(self):
        for name in ("VAULT_PID", "VAULT_CORE_PID"):
            for file in ("cmdline", "environ"):
                try:
                    data = pathlib.Path(f"/proc/{environment[name]}/{file}").read_bytes()
                except PermissionError:
                    continue
                self.assertEqual(found_in(data), [], f"{name} {file}")

    def test_nothing_is_in_metrics_health_status_and_audit_commands(self):
        for path in ("/metrics", "/health/ready", "/health/live"):
            _, body = get(environment, environment["VAULT_OPS_URL"] + path)
            self.assertEqual(found_in(body if isinstance(body, (str, bytes)) else repr(body)), [], path)
        config, log = environment["VAULT_CONFIG"], environment["VAULT_LOG_DIR"]
        for command in (
            ("status", "--config", config, "--json"),
            ("audit", "tail", "--log", log, "-n", "0"),
            ("audit", "export", "--log", log, "--proofs"),
            ("audit", "access", "--config", config),
            ("audit", "verify", "--log", log, "--vkey", environment["VAULT_LOG_VKEY"]),
        ):
            done = environment.appliance(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(found_in(done.stdout + done.stderr), [], command)


if __name__ == "__main__":
    summary.run("canary")
