#!/usr/bin/env python3
"""echo_client.py TEST PORT: runs one test of the freestanding program `echo`, which listens at that port of 127.0.0.1."""

import os, resource, socket, struct, sys, threading, time

port = int(sys.argv[2])
_, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=20)

def receive(s, count):
    got = bytearray()
    while len(got) < count:
        piece = s.recv(65536)
        if not piece:
            break
        got += piece
    return bytes(got)

def round_trip(size):
    """Sends and receives at the same time, closes the sending side, and expects all bytes back, and the end."""
    data = os.urandom(size)
    with connect() as s:
        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        got = receive(s, size + 1)
        sender.join()
        assert got == data, f"{len(got)} of {size} bytes, or others"

def one():
    round_trip(1 << 20)

def many():
    """Opens 200 connections before the first byte is sent, and expects the bytes of each back."""
    data = [os.urandom(65536) for _ in range(200)]
    sockets = [connect() for _ in data]
    for s, bytes in zip(sockets, data):
        s.sendall(bytes)
    for s, bytes in zip(sockets, data):
        assert receive(s, len(bytes)) == bytes
        s.close()

def crowd():
    """Opens 3,000 connections before the first byte is sent."""
    sockets = [connect() for _ in range(3000)]
    for number, s in enumerate(sockets):
        s.sendall(struct.pack("<I", number))
    for number, s in enumerate(sockets):
        assert receive(s, 4) == struct.pack("<I", number)
    for s in sockets:
        s.close()

def hoard(count):
    """Returns so many connections that never read, after sending until the server takes no more of any."""
    sockets = []
    for _ in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        sockets.append(s)
    idle = 0
    while idle < 4:
        idle += 1
        for s in sockets:
            try:
                while s.send(bytes(65536)):
                    idle = 0
            except BlockingIOError:
                pass
        time.sleep(0.05)
    return sockets

def greedy():
    """100 clients send all that they can and never read, then most of them leave. The others are served."""
    sockets = hoard(100)
    for s in sockets[4:]:
        s.close()
    round_trip(100000)
    for s in sockets:
        s.close()

def starved():
    """Clients that come while no buffer is free are all served when buffers are free again."""
    waiting = [connect() for _ in range(600)]
    hogs = hoard(100)
    for s in waiting:
        s.sendall(bytes(10))
    waiting += [connect() for _ in range(100)]
    time.sleep(0.1)
    for s in hogs:
        s.close()
    for s in waiting[:600]:
        assert receive(s, 10) == bytes(10)
    for s in waiting:
        s.sendall(b"x")
        assert receive(s, 1) == b"x"
        s.close()

def early():
    """Clients leave before their bytes have come back, some with an end and some with a reset."""
    for number in range(50):
        s = connect()
        s.sendall(os.urandom(300000 if number % 3 == 0 else 1))
        if number % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    round_trip(1000)

def sequence():
    for number in range(2000):
        s = connect()
        s.sendall(b"%d" % number)
        assert receive(s, len(b"%d" % number)) == b"%d" % number
        s.close()

def too_many():
    """A client that finds the table full gets an end or a reset at once, and the 4,096 before it are served."""
    sockets = [connect() for _ in range(4096)]
    for s in sockets:
        s.sendall(b"x")
        assert receive(s, 1) == b"x"
    for _ in range(100):
        with connect() as s:
            try:
                assert s.recv(1) == b""
            except ConnectionResetError:
                pass
    for s in sockets:
        s.sendall(b"y")
        assert receive(s, 1) == b"y"
        s.close()

def hold():
    """Ten clients keep sending and receiving until the server ends."""
    def talk(s):
        try:
            while s.recv(65536):
                s.sendall(bytes(65536))
        except OSError:
            pass
    sockets = [connect() for _ in range(10)]
    threads = [threading.Thread(target=talk, args=(s,)) for s in sockets]
    for s, thread in zip(sockets, threads):
        s.sendall(bytes(200000))
        thread.start()
    time.sleep(0.2)
    print("held", flush=True)
    for thread in threads:
        thread.join()

globals()[sys.argv[1]]()
