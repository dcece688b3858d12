"""What the system must stay for others while something goes on: honest about itself (L4), and of use to whoever
asks in order while another does not (L2)."""
import contextlib
import http.client
import socket
import threading
import time

# How long a node may take to notice that something it needs has gone, and to say that it is well again.
NOTICED_SECONDS, WELL_SECONDS = 5, 30
# How much of what is asked in order must be answered while somebody else misbehaves, and how fast.
ANSWERED, SLOWER, QUICK_SECONDS = 0.99, 5, 1.0


class Witness(threading.Thread):
    """Asks one node all the time whether it is ready, and notes what it said and when."""

    def __init__(self, name, address):
        super().__init__(name=f"witness-{name}", daemon=True)
        self.node, self.address = name, address
        self.samples, self.ended = [], threading.Event()

    def run(self):
        while not self.ended.wait(0.25):
            asked, ready = time.monotonic(), self.ask(self.address())
            self.samples.append((asked, time.monotonic(), self.node, ready))

    @staticmethod
    def ask(address):
        """True and False as the node says; None where it says nothing."""
        if not address:
            return None
        connection = http.client.HTTPConnection(address, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def check_honesty(report, samples, outages):
    """`outages`: (part, begin, end) while something that all nodes need was away."""
    lies, checked, worst = [], 0, 0.0
    for part, begin, end in outages:
        for asked, told, node, ready in samples:
            if asked < begin or told > end:
                continue
            if ready:
                worst = max(worst, asked - begin)
            if asked > begin + NOTICED_SECONDS:
                checked += 1
                if ready:
                    lies.append((part, node, round(asked - begin, 1)))
    report.find("L4 honesty", "said that they were ready without a part they need", lies)
    report.counts.update(outages=len(outages), readiness_judged=checked)
    report.counts["noticed_ms"] = round(worst * 1000)


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] if times else 0.0


def check_neighbours(report, history, calm, rude, timed=True):
    """`calm` and `rude`: windows in which nothing was wrong, without and with clients that misbehave."""
    def within(windows):
        return [one for one in history if one.client != "producer" and one.returned is not None
                and any(begin <= one.invoked and one.returned <= end for begin, end in windows)]

    def fast(operations):
        return quantile([one.returned - one.invoked for one in operations], 0.99)

    before, during = within(calm), within(rude)
    refused = [one for one in during if one.code is None or one.code in (429, 500, 502, 503, 504)]
    if timed and during and len(refused) > (1 - ANSWERED) * len(during):
        report.findings.append(f"L2 neighbours: {len(refused)} of {len(during)} operations were not answered while "
                               "others misbehaved")
    if timed and before and during and fast(during) > max(SLOWER * fast(before), QUICK_SECONDS):
        report.findings.append(f"L2 neighbours: p99 {fast(during):.2f} s while others misbehaved, "
                               f"{fast(before):.2f} s before")
    if during:
        report.counts.update(beside_rude=len(during))
        report.counts["p99_calm_ms"] = round(fast(before) * 1000)
        report.counts["p99_beside_rude_ms"] = round(fast(during) * 1000)


SLOW = b"POST /api/tasks HTTP/1.1\r\nHost: t\r\nX-A: "
ATTACKS = (
    b"GET / HTTP/1.1\r\nHost: t\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(5_000)),
    b"POST /api/tasks HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + b"x" * 200_000,
    b"POST /api/tasks HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    + b"[" * 100_000,
    b"POST /api/tasks HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500)


class Rude:
    """Clients that misbehave: headers that never end, floods, bombs, garbage, also at the port of the mesh."""

    def __init__(self, addresses, meshes, slow=150):
        self.addresses, self.meshes, self.slow = addresses, meshes, slow
        self.open, self.cut, self.refused = [], 0, 0

    def begin(self):
        for number in range(self.slow):
            with contextlib.suppress(OSError):
                one = self.connect(self.addresses[number % len(self.addresses)])
                one.sendall(SLOW)
                one.setblocking(False)
                self.open.append(one)

    @staticmethod
    def connect(address):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=2)

    def go_on(self):
        """A round of it."""
        for attack in ATTACKS:
            for address in self.addresses:
                self.attack(address, attack)
        for address in self.meshes:
            self.attack(address, b"\x00" * 64)
        for one in list(self.open):
            try:
                one.sendall(b"a")
                if one.recv(100) == b"":
                    raise ConnectionError
            except BlockingIOError:
                continue
            except OSError:
                self.cut += 1
                self.open.remove(one)

    def attack(self, address, what):
        try:
            with self.connect(address) as one:
                one.sendall(what)
                answer = one.recv(100)
                self.refused += answer[9:10] == b"4" or answer == b""
        except OSError:
            self.refused += 1

    def end(self):
        for one in self.open:
            one.close()
        return self.refused + self.cut
