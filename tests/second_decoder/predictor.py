"""The built-in predictors: what the next frame may look like, from those before it, in integers."""

from container import COPY_LAST, MODEL, MOTION, need
from planes import clamp

CELL = 4
PATCH = 8


class Predictor:
    """Draws the next frame; must be shown every frame since the key frame, repeats included."""

    def __init__(self, kind, planes):
        need(kind != MODEL, "the predictor is a model, which this decoder does not run")
        self.kind, self.planes = kind, planes
        self.reset()

    def reset(self):
        self.last = self.oldest = self.found = None

    def draw(self, frame):
        """The picture that may follow `frame` with its memory, or None while that cannot be told."""
        before, self.last = self.last, frame
        if self.kind == COPY_LAST:
            return frame, None
        if self.kind != MOTION or before is None:
            return None
        found = search(pyramid(frame[0]), pyramid(before[0]))
        field = moved_on(found)
        path, source = then(field, found), before
        if self.oldest is not None:
            path, source = then(path, self.found), self.oldest
        self.oldest, self.found = before, found
        return self.carried(frame, field), self.carried(source, path)

    def carried(self, picture, field):
        """All planes of a picture, moved."""
        planes = enumerate(zip(self.planes, picture))
        return [warp(rows, field if i == 0 else shrunk(field, plane)) for i, (plane, rows) in planes]


def then(path, field):
    """First along `path`, then on along `field`, interpolated between the centres of its cells."""
    rows = []
    for y in range(path.height):
        row = []
        for x in range(path.width):
            u, v = path.at(x, y)
            px, py = 256 * x + u, 256 * y + v
            cx, cy, wx, wy = px >> 8, py >> 8, px & 255, py & 255
            corners = [
                (field.at(cx + i, cy + j), (wx if i else 256 - wx) * (wy if j else 256 - wy))
                for j in (0, 1)
                for i in (0, 1)
            ]
            more = [(sum(c[axis] * w for c, w in corners) + 32768) >> 16 for axis in (0, 1)]
            row.append((clamp(u + more[0], -16384, 16383), clamp(v + more[1], -16384, 16383)))
        rows.append(row)
    return Field(rows)


class Level:
    """A picture whose edge samples are repeated all around."""

    def __init__(self, rows):
        self.rows, self.height, self.width = rows, len(rows), len(rows[0])

    def at(self, x, y):
        row = self.rows[clamp(y, 0, self.height - 1)]
        return row[clamp(x, 0, self.width - 1)]


def pyramid(rows):
    """Levels of a picture, each half the one before."""
    levels = [Level(rows)]
    while len(levels) < 6:
        last = levels[-1]
        width, height = (last.width + 1) // 2, (last.height + 1) // 2
        if min(width, height) < 12:
            break
        levels.append(
            Level(
                [
                    [
                        sum(last.at(2 * x + i, 2 * y + j) for i in (0, 1) for j in (0, 1)) + 2 >> 2
                        for x in range(width)
                    ]
                    for y in range(height)
                ]
            )
        )
    return levels


def divide(a, b):
    """The quotient, towards zero."""
    return a // b if (a < 0) == (b < 0) else -(-a // b)


