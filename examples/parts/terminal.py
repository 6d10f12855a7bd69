"""What the tour is shown with: colours, code beside results, tables, a progress bar.

Python's library and nothing else. Colours and the moving bar appear on a terminal; `NO_COLOR`
(no-color.org) turns the colours off.
"""

import io
import keyword
import os
import re
import shutil
import sys
import time
import tokenize

ON_TERMINAL = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
COLOURED = ON_TERMINAL and not os.environ.get("NO_COLOR")
STYLES = {
    "title": "1;38;5;208", "bold": "1", "faint": "38;5;244", "good": "32", "bad": "1;31",
    "keyword": "35", "string": "32", "number": "36", "comment": "38;5;244", "line": "38;5;208",
}  # fmt: skip
ESCAPE = re.compile(r"\033\[[0-9;?]*[a-zA-Z]")


def set_up():
    """Makes standard output able to show what is drawn here, on Windows too."""
    if os.name == "nt":
        os.system("")  # switches the console to ANSI escapes
    if "utf" not in (sys.stdout.encoding or "").lower():
        sys.stdout.reconfigure(encoding="utf-8")


def width():
    """Columns to fill: the terminal's, from 80 to 100."""
    return min(100, max(80, shutil.get_terminal_size((100, 24)).columns))


def paint(text, style):
    """The text in a style, where there are colours."""
    return f"\033[{STYLES[style]}m{text}\033[0m" if COLOURED and text else text


def length(text):
    """Columns that a text takes, its colours being none."""
    return len(ESCAPE.sub("", text))


def pad(text, columns, align="<"):
    """The text filled with blanks."""
    blanks = " " * (columns - length(text))
    return text + blanks if align == "<" else blanks + text


def heading(text):
    """A part of the tour: its name on a line of its own."""
    bar = "━" * (width() - length(text) - 4)
    print(f"\n{paint('━━', 'line')} {paint(text, 'title')} {paint(bar, 'line')}\n")


def wrap(text, columns):
    """Lines of at most so many columns, broken at blanks."""
    lines, line = [], ""
    for word in text.split():
        if line and length(line) + 1 + length(word) > columns:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def say(text):
    """A paragraph."""
    for line in wrap(text, width() - 2):
        print(f" {line}")


# -- code -----------------------------------------------------------------------------------------------


def highlight(code):
    """Python code with its words coloured."""
    if not COLOURED:
        return code
    lines = code.splitlines()
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code + "\n").readline))):
        style = token_style(token)
        (row, start), (end_row, end) = token.start, token.end
        if style and row == end_row:
            line = lines[row - 1]
            lines[row - 1] = line[:start] + paint(line[start:end], style) + line[end:]
    return "\n".join(lines)


def token_style(token):
    """How a token is painted; None for as it is."""
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "keyword"
    names = {tokenize.STRING: "string", tokenize.NUMBER: "number", tokenize.COMMENT: "comment"}
    return names.get(token.type)


CODE = 44  # columns for code, where results stand beside it


def beside(pieces):
    """Pairs (code, what it printed): side by side where the terminal is wide enough, else in turn."""
    split = width() >= 96
    for code, result in pieces:
        left, right = code.splitlines(), result.splitlines()
        if not split:
            left, right = [*left, *(bar(line) for line in right)], []
        column = max([CODE, *(length(line) + 4 for line in left[: len(right)])])
        for i in range(max(len(left), len(right))):
            line = "  " + (left[i] if i < len(left) else "")
            print((pad(line, column) + bar(right[i]) if i < len(right) else line).rstrip())


def bar(text):
    """A line of a result, behind its bar."""
    return paint("│ ", "line") + text


def table(header, rows, align):
    """Rows in columns; `align` has a < or > for each."""
    sizes = [max(length(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["   ".join(pad(c, s, a) for c, s, a in zip(row, sizes, align)) for row in [header, *rows]]
    print("  " + paint(lines[0], "faint"))
    print("  " + paint("─" * (sum(sizes) + 3 * len(sizes) - 3), "faint"))
    for line in lines[1:]:
        print("  " + line.rstrip())


def together(*blocks, gap=3):
    """Blocks of lines, side by side."""
    tallest = max(map(len, blocks))
    sizes = [max(map(length, block)) for block in blocks]
    for i in range(tallest):
        cells = [pad(b[i] if i < len(b) else "", s) for b, s in zip(blocks, sizes)]
        print("  " + (" " * gap).join(cells).rstrip())


# -- progress -------------------------------------------------------------------------------------------


class Progress:
    """A bar that moves while a job runs; where output is not a terminal, one plain line when it is done.

    with Progress("training", 500) as bar:
        ...
        bar.advance("loss 0.3")
    """

    EVERY = 0.05  # seconds between two drawings

    def __init__(self, name, total, unit="steps", source=""):
        self.name, self.total, self.unit, self.source = name, total, unit, source
        self.done, self.note = 0, ""

    def __enter__(self):
        self.start = self.drawn = time.perf_counter()
        if ON_TERMINAL:
            self.draw(0)
        return self

    def advance(self, note=""):
        """Says that one more step is done, and what to show beside the bar."""
        self.done, self.note = self.done + 1, note
        now = time.perf_counter()
        if ON_TERMINAL and now - self.drawn > self.EVERY:
            self.drawn = now
            self.draw(now - self.start)

    def draw(self, seconds):
        """Draws the bar over itself."""
        size = width() - 60
        full = round(size * self.done / self.total)
        bar = paint("━" * full, "line") + paint("─" * (size - full), "faint")
        left = f"  {self.name} {bar} {100 * self.done // self.total:3d}%"
        print(f"\r{left}  {seconds:.1f} s  {self.note}\033[K", end="", flush=True)

    def __exit__(self, *error):
        seconds = time.perf_counter() - self.start
        if ON_TERMINAL:
            print("\r\033[K", end="")
        if error == (None, None, None):
            name, source = paint(self.name, "bold"), paint(self.source, "faint")
            line = f"  {paint('✓', 'good')} {name}   {self.done} {self.unit}, {seconds:.1f} s   {source}"
            print(line.rstrip(), flush=True)
