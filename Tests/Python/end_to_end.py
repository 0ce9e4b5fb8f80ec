#!/usr/bin/env python3
"""The appliance from outside: a development environment, a gateway of Python's own TLS, tokens verified by PyJWT."""

import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import stat
import subprocess
import tempfile
import threading
import unittest

import jwt

import summary
from environment import Environment, is_alive, wait_until
from gateway_client import GatewayClient, exchange_form, get, tool
from log_entries import read_entries
from verify_token import fetch_jwks, verify

AUDIENCE = "https://demo-api.acme.example"
READ = tool("crm.read_account", "read")
UPDATE = tool("crm.update_opportunity", "update")
BROKEN = (OSError, ssl.SSLError, http.client.HTTPException)

directory = tempfile.TemporaryDirectory(prefix="vault end-to-end ")
environment = None


def setUpModule():
    global environment
    environment = Environment.up(pathlib.Path(directory.name) / "environment")


def tearDownModule():
    pids = [int(environment[name]) for name in ("VAULT_PID", "VAULT_CORE_PID")]
    environment.down()
    left = [pid for pid in pids if is_alive(pid)]
    directory.cleanup()
    if left:
        raise AssertionError(f"dev-down left processes {left}")


def logged(jti):
    """The log's entry for a minted token; waits for the checkpoint that covers it."""
    found = []

    def look():
        found[:] = [entry for entry in read_entries(environment["VAULT_LOG_DIR"]) if entry.get("jti") == jti]
        return found

    wait_until(look, f"the log holds the token {jti}")
    return found[0]


class Case(unittest.TestCase):
    def setUp(self):
        self.gateway = GatewayClient(environment)
        self.addCleanup(self.gateway.close)

    def verified(self, body):
        issuer = environment["VAULT_ISSUER"]
        jwks = fetch_jwks(issuer, environment["VAULT_CA"])
        return verify(body["access_token"], jwks, issuer, AUDIENCE)

    def refused(self, answer, status, code):
        self.assertEqual((answer[0], answer[1].get("error")), (status, code), answer[1])
        self.assertNotIn("access_token", answer[1])


class Contract(unittest.TestCase):
    """What scripts/dev-up leaves for whoever sources DIR/env, and what scripts/dev-down ends."""

    FILES = (
        "VAULT_CA", "GATEWAY_CERT", "GATEWAY_KEY", "STRANGER_CERT", "STRANGER_KEY", "IDP_JWK", "IDP_RSA_JWK", "AGENT_JWK",
        "VAULT_CONFIG", "VAULT_POLICY", "VAULT_ADMIN_SOCKET", "VAULT_LOG_DIR", "VAULT_LOG_VKEY", "SOFTHSM2_CONF",
        "VAULT_MODULE")
    URLS = ("VAULT_URL", "VAULT_PUBLIC_URL", "VAULT_OPS_URL", "VAULT_ISSUER")
    NAMES = (
        "IDP_ISSUER", "IDP_AUDIENCE", "AGENT_ISSUER", "AGENT_AUDIENCE", "VAULT_TOKEN_LABEL", "VAULT_PID", "VAULT_CORE_PID")

    def test_every_variable_is_exported_and_every_path_is_absolute_and_there(self):
        for name in self.FILES:
            with self.subTest(name):
                path = pathlib.Path(environment[name])
                self.assertTrue(path.is_absolute() and path.exists(), path)
        for name in self.URLS:
            self.assertRegex(environment[name], r"^https?://[^/]+$", name)
        for name in self.NAMES:
            self.assertTrue(environment[name], name)
        self.assertTrue(stat.S_ISSOCK(os.stat(environment["VAULT_ADMIN_SOCKET"]).st_mode))
        for name, algorithm in (("IDP_JWK", "ES256"), ("IDP_RSA_JWK", "RS256"), ("AGENT_JWK", None)):
            key = json.loads(pathlib.Path(environment[name]).read_text())
            self.assertTrue(key["kid"] and key["d"], name)
            self.assertIn(algorithm, (None, key.get("alg")), name)
        custodians = {path.name for path in (environment.directory / "custodians").iterdir() if path.is_dir()}
        self.assertLessEqual({"anna", "ben", "carla"}, custodians)

    def test_another_environment_is_ended_without_this_one(self):
        with tempfile.TemporaryDirectory(prefix="vault other ") as place:
            other = Environment.up(pathlib.Path(place) / "other")
            pids = [int(other[name]) for name in ("VAULT_PID", "VAULT_CORE_PID")]
            self.assertTrue(all(is_alive(pid) for pid in pids))
            for url in self.URLS[:3]:
                self.assertNotEqual(other[url], environment[url], "ports are free ones")
            other.down()
            self.assertFalse(any(is_alive(pid) for pid in pids))
        self.assertTrue(all(is_alive(int(environment[name])) for name in ("VAULT_PID", "VAULT_CORE_PID")))


