#!/usr/bin/env python3
"""docs/recovery.md, "The quorum is lost", carried out: gateways move to a new appliance, and no verifier notices.

Both appliances run at once under one issuer. Gateways ask and a resource server with PyJWT's cache verifies throughout.
"""

import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import jwt

import summary
from caching_verifier import CachingVerifier
from client_proofs import assertion_fields
from environment import ROOT, Environment, wait_until
from gateway_client import GatewayClient, exchange_form, get
from gateway_load import READ, GatewayLoad, refusals, verify_log
from party import Party
from web_server import Address, FileServer, server_certificate

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
UNKNOWN = "Unable to find a signing key"
VALUE = "Grau-teurer-Freund-ist-alle-Theorie"
LOST = ("ben", "carla")

directory = tempfile.TemporaryDirectory(prefix="moving-")
PATH = pathlib.Path(directory.name)
address = old = new = party = verifier = site = None
gateways = []
outcome = {}


def setUpModule():
    """An appliance whose issuer leads to its public listener, a sealed secret, somebody on call; then two shares are lost."""
    global address, old, party, verifier
    # Unlike tearDownModule also when something here fails.
    unittest.addModuleCleanup(end)
    address = Address()
    old = Environment.up(PATH / "first", DEV_ISSUER=address.url)
    address.lead_to(urllib.parse.urlsplit(old["VAULT_PUBLIC_URL"]).port)
    party = Party(old, PATH / "party")
    (PATH / "value").touch(mode=0o600)
    (PATH / "value").write_text(VALUE)
    name_on_call()
    seal_secret(old, "anna")
    for name in LOST:
        shutil.rmtree(party.home(name))
    verifier = CachingVerifier(old)


def end():
    for gateway in gateways:
        gateway.stop()
    for environment in filter(None, (new, old)):
        environment.down()
    for server in filter(None, (site, address)):
        server.close()
    directory.cleanup()


def name_on_call():
    """Emil may cut off, on this appliance and on any that has its configuration."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "emil", "-f", PATH / "emil"], check=True)
    signers = PATH / "on-call.signers"
    signers.write_text(f"emil {(PATH / 'emil.pub').read_text()}")
    signers.chmod(0o600)
    config = pathlib.Path(old["VAULT_CONFIG"])
    text, count = re.subn("custody_directory: custody}", f"custody_directory: custody, on_call: {signers}}}", config.read_text())
    assert count == 1, "the development configuration has another core"
    config.write_text(text)
    old.restart("core")
    wait_until(lambda: mints(old), "the front has opened its listeners again")


def seal_secret(environment, name):
    home = environment.directory / "custodians" / name
    return environment.run(
        "secret", "seal", "--config", environment["VAULT_CONFIG"], "--home", home, "--key", home / "id_ssh",
        "--file", PATH / "value", "crm-key")


def cut_off(environment, *subject):
    environment.run(
        "cutoff", "--config", environment["VAULT_CONFIG"], *subject, "--for", "1h", "--reason", "the host was ruled",
        "--key", PATH / "emil")


def status(environment):
    return json.loads(environment.appliance("status", "--json", "--config", environment["VAULT_CONFIG"]).stdout)


def exchange(environment, user="alice"):
    """Status and body of an exchange over a new connection."""
    gateway = GatewayClient(environment)
    try:
        return gateway.exchange(user=environment.user_token(user), authorization_details=READ)
    finally:
        gateway.close()


def mints(environment):
    try:
        return exchange(environment)[0] == 200
    except OSError:
        return False


def token(environment):
    code, body = exchange(environment)
    assert code == 200, body
    return body["access_token"]


def introspect(gateway, text):
    code, body = gateway.post({"token": text}, "/oauth2/introspect")
    assert code == 200, body
    return body["active"]


def publish(environment, name):
    """The key set that an appliance publishes, in a directory of this name."""
    environment.run("publish", PATH / name, "--config", environment["VAULT_CONFIG"])
    return json.loads((PATH / name / ".well-known" / "jwks.json").read_text())["keys"]


def kids(name):
    return {key["kid"] for key in json.loads((PATH / name / ".well-known" / "jwks.json").read_text())["keys"]}


def verified(name):
    """How many tokens of an appliance the resource server has accepted."""
    return sum(verifier.seen[kid] for kid in kids(name))


def document_line(pattern):
    """A command as it stands in the document."""
    return re.search(rf"^ +({pattern})$", (ROOT / "docs" / "recovery.md").read_text(), re.MULTILINE)[1]


def shell(line):
    """What a shell makes of it, where `vault-appliance` is the old one's."""
    path = f"{old.directory / 'run'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=PATH, check=True, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PATH": path}).stdout.strip()


def await_caches():
    """Wait until the slowest verifier has fetched what the issuer's address holds now, one whose fetch was under way too."""
    time.sleep(verifier.lifespan + 10)


