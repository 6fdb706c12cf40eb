"""What the coder of a plane may look at, and how it is made of what the band keeps."""

from dataclasses import dataclass

from planes import Surface, clamp


@dataclass
class References:
    """Moved frames, the predictor's picture and its memory, moved errors and steps; or None."""

    last: Surface | None
    second: Surface | None
    predicted: Surface | None
    memory: Surface | None
    errors: Surface | None
    steps: Surface | None


def steps_of(residuals):
    """Steps of a coded frame by its residuals."""
    return [[clamp(r, -2, 2) for r in row] for row in residuals]


def lean(picture, steps, max_error):
    """Moves samples of a picture by its steps towards what was predicted of them."""
    far = max_error // 2 + 1
    for row, beside in zip(picture.rows, steps.rows):
        for x, step in enumerate(beside):
            if step:
                row[x] = clamp(row[x] - (far if step > 0 else -far), 0, 255)


def step_regressors(steps):
    """Moved steps in the size of other regressors."""
    return Surface([[16 * step for step in row[1:-1]] for row in steps.rows])
