#!/usr/bin/env python3
"""Every kind of token from outside: verified by joserfc, PyJWT and jwcrypto, and asked for by other people's clients.

google-auth is Google's client of RFC 8693, agentsts-core that of kagent. Neither they nor the verifiers hold any of the
appliance's code.
"""

import asyncio
import json
import pathlib
import ssl
import time
import unittest
import uuid

import google.auth.transport.requests
import google.oauth2.sts
import httpx
import jwt
import requests
from agentsts.core.client import STSClient, STSConfig
from agentsts.core.client._models import WellKnownConfiguration
from google.auth import identity_pool
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT as JWCryptoToken

import summary
from environment import module_environment, sign, wait_until
from gateway_client import GatewayClient, exchange_form, get, tool
from verify_token import fetch_jwks

JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
TXN_TOKEN = "urn:ietf:params:oauth:token-type:txn_token"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
READ = tool("crm.read_account", "read")

environment = None


def setUpModule():
    global environment
    environment = module_environment("vault kinds ")


def user_of(issuer, key, subject, **claims):
    """A token of another issuer of the environment."""
    return sign(environment[key], environment._claims("IDP", subject) | {"iss": issuer} | claims)


class Case(unittest.TestCase):
    def setUp(self):
        self.gateway = GatewayClient(environment)
        self.addCleanup(self.gateway.close)

    def verified(self, token, typ, audience):
        """Header and claims, by the keys of the issuer's metadata; `typ`, `iss` and `aud` must be exact."""
        issuer = environment["VAULT_ISSUER"]
        keys = KeySet.import_key_set(fetch_jwks(issuer, environment["VAULT_CA"]))
        decoded = joserfc_jwt.decode(token, keys, algorithms=["ES256", "RS256", "PS256", "EdDSA", "Ed25519"])
        claims = joserfc_jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience},
            exp={"essential": True}, iat={"essential": True}, sub={"essential": True}, jti={"essential": True})
        claims.validate(decoded.claims)
        self.assertEqual(decoded.header["typ"], typ)
        return decoded.header, decoded.claims

    def granted(self, **fields):
        status, body = self.gateway.exchange(**fields)
        self.assertEqual(status, 200, body)
        return body

    def refused(self, answer, code):
        self.assertEqual((answer[0], answer[1].get("error")), (400, code), answer[1])
        self.assertNotIn("access_token", answer[1])