def host(name, place="jwks.json"):
    """Put a file in the place of one that is hosted, so that nobody reads half of it."""
    shutil.copy(PATH / name, PATH / "site" / "arriving")
    (PATH / "site" / "arriving").rename(PATH / "site" / ".well-known" / place)


def gateway_at(environment):
    return GatewayLoad(environment, [], connections=1, rest=0.02, take=verifier.take)


class QuorumLost(unittest.TestCase):
    def tearDown(self):
        """Throughout, no gateway was refused anything and no verifier met a key that it did not know.

        That this machine was too busy to answer one in time is no refusal."""
        self.assertEqual(verifier.refused, [])
        for gateway in gateways:
            self.assertEqual(gateway.unexpected, [])
            self.assertEqual(refusals(gateway, *filter(None, (old, new))), [])

    def test_01_the_old_one_goes_on_without_its_quorum(self):
        old.restart("front")
        publish(old, "old")
        gateways.extend(gateway_at(old) for _ in range(3))
        wait_until(lambda: verified("old") > 100, "the old one mints")
        self.assertEqual(status(old)["state"], "active")

    def test_02_a_new_one_of_the_same_issuer_stands_beside_it(self):
        global new
        new = Environment.up(PATH / "second", DEV_BESIDE=str(old.directory), DEV_CUSTODIANS="dave erin frank")
        self.assertEqual(new["VAULT_ISSUER"], old["VAULT_ISSUER"])
        self.assertEqual(status(new)["activation"]["custodians"], ["dave", "erin", "frank"])
        names = {pathlib.Path(each["VAULT_LOG_VKEY"]).read_text().split("+")[0] for each in (old, new)}
        self.assertEqual(len(names), 2, "each log has a name of its own")
        self.assertEqual(verified("old"), sum(verifier.seen.values()))

    def test_03_those_who_are_left_cannot_make_other_custodians(self):
        enrolments = [party.home("anna"), *(new.directory / "custodians" / name for name in ("dave", "erin"))]
        plan = party.plan(
            "rotate-epoch", *(home / "enrolment.json" for home in enrolments), "", "2", "", "false",
            rehearsed=False)
        identifier = re.search(r'"id":"([^"]*)"', party.ceremony("draft", "--json", plan))[1]
        party.sign(identifier, "plan.json", ["anna"])
        said = " ".join(party.ceremony("run", identifier, code=1).split())
        self.assertIn("tooFew: 2 custodians must have approved, 1 have; missing: ben, carla", said)

    def test_04_the_keys_of_both_are_hosted_before_the_new_one_is_used(self):
        global site
        hasty = CachingVerifier(old, lifespan=300)
        hasty.verify(token(old))
        publish(new, "new")
        self.assertEqual(kids("old") & kids("new"), set())
        shell(document_line(r"jq -s .*"))
        shutil.copytree(PATH / "old", PATH / "site")
        host("jwks.json")
        site = FileServer(PATH / "site", *server_certificate(old, PATH))
        address.lead_to(site.port)
        # Who does not wait is refused: the key set that this verifier has is older.
        with self.assertRaisesRegex(jwt.PyJWKClientError, UNKNOWN):
            hasty.verify(token(new))
        await_caches()
        self.assertIn("/.well-known/jwks.json", site.paths)
        self.assertEqual({key.key_id for key in verifier.keys.get_signing_keys()}, kids("old") | kids("new"))
        self.assertIn(verifier.verify(token(new)), kids("new"))
        self.assertIn(verifier.verify(token(old)), kids("old"))

    def test_05_who_is_cut_off_stays_so_when_it_is_said_to_the_new_one(self):
        cut_off(old, "--user", "bob", "--issuer", "corp")
        self.assertEqual(exchange(old, "bob")[1]["error"], "access_denied")
        self.assertEqual(exchange(new, "bob")[0], 200, "cut-offs do not move by themselves")
        listed = old.run("cutoff", "--config", old["VAULT_CONFIG"], "--list")
        self.assertRegex(listed, "user bob of https://idp.acme.example until .* by emil")
        cut_off(new, "--user", "bob", "--issuer", "corp")
        self.assertEqual(exchange(new, "bob")[1]["error"], "access_denied")

    def test_06_gateways_move_one_after_the_other(self):
        for index, gateway in enumerate(gateways):
            gateway.stop()
            gateways[index] = gateway_at(new)
            before = verified("new")
            wait_until(lambda: verified("new") > before + 50, "the new one serves the gateway")
        # Those that look the endpoint up find it, and the keys where they were.
        for name in ("oauth-authorization-server", "openid-configuration"):
            host(f"new/.well-known/{name}", name)
            metadata = json.loads(get(old, f"{address.url}/.well-known/{name}")[1])
            self.assertEqual(metadata["token_endpoint"], f"{new['VAULT_URL']}/oauth2/token")
            self.assertEqual(metadata["jwks_uri"], f"{address.url}/.well-known/jwks.json")
        CachingVerifier(old).verify(token(new))

    def test_07_what_one_knows_the_other_does_not(self):
        """Its own tokens, and the assertions that it has seen."""
        mine, assertion = token(old), assertion_fields(old)
        form = exchange_form(
            old, user=mine, subject_token_type=ACCESS_TOKEN, actor_token=None, actor_token_type=None,
            audience="https://crm.acme.example")
        for environment, is_known in ((old, True), (new, False)):
            gateway, client = GatewayClient(environment), GatewayClient(environment, None)
            self.addCleanup(gateway.close)
            self.addCleanup(client.close)
            self.assertEqual(introspect(gateway, mine), is_known)
            self.assertEqual(gateway.post(form)[0], 200 if is_known else 400)
            answers = [client.exchange(authorization_details=READ, **assertion)[0] for _ in range(2)]
            self.assertEqual(answers, [200, 401], "good once at each")

    def test_08_a_secret_is_sealed_again_from_its_source(self):
        self.assertNotIn("crm-key", new.run("secret", "list", "--config", new["VAULT_CONFIG"]))
        self.assertIn("sealed crm-key, version 1", seal_secret(new, "dave"))
        self.assertRegex(new.run("secret", "list", "--config", new["VAULT_CONFIG"]), "crm-key.*dave")

    def test_09_one_person_seals_the_old_one_and_nothing_comes_from_it(self):
        connection = GatewayClient(old)
        self.addCleanup(connection.close)
        code, body = connection.exchange(authorization_details=READ)
        self.assertEqual(code, 200, body)
        outcome["last"] = body["access_token"]
        old.run("seal", "--config", old["VAULT_CONFIG"], "--key", party.home("anna") / "id_ssh")
        code, body = connection.exchange(authorization_details=READ)
        self.assertEqual((code, body["error"]), (503, "temporarily_unavailable"))
        with self.assertRaises(OSError):
            exchange(old)
        before = verified("new")
        wait_until(lambda: verified("new") > before + 50, "the new one goes on")
        # Its last tokens are good as long as its keys are hosted, and those can still be had.
        verifier.verify(outcome["last"])
        self.assertEqual({key["kid"] for key in publish(old, "again")}, kids("old"))
        self.assertEqual(verify_log(old), "")
        self.ruled(connection)

    def ruled(self, connection):
        """ "Somebody ruled the host", step 1: what the sealed one issued before counts no more where it is asked."""
        self.assertTrue(introspect(connection, outcome["last"]))
        cut_off(old, "--provider", "demo-api")
        self.assertFalse(introspect(connection, outcome["last"]))
        cut_off(old, "--gateway", "gateway-mcp")
        self.assertRegex(
            old.run("cutoff", "--config", old["VAULT_CONFIG"], "--list"), "(?s)gateway-mcp.*demo-api|demo-api.*gateway-mcp")

    def test_10_fewer_than_a_quorum_bring_nothing_back(self):
        request = PATH / "request"
        waiting = subprocess.Popen(
            [old.directory / "run" / "vault-appliance", "activate", "--config", old["VAULT_CONFIG"], "--lifetime", "60s",
             "--write", request],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_until((request / "README").exists, "a request is open")
        party.contribute("anna", request)
        with self.assertRaisesRegex(AssertionError, "anna has contributed already"):
            party.contribute("anna", request)
        self.assertIn("sealed: 1 of 2 contributed, missing ben, carla", status(old)["faults"])
        said = " ".join(waiting.communicate(timeout=600)[0].split())
        self.assertEqual(waiting.returncode, 1)
        self.assertIn("waiting for 1 more of ben, carla; thanks to anna", said)
        self.assertIn("still sealed: the request ran out, or was closed, with 1 more of ben, carla missing", said)
        self.assertIn('docs/recovery.md, "The quorum is lost"', said)
        self.assertEqual(status(old)["state"], "sealed")

    def test_11_when_its_last_token_has_run_out_nobody_believes_it_any_more(self):
        line = document_line(r"vault-appliance audit tail .* jq .*").replace("LOG", old["VAULT_LOG_DIR"])
        end = datetime.datetime.fromisoformat(shell(line)).timestamp()
        wait_until(lambda: time.time() > end, "the last token has run out", seconds=300)
        host("new/.well-known/jwks.json")
        await_caches()
        with self.assertRaisesRegex(jwt.PyJWKClientError, UNKNOWN):
            verifier.verify(outcome["last"])
        before = verified("new")
        wait_until(lambda: verified("new") > before + 50, "tokens of the new one are good")


if __name__ == "__main__":
    summary.run("moving")
