#!/usr/bin/env python3
"""Verify an access token of the appliance with PyJWT: nothing of the appliance's own code takes part.

The keys come from a JWKS file or, as a resource server would get them, from the issuer's metadata (RFC 8414).
"""

import argparse
import datetime
import json
import pathlib
import ssl
import sys
import urllib.request

import jwt

ALGORITHMS = ["ES256", "EdDSA", "RS256", "PS256"]
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]


def fetch_jwks(issuer, ca):
    """The JWKS that an issuer's metadata names; the metadata must name this issuer (RFC 8414 section 3.3)."""
    context = ssl.create_default_context(cafile=ca)

    def load(url):
        with urllib.request.urlopen(url, timeout=60, context=context) as response:
            return json.load(response)

    metadata = load(f"{issuer}/.well-known/oauth-authorization-server")
    if metadata["issuer"] != issuer:
        raise jwt.InvalidIssuerError("the metadata names another issuer")
    return load(metadata["jwks_uri"])


def verify(token, jwks, issuer, audience):
    """Header and claims of a valid at+jwt (RFC 9068 section 4); raises jwt.PyJWTError for any other token."""
    header = jwt.get_unverified_header(token)
    if header.get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("typ is not at+jwt")
    matching = [key for key in jwks["keys"] if key["kid"] == header.get("kid")]
    if len(matching) != 1:
        raise jwt.InvalidKeyError("the JWKS has not exactly one key with this kid")
    # The key says which algorithm it is for; the header has no say.
    algorithm = matching[0]["alg"]
    if algorithm not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError("the JWKS names an unknown algorithm")
    claims = jwt.decode(
        token, jwt.PyJWK.from_dict(matching[0]).key, algorithms=[algorithm], issuer=issuer, audience=audience,
        options={"require": REQUIRED},
    )
    return header, claims


def shown(name, value):
    """A claim for people: times beside their numbers, objects as JSON."""
    if name in ("iat", "nbf", "exp"):
        return f"{value}  ({datetime.datetime.fromtimestamp(value, datetime.timezone.utc):%Y-%m-%d %H:%M:%SZ})"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("token", nargs="?", default="-", help="file with the token; - for standard input")
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--audience", required=True)
    parser.add_argument("--ca", help="PEM file with the CA of the issuer's address")
    parser.add_argument("--jwks", help="JWKS file, instead of the issuer's metadata")
    parser.add_argument("--claims", action="store_true", help="print the claims, one a line")
    arguments = parser.parse_args()
    text = sys.stdin.read() if arguments.token == "-" else pathlib.Path(arguments.token).read_text()
    try:
        if arguments.jwks:
            jwks = json.loads(pathlib.Path(arguments.jwks).read_text())
        else:
            jwks = fetch_jwks(arguments.issuer, arguments.ca)
        header, claims = verify(text.strip(), jwks, arguments.issuer, arguments.audience)
    except (jwt.PyJWTError, OSError, KeyError, ValueError) as error:
        sys.exit(f"NOT valid: {error or type(error).__name__}")
    if arguments.claims:
        for name, value in claims.items():
            print(f"   {name:<21} {shown(name, value)}")
    actor = f" by {claims['act']['sub']}" if "act" in claims else ""
    print(
        f"   valid, says PyJWT {jwt.__version__}: {header['alg']}, typ {header['typ']}, {claims['sub']}{actor},"
        f" {claims['exp'] - claims['iat']} s, kid {header['kid'][:11]}..."
    )


if __name__ == "__main__":
    main()
