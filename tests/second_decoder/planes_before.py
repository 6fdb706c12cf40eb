"""What a plane is told by those of the band that were decoded before it."""

from planes import Surface, clamp


def planes_before(key, plane, height, before):
    """What each plane before counts at this plane's size, as a picture of regressors."""
    pictures = []
    for other, own, moved in before:
        across, down = plane.across - other.across, plane.down - other.down
        last = (len(own) - 1, other.width - 1)

        def double(rows, y, x):
            """Twice the mean of the samples at this place."""
            ys = [clamp((y << down) + i, 0, last[0]) for i in (0, down)]
            xs = [clamp((x << across) + i, 0, last[1]) for i in (0, across)]
            return sum(rows(i, j) for i in ys for j in xs)

        def sample(y, x):
            return own[y][x]

        rows = []
        for y in range(height):
            row = []
            for x in range(plane.width):
                sum_ = double(sample, y, x) - (0 if key else double(moved.at, y, x))
                row.append(sum_ >> 1)
            rows.append(row)
        pictures.append(Surface([rows[0]] + rows + [rows[-1]]))
    return pictures
