"""A name server for tests, on port 53 of its address: prints each question as `udp NAME` or `tcp NAME`. With `silent` it answers none of them.

db.corp.test has one address, big.corp.test more than a datagram takes, anything else does not exist.
"""

import socket
import struct
import sys
import threading

ADDRESSES = {
    "db.corp.test": ["192.0.2.10"],
    "big.corp.test": ["192.0.2.%d" % number for number in range(200)],
}
A = 1


def question_of(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack(">H", packet[at + 1 : at + 3])[0], packet[12 : at + 5]


def answer_to(packet, transport):
    name, kind, question = question_of(packet)
    print(transport, name, flush=True)
    if SILENT:
        return None
    known = ADDRESSES.get(name)
    records = known if known and kind == A else []
    is_cut = transport == "udp" and len(records) > 10
    records = [] if is_cut else records
    flags = 0x8180 | (0x200 if is_cut else 0) | (0 if known else 3)
    body = b"".join(
        b"\xc0\x0c" + struct.pack(">2HIH", A, 1, 60, 4) + socket.inet_aton(address)
        for address in records
    )
    return packet[:2] + struct.pack(">5H", flags, 1, len(records), 0, 0) + question + body


def serve_tcp(connection):
    with connection:
        while len(head := connection.recv(2, socket.MSG_WAITALL)) == 2:
            packet = connection.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
            answer = answer_to(packet, "tcp")
            if answer is not None:
                connection.sendall(struct.pack(">H", len(answer)) + answer)


def accept():
    while True:
        threading.Thread(target=serve_tcp, args=(LISTENER.accept()[0],), daemon=True).start()


SILENT = "silent" in sys.argv
ADDRESS = "127.0.0.1" if "local" in sys.argv else ""
LISTENER = socket.create_server((ADDRESS, 53))
DATAGRAMS = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
DATAGRAMS.bind((ADDRESS, 53))
threading.Thread(target=accept, daemon=True).start()
print("ready", flush=True)
while True:
    packet, asker = DATAGRAMS.recvfrom(4096)
    answer = answer_to(packet, "udp")
    if answer is not None:
        DATAGRAMS.sendto(answer, asker)
