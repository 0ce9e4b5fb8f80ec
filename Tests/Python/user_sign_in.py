#!/usr/bin/env python3
"""A user signs in at an OpenID provider, and the ID token is exchanged: provider, sign-in and exchange by other people.

The provider is oidc-provider-mock with TLS in front of it, the relying party authlib, the client of the exchange
google-auth. The appliance knows the provider by its jwks_uri alone.
"""

import json
import logging
import os
import pathlib
import re
import secrets
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
import warnings

import google.auth.transport.requests
import google.oauth2.sts
import requests
import werkzeug.serving
from authlib.integrations.requests_client import OAuth2Session
from google.auth.exceptions import OAuthError
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

import summary
from environment import Environment, wait_until
from gateway_client import GRANT, JWT, get
from verify_token import fetch_jwks

with warnings.catch_warnings():
    # It uses a module of authlib's that is on its way out.
    warnings.simplefilter("ignore")
    import oidc_provider_mock
    from oidc_provider_mock import _app as mock

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
PORTAL = "sales-portal"
BACK = "https://portal.acme.example/back"

directory = tempfile.TemporaryDirectory(prefix="vault-sign-in-")
environment = None
provider = None


def header(_, client):
    """The header of an ID token, with the name of its key: the mock leaves it out, and here nothing falls back to it."""
    return {"typ": "JWT", "alg": "RS256", "kid": mock.storage.jwk.as_dict()["kid"]}


mock.OpenIDCode.get_encode_header = header


class Provider:
    """oidc-provider-mock over TLS, with a certificate of its own authority."""

    def __init__(self, folder):
        self.ca = folder / "idp-ca.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "idp-key.pem",
             "-out", self.ca],
            check=True, capture_output=True)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        users = [
            oidc_provider_mock.User(sub=sub, claims={"email": f"{sub}@acme.example", "groups": groups})
            for sub, groups in (("alice", ["sales"]), ("bob", ["kitchen"]))]
        self.server = werkzeug.serving.make_server(
            "localhost", 0, oidc_provider_mock.app(user_claims=users), threaded=True,
            ssl_context=(str(self.ca), str(folder / "idp-key.pem")))
        self.issuer = f"https://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def metadata(self):
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.issuer + "/.well-known/openid-configuration", verify=self.ca, timeout=60).json()

    def sign_in(self, user, client=PORTAL):
        """The user's way through the authorization code flow (OpenID Connect Core section 3.1); the ID token."""
        metadata = self.metadata()
        verifier = secrets.token_urlsafe(48)
        with OAuth2Session(
            client, "secret", scope="openid email", redirect_uri=BACK, code_challenge_method="S256") as portal:
            portal.trust_env, portal.verify = False, str(self.ca)
            url, state = portal.create_authorization_url(
                metadata["authorization_endpoint"], code_verifier=verifier, nonce=secrets.token_urlsafe(16))
            page = portal.get(url, withhold_token=True, timeout=60)
            assert page.status_code == 200 and "form" in page.text, page.text
            answer = portal.post(url, data={"sub": user}, withhold_token=True, allow_redirects=False, timeout=60)
            assert answer.status_code == 302, answer.text
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["location"]).query))
            assert query["state"] == state, query
            token = portal.fetch_token(metadata["token_endpoint"], code=query["code"], code_verifier=verifier)
            return token["id_token"]


def setUpModule():
    global environment, provider
    environment = Environment.up(pathlib.Path(directory.name) / "environment")
    provider = Provider(pathlib.Path(directory.name))
    config = pathlib.Path(environment["VAULT_CONFIG"])
    text = config.read_text()
    # The users' issuer of the development policy is this provider from now on; its tokens are for the portal.
    for old, new in (
        (environment["IDP_ISSUER"], provider.issuer),
        (rf'audiences: \["{re.escape(environment["IDP_AUDIENCE"])}"\]', f"audiences: [{PORTAL}]"),
        (r"algorithms: \[ES256, RS256\]", "algorithms: [RS256]"),
        (r"jwks_file: idp/idp-jwks\.json",
         f"jwks_uri: {provider.metadata()['jwks_uri']}\n    jwks_ca: {provider.ca}\n    jwks_refresh: 10s")):
        text, count = re.subn(old, new, text, count=1)
        assert count == 1, f"the development configuration has no {old}"
    config.write_text(text)
    os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)

    def fetched():
        ready = json.loads(get(environment, environment["VAULT_OPS_URL"] + "/health/ready")[1])
        return any("corp" in keys["owner"] and keys["usable"] for keys in ready.get("key_sets", []))

    wait_until(fetched, "the provider's keys have come")


def tearDownModule():
    provider.server.shutdown()
    environment.down()
    directory.cleanup()


class SignIn(unittest.TestCase):
    def exchange(self, id_token, **fields):
        with requests.Session() as session:
            # Else a CA bundle in the environment takes the place of `verify`.
            session.trust_env = False
            session.verify = environment["VAULT_CA"]
            session.cert = (environment["GATEWAY_CERT"], environment["GATEWAY_KEY"])
            return google.oauth2.sts.Client(environment["VAULT_URL"] + "/oauth2/token").exchange_token(
                google.auth.transport.requests.Request(session), GRANT, id_token, ID_TOKEN,
                audience="https://demo-api.acme.example", actor_token=environment.agent_token(), actor_token_type=JWT,
                **fields)

    def test_who_signed_in_is_the_subject_of_the_token(self):
        answer = self.exchange(provider.sign_in("alice"), scopes=["accounts:read"])
        issuer = environment["VAULT_ISSUER"]
        keys = KeySet.import_key_set(fetch_jwks(issuer, environment["VAULT_CA"]))
        claims = joserfc_jwt.decode(answer["access_token"], keys, algorithms=["ES256"]).claims
        self.assertEqual(
            (claims["iss"], claims["sub"], claims["scope"], claims["act"]["sub"]),
            (issuer, "alice", "accounts:read", "sales-assistant"))

    def test_a_user_of_another_group_is_denied(self):
        with self.assertRaises(OAuthError) as refused:
            self.exchange(provider.sign_in("bob"), scopes=["accounts:read"])
        self.assertIn("access_denied", str(refused.exception))

    def test_a_token_of_the_provider_for_another_client_is_refused(self):
        with self.assertRaises(OAuthError) as refused:
            self.exchange(provider.sign_in("alice", client="other-portal"), scopes=["accounts:read"])
        self.assertIn("invalid_request", str(refused.exception))


if __name__ == "__main__":
    summary.run("user-sign-in")
