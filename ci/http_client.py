"""Clients for ci/http.sh that curl can't play. `http_client.py TEST PORT DIRECTORY`; `--say TEST` prints what it shows."""
import os, random, re, resource, signal, socket, struct, sys, threading, time

_, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
port = site = None

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"


def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def content(name):
    with open(os.path.join(site, name), "rb") as f:
        return f.read()


class Reader:
    """Reads answers, one after the other."""

    def __init__(self, s):
        self.s, self.bytes = s, b""

    def more(self):
        piece = self.s.recv(65536)
        self.bytes += piece
        return piece

    def answer(self, head_only=False):
        """Status, whether the connection stays, body. None at the connection's end."""
        while b"\r\n\r\n" not in self.bytes:
            if not self.more():
                assert not self.bytes, self.bytes
                return None
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while not head_only and len(self.bytes) < length:
            assert self.more(), f"ends after {len(self.bytes)} of {length} bytes"
        if head_only:
            length = 0
        body, self.bytes = self.bytes[:length], self.bytes[length:]
        return status, b"Connection: keep-alive" in head, body

    def at_end(self):
        return self.bytes == b"" and self.more() == b""


def ask(request):
    """The statuses of all answers to this, and the end of the connection after them."""
    with connect() as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        reader, statuses = Reader(s), []
        while (answer := reader.answer()) is not None:
            statuses.append(answer[0])
        return statuses


