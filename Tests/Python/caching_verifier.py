"""A resource server that verifies by PyJWT alone, with PyJWT's own cache of the issuer's keys."""

import collections
import json
import time

import jwt

from gateway_client import get, tls_context
from verify_token import REQUIRED

AUDIENCE = "https://demo-api.acme.example"


class KeyClient(jwt.PyJWKClient):
    """PyJWT's own, which also remembers when it has fetched, by the time of day."""

    def __init__(self, *arguments, **options):
        self.fetched = []
        super().__init__(*arguments, **options)

    def fetch_data(self):
        self.fetched.append(time.time())
        return super().fetch_data()


class CachingVerifier:
    """Finds the issuer's keys by its metadata, and keeps them for `lifespan` seconds.

    PyJWT asks no sooner than `patience` seconds after the last time for a kid that it does not know; with a shorter lifespan
    never. `seen` counts what was verified by kid, `refused` says what was not.
    """

    def __init__(self, environment, lifespan=5, patience=30):
        self.issuer, self.lifespan = environment["VAULT_ISSUER"], lifespan
        metadata = json.loads(get(environment, f"{self.issuer}/.well-known/oauth-authorization-server")[1])
        self.keys = KeyClient(
            metadata["jwks_uri"], lifespan=lifespan, cooldown_duration=patience, ssl_context=tls_context(environment))
        self.seen, self.refused = collections.Counter(), []

    def verify(self, token):
        """The kid of a valid token; raises jwt.PyJWTError for any other."""
        key = self.keys.get_signing_key_from_jwt(token)
        jwt.decode(
            token, key, algorithms=[key.algorithm_name], issuer=self.issuer, audience=AUDIENCE, options={"require": REQUIRED})
        return key.key_id

    def take(self, answer):
        """What a gateway's load does with each answer: the token is shown to the resource server at once."""
        try:
            kid = self.verify(answer["access_token"])
            self.seen[kid] += 1
            return kid
        except jwt.PyJWTError as error:
            self.refused.append(repr(error))
            return None
