"""Asks servers from within a container: each argument is PROTOCOL/ADDRESS/PORT or a name; prints what came back, one line each."""
import socket, sys, time
from concurrent.futures import ThreadPoolExecutor


def ask(word):
    if "/" not in word:
        return socket.getaddrinfo(word, None, socket.AF_INET)[0][4][0]
    protocol, address, port = word.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if protocol == "ping":
        with socket.socket(family, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
            s.settimeout(3)
            s.sendto(b"\x08\0\0\0\0\0\0\1hutch", (address, 0))
            return "echo" if s.recv(99).endswith(b"hutch") else "other"
    with socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM) as s:
        s.settimeout(3)
        s.connect((address, int(port)))
        s.sendall(b"hello\n")
        return s.recv(99).decode().strip()


def routed():
    for _ in range(100):
        with open("/proc/net/if_inet6") as file:
            if any(line.split()[3] == "00" and line.split()[5] != "lo" for line in file):
                return
        time.sleep(0.05)


if any(":" in word and "::1" not in word for word in sys.argv[1:]):
    routed()


def told(word):
    try:
        return ask(word)
    except OSError:
        return "nothing"


with ThreadPoolExecutor(16) as pool:
    print("\n".join(pool.map(told, sys.argv[1:])))
