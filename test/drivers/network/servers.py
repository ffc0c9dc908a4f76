"""Servers for the tests of network drivers, in a network of their own; ends when its stdin ends, prints "ready" when all listen.

198.51.100.7: TCP and UDP port 7000 answer what they get, in capitals. 198.51.100.53: a name server that knows one name.
2001:db8::7, where there is such an address: the same as 198.51.100.7, and ::1 the same as 127.0.0.1.
127.0.0.1: TCP port 7001 says "loopback". 198.51.100.7: TCP port 7002 sends bytes without end, 7003 takes them.
"""
import socket, struct, sys, threading

NAME = b"\x06answer\x04test\x00"


def upper(connection):
    while data := connection.recv(65536):
        connection.sendall(data.upper())
    connection.close()


def listen(address, serve):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    server = socket.create_server(address, family=family)

    def loop():
        while True:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def datagrams(address, answer):
    server = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(address)

    def loop():
        while True:
            data, peer = server.recvfrom(65536)
            server.sendto(answer(data), peer)

    threading.Thread(target=loop, daemon=True).start()


def resolve(query):
    end = query.index(b"\x00", 12) + 1
    name, (kind,) = query[12:end], struct.unpack(">H", query[end:end + 2])
    question = query[12:end + 4]
    if name.lower() != NAME:
        return query[:2] + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + question
    if kind != 1:
        return query[:2] + struct.pack(">HHHHH", 0x8180, 1, 0, 0, 0) + question
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("198.51.100.7")
    return query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + question + answer


def say_loopback(connection):
    connection.sendall(b"loopback\n")
    connection.close()


def send(connection):
    try:
        while True:
            connection.sendall(bytes(65536))
    except OSError:
        connection.close()


def take(connection):
    while connection.recv(65536):
        pass
    connection.close()


listen(("198.51.100.7", 7000), upper)
listen(("198.51.100.7", 7002), send)
listen(("198.51.100.7", 7003), take)
datagrams(("198.51.100.7", 7000), bytes.upper)
datagrams(("198.51.100.53", 53), resolve)
listen(("127.0.0.1", 7001), say_loopback)
try:
    listen(("2001:db8::7", 7000), upper)
    datagrams(("2001:db8::7", 7000), bytes.upper)
    listen(("::1", 7001), say_loopback)
except OSError:
    pass
print("ready", flush=True)
sys.stdin.read()
