"""The fixtures themselves: a fault proxy that lies would make every fault test worthless."""

import socket
import threading

import psycopg2
import pytest

from support import http
from support.gate import TO_CLIENT, TO_SERVER, Gate
from support.wait import wait_until


@pytest.fixture
def echo():
    """A server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(one):
        with one:
            try:
                while data := one.recv(65536):
                    one.sendall(data)
            except OSError:
                pass

    def accept():
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def exchange(connection, data):
    connection.send(data)
    return connection._exactly(len(data))


def test_gate_passes_bytes_both_ways(echo):
    with Gate(echo) as gate, http.Connection(gate.port) as one:
        assert exchange(one, b"hello") == b"hello"
        assert gate.carried == {TO_SERVER: 5, TO_CLIENT: 5}


@pytest.mark.parametrize("way", [TO_SERVER, TO_CLIENT])
def test_gate_cuts_after_exactly_n_bytes_and_passes_again(echo, way):
    with Gate(echo) as gate:
        with http.Connection(gate.port) as one:
            gate.cut_after(7, way, hard=False)
            one.send(b"0123456789")
            with pytest.raises((http.Closed, ConnectionResetError)):
                one._exactly(10)
            assert one.buffer == (b"0123456" if way == TO_CLIENT else one.buffer)
            assert gate.was_cut
        with http.Connection(gate.port) as again:
            assert exchange(again, b"0123456789") == b"0123456789"


def test_gate_refuses_and_opens_again(echo):
    with Gate(echo) as gate:
        gate.refuse()
        with pytest.raises(ConnectionRefusedError):
            http.Connection(gate.port)
        gate.passing()
        with http.Connection(gate.port) as one:
            assert exchange(one, b"x") == b"x"


def test_gate_blackhole_freezes_open_connections_and_thaws(echo):
    with Gate(echo) as gate, http.Connection(gate.port) as old:
        assert exchange(old, b"a") == b"a"
        gate.blackhole()
        new = http.Connection(gate.port)
        for one in (old, new):
            one.send(b"b")
            one.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                one._exactly(1)
            one.socket.settimeout(5)
        gate.passing()
        assert old._exactly(1) == b"b"
        assert new._exactly(1) == b"b"
        new.close()


def test_gate_resets_open_connections(echo):
    with Gate(echo) as gate, http.Connection(gate.port) as one:
        exchange(one, b"a")
        gate.reset()
        assert one.closed_by_peer()


def test_gate_delays(echo):
    with Gate(echo) as gate, http.Connection(gate.port) as one:
        gate.delay(0.15)
        one.send(b"a")
        one.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one._exactly(1)
        one.socket.settimeout(5)
        assert one._exactly(1) == b"a"


def test_postgres_refuses_the_login_without_its_password(pg):
    with pytest.raises(psycopg2.OperationalError):
        pg.connect("authenticator", "wrong")
    pg.connect("authenticator", "hush-hush-authenticator").close()


def test_postgres_freezes_and_resumes(pg):
    connection = pg.connect()
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    pg.freeze()
    try:
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(host="127.0.0.1", port=pg.port, dbname="postgres", user="postgres", connect_timeout=2)
    finally:
        pg.resume()
    wait_until(lambda: pg.value("select 1") == 1)
    connection.close()