class Grants(Case):
    """Each grant of the environment's policy, verified by a library that is not ours."""

    def check(self, granted, lifetime, **fields):
        status, body = self.gateway.exchange(**fields)
        self.assertEqual(status, 200, body)
        self.assertEqual(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token")
        self.assertEqual((body["token_type"], body["scope"]), ("Bearer", granted))
        self.assertEqual(self.gateway.headers["cache-control"], "no-store")
        header, claims = self.verified(body)
        self.assertEqual(header["alg"], "ES256")
        self.assertEqual((claims["sub"], claims["client_id"], claims["scope"]), ("alice", "gateway-mcp", granted))
        self.assertEqual((claims["act"]["iss"], claims["act"]["sub"]), (environment["AGENT_ISSUER"], "sales-assistant"))
        self.assertEqual(claims["exp"] - claims["iat"], lifetime)
        self.assertLessEqual(body["expires_in"], lifetime)
        entry = logged(claims["jti"])
        self.assertEqual((entry["kind"], entry["custody"], entry["kid"]), ("mint", "quorum config_approvals=0", header["kid"]))
        return body, claims

    def test_reading_an_account(self):
        body, claims = self.check("accounts:read", 60, authorization_details=READ)
        self.assertEqual(claims["authorization_details"][0]["tool"], "crm.read_account")
        self.assertEqual(body["authorization_details"], claims["authorization_details"])

    def test_updating_an_opportunity(self):
        details = tool("crm.update_opportunity", "update", identifier="0065g00000Xyz")
        _, claims = self.check("opportunities:write", 30, authorization_details=details, scope="opportunities:write")
        self.assertEqual(claims["authorization_details"][0]["identifier"], "0065g00000Xyz")

    def test_a_scope_alone(self):
        _, claims = self.check("accounts:read", 60, scope="accounts:read")
        self.assertNotIn("authorization_details", claims)

    def test_a_user_token_signed_with_rsa(self):
        self.check("accounts:read", 60, user=environment.user_token(key="IDP_RSA_JWK"), authorization_details=READ)

    def test_a_resource_in_place_of_the_audience(self):
        self.check("accounts:read", 60, audience=None, resource=f"{AUDIENCE}/accounts/7", authorization_details=READ)

    def test_a_token_that_was_touched_is_not_valid(self):
        _, body = self.gateway.exchange(authorization_details=READ)
        token = body["access_token"]
        head, payload, signature = token.split(".")
        changed = "B" if payload[20] == "A" else "A"
        with self.assertRaises((jwt.PyJWTError, ValueError)):
            self.verified({"access_token": f"{head}.{payload[:20]}{changed}{payload[21:]}.{signature}"})


class Refusals(Case):
    """What is not granted, with its exact status and code."""

    def test_mallory_gets_nothing(self):
        for groups in ([], ["sales"]):
            for fields in ({"authorization_details": READ}, {"authorization_details": UPDATE}, {"scope": "accounts:read"}):
                with self.subTest(groups=groups, **fields):
                    user = environment.user_token("mallory", groups)
                    self.refused(self.gateway.exchange(user=user, **fields), 400, "access_denied")

    def test_alice_outside_her_group_gets_nothing(self):
        user = environment.user_token(groups=["marketing"])
        self.refused(self.gateway.exchange(user=user, authorization_details=READ), 400, "access_denied")

    def test_another_agent_gets_nothing(self):
        agent = environment.agent_token("rogue-assistant")
        self.refused(self.gateway.exchange(agent=agent, authorization_details=READ), 400, "access_denied")

    def test_no_agent_gets_nothing(self):
        form = exchange_form(environment, authorization_details=READ)
        del form["actor_token"], form["actor_token_type"]
        status, body = self.gateway.post(form)
        self.assertIn((status, body.get("error")), [(400, "access_denied"), (400, "invalid_request")])

    def test_another_tool_or_action_gets_nothing(self):
        for details in (tool("crm.delete_account", "delete"), tool("crm.read_account", "update")):
            self.refused(self.gateway.exchange(authorization_details=details), 400, "access_denied")

    def test_more_scope_than_the_rule_has_is_refused(self):
        answer = self.gateway.exchange(authorization_details=READ, scope="accounts:read opportunities:write")
        self.refused(answer, 400, "invalid_scope")

    def test_an_unknown_target_is_refused(self):
        answer = self.gateway.exchange(audience="https://elsewhere.example", authorization_details=READ)
        self.refused(answer, 400, "invalid_target")

    def test_a_user_token_of_yesterday_is_refused(self):
        user = environment.user_token(iat=1_700_000_000, nbf=1_700_000_000, exp=1_700_000_300)
        self.refused(self.gateway.exchange(user=user, authorization_details=READ), 400, "invalid_request")

    def test_a_user_token_for_somebody_else_is_refused(self):
        user = environment.user_token(aud="https://elsewhere.example")
        self.refused(self.gateway.exchange(user=user, authorization_details=READ), 400, "invalid_request")

    def test_an_agents_issuer_vouches_for_no_user(self):
        user = environment.agent_token("alice", groups=["sales"])
        self.refused(self.gateway.exchange(user=user, authorization_details=READ), 400, "invalid_request")

    def test_an_unsigned_user_token_is_refused(self):
        claims = jwt.decode(environment.user_token(), options={"verify_signature": False})
        user = jwt.encode(claims, None, algorithm="none")
        self.refused(self.gateway.exchange(user=user, authorization_details=READ), 400, "invalid_request")

    def test_a_caller_without_a_certificate_is_no_client(self):
        self.refused_client(None)

    def test_a_stranger_of_the_same_ca_is_no_client(self):
        self.refused_client("STRANGER")

    def refused_client(self, certificate):
        caller = GatewayClient(environment, certificate)
        self.addCleanup(caller.close)
        self.refused(caller.exchange(authorization_details=READ), 401, "invalid_client")

    def test_denials_are_in_the_log_with_their_cause(self):
        user = environment.user_token("mallory", ["sales"])
        self.gateway.exchange(user=user, authorization_details=READ)

        def denied():
            entries = read_entries(environment["VAULT_LOG_DIR"])
            return [e for e in entries if e["kind"] == "denied" and e.get("user", {}).get("sub") == "mallory"]

        wait_until(denied, "the log holds the denial")
        self.assertEqual((denied()[-1]["code"], bool(denied()[-1]["reason"])), ("access_denied", True))


class Surroundings(Case):
    """Health, metadata and the command line."""

    def test_health_and_custody(self):
        status, text = get(environment, environment["VAULT_OPS_URL"] + "/health/ready")
        self.assertEqual(status, 200)
        self.assertIn("quorum", text)
        self.assertEqual(get(environment, environment["VAULT_OPS_URL"] + "/health/live")[0], 200)
        self.assertIn("quorum", environment.appliance("status", "--config", environment["VAULT_CONFIG"]).stdout)

    def test_both_metadata_documents_name_the_issuer_and_the_keys(self):
        for name in ("oauth-authorization-server", "openid-configuration"):
            status, text = get(environment, f"{environment['VAULT_ISSUER']}/.well-known/{name}")
            self.assertEqual(status, 200)
            self.assertIn(f'"{environment["VAULT_ISSUER"]}"', text)

    def test_another_pkcs11_program_finds_every_private_key_sensitive_never_extractable_and_local(self):
        pin = environment.pin()
        arguments = ("--module", environment["VAULT_MODULE"], "--token-label", environment["VAULT_TOKEN_LABEL"])
        done = subprocess.run(
            ["pkcs11-tool", *arguments, "--login", "--pin", "env:PIN", "--list-objects", "--type", "privkey"],
            env={"PATH": os.environ["PATH"], "SOFTHSM2_CONF": environment["SOFTHSM2_CONF"], "PIN": pin},
            capture_output=True, text=True, timeout=300)
        keys = done.stdout.split("Private Key Object")[1:]
        labels = {re.search(r"label: +(\S+)", key)[1] for key in keys}
        signing = {"sign-es256", "sign-rs256", "sign-eddsa", "sign-ps256"}
        self.assertEqual(labels, signing | {"checkpoint", "tls-gateway", "tls-public", "kek"}, done.stderr)
        for key in keys:
            self.assertRegex(key, r"Access: +sensitive, always sensitive, never extractable, local")
            self.assertRegex(key, r"Usage: +decrypt\n" if "kek" in key else r"Usage: +sign\n")

    def test_no_secret_is_in_a_log_a_command_line_or_an_environment(self):
        user = environment.user_token()
        _, body = self.gateway.exchange(user=user, authorization_details=READ)
        logged(jwt.decode(body["access_token"], options={"verify_signature": False})["jti"])
        pin = environment.pin()
        secrets = [text.encode() for text in (pin, user, user.split(".")[2], body["access_token"].split(".")[2])]
        files = [path for path in environment.directory.rglob("*") if path.is_file()]
        for name in ("VAULT_PID", "VAULT_CORE_PID"):
            files += [pathlib.Path(f"/proc/{environment[name]}/{what}") for what in ("cmdline", "environ")]
        for path in files:
            content = path.read_bytes()
            self.assertEqual([secret for secret in secrets if secret in content], [], path)

    def test_the_log_verifies(self):
        arguments = ("--log", environment["VAULT_LOG_DIR"], "--vkey", environment["VAULT_LOG_VKEY"])
        done = environment.appliance("audit", "verify", *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_identifier_may_begin_with_a_hyphen(self):
        for command, code in (("prove", 1), ("tail", 0)):
            done = environment.appliance("audit", command, "--log", environment["VAULT_LOG_DIR"], "--jti", "-nobodys")
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual("no entry has this jti" in done.stderr, command == "prove", done.stderr)


class Reload(Case):
    """SIGHUP loads policy, issuers, clients and targets anew."""

    ALGORITHMS = ("RS256", "EdDSA", "PS256")

    def setUp(self):
        super().setUp()
        self.kept = {name: pathlib.Path(environment[name]).read_text() for name in ("VAULT_CONFIG", "VAULT_POLICY")}

    def tearDown(self):
        for name, text in self.kept.items():
            pathlib.Path(environment[name]).write_text(text)
        self.reload()
        wait_until(lambda: self.gateway.exchange(authorization_details=READ)[0] == 200, "the old rules are back")

    def reload(self):
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)

    def change(self, name, old, new):
        text = self.kept[name]
        self.assertIn(old, text)
        pathlib.Path(environment[name]).write_text(text.replace(old, new, 1))

    def test_a_key_of_every_algorithm_signs_what_other_libraries_verify(self):
        targets, rules = "", ""
        for algorithm in self.ALGORITHMS:
            name, audience = f"demo-{algorithm.lower()}", f"https://{algorithm.lower()}.acme.example"
            key = f"sign-{algorithm.lower()}"
            targets += f'  - {{name: {name}, kind: jwt, audience: "{audience}", key: {key}, scopes: ["accounts:read"]}}\n'
            rules += (
                f'  - {{id: {name}, gateways: ["gateway-mcp"], users: {{issuer: corp, any_group: ["sales"]}},'
                f' target: {name}, scopes: ["accounts:read"]}}\n'
            )
        self.change("VAULT_CONFIG", "policy: policy.yaml\n", targets + "policy: policy.yaml\n")
        self.change("VAULT_POLICY", "denials:\n", rules + "denials:\n")
        self.reload()
        issuer = environment["VAULT_ISSUER"]
        for algorithm in self.ALGORITHMS:
            with self.subTest(algorithm):
                audience = f"https://{algorithm.lower()}.acme.example"
                granted = lambda: self.gateway.exchange(audience=audience, scope="accounts:read")
                wait_until(lambda: granted()[0] == 200, "the new rules are in force")
                token = granted()[1]["access_token"]
                header, _ = verify(token, fetch_jwks(issuer, environment["VAULT_CA"]), issuer, audience)
                self.assertEqual(header["alg"], algorithm)

    def test_a_bad_policy_leaves_the_old_one_in_force(self):
        front = environment.directory / "front.log"
        size = front.stat().st_size
        self.change("VAULT_POLICY", "any_group:", "some_group:")
        self.reload()
        wait_until(lambda: "some_group" in front.read_text()[size:], "the log says what is wrong with the file")
        self.assertEqual(self.gateway.exchange(authorization_details=READ)[0], 200)
        # Each fault of the file stands in the one record, and whoever watches sees it too.
        (record,) = [line for line in front.read_text()[size:].splitlines() if "the bundle was not reloaded" in line]
        self.assertIn("some_group", record)
        status, body = get(environment, environment["VAULT_OPS_URL"] + "/health/ready")
        self.assertEqual(status, 200)
        self.assertTrue(any("some_group" in warning for warning in json.loads(body)["warnings"]), body)
        self.assertIn("some_group", environment.run("status", "--config", environment["VAULT_CONFIG"]))
        metrics = lambda: get(environment, environment["VAULT_OPS_URL"] + "/metrics")[1]
        self.assertIn("\nvault_config_last_reload_successful 0\n", metrics())
        pathlib.Path(environment["VAULT_POLICY"]).write_text(self.kept["VAULT_POLICY"])
        self.reload()
        wait_until(lambda: "\nvault_config_last_reload_successful 1\n" in metrics(), "the good one is taken")

    def test_what_needs_a_restart_is_named_with_the_process(self):
        front = environment.directory / "front.log"
        size = front.stat().st_size
        self.change("VAULT_CONFIG", "headroom: 64MiB}", "headroom: 65MiB}\nlimits: {request_timeout: 9s}")
        self.reload()
        said = lambda: [line for line in front.read_text()[size:].splitlines() if "not in force" in line]
        wait_until(lambda: len(said()) == 2, "the front says it of both processes")
        for line, process, field in zip(said(), ("front", "core"), ("limits", "audit")):
            self.assertRegex(line, f"fields={field} .*restart the {process}$")

    def test_a_bad_chain_leaves_the_old_certificate_in_use(self):
        chain = environment.directory / "tls" / "gateway.pem"
        kept, front = chain.read_bytes(), environment.directory / "front.log"
        self.addCleanup(chain.write_bytes, kept)
        for text in (b"no certificate at all", (environment.directory / "tls" / "public.pem").read_bytes()):
            size = front.stat().st_size
            chain.write_bytes(text)
            self.reload()
            wait_until(
                lambda: "a certificate was not reloaded" in front.read_text()[size:], "the log says what is wrong")
            # A new connection, with the old certificate.
            self.gateway.close()
            self.assertEqual(self.gateway.exchange(authorization_details=READ)[0], 200)

    def test_a_user_who_is_denied_by_name_gets_nothing_after_a_reload(self):
        self.change("VAULT_POLICY", 'subjects: ["mallory"]', 'subjects: ["mallory", "alice"]')
        self.reload()
        answer = lambda: self.gateway.exchange(authorization_details=READ)
        wait_until(lambda: answer()[1].get("error") == "access_denied", "the new denial is in force")


class Commands(Case):
    """What people type, and what it says when something is wrong."""

    def config(self, **changes):
        """A copy of the configuration with some texts replaced, beside the original."""
        path = environment.directory / "changed.yaml"
        text = pathlib.Path(environment["VAULT_CONFIG"]).read_text()
        for old, new in changes.values():
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        path.write_text(text)
        self.addCleanup(path.unlink)
        return path

    def test_builds_are_named_by_the_command_by_status_and_by_the_metrics(self):
        version, build = re.fullmatch(r"vault-appliance (\S+) \(([0-9a-f]{64})\)\n", environment.run("--version")).groups()
        said = environment.run("status", "--config", environment["VAULT_CONFIG"])
        self.assertEqual(said.count(f"{version} ({build[:16]})"), 2, said)
        status = json.loads(environment.run("status", "--config", environment["VAULT_CONFIG"], "--json"))
        self.assertEqual((status["build"], status["front"]["build"]), (build, build))
        metrics = get(environment, environment["VAULT_OPS_URL"] + "/metrics")[1]
        for process in ("core", "front"):
            self.assertIn(f'vault_build_info{{process="{process}",version="{version}",build="{build}"}} 1', metrics)

    def test_the_policy_is_explained_by_the_names_it_is_written_in(self):
        asked = ("policy", "explain", "--config", environment["VAULT_CONFIG"], "--user-issuer", "corp", "--agent-issuer",
                 "agents", "--agent", "sales-assistant", "--groups", "sales", "--tool", "crm.read_account", "--action", "read")
        for gateway, target in (("gateway-mcp", "demo-api"), ("spiffe://acme.example/gateway/mcp", AUDIENCE)):
            said = environment.run(*asked, "--user", "alice", "--gateway", gateway, "--target", target)
            self.assertIn("granted by crm-read", said)
        known = ("--user", "alice", "--gateway", "gateway-mcp", "--target", "demo-api")
        for bad in (("--user", "alice", "--gateway", "nobody", "--target", "demo-api"),
                    ("--user", "alice", "--gateway", "gateway-mcp", "--target", "nowhere"),
                    (*known, "--user-issuer", "nobody"), (*known, "--agent-issuer", "nobody"), (*known, "--proven", "nonsense")):
            environment.run(*asked, *bad, code=64)
        denied = (*asked, "--user", "mallory", "--gateway", "gateway-mcp", "--target", "demo-api")
        self.assertIn("(nothing-for-mallory)", environment.run(*denied, code=1).splitlines()[-1])
        report = json.loads(environment.run(*denied, "--json", code=1))
        self.assertEqual((report["decision"], report["code"], report["rule"]), ("refused", "denied_by_rule", "nothing-for-mallory"))
        self.assertIn("crm-read", [rule["id"] for rule in report["rules"]])

    def test_a_configuration_is_checked_with_the_files_it_names(self):
        validate = ("config", "validate", "--json")
        self.assertTrue(json.loads(environment.run(*validate, environment["VAULT_CONFIG"]))["valid"])
        keys = environment.directory / "no-keys.json"
        keys.write_text('{"keys":[{"kty":"oct","k":"AA"}]}')
        self.addCleanup(keys.unlink)
        path = self.config(
            ca=("client_ca: pki/ca.pem", "client_ca: pki/none.pem"), keys=("idp/idp-jwks.json", "no-keys.json"),
            call=("core: {", "core: {on_call: none.signers, "))
        faults = json.loads(environment.run(*validate, path, code=1))["faults"]
        found = {fault["field"]: fault for fault in faults}
        self.assertEqual(set(found), {"listeners.gateway.client_ca", "issuers[0].jwks_file", "core.on_call"})
        self.assertTrue(all(fault["line"] and fault["mend"] for fault in faults), faults)

    def test_certificates_are_shown_without_a_core(self):
        path = self.config(socket=("admin_socket: run/admin.sock", "admin_socket: run/nobody.sock"))
        said = environment.run("tls", "status", "--config", path)
        self.assertEqual(said.count("localhost, 127.0.0.1"), 2, said)
        listeners = [json.loads(line) for line in environment.run("tls", "status", "--config", path, "--json").splitlines()]
        self.assertEqual([listener["listener"] for listener in listeners], ["gateway", "public"])
        self.assertEqual(listeners[0]["certificates"][0]["ip"], ["127.0.0.1"])

    def test_what_is_wrong_is_said_in_words(self):
        config = ("--config", environment["VAULT_CONFIG"])
        nowhere = environment.directory / "nowhere.pem"
        exchange = ("exchange", "--subject-token-file", environment["VAULT_CONFIG"], "--audience", "demo-api")
        gateway = ("--cert", environment["GATEWAY_CERT"], "--key", environment["GATEWAY_KEY"])
        cases = [
            (("tls", "install", *config, "--listener", "gateway", nowhere), 1, "nowhere.pem: cannot be read"),
            (("tls", "install", *config, "--listener", "gateway", environment["VAULT_CA"]), 1, environment["VAULT_CA"]),
            (("tls", "csr", *config, "--listener", "gateway", "--dns", "bad name"), 1, "dns[0]: is no host name"),
            (("publish", *config, "/proc/nowhere"), 1, "/proc/nowhere"),
            ((*exchange, "--url", "https://127.0.0.1:1", "--ca", environment["VAULT_CA"], *gateway), 1, "nothing answers there"),
            ((*exchange, "--url", environment["VAULT_URL"], "--ca", nowhere, *gateway), 1, "--ca: "),
            ((*exchange, "--url", environment["VAULT_URL"], "--ca", environment["GATEWAY_CERT"], *gateway), 1, "TLS handshake failed"),
            ((*exchange, "--url", environment["VAULT_URL"], "--ca", environment["VAULT_CA"], "--cert", nowhere, "--key", nowhere), 1, "--cert: "),
            (("secret", "remove", *config, "nosuch"), 1, "no secret nosuch was ever sealed"),
            (("secret", "seal", *config, "Bad Name"), 64, "a secret's name has"),
            (("activate", *config, "--lifetime", "3y"), 64, "--lifetime"),
            (("cutoff", *config, "--user", "x", "--for", "4y", "--reason", "r", "--key", "k"), 64, "--for"),
            (("cutoff", *config, "--gateway", "x", "--for", "4h", "--reason", "r", "--key", "k"), 64, "has no client x"),
            (("policy", "explain", *config, "--gateway", "gateway-mcp", "--target", "y"), 64, "has no target y"),
            (("ceremony", "plan", *config, "nosuch"), 64, "kinds are genesis"),
            (("custodian", "enrol", "--home", environment.directory / "refused", "Anna"), 64, "a name has 1 to 64"),
            (("config", "approve", *config, "--yes", "--key", environment.directory / "custodians" / "anna" / "id_ssh"), 1, "names nobody who may sign this"),
            (("doctor", "--module", "/nonexistent", "--token", "t"), 1, "/nonexistent"),
        ]
        for arguments, code, words in cases:
            with self.subTest(arguments[:2]):
                said = " ".join(environment.run(*arguments, code=code).split())
                self.assertIn(words, said)
                # Of this program's own: the usage that is no help where it is another command's.
                self.assertNotIn("[--version]", said)
                for raw in ("Error Domain", "NSCocoa", "BoringSSL", ".swift", "/checkouts/"):
                    self.assertNotIn(raw, said)
        self.assertFalse((environment.directory / "refused").exists(), "a refused name leaves no key")


class Load:
    """Gateways that go on asking, each over its own connections, until they are told to stop."""

    def __init__(self, connections=4):
        self.minted, self.unexpected, self.broken = [], [], 0
        self.stopping = threading.Event()
        self.form = exchange_form(environment, authorization_details=READ)
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self):
        gateway = GatewayClient(environment)
        while not self.stopping.is_set():
            try:
                status, body = gateway.post(self.form)
            except BROKEN:
                self.broken += 1
                gateway.close()
                self.stopping.wait(0.02)
                continue
            if status == 200:
                claims = jwt.decode(body["access_token"], options={"verify_signature": False})
                self.minted.append(claims["jti"])
            elif status != 503:
                self.unexpected.append((status, body))
        gateway.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Restarts(Case):
    """Either process may be lost; the other goes on."""

    def test_1_the_front_is_killed_under_load_and_the_core_notices_nothing(self):
        core, front = environment["VAULT_CORE_PID"], environment["VAULT_PID"]
        load = Load()
        self.addCleanup(load.stop)
        wait_until(lambda: len(load.minted) > 20, "tokens are minted")
        environment.kill("VAULT_PID")
        environment.restart("front")
        before = len(load.minted)
        wait_until(lambda: len(load.minted) > before + 20, "tokens are minted again")
        load.stop()
        self.assertEqual(load.unexpected, [])
        self.assertEqual(environment["VAULT_CORE_PID"], core)
        self.assertTrue(is_alive(int(core)))
        self.assertNotEqual(environment["VAULT_PID"], front)
        logged(load.minted[-1])
        known = {entry.get("jti") for entry in read_entries(environment["VAULT_LOG_DIR"])}
        self.assertEqual([jti for jti in load.minted if jti not in known], [])

    def test_2_the_core_is_killed_and_the_front_recovers_by_itself(self):
        front = environment["VAULT_PID"]
        self.assertEqual(self.gateway.exchange(authorization_details=READ)[0], 200)
        environment.kill("VAULT_CORE_PID")
        try:
            status, body = self.gateway.exchange(authorization_details=READ)
            self.assertEqual((status, body.get("error")), (503, "temporarily_unavailable"))
            self.assertIn("retry-after", self.gateway.headers)
        except BROKEN:
            self.gateway.close()
        ready = environment["VAULT_OPS_URL"] + "/health/ready"
        wait_until(lambda: get(environment, ready)[0] == 503, "the front says that it is not ready")
        metrics = get(environment, environment["VAULT_OPS_URL"] + "/metrics")[1]
        self.assertIn("\nvault_core_reachable 0\n", metrics)
        self.assertEqual(re.findall(r"^vault_(?:hsm_|core_(?!reachable)|key_)\S+ .*", metrics, re.MULTILINE), [])
        self.assertEqual(get(environment, environment["VAULT_OPS_URL"] + "/health/live")[0], 200)
        environment.restart("core")
        wait_until(lambda: get(environment, ready)[0] == 200, "the front is ready again")
        self.gateway.close()
        status, body = self.gateway.exchange(authorization_details=READ)
        self.assertEqual(status, 200, body)
        self.verified(body)
        self.assertEqual(environment["VAULT_PID"], front)
        self.assertTrue(is_alive(int(front)))

    def test_3_the_log_is_whole_after_all_that(self):
        arguments = ("--log", environment["VAULT_LOG_DIR"], "--vkey", environment["VAULT_LOG_VKEY"])
        done = environment.appliance("audit", "verify", *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    summary.run("end-to-end")
