"""JSON Web Tokens for tests: HS256 by hand, RS256 and ES256 through the openssl command."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

SECRET = "a-secret-of-the-tests-that-is-longer-than-32-bytes"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode("utf-8")


def signing_input(claims, header):
    payload = claims if isinstance(claims, bytes) else compact(claims)
    return f"{b64(compact(header))}.{b64(payload)}"


def hs256(claims, secret=SECRET, header=None, digest=hashlib.sha256):
    text = signing_input(claims, header or {"alg": "HS256", "typ": "JWT"})
    key = secret if isinstance(secret, bytes) else secret.encode("utf-8")
    return f"{text}.{b64(hmac.new(key, text.encode('ascii'), digest).digest())}"


def token(role=None, expires=3600, **claims):
    """A good token: role, an expiry and whatever else is given."""
    if role is not None:
        claims["role"] = role
    if expires is not None:
        claims["exp"] = int(time.time()) + expires
    return hs256(claims)


def bearer(role=None, **claims):
    return {"Authorization": f"Bearer {token(role, **claims)}"}


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, check=True, capture_output=True).stdout


class Key:
    """A private key in a file: Key(path, "RS256") or Key(path, "ES256")."""

    def __init__(self, path, algorithm, kid=None):
        self.path, self.algorithm, self.kid = path, algorithm, kid
        if algorithm == "RS256":
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
        else:
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def sign(self, claims):
        header = {"alg": self.algorithm, "typ": "JWT", **({"kid": self.kid} if self.kid else {})}
        text = signing_input(claims, header)
        signature = openssl("dgst", "-sha256", "-sign", self.path, data=text.encode("ascii"))
        if self.algorithm == "ES256":
            signature = raw_signature(signature)
        return f"{text}.{b64(signature)}"

    def jwk(self):
        extra = {"alg": self.algorithm, "use": "sig", **({"kid": self.kid} if self.kid else {})}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode("ascii").strip().split("=")[1]
            return {"kty": "RSA", "n": b64(bytes.fromhex(modulus)), "e": "AQAB", **extra}
        point = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")[-64:]
        return {"kty": "EC", "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:]), **extra}


def raw_signature(der):
    """DER SEQUENCE of two INTEGERs to the 64 bytes that RFC 7518 wants."""
    at, parts = 2, []
    for _ in range(2):
        length = der[at + 1]
        parts.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(parts)


def symmetric_jwk(secret, kid=None):
    return {"kty": "oct", "alg": "HS256", "k": b64(secret.encode("utf-8")), **({"kid": kid} if kid else {})}