class Kinds(Case):
    def test_a_transaction_token(self):
        body = self.granted(audience="trust", authorization_details=READ, requested_token_type=TXN_TOKEN)
        self.assertEqual((body["issued_token_type"], body["token_type"]), (TXN_TOKEN, "N_A"))
        _, claims = self.verified(body["access_token"], "txntoken+jwt", "https://trust.acme.example")
        self.assertEqual((claims["req_wl"], claims["scope"], claims["sub"]), ("gateway-mcp", "accounts:read", "alice"))
        self.assertEqual(claims["tctx"]["authorization_details"], json.loads(READ))
        self.assertNotIn("cnf", claims)

    def test_a_receipt_beside_an_access_token(self):
        body = self.granted(authorization_details=READ, receipt="https://trust.acme.example")
        _, claims = self.verified(body["access_token"], "at+jwt", "https://demo-api.acme.example")
        _, receipt = self.verified(body["receipt"], "txntoken+jwt", "https://trust.acme.example")
        self.assertEqual(receipt["txn"], claims["txn"])
        self.assertEqual(receipt["tctx"]["token"], {"aud": claims["aud"], "jti": claims["jti"]})

    def test_three_libraries_read_the_same_in_it(self):
        keys = fetch_jwks(environment["VAULT_ISSUER"], environment["VAULT_CA"])
        for audience, typ, name in (
            ("demo-api", "at+jwt", "https://demo-api.acme.example"), ("aws", "JWT", "sts.amazonaws.com")):
            token = self.granted(audience=audience, authorization_details=READ)["access_token"]
            header, claims = self.verified(token, typ, name)
            key = next(jwt.PyJWK.from_dict(key) for key in keys["keys"] if key["kid"] == header["kid"])
            self.assertEqual(jwt.decode(token, key.key, algorithms=[header["alg"]], audience=name), claims)
            other = JWCryptoToken(jwt=token, key=JWKSet.from_json(json.dumps(keys)), algs=[header["alg"]])
            self.assertEqual(json.loads(other.claims), claims)

    def test_an_identity_assertion(self):
        body = self.granted(audience=None, resource="https://api.chat.example/rooms", requested_token_type=ID_JAG)
        self.assertEqual((body["issued_token_type"], body["token_type"]), (ID_JAG, "N_A"))
        _, claims = self.verified(body["access_token"], "oauth-id-jag+jwt", "https://auth.chat.example")
        self.assertEqual((claims["client_id"], claims["scope"]), ("vault-at-chat", "chat:write"))
        self.assertEqual((claims["resource"], claims["exp"] - claims["iat"]), ("https://api.chat.example/rooms", 300))

    def test_a_token_for_aws(self):
        body = self.granted(audience="aws", authorization_details=READ)
        header, claims = self.verified(body["access_token"], "JWT", "sts.amazonaws.com")
        self.assertEqual((header["alg"], claims["sub"]), ("RS256", "acme:alice"))
        self.assertEqual(claims["https://aws.amazon.com/tags"], {
            "principal_tags": {"User": ["alice"], "Tool": ["crm.read_account"]}, "transitive_tag_keys": ["User"]})
        self.assertEqual(claims["sub_id"], {"format": "iss_sub", "iss": environment["IDP_ISSUER"], "sub": "alice"})
        self.assertNotIn("cnf", claims)

    def test_tokens_for_google_entra_and_snowflake(self):
        google = "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/agents/providers/vault"
        for name, audience, subject in (
            ("google", google, "alice"), ("entra", "api://AzureADTokenExchange", "sales-assistant"),
            ("snowflake", "snowflakecomputing.com", "alice/sales-assistant")):
            with self.subTest(name):
                _, claims = self.verified(self.granted(audience=name)["access_token"], "JWT", audience)
                self.assertEqual(claims["sub"], subject)

    def test_what_federations_read_names_the_issuer_and_the_keys(self):
        status, text = get(environment, environment["VAULT_ISSUER"] + "/.well-known/openid-configuration")
        document = json.loads(text)
        self.assertEqual((status, document["issuer"]), (200, environment["VAULT_ISSUER"]))
        self.assertIn("RS256", document["id_token_signing_alg_values_supported"])
        self.assertEqual(document["subject_types_supported"], ["public"])

    def test_the_openapi_document_is_served(self):
        status, text = get(environment, environment["VAULT_PUBLIC_URL"] + "/openapi.json")
        self.assertEqual((status, json.loads(text)["openapi"]), (200, "3.1.1"))
        self.assertIn("/oauth2/token", json.loads(text)["paths"])


class Delegation(Case):
    def test_a_client_asks_for_itself(self):
        status, body = self.gateway.post({"grant_type": "client_credentials", "audience": "demo-api"})
        self.assertEqual(status, 200, body)
        _, claims = self.verified(body["access_token"], "at+jwt", "https://demo-api.acme.example")
        self.assertEqual((claims["sub"], claims["client_id"]), ("client:gateway-mcp", "gateway-mcp"))
        self.refused(self.gateway.post({"grant_type": "client_credentials", "audience": "aws"}), "access_denied")

    def test_a_token_of_ours_is_handed_on_for_less(self):
        first = self.granted(authorization_details=READ)["access_token"]
        form = {"subject_token": first, "subject_token_type": ACCESS_TOKEN, "actor_token": None,
                "actor_token_type": None, "audience": "https://crm.acme.example"}
        body = self.granted(**form)
        _, claims = self.verified(body["access_token"], "at+jwt", "https://crm.acme.example")
        _, before = self.verified(first, "at+jwt", "https://demo-api.acme.example")
        self.assertEqual((claims["txn"], claims["act"]), (before["txn"], before["act"]))
        self.assertLessEqual(claims["exp"], before["exp"])
        wider = tool("crm.update_opportunity", "update")
        self.refused(self.gateway.exchange(**form, authorization_details=wider), "invalid_authorization_details")
        self.refused(self.gateway.exchange(**form, scope="accounts:read opportunities:write"), "invalid_scope")

    def test_a_users_token_that_names_the_agent(self):
        act = {"iss": environment["AGENT_ISSUER"], "sub": "sales-assistant"}
        user = user_of(environment["DESK_ISSUER"], "IDP_JWK", "dora", act=act)
        form = exchange_form(environment, user, actor_token=None, actor_token_type=None)
        status, body = self.gateway.post(form)
        self.assertEqual(status, 200, body)
        _, claims = self.verified(body["access_token"], "at+jwt", "https://demo-api.acme.example")
        self.assertEqual((claims["sub"], claims["act"]), ("desk:dora", act))
        self.refused(self.gateway.post(exchange_form(environment, user)), "invalid_request")

    def test_a_partners_assertion_is_redeemed_once(self):
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
        answers = []

        def redeemed():
            # Just after a start an assertion could have been used before it: then a later one is asked for.
            form["assertion"] = self.assertion()
            answers.append(self.gateway.post(form))
            return answers[-1][0] != 503

        wait_until(redeemed, "an assertion is younger than the front")
        status, body = answers[-1]
        self.assertEqual(status, 200, body)
        _, claims = self.verified(body["access_token"], "at+jwt", "https://demo-api.acme.example")
        self.assertEqual((claims["sub"], claims["scope"]), ("partner:pat", "accounts:read"))
        self.refused(self.gateway.post(form), "invalid_grant")

    def assertion(self):
        now = int(time.time())
        jwk = json.loads(pathlib.Path(environment["PARTNER_JWK"]).read_text())
        claims = {
            "iss": environment["PARTNER_ISSUER"], "sub": "pat", "aud": environment["IDP_AUDIENCE"], "iat": now,
            "exp": now + 300, "jti": str(uuid.uuid4()), "client_id": "gateway-mcp", "scope": "accounts:read",
            "resource": "https://demo-api.acme.example/"}
        headers = {"kid": jwk["kid"], "typ": "oauth-id-jag+jwt"}
        return jwt.encode(claims, jwt.PyJWK.from_dict(jwk).key, algorithm=jwk["alg"], headers=headers)


