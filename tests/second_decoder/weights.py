"""Weights of regressors: statistics of strips of a row, in f32, and the systems solved for them."""

import numpy as np

F32 = np.float32
STRIPS = 8
# Samples of a strip whose products are added as whole numbers.
SUMMED = 64


class Strips:
    """How a row of a plane is cut, and how many rows share what is kept for the next frame."""

    def __init__(self, width, least):
        groups = max(1, (width + least // 2) // least)
        self.count = STRIPS * groups
        size = -(-width // self.count)
        self.size = size + (size & 1)
        self.width = width
        self.cell_rows = 4 * -(-width // 1024)

    def spans(self):
        """First column and the one behind the last of every strip; some may be empty."""
        for i in range(self.count):
            yield min(i * self.size, self.width), min((i + 1) * self.size, self.width)


class Regression:
    """The statistics of one plane of a band in one frame; `before` are those kept last time."""

    def __init__(self, strips, regressors, rows, before, bounded):
        self.strips, self.before, self.bounded, self.rows = strips, before, bounded, rows
        self.statistics = np.zeros((strips.count, regressors, regressors + 1), F32)
        self.kept = []

    def solve(self, row):
        """Weights in 4096ths of every strip, for the row to come."""
        none = np.zeros_like(self.statistics[:1])
        left = np.concatenate([none, self.statistics[:-1]])
        right = np.concatenate([self.statistics[1:], none])
        system = self.statistics + F32(0.3) * (left + right)
        if self.before:
            cell = min((row + 2) // self.strips.cell_rows, len(self.before) - 1)
            system = system + F32(0.3) * self.before[cell]
        return solve(system, self.bounded)

    def learn(self, vectors, trusts):
        """Adds the products of a row: regressors and target of every sample."""
        weighed = np.array(vectors, np.int64) * np.array(trusts, np.int64)[:, None]
        for i, (a, b) in enumerate(self.strips.spans()):
            sums = self.statistics[i] * F32(0.82)
            for first in range(a, max(b, a + 1), SUMMED):
                part = weighed[first : min(first + SUMMED, b)]
                sums = sums + (part[:, :-1].T @ part).astype(F32)
            self.statistics[i] = sums

    def end_row(self, row):
        """Keeps the statistics for the next frame where a cell ends."""
        if (row + 1) % self.strips.cell_rows == 0 or row + 1 == self.rows:
            self.kept.append(self.statistics.copy())


def carried_over(statistics, before, names):
    """Statistics of the regressors `before` as those of `names`; of a new one nothing is known."""
    out = np.zeros((len(statistics), len(names), len(names) + 1), F32)
    kept = [name for name in names if name in before]
    to = [names.index(name) for name in kept]
    was = [before.index(name) for name in kept]
    strips = range(len(statistics))
    # The target stands behind the regressors.
    out[np.ix_(strips, to, to + [len(names)])] = statistics[
        np.ix_(strips, was, was + [len(before)])
    ]
    return out


def solve(system, bounded):
    """Solves the system of each strip by L D L^T, every step for all strips at once."""
    share, more = (0.002, 2000) if bounded else (0.0002, 64)
    m = system.astype(F32)
    count = m.shape[1]
    at = np.arange(count)
    diagonal = m[:, at, at]
    diagonal = diagonal + (diagonal * F32(share) + F32(more))
    m[:, at, at] = diagonal
    for k in range(count):
        pivot = m[:, k, k]
        used = (pivot > 0) & (pivot > diagonal[:, k] / F32(4096))
        inverse = np.where(used, F32(1) / np.where(used, pivot, F32(1)), F32(0))
        row = m[:, k, k + 1 :]
        factors = row[:, :-1] * inverse[:, None]
        # Only what is above the diagonal, and the target, is read later.
        m[:, k + 1 :, k + 1 :] -= factors[:, :, None] * row[:, None, :]
        m[:, k, k + 1 :] = row * inverse[:, None]
    weights = m[:, :, count].copy()
    for i in reversed(range(count)):
        for j in range(i + 1, count):
            weights[:, i] -= m[:, i, j] * weights[:, j]
    scaled = np.clip(weights * F32(4096), F32(-32000), F32(32000))
    return (scaled + F32(32768.5)).astype(np.int64) - 32768
