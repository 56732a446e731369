"""Gate, the fault proxy: a TCP relay between a daemon and its database that can be told to misbehave."""

import contextlib
import selectors
import socket
import struct
import threading
import time

from .ports import free_port

TO_SERVER, TO_CLIENT = "to_server", "to_client"
CHUNK = 16384


class Pair:
    """One relayed connection."""

    def __init__(self, client, server):
        self.sockets = {TO_SERVER: (client, server), TO_CLIENT: (server, client)}

    def close(self, hard):
        for one in self.sockets[TO_SERVER]:
            with contextlib.suppress(OSError):
                if hard:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()


class Gate:
    """Relays 127.0.0.1:port to 127.0.0.1:upstream. All switches may be thrown while connections are open.

    passing()          relay everything (the state it starts in)
    refuse()           nothing listens any more: connect() is refused; open connections live on
    blackhole()        connections are accepted and open ones stay, but no byte moves in either direction
    delay(seconds)     every chunk waits that long, each way
    cut_after(n, way)  relay n more bytes in that direction, all connections counted together, then break the
                       connection they were on (RST, or FIN with hard=False) and go back to passing()
    reset()            break every open connection now
    """

    def __init__(self, upstream):
        self.upstream = upstream
        self.port = free_port()
        self.mode = "pass"
        self.seconds = 0.0
        self.budget = None  # (bytes left, direction, hard)
        self.carried = {TO_SERVER: 0, TO_CLIENT: 0}
        self.lock = threading.RLock()
        self.pairs = set()
        self.listener = None
        self.stopped = False
        self._listen()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Switches ----------------------------------------------------------------------------------------

    def passing(self):
        with self.lock:
            self.mode, self.seconds, self.budget = "pass", 0.0, None
            if self.listener is None:
                self._listen()

    def refuse(self):
        with self.lock:
            self._deaf()

    def blackhole(self):
        with self.lock:
            self.mode = "blackhole"

    def delay(self, seconds):
        with self.lock:
            self.mode, self.seconds = "pass", seconds

    def cut_after(self, count, direction, hard=True):
        with self.lock:
            self.budget = [count, direction, hard]

    def reset(self, hard=True):
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self._drop(pair, hard)

    def close(self):
        with self.lock:
            self.stopped = True
            self._deaf()
        self.reset()

    @property
    def was_cut(self):
        return self.budget is None

    # The machine -------------------------------------------------------------------------------------

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _deaf(self):
        if self.listener is not None:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            self.listener.close()
            self.listener = None

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        while self.mode == "blackhole" and not self.stopped:
            time.sleep(0.01)  # accepted, and that was all
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream), timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pair(client, server)
        with self.lock:
            if self.stopped:
                pair.close(True)
                return
            self.pairs.add(pair)
        # A thread for each direction: a delay one way must not hold up the other.
        for direction in (TO_SERVER, TO_CLIENT):
            threading.Thread(target=self._pump, args=(pair, direction), daemon=True).start()

    def _pump(self, pair, direction):
        source, sink = pair.sockets[direction]
        selector = selectors.DefaultSelector()
        try:
            selector.register(source, selectors.EVENT_READ)
            while pair in self.pairs:
                if self.mode == "blackhole":
                    time.sleep(0.01)
                    continue
                if not selector.select(0.1):
                    continue
                if self.mode == "blackhole":
                    continue
                data = source.recv(CHUNK)
                if not data:
                    break
                if self.seconds:
                    time.sleep(self.seconds)
                while self.mode == "blackhole" and pair in self.pairs:
                    time.sleep(0.01)
                data, cut, hard = self._spend(data, direction)
                if data:
                    sink.sendall(data)
                if cut:
                    self._drop(pair, hard)
                    return
        except (OSError, ValueError):
            pass
        finally:
            selector.close()
        self._drop(pair, False)

    def _spend(self, data, direction):
        with self.lock:
            self.carried[direction] += len(data)
            if self.budget is None or self.budget[1] != direction:
                return data, False, False
            left, _, hard = self.budget
            if len(data) < left:
                self.budget[0] = left - len(data)
                return data, False, False
            self.budget = None
            return data[:left], True, hard

    def _drop(self, pair, hard):
        with self.lock:
            if pair not in self.pairs:
                return
            self.pairs.discard(pair)
        pair.close(hard)
