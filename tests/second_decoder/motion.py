"""Motion vectors of a band, and pictures moved by them."""

from distribution import Distribution, symbol_of
from planes import Surface, clamp

STEP = 16


def fresh():
    """The four distributions as they begin."""
    upto = [1092 * (i + 1) + (16384 - 1092 if i >= 7 else 0) for i in range(16)]
    return [Distribution(upto) for _ in range(4)]


def _median(a, b, c):
    return sorted((a, b, c))[1]


def vectors(coder, distributions, width, height, bases=None):
    """Vectors (down, across) of every block of a first plane of a band, row by row."""
    columns, rows = -(-width // STEP), -(-height // STEP)
    own = [[None] * columns for _ in range(rows)]
    # Vectors less their own base, which neighbours are taken as.
    less = [[None] * columns for _ in range(rows)]
    for y in range(rows):
        for x in range(columns):
            base = bases[y][x] if bases else (0, 0)
            zero = (0, 0)
            left = less[y][x - 1] if x else zero
            if y == 0:
                expected = left
            else:
                above = less[y - 1][x]
                if x + 1 < columns:
                    right = less[y - 1][x + 1]
                elif x:
                    right = less[y - 1][x - 1]
                else:
                    right = above
                expected = tuple(_median(left[i], above[i], right[i]) for i in (0, 1))
            expected = [clamp(base[i] + expected[i], -255, 255) for i in (0, 1)]
            across = _coded(coder, distributions[0])
            down = _coded(coder, distributions[2 if across == 0 else 3])
            vector = [expected[0] + down, expected[1] + across]
            vector = tuple(v if abs(v) <= 255 else 0 for v in vector)
            own[y][x] = vector
            less[y][x] = (vector[0] - base[0], vector[1] - base[1])
    return own


def _coded(coder, distribution):
    """One difference; the outermost are followed by what is beyond them."""
    symbol = symbol_of(coder, distribution, distribution)
    d = symbol - 7
    if symbol == 0:
        return -7 - coder.plain(10)
    if symbol >= 14:
        return 7 + coder.plain(10)
    return d


def moved(picture, vectors, plane, top, rows, low, high):
    """`picture` moved to rows `top..top + rows`, made of its rows `low..high` only."""
    tall, wide = STEP >> plane.down, STEP >> plane.across
    last = plane.width - 1
    out = []
    for y in range(-1, rows + 1):
        blocks = vectors[clamp(y, 0, rows - 1) // tall]
        row = []
        for x in range(plane.width):
            down, across = blocks[x // wide]
            source = picture[clamp(top + y + (down >> plane.down), low, high - 1)]
            row.append(int(source[clamp(x + (across >> plane.across), 0, last)]))
        out.append(row)
    return Surface(out)
