"""Drives `fusionspec chat` on a pseudo-terminal: chat_terminal.py COMMAND SCENARIO. Exit status 0 if all is as it should be."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import fcntl
import time

PATIENCE = 60  # seconds until something counts as never coming


class Chat:
    """A running chat, with everything it has written."""

    def __init__(self, command, *options, environment=(), columns=80, rows=24):
        ready, told = os.pipe()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.read(ready, 1)  # until the other side has seen the mode of the terminal
            os.environ.update({"TERM": "xterm-256color", **dict(environment)})
            os.environ.pop("NO_COLOR", None) if "NO_COLOR" not in dict(environment) else None
            os.execv(command, [command, "chat", *options])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # The mode belongs to the terminal, so it can be seen from this side, also after the program has ended.
        self.mode = termios.tcgetattr(self.terminal)
        os.write(told, b"x")
        os.close(ready)
        os.close(told)
        self.written = ""
        self.mark = 0

    def read(self, patience):
        ready, _, _ = select.select([self.terminal], [], [], patience)
        if not ready:
            return False
        try:
            data = os.read(self.terminal, 1 << 16)
        except OSError:  # the other side is gone
            return False
        self.written += data.decode("utf-8", "replace")
        return bool(data)

    def expect(self, text):
        """Waits for text that comes after what was expected before."""
        end = time.monotonic() + PATIENCE
        while text not in self.written[self.mark :]:
            if time.monotonic() > end or (not self.read(1) and self.has_ended()):
                raise SystemExit(f"expected {text!r}, found {self.written[self.mark:]!r}")
        self.mark += self.written[self.mark :].index(text) + len(text)

    def send(self, text):
        os.write(self.terminal, text if isinstance(text, bytes) else text.encode())

    def has_ended(self):
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self):
        """Waits for the end; returns the exit status, negative for a signal."""
        deadline = time.monotonic() + PATIENCE
        while not self.has_ended():
            self.read(0.05)
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise SystemExit(f"did not end: {self.written!r}")
        mode = termios.tcgetattr(self.terminal)
        while self.read(0.1):
            pass
        _, status = os.waitpid(self.pid, 0)
        assert mode == self.mode, "the terminal is not as it was found"
        assert self.written.count("\x1b[?2004h") == self.written.count("\x1b[?2004l"), "paste mode is left on"
        return os.waitstatus_to_exitcode(status)


PROMPT = "› "
# A reply that takes long enough to be stopped on any machine.
SLOW = ("--isa", "scalar", "--threads", "1", "--speculation", "mtp")
LONG = (*SLOW, "--thinking", "fast", "--max-tokens", "900", "--min-tokens", "900")


def editing(command):
    chat = Chat(command)
    chat.expect(PROMPT)
    # Wide characters are removed, passed over and inserted as one; the accent belongs to its letter.
    chat.send("/中文字e\u0301x")
    chat.send("\x7f\x7f")  # x, é
    chat.send("\x1b[D\x1b[D\x7f")  # before 文, and 中 goes
    chat.send("語\x1b[F!\r")
    chat.expect("unknown command '/語文字!'")
    chat.expect(PROMPT)
    chat.send("/one two three\x17\x17\x01\x06x\x05y\r")
    chat.expect("unknown command '/xone'")
    chat.send("\x1b[A\x15/other\r")
    chat.expect("unknown command '/other'")
    chat.send("\x1b[A\x1b[A\r")
    chat.expect("unknown command '/xone'")
    chat.send("\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B/kept\r")
    chat.expect("unknown command '/kept'")
    # Bytes that are no text and keys that do not exist change nothing.
    chat.send(b"/a\xff\x1b[99;99Xb\x1b[Z\r")
    chat.expect("unknown command '/a\ufffdb'")
    chat.send("\x04")
    return chat.end() == 0


def multiline(command):
    chat = Chat(command, "--thinking", "fast", columns=20)
    chat.expect(PROMPT)
    chat.send("\x1b[200~/first\rsecond\x1b[201~")
    chat.send("\x7f" * 6 + "x" * 100 + "\r")  # wraps over many rows, and back to one line
    chat.expect("there are /fast")
    chat.send('"""\r')
    chat.expect("… ")
    chat.send('/not a command\r"""\r')
    chat.expect("first token")
    chat.send("What is\\\r")
    chat.expect("… ")
    chat.send("1 + 1?\r")
    chat.expect("first token")
    chat.send("\x1b[A")
    chat.expect("What is")
    chat.expect("… 1 + 1?")
    chat.send("\x03\x04")
    return chat.end() == 0


