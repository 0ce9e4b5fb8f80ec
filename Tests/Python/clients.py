#!/usr/bin/env python3
"""Clients that prove themselves with keys, by libraries that are not ours, and keys that are fetched."""

import concurrent.futures
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from jwskate import Jwk
from requests_oauth2client import DPoPKey, OAuth2Client, PrivateKeyJwt

import summary
from client_proofs import assertion_fields, load, proof
from environment import module_environment, wait_until
from gateway_client import GRANT, JWT, GatewayClient, exchange_form, get, tool
from log_entries import read_entries
from verify_token import fetch_jwks, verify
from web_server import serve_tls

AUDIENCE = "https://demo-api.acme.example"
READ = tool("crm.read_account", "read")

environment = None


def setUpModule():
    global environment
    environment = module_environment("vault-clients-")
    # An assertion from the second of the start, or from its skew of a second, is refused (docs/integrating.md).
    time.sleep(2.1)


class Case(unittest.TestCase):
    def setUp(self):
        self.gateway = GatewayClient(environment, None)
        self.addCleanup(self.gateway.close)
        self.endpoint = environment["VAULT_URL"] + "/oauth2/token"

    def claims(self, token):
        issuer = environment["VAULT_ISSUER"]
        return verify(token, fetch_jwks(issuer, environment["VAULT_CA"]), issuer, AUDIENCE)[1]

    def form(self, **fields):
        return exchange_form(environment, authorization_details=READ, **fields)

    def nonce(self, form):
        status, body = self.gateway.post(form, headers={"DPoP": proof(environment)})
        self.assertEqual((status, body["error"]), (400, "use_dpop_nonce"))
        return self.gateway.headers["dpop-nonce"]


class Libraries(Case):
    """OAuth client libraries as they are, with the audience set to the issuer."""

    def test_authlib_with_private_key_jwt(self):
        jwk, _ = load(environment["GATEWAY_JWT_JWK"])
        session = OAuth2Session(
            environment["GATEWAY_JWT_CLIENT_ID"], ECKey.import_key(jwk), token_endpoint_auth_method="private_key_jwt")
        session.trust_env = False
        session.register_client_auth_method(
            PrivateKeyJWT(environment["VAULT_ISSUER"], headers={"kid": jwk["kid"]}, alg="ES256"))
        for _ in range(2):
            fields = self.form()
            del fields["grant_type"]
            token = session.fetch_token(self.endpoint, grant_type=GRANT, verify=environment["VAULT_CA"], **fields)
            self.assertEqual(token["token_type"], "Bearer")
            self.assertEqual(self.claims(token["access_token"])["client_id"], "gateway-jwt")

    def client(self, **settings):
        session = requests.Session()
        # Where REQUESTS_CA_BUNDLE is set it would win over `verify`.
        session.trust_env = False
        session.verify = environment["VAULT_CA"]
        if settings.pop("certificate", False):
            session.cert = (environment["GATEWAY_CERT"], environment["GATEWAY_KEY"])
        return OAuth2Client(token_endpoint=self.endpoint, session=session, **settings)

    def exchange(self, client, **settings):
        return client.token_exchange(
            subject_token=environment.user_token(), subject_token_type=JWT, actor_token=environment.agent_token(),
            actor_token_type=JWT, audience=AUDIENCE, authorization_details=READ, **settings)

    def assertions(self):
        return PrivateKeyJwt(
            environment["GATEWAY_JWT_CLIENT_ID"], load(environment["GATEWAY_JWT_JWK"])[0],
            aud=environment["VAULT_ISSUER"])

    def test_requests_oauth2client_with_private_key_jwt(self):
        token = self.exchange(self.client(auth=self.assertions()))
        claims = self.claims(token.access_token)
        self.assertEqual((token.token_type, claims["client_id"]), ("Bearer", "gateway-jwt"))
        self.assertNotIn("cnf", claims)

    def test_requests_oauth2client_with_private_key_jwt_and_dpop(self):
        key = DPoPKey(load(environment["GATEWAY_DPOP_JWK"])[0])
        client = self.client(auth=self.assertions())
        for _ in range(2):
            # The first request learns the nonce and is sent again by the library, the second has it.
            token = self.exchange(client, dpop=True, dpop_key=key)
            self.assertEqual(token.token_type, "DPoP")
            self.assertEqual(self.claims(token.access_token)["cnf"], {"jkt": key.dpop_jkt})

    def test_requests_oauth2client_with_a_certificate_and_dpop(self):
        for algorithm in ("ES256", "PS256", "EdDSA"):
            with self.subTest(algorithm):
                key = DPoPKey(Jwk.generate(alg=algorithm))
                client = self.client(client_id="gateway-mcp", certificate=True)
                token = self.exchange(client, dpop=True, dpop_key=key)
                self.assertEqual(self.claims(token.access_token)["cnf"], {"jkt": key.dpop_jkt})

    def test_metadata_names_what_the_libraries_used(self):
        url = environment["VAULT_ISSUER"] + "/.well-known/oauth-authorization-server"
        document = json.loads(get(environment, url)[1])
        self.assertEqual(document["token_endpoint_auth_methods_supported"], ["tls_client_auth", "private_key_jwt"])
        self.assertIn("ES256", document["token_endpoint_auth_signing_alg_values_supported"])
        self.assertIn("ES256", document["dpop_signing_alg_values_supported"])


