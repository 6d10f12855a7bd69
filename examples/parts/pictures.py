"""Curves of Braille characters and small images of half blocks, as lines of text."""

from .terminal import COLOURED, pad, paint

DOTS = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]  # the bits of a Braille character, 4 x 2


def curve(values, columns, rows, low, high):
    """A curve through the values as lines of Braille characters, each of 2 x 4 dots."""
    wide, tall = 2 * columns, 4 * rows
    cells = [[0] * columns for _ in range(rows)]
    heights = [height(at(values, x / (wide - 1)), low, high, tall) for x in range(wide)]
    for x, y in enumerate(heights):
        before = heights[x - 1] if x else y
        for dot in range(min(before, y), max(before, y) + 1):  # a steep step is a line, too
            row, bit = divmod(tall - 1 - dot, 4)
            cells[row][x // 2] |= DOTS[bit][x % 2]
    return ["".join(chr(0x2800 + cell) for cell in line) for line in cells]


def at(values, share):
    """The value this far (0..1) along the list, between two of its items in proportion."""
    place = share * (len(values) - 1)
    i = min(int(place), len(values) - 2)
    return values[i] + (place - i) * (values[i + 1] - values[i]) if len(values) > 1 else values[0]


def height(value, low, high, tall):
    """The row of dots, from below, for a value."""
    share = (value - low) / (high - low)
    return round(min(1, max(0, share)) * (tall - 1))


def plot(title, values, columns, rows, low, high, form):
    """A curve with its title and axes, as lines of `columns` characters."""
    labels = [form(high), *[""] * (rows - 2), form(low)]
    edge = max(map(len, labels))
    drawn = curve(values, columns - edge - 2, rows, low, high)
    body = [f"{label:>{edge}} {paint('┤' if label else '│', 'faint')}" for label in labels]
    lines = [b + paint(d, "line") for b, d in zip(body, drawn)]
    foot = " " * edge + " " + paint("└" + "─" * (columns - edge - 2), "faint")
    scale = pad(" " * (edge + 2) + "1", columns - len(str(len(values)))) + str(len(values))
    return [pad(" " * (edge + 2) + paint(title, "bold"), columns), *lines, foot, paint(scale, "faint")]


def picture(image):
    """Rows of numbers in 0..1 as lines of half blocks, two pixels in each character."""
    lines = []
    for upper, lower in zip(image[::2], image[1::2]):
        lines.append("".join(half_block(u, v) for u, v in zip(upper, lower)))
    return lines


def half_block(upper, lower):
    """One character: grey above grey, or ink where there are no colours."""
    if COLOURED:
        above, below = (232 + round(23 * value) for value in (upper, lower))
        return f"\033[38;5;{above};48;5;{below}m▀\033[0m"
    return " ▄▀█"[2 * (upper > 0.4) + (lower > 0.4)]