def interrupt(command):
    chat = Chat(command, *LONG)
    chat.expect(PROMPT)
    chat.send("Tell me a story.\r")
    chat.expect("tok/s")
    chat.send("\x03")
    chat.expect("stopped")
    chat.expect(PROMPT)
    chat.send("/stats\r")
    chat.expect("1 reply")
    chat.send("\x03")  # a command in between: the first of two again
    chat.expect("again")
    chat.send("\x03")
    return chat.end() == 130


def interrupt_twice(command):
    chat = Chat(command, *LONG)
    chat.expect(PROMPT)
    chat.send("Tell me a story.\r")
    chat.expect("tok/s")
    chat.send("\x03\x03")
    return chat.end() == 130


def signals(command):
    for number in (signal.SIGTERM, signal.SIGHUP):
        for busy in (False, True):
            chat = Chat(command, *LONG)
            chat.expect(PROMPT)
            if busy:
                chat.send("Tell me a story.\r")
                chat.expect("tok/s")
            os.kill(chat.pid, number)
            if chat.end() != -number:
                return False
    chat = Chat(command, *LONG)
    chat.expect(PROMPT)
    os.kill(chat.pid, signal.SIGINT)
    chat.expect("again")
    os.kill(chat.pid, signal.SIGINT)
    return chat.end() == 130


def end_thinking(command):
    for key in ("\x1b", "\x14"):
        # The model may not end its thoughts itself: token 8 is its closing marker.
        chat = Chat(command, *SLOW, "--thinking", "slow", "--logit-bias", "8=-inf", "--max-tokens", "900")
        chat.expect(PROMPT)
        chat.send("What is 98765 * 43210?\r")
        chat.expect("Esc: answer now")
        chat.send(key)
        chat.expect("thinking ended on request")
        chat.send("/exit\r")
        if chat.end() != 0:
            return False
    return True


def type_ahead(command):
    chat = Chat(command, *LONG)
    chat.expect(PROMPT)
    chat.send("Tell me a story.\r")
    chat.expect("tok/s")
    chat.send("/ahead\r/exit\r\x03")
    chat.expect("unknown command '/ahead'")
    return chat.end() == 0


def typed_at_the_end(command):
    """What comes in the same instant as the end of a reply is not lost."""
    chat = Chat(command, "--thinking", "fast")
    chat.expect(PROMPT)
    for trial in range(40):
        chat.send("What is 1 + 1?\r")
        time.sleep(trial * 0.0005)
        chat.send(f"/number{trial}\r")
        chat.expect(f"unknown command '/number{trial}'")
        chat.expect(PROMPT)
    chat.send("/exit\r")
    return chat.end() == 0


def suspend(command):
    chat = Chat(command)
    chat.expect(PROMPT)
    chat.send("/abc")
    chat.expect("/abc")
    os.kill(chat.pid, signal.SIGSTOP)
    os.kill(chat.pid, signal.SIGCONT)
    chat.expect("/abc")
    chat.send("d\r")
    chat.expect("unknown command '/abcd'")
    chat.send("/exit\r")
    return chat.end() == 0


def colours(command):
    chat = Chat(command, "--thinking", "slow")
    chat.expect(PROMPT)
    chat.send("What is 12 + 7?\r")
    chat.expect("tokens ")
    chat.send("/exit\r")
    if chat.end() != 0 or "\x1b[2m" not in chat.written:
        return False
    plain = Chat(command, "--thinking", "slow", environment={"NO_COLOR": "1"})
    plain.expect(PROMPT)
    plain.send("What is 12 + 7?\r")
    plain.expect("tokens ")
    plain.send("/exit\r")
    if plain.end() != 0:
        return False
    return not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", plain.written)


def pipe(command):
    """Without a terminal: Ctrl-C stops the answer, which stays printed, and the next one leaves."""
    chat = subprocess.Popen([command, "chat", *LONG], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        chat.stdin.write("Tell me a story.\n".encode())
        text = chat.stdout.read(1)
        chat.send_signal(signal.SIGINT)
        end = time.monotonic() + PATIENCE
        while not text.endswith(b"\n") and time.monotonic() < end:
            if select.select([chat.stdout], [], [], 1)[0]:
                text += chat.stdout.read(1)
        time.sleep(0.2)  # a line break of the story is none of its end
        chat.send_signal(signal.SIGINT)
        return chat.wait(PATIENCE) == 130 and len(text) < 1500
    finally:
        chat.kill()


if __name__ == "__main__":
    scenario = globals()[sys.argv[2]]
    sys.exit(0 if scenario(sys.argv[1]) else "not as expected")
