"""What a client proves itself with: assertions (RFC 7523) and DPoP proofs (RFC 9449), made by PyJWT."""

import json
import pathlib
import time
import uuid

import jwt

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def load(path):
    """A private JWK as its members, and as a key that signs."""
    jwk = json.loads(pathlib.Path(path).read_text())
    return jwk, jwt.PyJWK.from_dict(jwk).key


def assertion(environment, header=None, **changes):
    """A client assertion of `gateway-jwt`; a claim that is None is left out."""
    jwk, key = load(environment["GATEWAY_JWT_JWK"])
    now = int(time.time())
    name = environment["GATEWAY_JWT_CLIENT_ID"]
    claims = {
        "iss": name, "sub": name, "aud": environment["VAULT_ISSUER"], "iat": now, "exp": now + 60,
        "jti": str(uuid.uuid4()),
    } | changes
    claims = {member: value for member, value in claims.items() if value is not None}
    header = {"kid": jwk["kid"], "typ": "client-authentication+jwt"} | (header or {})
    return jwt.encode(claims, key, algorithm=jwk["alg"], headers=header)


def assertion_fields(environment, **changes):
    """The two form fields of an assertion."""
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(environment, **changes)}


def proof(environment, nonce=None, **changes):
    """A DPoP proof for the token endpoint."""
    jwk, key = load(environment["GATEWAY_DPOP_JWK"])
    claims = {
        "jti": str(uuid.uuid4()), "htm": "POST", "htu": environment["VAULT_URL"] + "/oauth2/token",
        "iat": int(time.time()),
    } | changes
    if nonce:
        claims["nonce"] = nonce
    public = {member: jwk[member] for member in ("kty", "crv", "x", "y")}
    return jwt.encode(claims, key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": public})
