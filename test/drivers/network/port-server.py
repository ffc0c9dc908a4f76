"""Runs in a container: answers at TCP ports FIRST to LAST, and at UDP port FIRST; prints "ready" when all listen.

A TCP client is told the port, its own address and a line end, gets back whatever it sends, and the end of it. At LAST it is told and the connection closed.
A datagram comes back with the sender's address.
"""
import selectors, socket, sys, threading

first, last = int(sys.argv[1]), int(sys.argv[2])
waiting = selectors.DefaultSelector()


def datagrams():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", first))
    while True:
        data, peer = server.recvfrom(65536)
        server.sendto(data + b" from " + peer[0].encode(), peer)


def echo(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


for port in range(first, last + 1):
    server = socket.create_server(("0.0.0.0", port), backlog=4096)
    waiting.register(server, selectors.EVENT_READ, port)
threading.Thread(target=datagrams, daemon=True).start()
print("ready", flush=True)
while True:
    for key, _ in waiting.select():
        connection, peer = key.fileobj.accept()
        connection.sendall(f"{key.data} {peer[0]}\n".encode())
        if key.data == last:
            connection.close()
        else:
            threading.Thread(target=echo, args=(connection,), daemon=True).start()