class Patch:
    """8x8 samples of the newer picture, and the vector to where they were in the older one."""

    def __init__(self, newer, older, x, y):
        self.older, self.x, self.y = older, x, y
        places = [(x + i, y + j) for j in range(PATCH) for i in range(PATCH)]
        self.own = [16 * newer.at(i, j) for i, j in places]
        self.gx = [newer.at(i + 1, j) - newer.at(i - 1, j) for i, j in places]
        self.gy = [newer.at(i, j + 1) - newer.at(i, j - 1) for i, j in places]

        def product(a, b):
            return 64 * sum(p * q for p, q in zip(a, b)) - sum(a) * sum(b)

        self.product = product
        self.xx = product(self.gx, self.gx) + 65536
        self.yy = product(self.gy, self.gy) + 65536
        self.xy = product(self.gx, self.gy)
        self.vector = self.residuals = self.cost = None

    def start(self, vector):
        self.vector = vector
        self.residuals = self.residuals_at(vector)
        self.cost = self.cost_of(self.residuals)

    def residuals_at(self, vector):
        """How far the older picture at `vector` is from the patch, in 1/16 levels."""
        u, v = (vector[0] + 2) >> 2, (vector[1] + 2) >> 2
        x, y, fx, fy = self.x + (u >> 4), self.y + (v >> 4), u & 15, v & 15
        block = [[self.older.at(x + i, y + j) for i in range(PATCH + 1)] for j in range(PATCH + 1)]
        out = []
        for j in range(PATCH):
            for i in range(PATCH):
                upper = block[j][i] * (16 - fx) + block[j][i + 1] * fx
                lower = block[j + 1][i] * (16 - fx) + block[j + 1][i + 1] * fx
                value = (upper * (16 - fy) + lower * fy + 8) >> 4
                out.append(value - self.own[j * PATCH + i])
        return out

    @staticmethod
    def cost_of(residuals):
        total = sum(residuals)
        return (sum(r * r for r in residuals) - divide(total * total, 64)) >> 4

    def attempt(self, vector):
        """Takes `vector` if it costs less."""
        residuals = self.residuals_at(vector)
        cost = self.cost_of(residuals)
        if vector == (0, 0):
            cost = max(0, cost - 256)
        if cost < self.cost:
            self.vector, self.residuals, self.cost = vector, residuals, cost
            return True
        return False

    def refine(self, steps):
        """Follows the gradient as long as that helps."""
        for _ in range(steps):
            bx = self.product(self.gx, self.residuals)
            by = self.product(self.gy, self.residuals)
            d = (self.xx * self.yy - self.xy * self.xy) >> 3
            dx = clamp(divide(self.yy * bx - self.xy * by, d), -128, 128)
            dy = clamp(divide(self.xx * by - self.xy * bx, d), -128, 128)
            vector = tuple(clamp(v - d, -16384, 16384) for v, d in zip(self.vector, (dx, dy)))
            # Standing still already, it would seem to be better than itself.
            if vector == self.vector or not self.attempt(vector):
                break

    def weight(self, across, down):
        """How well the vector explains one of the four cells of the patch."""
        error = sum(
            abs(self.residuals[j * PATCH + i])
            for j in range(down, down + CELL)
            for i in range(across, across + CELL)
        )
        return (65536 // (32 + (error >> 4))) ** 2


class Field:
    """A vector (x, y) in 1/64 pixel for each cell; cells outside repeat the outer ones."""

    def __init__(self, rows):
        self.rows, self.height, self.width = rows, len(rows), len(rows[0])

    def at(self, x, y):
        return self.rows[clamp(y, 0, self.height - 1)][clamp(x, 0, self.width - 1)]


def search(newer, older):
    """The motion of each cell of the newer picture, from the coarsest level to the finest."""
    field = None
    for new, old in reversed(list(zip(newer, older))):
        field = search_level(new, old, field)
    return field


def search_level(newer, older, coarser):
    """The motion of each cell of a level, begun with that of the coarser one, if any."""
    columns, rows = -(-newer.width // CELL), -(-newer.height // CELL)
    patches = [
        [Patch(newer, older, CELL * (i - 1), CELL * (j - 1)) for i in range(columns + 1)]
        for j in range(rows + 1)
    ]
    for j in range(rows + 1):
        for i in range(columns + 1):
            patch = patches[j][i]
            x, y = coarser.at(i // 2, j // 2) if coarser else (0, 0)
            patch.start((clamp(2 * x, -32768, 32767), clamp(2 * y, -32768, 32767)))
            beside = [patches[j][i - 1].vector] if i else []
            beside += [patches[j - 1][i].vector] if j else []
            for vector in beside + [(0, 0)]:
                if vector != patch.vector:
                    patch.attempt(vector)
            patch.refine(4)
    for j in reversed(range(rows + 1)):
        for i in reversed(range(columns + 1)):
            patch = patches[j][i]
            beside = [patches[j][i + 1].vector] if i < columns else []
            beside += [patches[j + 1][i].vector] if j < rows else []
            taken = False
            for vector in beside:
                if vector != patch.vector:
                    taken |= patch.attempt(vector)
            if taken:
                patch.refine(2)
    return Field([[cell(patches, x, y) for x in range(columns)] for y in range(rows)])


def cell(patches, x, y):
    """The mean vector of the patches that cover a cell."""
    total, sums = 0, [0, 0]
    for j in (0, 1):
        for i in (0, 1):
            patch = patches[y + j][x + i]
            weight = patch.weight(CELL * (1 - i), CELL * (1 - j))
            total += weight
            sums = [s + weight * v for s, v in zip(sums, patch.vector)]
    return tuple((2 * s + total) // (2 * total) for s in sums)


def moved_on(field):
    """The field of the frame to come, if all goes on as it moved."""

    def pointed(x, y, vector):
        return field.at(x + ((vector[0] + 128) >> 8), y + ((vector[1] + 128) >> 8))

    rows = []
    for y in range(field.height):
        row = [pointed(x, y, pointed(x, y, field.at(x, y))) for x in range(field.width)]
        rows.append(row)
    return Field(rows)


def shrunk(field, plane):
    """The field of a plane that may be halved: the mean over the cells that one of its covers."""
    rows = []
    for y in range(-(-plane.height // CELL)):
        row = []
        for x in range(-(-plane.width // CELL)):
            covered = [
                field.at((x << plane.across) + i, (y << plane.down) + j)
                for j in range(1 << plane.down)
                for i in range(1 << plane.across)
            ]
            vector = []
            for axis, halved in ((0, plane.across), (1, plane.down)):
                shift = plane.across + plane.down + halved
                vector.append((sum(v[axis] for v in covered) + (1 << shift >> 1)) >> shift)
            row.append(tuple(vector))
        rows.append(row)
    return Field(rows)


def warp(rows, field):
    """A plane, each sample from where the field points."""
    plane = Level(rows)
    out = []
    for y in range(plane.height):
        row = []
        for x in range(plane.width):
            cx, cy, wx, wy = (2 * x - 3) >> 3, (2 * y - 3) >> 3, (2 * x - 3) & 7, (2 * y - 3) & 7
            corners = [
                (field.at(cx + i, cy + j), (wx if i else 8 - wx) * (wy if j else 8 - wy))
                for j in (0, 1)
                for i in (0, 1)
            ]
            u, v = ((sum(c[axis] * w for c, w in corners) + 32) >> 6 for axis in (0, 1))
            px, py, fx, fy = x + (u >> 6), y + (v >> 6), u & 63, v & 63
            total = sum(
                plane.at(px + i, py + j) * (fx if i else 64 - fx) * (fy if j else 64 - fy)
                for j in (0, 1)
                for i in (0, 1)
            )
            row.append((total + 2048) >> 12)
        out.append(row)
    return out
