#!/usr/bin/env python3
"""vault-development against libraries that are not ours: certificates by cryptography, tokens by PyJWT."""

import base64
import json
import os
import pathlib
import socket
import stat
import subprocess
import tempfile
import textwrap
import unittest

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import summary

BINARY = os.environ["VAULT_DEVELOPMENT"]
directory = tempfile.TemporaryDirectory(prefix="vault development ")
PATH = pathlib.Path(directory.name)


def run(*arguments, check=True):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    if check and done.returncode != 0:
        raise AssertionError(done.stderr)
    return done


def setUpModule():
    run("pki", PATH / "pki")
    run("issuer", PATH / "idp", "--name", "idp")


def tearDownModule():
    directory.cleanup()


def certificate(name):
    return x509.load_pem_x509_certificate((PATH / "pki" / f"{name}.pem").read_bytes())


def request(key):
    """A certificate request for localhost, DER."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


class Certificates(unittest.TestCase):
    def test_clients_have_a_spiffe_id_and_the_authoritys_signature(self):
        for name, spiffe_id in (("gateway", "gateway/mcp"), ("stranger", "stranger")):
            with self.subTest(name):
                issued = certificate(name)
                issued.verify_directly_issued_by(certificate("ca"))
                names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
                uris = names.get_values_for_type(x509.UniformResourceIdentifier)
                self.assertEqual(uris, [f"spiffe://acme.example/{spiffe_id}"])
                usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
                self.assertEqual(list(usage), [ExtendedKeyUsageOID.CLIENT_AUTH])

    def test_a_server_certificate_keeps_the_requests_key_and_names(self):
        key = ec.generate_private_key(ec.SECP256R1())
        done, out = self.sign_request(request(key))
        self.assertEqual(done.returncode, 0, done.stderr)
        issued = x509.load_pem_x509_certificate(out.read_bytes())
        issued.verify_directly_issued_by(certificate("ca"))
        self.assertEqual(issued.public_key(), key.public_key())
        names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["localhost"])
        self.assertLess(issued.not_valid_after_utc, certificate("ca").not_valid_after_utc)

    def test_a_request_that_its_key_did_not_sign_is_refused(self):
        der = bytearray(request(ec.generate_private_key(ec.SECP256R1())))
        der[-1] ^= 1
        done, out = self.sign_request(bytes(der))
        self.assertEqual((done.returncode, out.exists()), (1, False))
        self.assertIn("is not signed by the key it names", done.stderr)

    def sign_request(self, der):
        body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
        folder = pathlib.Path(tempfile.mkdtemp(dir=PATH))
        pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n"
        (folder / "server.csr").write_text(pem)
        arguments = ("--ca", PATH / "pki", "--csr", folder / "server.csr", "--out", folder / "server.pem")
        return run("sign-csr", *arguments, check=False), folder / "server.pem"

    def test_private_keys_are_for_their_owner_alone_and_never_overwritten(self):
        secrets = [*(PATH / "pki").glob("*-key.pem"), *(PATH / "idp").glob("*.jwk")]
        self.assertEqual(len(secrets), 7)
        for path in secrets:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
        before = (PATH / "pki" / "ca-key.pem").read_bytes()
        self.assertNotEqual(run("pki", PATH / "pki", check=False).returncode, 0)
        self.assertEqual((PATH / "pki" / "ca-key.pem").read_bytes(), before)


class Tokens(unittest.TestCase):
    def token(self, name, *arguments):
        jwk = PATH / "idp" / f"idp-{name}.jwk"
        options = ("--issuer", "https://idp.example", "--audience", "https://vault.example", "--subject", "alice")
        return run("token", "--jwk", jwk, *options, *arguments).stdout.strip()

    def key(self, kid):
        keys = json.loads((PATH / "idp" / "idp-jwks.json").read_text())["keys"]
        return next(jwt.PyJWK.from_dict(key) for key in keys if key["kid"] == kid)

    def verify(self, token, algorithm):
        key = self.key(jwt.get_unverified_header(token)["kid"])
        return jwt.decode(
            token, key.key, algorithms=[algorithm], issuer="https://idp.example", audience="https://vault.example")

    def test_every_algorithm_verifies_against_the_jwks(self):
        for algorithm in ("ES256", "RS256", "EdDSA", "PS256"):
            with self.subTest(algorithm):
                claims = self.verify(self.token(algorithm.lower(), "--groups", "sales,emea"), algorithm)
                self.assertEqual((claims["sub"], claims["groups"]), ("alice", ["sales", "emea"]))
                self.assertEqual((claims["nbf"], claims["exp"] - claims["iat"]), (claims["iat"], 300))

    def test_a_private_jwk_signs_in_another_library(self):
        for path in (PATH / "idp").glob("*.jwk"):
            jwk = json.loads(path.read_text())
            token = jwt.encode(
                {"sub": "x", "iss": "https://idp.example", "aud": "https://vault.example"},
                jwt.PyJWK.from_dict(jwk).key, algorithm=jwk["alg"])
            jwt.decode(token, self.key(jwk["kid"]).key, algorithms=[jwk["alg"]], audience="https://vault.example")

    def test_claims_can_be_added_replaced_and_removed(self):
        token = self.token("es256", "--claim", "act_for=bob", "--claim", 'may_act={"sub":"x"}', "--claim", "nbf=null")
        claims = self.verify(token, "ES256")
        self.assertEqual((claims["act_for"], claims["may_act"]), ("bob", {"sub": "x"}))
        self.assertNotIn("nbf", claims)

    def test_two_tokens_never_share_their_jti(self):
        first, second = (jwt.decode(self.token("es256"), options={"verify_signature": False}) for _ in range(2))
        self.assertNotEqual(first["jti"], second["jti"])

    def test_the_jwks_holds_no_private_member(self):
        for key in json.loads((PATH / "idp" / "idp-jwks.json").read_text())["keys"]:
            self.assertEqual(set(key) & {"d", "p", "q", "dp", "dq", "qi", "k"}, set())


class Ports(unittest.TestCase):
    def test_ports_are_different_and_free(self):
        ports = [int(line) for line in run("free-ports", "8").stdout.split()]
        self.assertEqual(len(set(ports)), 8)
        for port in ports:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))


if __name__ == "__main__":
    summary.run("development-tools")