def pipelined():
    """100 requests sent at once are answered in their order"""
    names = [random.choice(["1", "8193", "100000", "0"]) for _ in range(100)]
    with connect() as s:
        sender = threading.Thread(target=lambda: s.sendall(b"".join(GET % name.encode() for name in names)))
        sender.start()
        reader = Reader(s)
        for name in names:
            assert reader.answer() == (200, True, content(name)), name
        sender.join()
        s.sendall(b"HEAD /100000 HTTP/1.1\r\nHost: x\r\n\r\n" + GET % b"1")
        assert reader.answer(head_only=True) == (200, True, b"")
        assert reader.answer() == (200, True, content("1"))
        s.sendall(b"GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert reader.answer() == (200, False, content("1"))
        assert reader.at_end()


def torn():
    """a request in pieces of any size is understood"""
    request = GET % b"8193"
    for at in range(1, len(request)):
        with connect() as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(request[:at])
            time.sleep(0.001)
            s.sendall(request[at:])
            assert Reader(s).answer() == (200, True, content("8193")), at


def bad_requests():
    """what is no request is answered 400, or what is wrong, and nothing after it"""
    good = GET % b"1"
    for request, status in [
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /1\r\n\r\n", 400),
        (b"GET /1 HTTP/2.0\r\n\r\n", 505),
        (b"GET /1 HTTP/1.1\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET 1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nHost x\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ]:
        assert ask(request + good) == [status], (request, ask(request + good))
    rng = random.Random(1)
    for _ in range(300):
        request = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            request[rng.randrange(len(request))] = rng.randrange(256)
        assert set(ask(bytes(request))) <= {200, 400, 404, 405, 501, 505}, request


def lengths():
    """a connection stays or ends as both sides of it say, in HTTP/1.0 and 1.1"""
    for line, keep in [
        (b"HTTP/1.1\r\nHost: x", True),
        (b"HTTP/1.1\r\nHost: x\r\nConnection: close", False),
        (b"HTTP/1.1\r\nHost: x\r\nConnection: x, CLOSE", False),
        (b"HTTP/1.0", False),
        (b"HTTP/1.0\r\nConnection: keep-alive", True),
    ]:
        with connect() as s:
            s.sendall(b"GET /1 " + line + b"\r\n\r\n")
            reader = Reader(s)
            assert reader.answer() == (200, keep, content("1")), line
            if not keep:
                assert reader.at_end(), line
            else:
                s.sendall(GET % b"8000")
                assert reader.answer()[2] == content("8000"), line


def ends_within(s, least, most):
    """The server ends the connection after a while, without an answer."""
    begin = time.monotonic()
    try:
        assert s.recv(1) == b""
    except ConnectionResetError:
        pass
    took = time.monotonic() - begin
    assert least <= took <= most, took


def half_head():
    """one that stops in the middle of a head, or says nothing, is left after the patience of 2 s"""
    silent, half = connect(), connect()
    half.sendall(b"GET /1 HT")
    ends_within(half, 1.5, 4)
    ends_within(silent, 0, 1)


def half_body():
    """one that stops in the middle of a body is left after its answer"""
    with connect() as s:
        s.sendall(b"GET /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert Reader(s).answer() == (200, True, content("1"))
        ends_within(s, 1.5, 4)


def slow_drip():
    """one that sends its head byte by byte is left after 64 pieces"""
    with connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for sent in range(200):
                s.sendall(b"G")
                time.sleep(0.01)
            assert False, "still there after 200 pieces"
        except (BrokenPipeError, ConnectionResetError):
            assert sent >= 60, sent


def never_reads():
    """those that ask for much and never read are left, and others served meanwhile"""
    hogs = []
    for _ in range(100):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", port))
        s.sendall(GET % b"sparse")
        hogs.append(s)
    with connect() as s:
        s.sendall(GET % b"100000")
        assert Reader(s).answer() == (200, True, content("100000"))
    # Left are those whose socket the server has closed; what is on its way is the system's affair. Each has two files.
    fds = f"/proc/{os.environ['SERVER']}/fd"
    deadline = time.monotonic() + 30
    while len(os.listdir(fds)) > 20:
        assert time.monotonic() < deadline, len(os.listdir(fds))
        time.sleep(0.05)
    for s in hogs:
        s.settimeout(20)
        received = 0
        try:
            while piece := s.recv(1 << 20):
                received += len(piece)
        except ConnectionResetError:
            pass
        assert received < 64 << 20, "all of it"
        s.close()


def early_closes():
    """those that leave in the middle, with an end or a reset, harm nobody"""
    for number in range(300):
        s = connect()
        if number % 3:
            s.sendall((GET % b"10485760")[: None if number % 3 == 1 else 20])
        if number % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 5 == 0:
            time.sleep(0.005)
        s.close()
    with connect() as s:
        s.sendall(GET % b"1")
        assert Reader(s).answer() == (200, True, content("1"))


def shrinks():
    """of a file that becomes shorter meanwhile comes what is there, and then the connection's end"""
    path = os.path.join(site, "shrinking")
    with open(path, "wb") as f:
        f.truncate(64 << 20)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    s.settimeout(20)
    s.sendall(GET % b"shrinking")
    s.recv(100)
    os.truncate(path, 1000)
    received = 0
    try:
        while piece := s.recv(1 << 20):
            received += len(piece)
    except ConnectionResetError:
        pass
    os.unlink(path)
    assert received < 64 << 20


def crowd():
    """512 at a time are served; of more, some are told to come later, and all end or are answered"""
    sockets = [connect() for _ in range(512)]
    for s in sockets:
        s.sendall(GET % b"1")
        assert Reader(s).answer() == (200, True, content("1"))
    late = [connect() for _ in range(100)]
    told = 0
    for s in late:
        s.settimeout(10)
        try:
            answer = Reader(s).answer()
            assert answer is None or answer[0] == 503, answer
            told += answer is not None
        except ConnectionResetError:
            pass
        s.close()
    assert told >= 32, told
    for s in sockets:
        s.sendall(GET % b"8000")
    for s in sockets:
        assert Reader(s).answer()[0] == 200
        s.close()


def burst():
    """512 requests that are there at once are answered, all of them"""
    server = int(os.environ["SERVER"])
    os.kill(server, signal.SIGSTOP)
    try:
        sockets = [connect() for _ in range(512)]
        for s in sockets:
            s.sendall(GET % b"8000")
    finally:
        os.kill(server, signal.SIGCONT)
    for s in sockets:
        assert Reader(s).answer() == (200, True, content("8000"))
        s.close()


def mirrored():
    """mirror sends back 1 MiB to each of 50 at once, after some have left early"""
    for number in range(50):
        s = connect()
        s.sendall(bytes(1 + number * 1000))
        if number % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    data = os.urandom(1 << 20)

    def round_trip(results, number):
        with connect() as s:
            def send():
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send)
            sender.start()
            got = bytearray()
            while piece := s.recv(65536):
                got += piece
            sender.join()
            results[number] = bytes(got) == data

    results = [False] * 50
    threads = [threading.Thread(target=round_trip, args=(results, number)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results), results.count(False)


if sys.argv[1] == "--say":
    print(globals()[sys.argv[2]].__doc__)
else:
    port, site = int(sys.argv[2]), sys.argv[3]
    globals()[sys.argv[1]]()
