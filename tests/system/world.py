# SPDX-License-Identifier: GPL-2.0-or-later
"""A client, the host under test, and an inner host behind it; all of them answer on some ports, and
all can be asked at once, so that a ruleset's effect on everybody shows in half a second."""
import selectors
import socket
import threading
import time

from conftest import Netns, run
from packets import inside

PORTS = (22, 53, 80, 443, 2049, 8080, 9000)
ADDRESSES = {"host4": "192.0.2.10", "host6": "2001:db8::10", "client4": "192.0.2.7",
             "client6": "2001:db8::7", "inner4": "10.0.0.2", "inner6": "2001:db8:1::2",
             "gate4": "10.0.0.1", "gate6": "2001:db8:1::1"}
ROUTES = (("client", "host"), ("inner", "host"), ("inner", "gate"), ("host", "client"),
          ("host", "inner"), ("client", "inner"), ("inner", "client"))
# (who asks, whom, over what, at which port)
QUESTIONS = [(who, f"{whom}{family}", protocol, port) for who, whom in ROUTES
             for family in "46" for protocol in ("tcp", "udp") for port in PORTS]
PATIENCE = 0.4
IP_PKTINFO, IPV6_RECVPKTINFO, IPV6_PKTINFO = 8, 49, 50


class World:
    def __init__(self, forwarding):
        self.host, self.client, self.inner = Netns(), Netns(), Netns()
        self._wire("eth0", self.client, "host", "client")
        self._wire("eth1", self.inner, "gate", "inner")
        for ns, via in ((self.client, "host"), (self.inner, "gate")):
            for family, option in (("4", "-4"), ("6", "-6")):
                run(["ip", option, "-n", ns.name, "route", "add", "default", "via",
                     ADDRESSES[via + family]])
        if forwarding:
            self.host.sysctl("net.ipv4.ip_forward", 1)
            self.host.sysctl("net.ipv6.conf.all.forwarding", 1)
        self._servers = selectors.DefaultSelector()
        for ns in (self.host, self.client, self.inner):
            for port in PORTS:
                self._serve(ns, port)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()
        self.ask(QUESTIONS)  # now the neighbours know each other

    def _wire(self, device, other, here, there):
        run(["ip", "-n", self.host.name, "link", "add", device, "type", "veth", "peer", "name",
             "eth0", "netns", other.name])
        for ns, name, who in ((self.host, device, here), (other, "eth0", there)):
            ns.ip("address", "add", ADDRESSES[who + "4"] + "/24", "dev", name)
            ns.ip("address", "add", ADDRESSES[who + "6"] + "/64", "dev", name, "nodad")
            ns.ip("link", "set", name, "up")

    def close(self):
        self._ended.set()
        self._thread.join()
        for key in list(self._servers.get_map().values()):
            key.fileobj.close()
        self._servers.close()
        for ns in (self.inner, self.client, self.host):
            ns.close()

    # --- the answering side

    def _serve(self, ns, port):
        def make():
            yield "listen", socket.create_server(("::", port), family=socket.AF_INET6, backlog=64,
                                                 dualstack_ipv6=True)
            for family, level, option, any_address in (
                    (socket.AF_INET, socket.IPPROTO_IP, IP_PKTINFO, "0.0.0.0"),
                    (socket.AF_INET6, socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, "::")):
                sock = socket.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    sock.setsockopt(level, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(level, option, 1)
                sock.bind((any_address, port))
                yield "datagrams", sock

        for kind, sock in inside(ns, lambda: list(make())):
            sock.setblocking(False)
            self._servers.register(sock, selectors.EVENT_READ, kind)

    @staticmethod
    def _answer_datagram(sock):
        """From the address that was asked, whichever it was."""
        data, told, _, peer = sock.recvmsg(2048, 256)
        source = []
        for level, kind, body in told:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                source.append((level, kind, bytes(4) + body[4:8] + bytes(4)))
            elif (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
                source.append((level, kind, body[:16] + bytes(4)))
        sock.sendmsg([data], source, 0, peer)

    def _answer_one(self, sock, kind):
        if kind == "listen":
            connection, _ = sock.accept()
            connection.setblocking(False)
            self._servers.register(connection, selectors.EVENT_READ, "connection")
        elif kind == "datagrams":
            self._answer_datagram(sock)
        else:
            data = sock.recv(2048)
            if not data:
                raise ConnectionError
            sock.send(data)

    def _answer(self):
        while not self._ended.is_set():
            for key, _ in self._servers.select(0.1):
                try:
                    self._answer_one(key.fileobj, key.data)
                except OSError:
                    if key.data == "connection":
                        self._servers.unregister(key.fileobj)
                        key.fileobj.close()

    # --- the asking side

    def _open(self, questions):
        sockets = {}
        for who in ("client", "host", "inner"):
            mine = [question for question in questions if question[0] == who]
            kinds = [(socket.AF_INET6 if question[1][-1] == "6" else socket.AF_INET,
                      socket.SOCK_STREAM if question[2] == "tcp" else socket.SOCK_DGRAM)
                     for question in mine]
            made = inside(getattr(self, who), lambda: [socket.socket(*kind) for kind in kinds])
            sockets.update(zip(mine, made))
        for question, sock in sockets.items():
            sock.setblocking(False)
            try:
                sock.connect((ADDRESSES[question[1]], question[3]))
            except OSError:
                pass  # it goes on, or sending will fail
        return sockets

    @staticmethod
    def _talk(sockets):
        """The questions that were answered in time."""
        answered = set()
        with selectors.DefaultSelector() as waiting:
            for question, sock in sockets.items():
                waiting.register(sock, selectors.EVENT_WRITE, question)
            end = time.monotonic() + PATIENCE
            while waiting.get_map() and time.monotonic() < end:
                for key, events in waiting.select(max(0, end - time.monotonic())):
                    try:
                        if events & selectors.EVENT_WRITE:
                            key.fileobj.send(b"?")
                            waiting.modify(key.fileobj, selectors.EVENT_READ, key.data)
                            continue
                        if key.fileobj.recv(100):
                            answered.add(key.data)
                    except OSError:
                        pass
                    waiting.unregister(key.fileobj)
        return answered

    def ask(self, questions):
        """Each over a connection of its own: the set of those that were answered."""
        sockets = self._open(questions)
        answered = self._talk(sockets)
        for sock in sockets.values():
            sock.close()
        return answered

    def hold(self, questions):
        """Like ask(), and the connections that were answered twice; they stay open, for again()."""
        sockets = self._open(questions)
        answered = self._talk(sockets)
        for question in set(sockets) - answered:
            sockets.pop(question).close()
        for question in set(sockets) - self._talk(sockets):
            sockets.pop(question).close()
        return answered, sockets

    def again(self, held):
        """Those that answer still; closes them all."""
        answered = self._talk(held)
        for sock in held.values():
            sock.close()
        return answered
