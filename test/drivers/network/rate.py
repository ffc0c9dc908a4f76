"""Prints the bits per second at which bytes come from port 7002 ("in") or go to port 7003 ("out") of 198.51.100.7.

Measured between two moments of a transfer: after a first part, in which the burst passes, and when BYTES more have passed. What goes out
is counted where it has left: by the device's own counter.
"""
import socket, sys, time

direction, skipped, measured = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def sent():
    return int(open("/sys/class/net/tap0/statistics/tx_bytes").read())


def passed(connection):
    if direction == "in":
        return len(connection.recv(65536))
    before = sent()
    connection.send(bytes(16384))
    return sent() - before


connection = socket.create_connection(("198.51.100.7", 7002 if direction == "in" else 7003))
if direction == "out":
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
total = 0
while total < skipped:
    total += passed(connection)
start, begin = time.monotonic(), total
while total - begin < measured:
    total += passed(connection)
print((total - begin) * 8 / (time.monotonic() - start))
