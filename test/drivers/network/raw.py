"""Prints the bits per second that packets of a packet socket (packet(7)) leave by tap0 with: "queued", or "past" its queue.

The first tenth of a second, in which the burst passes, does not count.
"""
import socket, sys, time

SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
SECONDS = 1


def sent():
    with open("/proc/net/dev") as lines:
        return next(int(line.split(":")[1].split()[8]) for line in lines if line.strip().startswith("tap0:"))


raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.bind(("tap0", 0))
raw.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, sys.argv[1] == "past")
frame = b"\xff" * 6 + b"\x02" * 6 + b"\x88\xb5" + bytes(9000)


def send_for(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            raw.send(frame)
        except OSError:
            time.sleep(0.001)


send_for(0.1)
start, before = time.monotonic(), sent()
send_for(SECONDS)
print((sent() - before) * 8 / (time.monotonic() - start))
