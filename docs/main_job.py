#!/usr/bin/env python3
"""Writes docs/main-job.svg: what the main job puts on a terminal, as an animation that ends in its last state.

    cargo build --release && python3 docs/main_job.py target/release/fewshot docs/main-job.svg

The words are those of the program, run here on a terminal of 112 columns; of the bar of progress a picture in a while is shown.
Braille patterns are drawn as dots, so that drawings look alike in every font.
"""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from html import escape

COLUMNS, ROWS = 112, 60
WIDE, HIGH, MARGIN = 7.2, 17, 16  # a character, in pixels
TYPING, BAR, LINE = 0.09, 3.6, 0.11  # seconds: a key, the bar from first to last, from line to line
BARS = 18
STYLE = """
text,path{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#202020;white-space:pre}
.page{fill:#fff;stroke:#d0d0d0}.dim{fill:#6a6a6a}.good{fill:#0072b2;font-weight:bold}
path{fill:none;stroke:#202020;stroke-width:2.3;stroke-linecap:round}
.bar{visibility:hidden}
@keyframes come{from{visibility:hidden}}
@keyframes pass{from,to{visibility:visible}}
@media (prefers-reduced-motion:no-preference){.late{animation:come both}.bar{animation:pass}}
@media (prefers-color-scheme:dark){text{fill:#e8e8e8}path{stroke:#e8e8e8}.page{fill:#141414;stroke:#404040}.dim{fill:#9a9a9a}.good{fill:#6f9bff}}
"""


def run(program):
    """All that the program writes to its terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(program, [program])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    written = b""
    while True:
        try:
            more = os.read(terminal, 1 << 16)
        except OSError:  # the other side is closed
            more = b""
        if not more:
            break
        written += more
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{program} failed:\n{written.decode()}")
    return written.decode()


def states(written):
    """The lines that stay, and the states of a bar: the place it has among them, its line."""
    lines, bars = [], []
    for line in re.split("\r?\n", written):
        plain = re.sub("\x1b\\[[0-9;]*m", "", line)  # without colours
        *redrawn, line = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "\r", plain).split("\r")
        bars += [(len(lines), text.rstrip()) for text in redrawn if "left" in text]
        lines.append(line.rstrip())
    return lines, bars


def dots(text, row):
    """The Braille patterns of a line as one path."""
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    path = ""
    for column, character in enumerate(text):
        pattern = ord(character) - 0x2800
        for bit, (x, y) in enumerate(places):
            if 0 < pattern < 256 and pattern >> bit & 1:
                path += f"M{MARGIN + (column + 0.25 + x / 2) * WIDE:.1f} {MARGIN + (row + 0.125 + y / 4) * HIGH:.1f}h0"
    return path


def shown(text, row, kind, style):
    """A line of the terminal as SVG."""
    attributes = f'class="{kind}"' + (f' style="{style}"' if style else "")
    if any("\u2800" <= character <= "\u28ff" for character in text):
        return f'<path {attributes} d="{dots(text, row)}"/>'
    words = ""
    for word in re.finditer(r"\S+(?: \S+)*", text):  # words by column, whatever the font
        x, width = MARGIN + word.start() * WIDE, len(word[0]) * WIDE
        words += f'<tspan x="{x:.1f}" textLength="{width:.1f}">{escape(word[0])}</tspan>'
    return f'<text {attributes} y="{MARGIN + (row + 0.75) * HIGH:.1f}">{words}</text>' if words else ""


def picture(command, lines, bars):
    late = lambda seconds: f"animation-delay:{seconds:.2f}s"
    parts = [shown("$", 0, "dim", "")]
    for i, key in enumerate(command):
        parts.append(shown("  " + " " * i + key, 0, "late", late(0.5 + TYPING * i)))
    time, trained = 1.0 + TYPING * len(command), bars[0][0]
    bars = [text for place, text in bars if place == trained]
    for row, line in enumerate(lines, 1):
        if row - 1 == trained:
            for i in range(BARS):
                text = bars[i * (len(bars) - 1) // (BARS - 1)]
                style = f"{late(time + BAR / BARS * i)};animation-duration:{BAR / BARS:.2f}s"
                parts.append(shown(text, row, "dim bar", style))
            time += BAR
        kind = "good late" if line.startswith("accuracy") else "late"
        parts.append(shown(line, row, kind, late(time)))
        time += LINE
    width = 2 * MARGIN + round(WIDE * max(map(len, lines + bars)))
    height = 2 * MARGIN + HIGH * (len(lines) + 1)
    body = "\n".join(part for part in parts if part)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{STYLE}</style>\n"
        f'<rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"/>\n{body}\n</svg>\n'
    )


def main():
    program, path = sys.argv[1:]
    lines, bars = states(run(program))
    while not lines[-1]:
        lines.pop()
    with open(path, "w", encoding="utf-8") as file:
        file.write(picture(os.path.basename(program), lines, bars))


if __name__ == "__main__":
    main()
