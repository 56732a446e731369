"""Position tokens: what is opaque to clients and readable to the tests that judge the server."""

import base64
import hashlib
import hmac
import struct

HEAD = struct.Struct(">BQIQ")  # 1 shown by the primary or 2 by a replica, system identifier, timeline, LSN
MAC_BYTES = 12
KEY = "a-position-key-of-the-tests"


def encode(system_id, timeline, lsn, key=KEY, version=1):
    head = HEAD.pack(version, system_id, timeline, lsn)
    if key:
        head += hmac.new(key.encode("utf-8"), head, hashlib.sha256).digest()[:MAC_BYTES]
    return base64.urlsafe_b64encode(head).rstrip(b"=").decode("ascii")


def decode(text, key=None):
    """(system identifier, timeline, LSN); ValueError for anything that is not a token. `key` checks the signature."""
    if isinstance(text, bytes):
        text = text.decode("ascii")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) not in (HEAD.size, HEAD.size + MAC_BYTES):
        raise ValueError(f"a token of {len(raw)} bytes")
    version, system_id, timeline, lsn = HEAD.unpack_from(raw)
    if version not in (1, 2):
        raise ValueError(f"version {version}")
    if key is not None and encode(system_id, timeline, lsn, key, version) != text:
        raise ValueError("the signature is wrong")
    return system_id, timeline, lsn
