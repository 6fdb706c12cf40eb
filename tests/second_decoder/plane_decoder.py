"""One plane of a band: prediction, contexts and samples, row by row."""

from dataclasses import dataclass

from activity import Activity, class_of
from mixing import MixedCoding
from planes import clamp
from references import steps_of
from residual import Coding
from weights import Regression, Strips, carried_over

LIGHT, FAST, STRONG = range(3)

CROSS = [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)]
BESIDE = [(0, -1), (0, 1), (-1, 0), (1, 0)]
CORNERS = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
KEY_FIRST = [(-1, -1), (-1, 1), (-2, 0), (-2, 1), (-1, -2), (-1, 2), (-2, -1)]
KEY_OTHERS = [(-1, -1), (-1, 1), (-2, 0)]
INTER_FIRST = [(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-2, 1), (-1, -2)]
INTER_OTHERS = [(-1, 0), (-1, -1), (-1, 1)]
RESIDUALS = [(0, -1), (-1, 0), (-1, 1), (-1, -1)]


@dataclass
class Context:
    """What is known of a sample before it is decoded."""

    cls: int
    coarse: int
    fraction: int
    ahead: tuple
    equality: int
    side: int
    sign: int
    scaled: int
    signs: list
    moved: int
    other: int
    left: int
    above: int
    residuals: list


def pace(profile, max_error):
    """Samples of eight strips, roughly, and rows from one solution to the next."""
    if profile == LIGHT:
        return 512, 3
    if profile == FAST:
        return 256 if max_error else 320, 1
    return 128, 1


class PlaneState:
    """What one plane of a band keeps from frame to frame."""

    def __init__(self, profile, max_error):
        mixes = profile == STRONG or (profile == FAST and max_error > 0)
        self.coding = MixedCoding() if mixes else Coding()
        self.biases = {}
        self.references = None
        self.names = None
        self.activity = None
        self.before = []
        self.errors = None
        self.errors_had_references = False
        # Of the last frame and of the one before it; only with a bound.
        self.steps = []


class Lines:
    """Rows of own samples or errors, some above row 0 and columns beyond both ends included."""

    def __init__(self, above, height, first):
        width = len(above)
        self.width = width
        self.rows = [[above[0]] * 2 + list(above) + [above[-1]] * 2 for _ in range(2)]
        self.rows += [[0] * (width + 4) for _ in range(height)]
        self.first = first

    def at(self, y, x):
        return self.rows[y + 2][x + 2]

    def put(self, y, x, value):
        self.rows[y + 2][x + 2] = value

    def begin(self, y):
        """Fills what lies left of a row while it is coded."""
        left = self.rows[y + 1][2] if self.first is None else self.first
        self.rows[y + 2][0:2] = [left] * 2

    def end(self, y):
        """Goes on with the outer samples of a row that is whole."""
        row = self.rows[y + 2]
        row[0:2] = [row[2]] * 2
        row[-2:] = [row[-3]] * 2

    def whole(self):
        return [row[2:-2] for row in self.rows[2:]]