class OtherClients(Case):
    """Clients that others wrote."""

    def session(self):
        session = requests.Session()
        # Else a CA bundle in the environment takes the place of `verify`.
        session.trust_env = False
        session.verify = environment["VAULT_CA"]
        session.cert = (environment["GATEWAY_CERT"], environment["GATEWAY_KEY"])
        self.addCleanup(session.close)
        return session

    def test_googles_client_of_token_exchange(self):
        client = google.oauth2.sts.Client(environment["VAULT_URL"] + "/oauth2/token")
        answer = client.exchange_token(
            google.auth.transport.requests.Request(self.session()),
            "urn:ietf:params:oauth:grant-type:token-exchange", environment.user_token(), JWT,
            audience="demo-api", scopes=["accounts:read"], requested_token_type=ACCESS_TOKEN,
            actor_token=environment.agent_token(), actor_token_type=JWT)
        _, claims = self.verified(answer["access_token"], "at+jwt", "https://demo-api.acme.example")
        self.assertEqual((claims["sub"], claims["scope"]), ("alice", "accounts:read"))

    def test_googles_external_account_credential(self):
        act = {"iss": environment["AGENT_ISSUER"], "sub": "sales-assistant"}
        source = environment.directory.parent / "subject-token"
        source.write_text(user_of(environment["DESK_ISSUER"], "IDP_JWK", "dora", act=act))
        credential = identity_pool.Credentials(
            audience="demo-api", subject_token_type=JWT, token_url=environment["VAULT_URL"] + "/oauth2/token",
            credential_source={"file": str(source)}, scopes=["accounts:read"])
        credential.refresh(google.auth.transport.requests.Request(self.session()))
        _, claims = self.verified(credential.token, "at+jwt", "https://demo-api.acme.example")
        self.assertEqual(claims["sub"], "desk:dora")

    def test_kagents_client_of_token_exchange(self):
        answer = asyncio.run(self.kagent())
        _, claims = self.verified(answer.access_token, "at+jwt", "https://demo-api.acme.example")
        self.assertEqual((claims["act"]["sub"], answer.token_type), ("sales-assistant", "Bearer"))

    async def kagent(self):
        url = environment["VAULT_ISSUER"] + "/.well-known/oauth-authorization-server"
        client = STSClient(STSConfig(well_known_uri=url))
        context = ssl.create_default_context(cafile=environment["VAULT_CA"])
        context.load_cert_chain(environment["GATEWAY_CERT"], environment["GATEWAY_KEY"])
        # Its configuration knows neither a CA of one's own nor a client certificate: both are given to its transport.
        async with httpx.AsyncClient(verify=context) as transport:
            client._http_client = transport
            metadata = (await transport.get(url)).json()
            client._well_known_config = WellKnownConfiguration.model_validate(metadata)
            return await client.exchange_token(
                subject_token=environment.user_token(), actor_token=environment.agent_token(),
                actor_token_type=JWT, audience="demo-api", additional_parameters={"authorization_details": READ})


if __name__ == "__main__":
    summary.run("kinds")
