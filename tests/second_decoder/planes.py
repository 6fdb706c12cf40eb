"""Which planes a pixel format has, and where bands and pictures that are moved lie in them."""

from dataclasses import dataclass


@dataclass
class Plane:
    """Size of a plane and whether it is halved across and down."""

    width: int
    height: int
    across: int
    down: int

    def rows(self, a, b):
        """Its rows of a band that covers luma rows a to b."""
        return (a >> 1, (b + 1) >> 1) if self.down else (a, b)


def layout(pixels, width, height):
    """The planes of a pixel format, in the order they are coded."""
    if pixels == 8:
        halved = []
    elif pixels in (2, 3, 4, 5):
        halved = [(1, 1)] * 2
    elif pixels in (0, 1, 6):
        halved = [(1, 0)] * 2
    else:
        halved = [(0, 0)] * 2
    return [
        Plane((width + across) >> across, (height + down) >> down, across, down)
        for across, down in [(0, 0)] + halved
    ]


def bands(heights, height):
    """Luma rows of every band."""
    rows, at = [], 0
    for steps in heights:
        rows.append((at, min(at + 16 * steps, height)))
        at += 16 * steps
    return rows


def clamp(value, low, high):
    return low if value < low else high if value > high else value


class Surface:
    """Rows with outer samples repeated: row -1 to H, column -1 to W."""

    def __init__(self, rows):
        self.rows = [[row[0]] + row + [row[-1]] for row in rows]

    def at(self, y, x):
        return self.rows[y + 1][x + 1]

    def repeat_outer_rows(self):
        """Makes rows -1 and H those beside them."""
        self.rows[0], self.rows[-1] = self.rows[1], self.rows[-2]