class PlaneDecoder:
    """Decodes one plane of a band in one frame."""

    def __init__(self, state, profile, max_error, plane, height, pictures, before):
        self.state, self.max_error, self.plane, self.height = state, max_error, plane, height
        self.width = plane.width
        self.last, self.second = pictures.last, pictures.second
        self.predicted, self.memory = pictures.predicted, pictures.memory
        self.old, self.steps = pictures.errors, pictures.steps
        self.key = self.last is None
        self.scale = 2 * max_error + 1
        above = [128] * self.width if self.key else [self.last.at(0, x) for x in range(self.width)]
        self.own = Lines(above, height, None)
        self.errors = Lines([0] * self.width, height, 0)
        # Never begun nor ended: beside its rows are zeros.
        self.residuals = Lines([0] * self.width, height, 0)
        self.other = self.predicted or self.second
        self.list_regressors(not before, before)

        least, self.solve_rows = pace(profile, max_error)
        references = (not self.key, self.second is not None)
        if state.references != references:
            state.references, state.before = references, []
            state.activity = Activity(self.key, self.scale)
        self.activity = state.activity
        self.activity.begin_frame()
        names = [("own", place) for place in self.own_places]
        names += [(name, place) for name, _, places, _ in self.pictures for place in places]
        before = [carried_over(cell, state.names, names) for cell in state.before]
        state.names = names
        strips = Strips(self.width, least)
        self.strips = strips
        self.regression = Regression(strips, len(names), height, before, max_error > 0)

    def list_regressors(self, first, before):
        """Places of own samples, then pictures: name, samples, places, whether the base goes off."""
        self.own_places, self.pictures = [(0, -1), (0, -2)], []
        if self.key:
            self.own_places += KEY_FIRST if first else KEY_OTHERS
        else:
            self.own_places += INTER_FIRST if first else INTER_OTHERS
            self.pictures.append(("last", self.last, BESIDE + CORNERS if first else BESIDE, True))
            for name, picture, crosses in (
                ("second", self.second, first),
                ("predicted", self.predicted, True),
                ("memory", self.memory, not first),
            ):
                if picture:
                    self.pictures.append((name, picture, CROSS if crosses else CROSS[:1], True))
        places = [place for place in CROSS if not (self.key and place == (-1, 0))]
        for i, picture in enumerate(before):
            self.pictures.append((i, picture, places, False))
        if self.steps:
            self.pictures.append(("steps", self.steps, CROSS[:1], False))

    def decode(self, coder):
        """Decodes all rows; what is learnt goes into the state."""
        state = self.state
        for y in range(self.height):
            if y % self.solve_rows == 0:
                self.weights = self.regression.solve(y).tolist()
            self.row(coder, y)
        state.before = self.regression.kept
        state.errors = self.errors.whole()
        state.errors_had_references = not self.key
        if self.max_error:
            state.steps = [steps_of(self.residuals.whole())] + state.steps[:1]
        return self.own.whole()

    def row(self, coder, y):
        for lines in (self.own, self.errors):
            lines.begin(y)
        self.vectors, self.signs = [], []
        for x in range(self.width):
            self.sample(coder, y, x)
        for lines in (self.own, self.errors):
            lines.end(y)
        errors = self.errors.whole()[y]
        trusts = [
            self.activity.trust(signs, errors[max(x - 1, 0)])
            for x, signs in enumerate(self.signs)
        ]
        # By now what lies left of the first sample is that sample itself, not the one above.
        first = self.own.at(y, 0) - self.moved(y, 0)
        self.vectors[0][:2] = [first, first]
        if self.width > 1:
            self.vectors[1][1] = first + self.moved(y, 0) - self.moved(y, 1)
        self.regression.learn(self.vectors, trusts)
        self.activity.learn(y, self.signs, errors, trusts)
        self.regression.end_row(y)

    def moved(self, y, x):
        """The moved last frame; in key frames the row above stands for it."""
        return self.own.at(y - 1, x) if self.key else self.last.at(y, x)

    def sample(self, coder, y, x):
        own = self.own
        base = self.moved(y, x)
        vector = [own.at(y + dy, x + dx) - base for dy, dx in self.own_places]
        for _, picture, places, less in self.pictures:
            off = base if less else picture.at(y - 1, x) if self.key else 0
            vector += [picture.at(y + dy, x + dx) - off for dy, dx in places]
        weights = self.weights[x // self.strips.size]
        it = base * 4096 + sum(w * v for w, v in zip(weights, vector))

        signs = self.signs_of(y, x)
        cls = class_of(self.activity.of(signs))
        left, above, right = own.at(y, x - 1), own.at(y - 1, x), own.at(y - 1, x + 1)
        beside = above if self.key else base
        bias_key = (cls, left > beside, above > beside, right > above)
        bias = self.state.biases.get(bias_key, 0)
        scaled = clamp(((it + 128) >> 8) + (bias >> 8), 0, 4080)
        p = (scaled + 8) >> 4
        sign = -1 if 16 * p > scaled else 1
        off = abs(scaled - 16 * p)
        equality = (
            int(right == self.moved(y - 1, x + 1)) << 2
            | int(above == self.moved(y - 1, x)) << 1
            | int(x > 0 and left == self.moved(y, x - 1))
        )
        context = Context(
            cls=cls,
            coarse=cls // 2,
            fraction=0 if off <= 2 else 1 if off <= 5 else 2,
            ahead=tuple(
                clamp((sign * (16 * picture.at(y, x) - scaled) + 40) >> 4, 0, 4)
                for picture in (self.predicted, self.memory or self.predicted)
                if picture
            ),
            equality=equality,
            side=clamp((sign * (16 * base - scaled) + 56) >> 4, 0, 6),
            sign=sign,
            scaled=scaled,
            signs=signs,
            moved=base,
            other=self.other.at(y, x) if self.other else right,
            left=left,
            above=above,
            residuals=[self.residuals.at(y + dy, x + dx) for dy, dx in RESIDUALS],
        )
        residual = self.state.coding.residual(coder, context)
        value = clamp(p + sign * residual * self.scale, 0, 255)
        error = 16 * value - scaled
        own.put(y, x, value)
        self.errors.put(y, x, min(255, abs(error) >> 2))
        self.residuals.put(y, x, sign * residual)
        learnt = 16 * sign * residual * self.scale if self.max_error else error
        self.state.biases[bias_key] = bias + ((256 * learnt - bias) >> 6)
        self.vectors.append(vector + [value - base])
        self.signs.append(signs)

    def signs_of(self, y, x):
        own, e, old = self.own, self.errors, self.old
        a, b, c = (own.at(y - 1, x + dx) for dx in (-1, 0, 1))
        signs = [e.at(y - 1, x), e.at(y - 1, x - 1) + e.at(y - 1, x + 1), e.at(y - 2, x)]
        if old is None:
            signs += [0, 0, 0]
        else:
            signs.append(old.at(y, x))
            signs.append(sum(old.at(y + dy, x + dx) for dy, dx in BESIDE))
            signs.append(sum(old.at(y + dy, x + dx) for dy, dx in CORNERS))
        signs.append(2 * (abs(a - b) + abs(b - c)))
        if self.key:
            signs.append(2 * abs(a - c))
        else:
            here = self.last.at(y, x)
            left, right, up, down = (self.last.at(y + dy, x + dx) for dy, dx in BESIDE)
            other = self.other.at(y, x) if self.other else here
            signs.append(2 * (abs(left - right) + abs(up - down) + 2 * abs(here - other)))
        return signs + [e.at(y, x - 1), e.at(y, x - 2), 1]
