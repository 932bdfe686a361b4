"""Programs on a terminal of a given width: what they write, and what a person would see of it."""

import fcntl
import os
import pty
import re
import struct
import termios
import unicodedata

WIPE = "\r\x1b[K"


def set_columns(descriptor, columns):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def cells(text):
    """The columns that a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Window:
    """A program on a pseudo-terminal. `read()` waits for output; the whole of it is `.text` after `end()`."""

    def __init__(self, words, columns, cwd, environment=None):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(cwd)
            # The size must be there before the program looks.
            set_columns(1, columns)
            names = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")} | (environment or {})
            os.execvpe(words[0], [str(word) for word in words], names)
        self.bytes = b""

    def resize(self, columns):
        set_columns(self.terminal, columns)

    def read(self):
        """False at the end of the output."""
        try:
            part = os.read(self.terminal, 65536)
        except OSError:  # EIO: the last writer is gone
            part = b""
        self.bytes += part
        return part != b""

    @property
    def text(self):
        return self.bytes.decode(errors="replace").replace("\r\n", "\n")

    def end(self):
        """Waits for the end; returns the exit code."""
        while self.read():
            pass
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def drawn(text):
    """Every bar that was drawn: what stands between a wipe and the next one or the end of the line."""
    return [part.split("\n")[0] for part in text.split(WIPE)[1:] if part.split("\n")[0] and re.match(r"\[|\w+ing ", part)]


def seen(text):
    """The lines that stay: bars that were wiped are gone, one that was not stays before the line that follows it."""
    return [line.split(WIPE)[-1] for line in text.split("\n")]
