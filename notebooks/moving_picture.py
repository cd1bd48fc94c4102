"""Draw plain_vs_momentum.gif, the README's moving picture: two balls in one ravine.

    python notebooks/moving_picture.py

The card has its own dark ground, so it looks the same on a light page and on a dark one.
"""

import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from nptorch import Tensor
from nptorch.optim import SGD

FILE = Path(__file__).with_name("plain_vs_momentum.gif")
STEPS, BETWEEN, HOLD = 40, 2, 24  # BETWEEN frames for each step, and HOLD of them at the end
GROUND, INK, LINES = "#14172e", "#e8ecf5", "#3d4a78"
BALLS = {"plain": (0.0, "#7fb4f0"), "momentum 0.7": (0.7, "#f29b3a")}


def ravine(p):
    """Half of x² + 49 y², where p is the point (x, y)."""
    return 0.5 * (np.array([1.0, 49.0]) * p * p).sum()


def descend(momentum):
    """Return the points that SGD visits from (-9, 2), STEPS + 1 of them."""
    p = Tensor(np.array([-9.0, 2.0]), requires_grad=True)
    optimizer, path = SGD([p], lr=0.04, momentum=momentum), [p.data.copy()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        ravine(p).backward()
        optimizer.step()
        path.append(p.data.copy())
    return np.array(path)


def frame(paths, time):
    """Return a picture of both balls after time steps, which need not be whole."""
    step, rest = divmod(time, 1)
    step = int(step)
    figure, axes = plt.subplots(2, 1, figsize=(7.2, 5.1), facecolor=GROUND)
    figure.subplots_adjust(0.02, 0.02, 0.98, 0.93, hspace=0.16)
    x, y = np.meshgrid(np.linspace(-10.2, 2.6, 160), np.linspace(-2.35, 2.35, 80))
    for ax, (name, (_, color)) in zip(axes, BALLS.items()):
        path = paths[name]
        ball = path[step] + rest * (path[min(step + 1, STEPS)] - path[step])
        ax.contour(x, y, 0.5 * (x * x + 49 * y * y), np.linspace(0, 14, 9) ** 2, colors=LINES,
                   linewidths=0.9)
        ax.plot(*np.vstack([path[:step + 1], ball]).T, color=color, linewidth=1.5)
        ax.plot(*path[:step + 1].T, ".", color=color, markersize=5)
        ax.plot(0, 0, "+", color=INK, markersize=15, markeredgewidth=2)
        ax.plot(*ball, "o", color=color, markersize=11, markeredgecolor=INK)
        ax.set(xlim=(-10.2, 2.6), ylim=(-2.35, 2.35))
        ax.axis("off")
        ax.set_title(name, loc="left", color=color, fontsize=14, fontweight="bold", pad=2)
        ax.set_title(f"step {step:2}    loss {ravine(path[step]):10.4f}", loc="right", color=INK,
                     fontsize=12, pad=3, family="DejaVu Sans Mono")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=100, facecolor=GROUND)
    plt.close(figure)
    return Image.open(picture).convert("RGB")


def main():
    """Draw all frames, with one palette, and write them."""
    plt.switch_backend("Agg")  # needs no screen
    paths = {name: descend(momentum) for name, (momentum, _) in BALLS.items()}
    frames = [frame(paths, i / BETWEEN) for i in range(STEPS * BETWEEN + 1)]
    palette = frames[-1].quantize(64)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in frames]
    times = [70] * (len(frames) - 1) + [70 * HOLD]  # milliseconds
    frames[0].save(FILE, save_all=True, append_images=frames[1:], duration=times, loop=0,
                   optimize=True)
    print(f"{FILE.name}: {len(frames)} frames, {FILE.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
