"""Free loopback ports; tests never use a fixed one."""

import socket


def free_port():
    """A port nobody listens on now. Another process may take it before its user does: rare, and loud."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