class Command(Case):
    """`vault-appliance exchange` as a client of each kind."""

    def exchange(self, *credential):
        folder = environment.directory.parent
        for name, token in (("user", environment.user_token()), ("agent", environment.agent_token())):
            (folder / name).write_text(token)
        return environment.appliance(
            "exchange", "--url", environment["VAULT_URL"], "--ca", environment["VAULT_CA"], *credential,
            "--subject-token-file", folder / "user", "--actor-token-file", folder / "agent", "--audience", AUDIENCE,
            "--tool", "crm.read_account", "--action", "read", "--token-only")

    def test_an_assertion_alone_and_with_a_dpop_key(self):
        assertion = (
            "--client-key", environment["GATEWAY_JWT_JWK"], "--client-id", environment["GATEWAY_JWT_CLIENT_ID"],
            "--issuer", environment["VAULT_ISSUER"])
        done = self.exchange(*assertion)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("cnf", self.claims(done.stdout.strip()))
        done = self.exchange(*assertion, "--dpop-key", environment["GATEWAY_DPOP_JWK"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            self.claims(done.stdout.strip())["cnf"], {"jkt": load(environment["GATEWAY_DPOP_JWK"])[0]["kid"]})

    def test_a_certificate_with_a_dpop_key(self):
        certificate = ("--cert", environment["GATEWAY_CERT"], "--key", environment["GATEWAY_KEY"])
        done = self.exchange(*certificate, "--dpop-key", environment["GATEWAY_DPOP_JWK"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("jkt", self.claims(done.stdout.strip())["cnf"])

    def test_a_life_that_is_asked_for(self):
        certificate = ("--cert", environment["GATEWAY_CERT"], "--key", environment["GATEWAY_KEY"])
        for asked, life in ((10, 10), (100, 100), (1000, 120)):
            done = self.exchange(*certificate, "--expires-in", str(asked))
            self.assertEqual(done.returncode, 0, done.stderr)
            claims = self.claims(done.stdout.strip())
            self.assertEqual(claims["exp"] - claims["iat"], life)
        done = self.exchange(*certificate, "--expires-in", "0")
        self.assertEqual((done.returncode != 0, done.stdout), (True, ""))
        self.assertIn("invalid_request", done.stderr)

    def test_half_a_credential_is_refused_before_anything_is_sent(self):
        for half in ((), ("--cert", environment["GATEWAY_CERT"]), ("--client-key", environment["GATEWAY_JWT_JWK"])):
            done = self.exchange(*half)
            self.assertEqual((done.returncode, done.stdout), (64, ""))


class Once(Case):
    """An assertion and a proof can be used once, whatever happens meanwhile."""

    def test_of_sixteen_at_once_one_wins(self):
        clients = [GatewayClient(environment, None) for _ in range(16)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for _ in range(10):
                form = self.form(**assertion_fields(environment))
                answers = list(pool.map(lambda client: client.post(form), clients))
                self.assertEqual([status for status, _ in answers].count(200), 1)
                self.assertEqual([body.get("error") for _, body in answers].count("invalid_client"), 15)
        for client in clients:
            client.close()

    def test_a_used_proof_is_refused(self):
        nonce = self.nonce(self.form(**assertion_fields(environment)))
        used = proof(environment, nonce)
        answers = [
            self.gateway.post(self.form(**assertion_fields(environment)), headers={"DPoP": used}) for _ in range(2)]
        self.assertEqual([status for status, _ in answers], [200, 400])
        self.assertEqual(answers[1][1]["error"], "invalid_dpop_proof")

    def test_what_was_used_before_a_restart_is_refused_after_it(self):
        used = self.form(**assertion_fields(environment))
        nonce = self.nonce(used)
        proven = proof(environment, nonce)
        self.assertEqual(self.gateway.post(used, headers={"DPoP": proven})[0], 200)
        environment.restart("front")
        self.gateway.close()
        status, body = self.gateway.post(used)
        self.assertIn((status, body["error"]), [(503, "temporarily_unavailable"), (401, "invalid_client")])
        if status == 503:
            self.assertIn(self.gateway.headers["retry-after"], ("1", "2"))
        time.sleep(2.1)
        status, body = self.gateway.post(used)
        self.assertEqual((status, body["error"]), (401, "invalid_client"))
        fresh = self.form(**assertion_fields(environment))
        status, body = self.gateway.post(fresh, headers={"DPoP": proven})
        self.assertEqual((status, body["error"]), (400, "use_dpop_nonce"))
        self.assertEqual(self.gateway.post(fresh)[0], 200)

    def test_every_refusal_is_in_the_log_with_its_cause(self):
        self.gateway.post(self.form(**assertion_fields(environment, aud=self.endpoint)))
        request = self.gateway.headers["x-request-id"]

        def found():
            return [e for e in read_entries(environment["VAULT_LOG_DIR"]) if e.get("request_id") == request]

        wait_until(found, "the log holds the refusal")
        entry = found()[0]
        self.assertEqual((entry["kind"], entry["code"]), ("denied", "invalid_client"))
        self.assertEqual(entry["reason"], "client_assertion: aud does not name this appliance")


class KeyServer:
    """An identity provider's JWKS over HTTPS, with a certificate of its own authority."""

    def __init__(self, folder):
        self.folder, self.document, self.requests = folder, None, 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests += 1
                self.send_response(200 if server.document else 500)
                body = (server.document or "").encode()
                self.send_header("Content-Type", "application/jwk-set+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
             "-out", folder / "ca.pem"],
            check=True, capture_output=True)
        self.http = serve_tls(Handler, folder / "ca.pem", folder / "key.pem")

    @property
    def uri(self):
        return f"https://localhost:{self.http.server_port}/jwks"

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class FetchedKeys(Case):
    """An issuer whose keys come from its jwks_uri."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="key-server-")
        self.addCleanup(folder.cleanup)
        self.server = KeyServer(pathlib.Path(folder.name))
        self.addCleanup(self.server.close)
        self.gateway = GatewayClient(environment)
        self.addCleanup(self.gateway.close)
        config = pathlib.Path(environment["VAULT_CONFIG"])
        kept = config.read_text()
        self.addCleanup(self.reload)
        self.addCleanup(config.write_text, kept)
        location = f'jwks_uri: {self.server.uri}\n    jwks_ca: {folder.name}/ca.pem\n    jwks_refresh: 10s'
        # The first issuer's alone: another has its users sign in at the same place.
        text, count = re.subn(r"jwks_file: idp/idp-jwks\.json", location, kept, count=1)
        self.assertEqual(count, 1)
        config.write_text(text)

    def reload(self):
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)

    def ready(self):
        return json.loads(get(environment, environment["VAULT_OPS_URL"] + "/health/ready")[1])

    def test_an_issuer_without_keys_is_refused_until_they_come(self):
        self.reload()
        wait_until(lambda: any("fault" in s for s in self.ready().get("key_sets", [])), "the fetch has failed")
        status, body = self.gateway.exchange(authorization_details=READ)
        self.assertEqual((status, body["error"]), (503, "temporarily_unavailable"))
        self.assertTrue(self.ready()["ready"])
        self.assertIn("answered 500", self.ready()["key_sets"][0]["fault"])
        metrics = get(environment, environment["VAULT_OPS_URL"] + "/metrics")[1]
        self.assertIn('vault_jwks_usable{kind="issuer",name="corp"} 0', metrics)

        self.server.document = (environment.directory / "idp" / "idp-jwks.json").read_text()
        wait_until(lambda: self.ready()["key_sets"][0]["usable"], "the keys have come")
        self.assertEqual(self.gateway.exchange(authorization_details=READ)[0], 200)

        # A bad answer leaves the keys in force.
        good, self.server.document = self.server.document, '{"keys": []}'
        asked = self.server.requests
        wait_until(lambda: self.server.requests > asked, "the keys were asked for again")
        wait_until(lambda: "fault" in self.ready()["key_sets"][0], "the answer was refused")
        self.assertEqual(self.gateway.exchange(authorization_details=READ)[0], 200)
        self.server.document = good


if __name__ == "__main__":
    summary.run("clients")
