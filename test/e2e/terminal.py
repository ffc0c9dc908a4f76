"""Runs a command on a terminal of its own and plays a script on it, as a person at the keyboard would.

Reads JSON from stdin: {"size": [rows, columns], "argv": [...], "stdin": "tty" or "pipe", "script": [step, ...]} with steps
["expect", TEXT] (waits until the screen has shown TEXT since the last expectation), ["type", TEXT],
["resize", rows, columns], ["signal", NUMBER]. Prints JSON: code (of the exit, or minus the signal), output, missing (what
was expected in vain) and restored (whether the terminal is in the modes that it had before).
"""
import fcntl, json, os, select, struct, sys, termios, time

PATIENCE_SECONDS = 20
play = json.load(sys.stdin)
master, slave = os.openpty()


def resize(rows, columns):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(*play["size"])
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    stdin = slave if play.get("stdin", "tty") == "tty" else os.open("/dev/null", os.O_RDONLY)
    for number, fd in enumerate((stdin, slave, slave)):
        os.dup2(fd, number)
    os.closerange(3, 64)
    os.execvp(play["argv"][0], play["argv"])

screen, seen, missing, status = b"", 0, None, None
deadline = time.monotonic() + PATIENCE_SECONDS


def read(seconds):
    global screen
    if select.select([master], [], [], seconds)[0]:
        screen += os.read(master, 65536)
        return True
    return False


for kind, *values in play["script"]:
    if kind == "expect":
        wanted = values[0].encode()
        while wanted not in screen[seen:] and time.monotonic() < deadline:
            read(0.05)
        if wanted not in screen[seen:]:
            missing = values[0]
            break
        seen = screen.index(wanted, seen) + len(wanted)
    elif kind == "type":
        os.write(master, values[0].encode())
    elif kind == "resize":
        resize(*values)
    elif kind == "signal":
        os.kill(pid, values[0])

while status is None:
    read(0.05)
    ended, value = os.waitpid(pid, os.WNOHANG)
    if ended:
        status = os.waitstatus_to_exitcode(value)
    elif time.monotonic() > deadline:
        missing = missing or "the end"
        os.kill(pid, 9)
while read(0.05):
    pass
print(json.dumps({
    "code": status,
    "output": screen.decode(errors="replace"),
    "missing": missing,
    "restored": termios.tcgetattr(slave) == before,
}))
