"""How the figures of the notebooks look. Importing it sets the style; nothing here is a lesson."""

import io
import sys
from base64 import b64encode
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.patches import FancyBboxPatch
from PIL import Image

# The package beside this folder is the one to import, whatever else is installed: it is what the
# notebooks export to.
ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

# Four colours that stay apart in print and to colour-blind eyes: each is lighter than the last.
DARK, BLUE, ORANGE, LIGHT = "#1b1b3a", "#2c6fbb", "#e8871e", "#b8c4d6"

plt.rcParams.update({
    "figure.figsize": (6.4, 3.6),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=[DARK, BLUE, ORANGE, LIGHT],
                                  linestyle=["-", "--", "-", ":"]),
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "image.cmap": "cividis",
})


def photograph(name):
    """The pixels (427, 640, 3) of a photograph that comes with scikit-learn; where it does not, as
    in some browsers, say so and draw a tower before a hedge in its place."""
    try:
        from sklearn.datasets import load_sample_image

        return load_sample_image(name)
    except (ImportError, OSError):
        print(f"{name} is not here, so a drawing takes its place")
    rows, columns = np.mgrid[:427, :640]
    drawn = 200 - rows / 8
    for tier in range(4):  # a roof over each
        top, half = 60 + 70 * tier, 60 + 25 * tier
        roof = (rows >= top) & (rows < top + 16) & (abs(columns - 330) < half + rows - top)
        wall = (rows >= top + 16) & (rows < top + 70) & (abs(columns - 330) < half - 16)
        drawn = np.where(roof, 20, np.where(wall, 150 - 90 * (columns // 12 % 2), drawn))
    hedge = np.random.default_rng(0).integers(0, 200, drawn.shape)
    drawn = np.where((rows > 250) & (abs(columns - 330) > 110), hedge, drawn)
    return np.repeat(drawn[..., None], 3, axis=2).astype(np.uint8)


def show(alt):
    """Show the current figure, at 150 dots per inch, and close it.

    alt says in a sentence what the figure shows, for those who cannot see it: pages made of the
    notebook read it out, and it stands for the figure where only text can be shown.
    """
    drawn, stored = io.BytesIO(), io.BytesIO()
    # The figure's own savefig: that of plt draws everything once more, for a screen. And the PNG in
    # between is read at once, so it is not compressed.
    plt.gcf().savefig(drawn, dpi=150, bbox_inches="tight", pil_kwargs={"compress_level": 0})
    plt.close()
    picture = Image.open(drawn).convert("RGB").quantize()  # 256 colours take a third of the bytes
    picture.save(stored, "png", optimize=True)
    width = round(picture.width * plt.rcParams["figure.dpi"] / 150)  # on the page, as drawn
    data = {"image/png": b64encode(stored.getvalue()).decode(), "text/plain": alt}
    display(data, metadata={"image/png": {"alt": alt, "width": width}}, raw=True)


def label(ax, x, y, text, color=DARK, dx=6, dy=0, **kwargs):
    """Write text beside the point (x, y), dx and dy points away: a label instead of a legend."""
    ax.annotate(text, (x, y), (dx, dy), textcoords="offset points", color=color,
                va="center", **kwargs)


def graph(ax, place, texts, arrows, back, title):
    """Draw a graph: place {name: (x, y)}, texts {name: text}, arrows (from, to) as computed.

    back {(from, to): text} are the gradients that flow against the arrows in this frame.
    """
    walked, boxes = {start for start, _ in back}, {}
    for name, (x, y) in place.items():
        now = name in walked
        boxes[name] = FancyBboxPatch(
            (x - 0.48, y - 0.17), 0.96, 0.34, boxstyle="round,pad=0.03", lw=2.2 if now else 1,
            fc="#fdf0e0" if now else "#f3f5f9", ec=ORANGE if now else BLUE)
        ax.add_patch(boxes[name])
        ax.text(x, y, texts[name], ha="center", va="center", linespacing=1.4)
    for start, end in arrows:
        flows = (end, start) in back
        ax.annotate("", place[end], place[start], arrowprops=dict(
            arrowstyle="<|-" if flows else "-|>", color=ORANGE if flows else LIGHT,
            lw=2.2 if flows else 1.2, shrinkA=3, shrinkB=3,
            patchA=boxes[start], patchB=boxes[end]))
        if flows:
            x, y = np.mean([place[start], place[end]], axis=0)
            ax.text(x, y, back[end, start], ha="center", va="center",
                    bbox=dict(boxstyle="round,pad=0.15", fc="white", ec=ORANGE))
    xs, ys = zip(*place.values())
    ax.set(xlim=(min(xs) - 0.54, max(xs) + 0.54), ylim=(min(ys) - 0.4, max(ys) + 0.3), title=title)
    ax.axis("off")


def walk(nodes, visits):
    """Draw a walk back through c = a * b, d = c + a, L = c * d in four frames: the values, then
    one for each of the three nodes that hand something on.

    nodes {name: node}, visits [(node, [(parent, gradient handed to it), ...]), ...].
    """
    place = dict(a=(0, 1), b=(0, 0), c=(1.75, 0), d=(2.6, 1), L=(4.0, 0))
    titles = ("forward: the values", "the youngest first: L", "then d, while c waits for it",
              "then c hands on the sum")
    names = {node: name for name, node in nodes.items()}
    handed = [(names[node], names[parent], g) for node, parts in visits for parent, g in parts]
    order = list(dict.fromkeys(start for start, _, _ in handed))
    arrows = [(end, start) for start, end, _ in handed]
    _, axes = plt.subplots(2, 2, figsize=(10, 5.4))
    for i, (ax, title) in enumerate(zip(axes.flat, titles)):
        arrived = {name: [str(g) for start, end, g in handed if end == name and start in order[:i]]
                   for name in place}
        arrived[order[0]] = ["1"] * min(i, 1)
        texts = {name: f"{name} = {node.value:g}\ngrad {' + '.join(arrived[name]) or '–'}"
                 for name, node in nodes.items()}
        back = {(start, end): g for start, end, g in handed if i and start == order[i - 1]}
        graph(ax, place, texts, arrows, back, title)
        for name in order[i:] if i else ():
            if arrived[name]:
                x, y = place[name]
                ax.text(x, y + (0.3 if y else -0.3), "waits", ha="center", va="center",
                        style="italic")


def cells(ax, x, y, values, stored=None, color="white"):
    """Draw an array as a grid of cells, its top left corner at (x, y); stored is the part of it,
    rows and columns from the corner, that exists in memory: the rest is dashed and pale."""
    values = np.atleast_2d(values)
    rows, columns = values.shape if stored is None else stored
    for i, j in np.ndindex(values.shape):
        exists = i < rows and j < columns
        ax.add_patch(plt.Rectangle((x + j, y + i), 1, 1, facecolor=color if exists else "none",
                                   edgecolor=DARK if exists else LIGHT, zorder=2 if exists else 1,
                                   linestyle="-" if exists else "--"))
        ax.text(x + j + 0.5, y + i + 0.5, f"{values[i, j]:g}", ha="center", va="center",
                color=DARK if exists else "#7c879b", zorder=3)


def broadcasting(a, b, g):
    """Above: a column a + a row b, stretched; below: g, the sum's gradient, summed back."""
    n, m = g.shape
    x_sum, y_back = 2 * (m + 1.4), n + 2.4
    fig, ax = plt.subplots(figsize=(7.4, 5.4))
    for x, values, stored, sign in ((0, a, (n, 1), "+"), (m + 1.4, b, (1, m), "="),
                                    (x_sum, a + b, None, "")):
        cells(ax, x, 0, np.broadcast_to(values, g.shape), stored)
        ax.text(x + m + 0.7, n / 2, sign, ha="center", va="center", fontsize=16)
    cells(ax, x_sum, y_back, g)
    cells(ax, m + 2.4, y_back, g.sum(1, keepdims=True), color=LIGHT)
    cells(ax, x_sum, y_back + n + 1.4, g.sum(0), color=LIGHT)
    arrow = dict(arrowstyle="->", color=BLUE, linewidth=1.5)
    for i in range(n):
        ax.annotate("", (m + 3.5, y_back + i + 0.5), (x_sum - 0.1, y_back + i + 0.5),
                    arrowprops=arrow)
        ax.text((x_sum + m + 3.4) / 2, y_back + i + 0.45, " + ".join(f"{x:g}" for x in g[i]),
                ha="center", va="bottom", color=BLUE, fontsize=9)
    for j in range(m):
        ax.annotate("", (x_sum + j + 0.5, y_back + n + 1.3), (x_sum + j + 0.5, y_back + n + 0.1),
                    arrowprops=arrow)
    for x, y, text in ((0, 0, f"column {a.shape}"), (m + 1.4, 0, f"row {b.shape}"),
                       (x_sum, 0, f"column + row {g.shape}"),
                       (x_sum, y_back, f"its gradient {g.shape}"),
                       (m + 2.4, y_back, f"column.grad {a.shape}")):
        ax.text(x, y - 0.3, text, va="bottom")
    ax.text(x_sum - 0.3, y_back + n + 1.9, f"row.grad {b.shape}", ha="right", va="center")
    ax.text(m + 2.1, y_back + n / 2, "each row is summed", ha="right", va="center", color=BLUE)
    ax.text(x_sum - 0.3, y_back + n + 0.7, "each column is summed", ha="right", va="center",
            color=BLUE)
    ax.set(xlim=(-0.2, x_sum + m + 0.4), ylim=(y_back + n + 2.6, -1.1), aspect="equal")
    ax.axis("off")


def value_and_slope(x, curves):
    """For each (name, value, slope) of curves one panel: the value solid, the slope dashed, a
    shade where the slope is below 0.01."""
    _, axes = plt.subplots(1, len(curves), figsize=(8, 2.7), sharey=True)
    for ax, (name, value, slope) in zip(axes, curves):
        ax.fill_between(x, -1.3, 2, where=slope < 0.01, color=LIGHT, alpha=0.4, linewidth=0)
        ax.plot(x, value, color=DARK, linestyle="-")
        jump = np.abs(np.diff(slope, append=slope[-1])) > 0.5  # a gap there, no steep line
        ax.plot(x, np.where(jump, np.nan, slope), color=BLUE, linestyle="--")
        ax.set(title=name, xlabel="input a", xlim=(-6, 6), ylim=(-1.3, 2))
        label(ax, 1.7, 1.45 if name == "relu" else 1.2, "value", dx=4)
        label(ax, 1.7, 0.82 if name == "relu" else 0.36, "slope", BLUE, dx=10)
    axes[0].set_ylabel("value, slope")
    label(axes[0], -5.8, 1.75, "shaded: slope below 0.01", "#5b667a", dx=0, fontsize=8)


def losses_and_lines(x, y, fits):
    """Left: the losses of each fit, step by step; right: its line through the points (x, y).

    fits holds two entries, name: (slope, intercept, losses).
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    right.plot(x, y, "o", color=LIGHT, markersize=4)
    ends = np.array([x.min(), x.max()])
    styles = ((ORANGE, "-", -1.0, 2, "left"), (BLUE, "--", 0.45, -8, "right"))
    for (name, (slope, intercept, losses)), (color, line, at, dx, ha) in zip(fits.items(), styles):
        left.plot(losses, color=color, linestyle=line)
        label(left, 0.4 * len(losses), losses[-1], name, color, dx=0, dy=11)
        right.plot(ends, slope * ends + intercept, color=color, linestyle=line)
        label(right, at, slope * at + intercept, name.split(":")[0], color, dx=dx, dy=9, ha=ha)
    left.set(xlabel="step", ylabel="loss, each run's own", ylim=(0, None))
    right.set(xlabel="x", ylabel="y")


def pulls(z, squared, log_loss):
    """How hard two losses push the logit z of the right class up."""
    fig, ax = plt.subplots()
    ax.plot(z, log_loss, color=BLUE)
    ax.plot(z, squared, color=ORANGE, linestyle="--")
    label(ax, -2, 0.88, r"$-\log\,p$", BLUE)
    label(ax, z[squared.argmax()], squared.max(), r"$(1 - p)^2$", ORANGE, dx=-66, dy=2)
    ax.text(z[0], 0.55, "sure and wrong", style="italic")
    ax.text(z[-1], 0.55, "sure and right", style="italic", ha="right")
    ax.set(xlabel="logit z of the right class", ylabel="pull on z:  −d loss / dz",
           ylim=(-0.03, 1.08))


def dlogits(values, labels, samples):
    """Heat map of d(loss)/d(logits): a row a sample, a column a class, the right class outlined."""
    top = np.abs(values).max()
    fig, ax = plt.subplots(figsize=(6.4, 4))
    image = ax.imshow(values, vmin=-top, vmax=top, aspect="auto")  # the higher, the lighter
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:+.3f}".replace("-", "−"), ha="center", va="center",
                color="white" if value < 0.05 * top else DARK)
    for i, j in enumerate(labels):
        ax.add_patch(plt.Rectangle((j - 0.47, i - 0.46), 0.94, 0.92, fill=False, edgecolor="white",
                                   linewidth=2.4))
    ax.set(xlabel="class", ylabel="sample", xticks=range(values.shape[1]),
           yticks=range(len(samples)), yticklabels=samples)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    bar = fig.colorbar(image, ax=ax)
    bar.set_label("d loss / d logit")
    bar.outline.set_visible(False)


def batch(images, labels, columns=8):
    """Pictures in rows, ink dark on white, with its label above each."""
    rows, across, down = -(-len(images) // columns), 1.12, 1.4  # in widths of a picture
    _, ax = plt.subplots(figsize=(0.85 * columns, 1.06 * rows))
    for k, (image, text) in enumerate(zip(images, labels)):
        x, y = k % columns * across, k // columns * down
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=images.max(), interpolation="nearest",
                  extent=(x, x + 1, y + 1, y))
        ax.add_patch(plt.Rectangle((x, y), 1, 1, fill=False, edgecolor=LIGHT))
        ax.text(x + 0.5, y - 0.05, text, ha="center", va="bottom")
    ax.set(xlim=(-0.02, columns * across - 0.1), ylim=(rows * down - 0.38, -0.35))
    ax.axis("off")


def patch_to_column(picture, columns, kernel, place):
    """Left: a picture with one window outlined; right: the matrix of columns, with its column."""
    (rows, across), (k, l), (r, c) = picture.shape, kernel, place
    positions = across - l + 1
    _, ax = plt.subplots(figsize=(7, 4.1))
    x, y = across + 4, 0
    top = (len(columns) - rows) / 2
    cells(ax, 0, top, picture)
    cells(ax, x, y, columns)
    chosen = r * positions + c
    for values, left, above in ((picture[r:r + k, c:c + l], c, top + r),
                                (columns[:, [chosen]], x + chosen, y)):
        cells(ax, left, above, values, color=LIGHT)
        ax.add_patch(plt.Rectangle((left, above), values.shape[1], values.shape[0], fill=False,
                                   edgecolor=ORANGE, linewidth=3, zorder=4))
    ax.annotate("", (x + chosen + 0.5, -0.1), (c + l / 2, top + r - 0.1), arrowprops={
        "arrowstyle": "->", "color": ORANGE, "linewidth": 2, "connectionstyle": "arc3,rad=-0.35"})
    ax.text(0, top + rows + 0.3, f"picture, {rows} × {across}", va="top")
    ax.text(x + columns.shape[1] + 0.4, len(columns) / 2,
            f"{len(columns)} rows:\nthe pixels\nof the kernel", va="center")
    ax.text(x, len(columns) + 0.3, f"{columns.shape[1]} columns: the positions", va="top")
    ax.set(xlim=(-0.2, x + columns.shape[1] + 3.6), ylim=(len(columns) + 1.2, -1), aspect="equal")
    ax.axis("off")


def pictures(panels):
    """A picture for each of panels {title: values (H, W)}, side by side, large values dark; nearly
    the largest of each panel is black."""
    _, axes = plt.subplots(1, len(panels), figsize=(10.5, 2.9))
    for ax, (title, values) in zip(axes, panels.items()):
        ax.imshow(values, cmap="gray_r", vmin=0, vmax=np.quantile(values, 0.995),
                  interpolation="nearest")
        ax.set(title=title, xticks=[], yticks=[])
        ax.spines[:].set(visible=True, color=LIGHT)


# 01_tensor


def prices(n, runs, walks, after):
    """The seconds that two ways to all derivatives take against the number of inputs n, both axes
    logarithmic. Each goes on, dashed, to `after` inputs: the runs with n², the walk with n."""
    _, ax = plt.subplots(figsize=(7.2, 4.2))
    for seconds, power, color in (runs, 2, DARK), (walks, 1, ORANGE):
        ax.plot(n, seconds, "o-", color=color)
        ax.plot([n[-1], after], [seconds[-1], seconds[-1] * (after / n[-1]) ** power], "--",
                color=color, lw=1.2)
    label(ax, n[-1], runs[-1], "one run for each input", DARK, dx=-12, dy=6, ha="right")
    label(ax, n[-1], walks[-1], "one run and one walk", ORANGE, dx=8, dy=-12)
    ax.set(xscale="log", yscale="log", xlabel="number of inputs",
           ylabel="processor time for all derivatives (s)")


# 05_optimizer

RATES = plt.matplotlib.colors.LinearSegmentedColormap.from_list("rates", ["#4b8ed6", "#f4f7fb"])


def descent(ax, f, path, x=(-10.5, 3), y=(-3, 3), color=ORANGE, width=1.1):
    """Level lines of f over a plane, and a path of points (n, 2): a ring where it starts, a
    dot where it ends, a cross at the origin, the lowest point."""
    grid = np.stack(np.meshgrid(np.linspace(*x, 121), np.linspace(*y, 61)), -1)
    heights = np.apply_along_axis(f, -1, grid)
    ax.contour(grid[..., 0], grid[..., 1], heights, np.linspace(0, heights.max() ** 0.5, 9) ** 2,
               colors=LIGHT, linewidths=0.9)
    ax.plot(*path.T, "-", color=color, linewidth=width, marker=".", markersize=3.5 * width)
    ax.plot(*path[0], "o", color=DARK, markerfacecolor="white", markersize=6)
    ax.plot(*path[-1], "o", color=DARK, markersize=5)
    ax.plot(0, 0, "+", color=DARK, markersize=11, markeredgewidth=1.6)
    ax.set(xlim=x, ylim=y, aspect="equal", xlabel="x", ylabel="y", xticks=(-10, -5, 0))


def descents(f, panels):
    """A path down f for each of panels {title: path}, side by side."""
    _, axes = plt.subplots(1, len(panels), figsize=(9.6, 2.3), sharey=True)
    for ax, (title, path) in zip(axes, panels.items()):
        descent(ax, f, path, width=0.7)
        ax.set_title(title)
    for ax in axes[1:]:
        ax.set_ylabel("")


def plain_and_momentum(f, plain, others):
    """Above: the first 40 steps of plain descent, and of the first of others {momentum: path};
    below: the losses of all of them, on a log axis."""
    _, axes = plt.subplots(3, 1, figsize=(6.6, 7.4), height_ratios=(5, 5, 4.4))
    first = next(iter(others))
    descent(axes[0], f, plain[:41], y=(-2.4, 2.4), color=DARK)
    descent(axes[1], f, others[first][:41], y=(-2.4, 2.4))
    axes[0].set(xlabel="")
    axes[0].set_title("plain, 40 steps", color=DARK)
    axes[1].set_title(f"keep {first}, 40 steps", color=ORANGE)
    styles = [(DARK, "-", 2), (ORANGE, "-", 2), (BLUE, "--", 1.4), ("gray", "-", 0.9)]
    paths = {"plain": plain} | {f"keep {m}": path for m, path in others.items()}
    for (name, path), (color, line, width) in zip(paths.items(), styles):
        losses = np.array([f(p) for p in path])
        axes[2].semilogy(losses, color=color, linestyle=line, linewidth=width)
        last = np.flatnonzero(losses > 1e-8).max()
        dx, dy = (5, 0) if last == len(losses) - 1 else (4, 9)
        label(axes[2], last, losses[last], name, color, dx=dx, dy=dy)
    axes[2].set(xlabel="step", ylabel="loss", ylim=(1e-8, None), xlim=(0, len(plain) - 1))
    axes[2].set_yticks([1e-8, 1e-5, 1e-2, 1e1])
    axes[2].set_yticks([], minor=True)


def damping(paths, sizes):
    """Where a ball on one axis is at each step, a panel for each of paths {momentum: places};
    dashed: the envelope size**n, on both sides of the goal."""
    _, axes = plt.subplots(1, len(paths), figsize=(9.6, 2.6), sharey=True)
    for ax, (momentum, path) in zip(axes, paths.items()):
        envelope = sizes[momentum] ** np.arange(len(path))
        ax.axhline(0, color=LIGHT, linestyle="-", linewidth=1)
        ax.plot(envelope, "--", color=BLUE, linewidth=1)
        ax.plot(-envelope if momentum else [], "--", color=BLUE, linewidth=1)
        ax.plot(path, "-", color=ORANGE, linewidth=1.1, marker=".", markersize=3)
        ax.set(title=f"momentum {momentum:g}", xlabel="step", ylim=(-1.05, 1.05),
               xlim=(0, len(path) - 1))
    axes[0].set_ylabel("place (the goal is at 0)")
    label(axes[-1], 85, envelope[85], "envelope", BLUE, dx=0, dy=9, ha="center")


def ravines(f, lrs, momenta, path_of, rate_of):
    """A little ravine for each learning rate (across) and momentum (down), with the path that
    path_of(lr, momentum) takes, on a ground that is the darker the smaller its rate_of is."""
    _, axes = plt.subplots(len(momenta), len(lrs), figsize=(9.6, 6.9), sharex=True, sharey=True)
    grid = np.stack(np.meshgrid(np.linspace(-10.5, 4, 80), np.linspace(-3.2, 3.2, 60)), -1)
    heights = np.apply_along_axis(f, -1, grid)
    for (i, j), ax in np.ndenumerate(axes):
        rate = rate_of(lrs[j], momenta[i])
        path = path_of(lrs[j], momenta[i])
        ax.set_facecolor(RATES((rate - 0.75) / 0.25) if rate < 1 else "white")
        ax.contour(grid[..., 0], grid[..., 1], heights, np.linspace(0, 16, 7)[1:] ** 2,
                   colors="#8fa3bd", linewidths=0.4)
        ax.plot(*path.T, "-", color=DARK if rate < 1 else "gray", linewidth=0.9, marker=".",
                markersize=3)
        ax.plot(0, 0, "+", color=ORANGE, markersize=9, markeredgewidth=2, zorder=3)
        ax.text(0.97, 0.06, f"{rate:.2f}" if rate < 1 else "diverges", transform=ax.transAxes,
                ha="right", fontsize=8, color=DARK,
                bbox=dict(boxstyle="round,pad=0.2", fc="white", ec="none", alpha=0.8))
        ax.set(xlim=(-10.5, 4), ylim=(-3.2, 3.2), xticks=[], yticks=[])
        if i == len(momenta) - 1:
            ax.set_xlabel(f"lr {lrs[j]}")
        if j == 0:
            ax.set_ylabel(f"momentum {momenta[i]}", fontsize=8.5)


def rate_map(lr, momentum, rate, places, measured):
    """A convergence rate over lr and momentum, the darker the better, white where it diverges;
    the rings at places (n, 2) are filled with the colours of the measured rates."""
    _, ax = plt.subplots(figsize=(7.6, 4.8))
    colors = ax.contourf(lr, momentum, rate, np.linspace(0.75, 1, 51), cmap=RATES)
    # Close to the border all levels run into one another, so the lines end a little before it.
    border = np.where(rate < 1, lr, 0).max(axis=1, keepdims=True)
    lines = ax.contour(lr, momentum, np.ma.masked_where(lr > 0.97 * border, rate),
                       [0.8, 0.85, 0.9, 0.95, 0.98], colors=DARK, linewidths=0.6)
    ax.clabel(lines, fontsize=8, manual=[(0.055, 0.64), (0.055, 0.7225), (0.04, 0.81),
                                         (0.045, 0.9025), (0.05, 0.9604)])
    bar = plt.colorbar(colors, ax=ax, ticks=np.linspace(0.75, 1, 6))
    bar.set_label("rate: what a step leaves of the distance")
    bar.outline.set_visible(False)
    border = np.linspace(0, 1, 2)
    ax.plot(2 * (1 + border) / 49, border, "-", color=DARK, linewidth=1.2)
    ax.scatter(*np.transpose(places), c=measured, cmap=RATES, vmin=0.75, vmax=1, s=80,
               edgecolor=ORANGE, linewidth=1.8, zorder=3, clip_on=False)
    ax.set(xlabel="lr (learning rate)", ylabel="momentum", ylim=(-0.02, 1),
           xlim=(lr.min(), lr.max()))
    label(ax, 1 / 16, 9 / 16, "Polyak: 0.75", dx=7, dy=-12, fontsize=9)
    label(ax, 0.04, 0, "plain at its best: 0.96", dx=14, dy=9, fontsize=9)
    label(ax, 0.065, 0.42, "diverges", dx=0)
    label(ax, 0.0222, 0.15, "the flat axis creeps", dx=0)
    label(ax, 0.0508, 0.26, "\u2190 the steep axis jumps", dx=0)
    label(ax, 0.02, 0.855, "both axes swing", dx=0)


def overtaken(curves):
    """Two distances step by step on a log axis, {name: values}; dotted: a millionth."""
    _, ax = plt.subplots(figsize=(6.8, 3.4))
    for (name, values), color, line, place, dx, dy in zip(
            curves.items(), (BLUE, ORANGE), ("--", "-"), ((20, 0.08), (2, 7e-6)), (8, 0), (10, 0)):
        ax.semilogy(values, color=color, linestyle=line)
        label(ax, *place, name, color, dx=dx, dy=dy)
    ax.axhline(1e-6, color="gray", linestyle=":", linewidth=1)
    label(ax, 69, 1e-6, "a millionth", "gray", dx=0, dy=8)
    ax.set(xlabel="step", ylabel="share of the distance that is left", xlim=(0, None))


def border(curves):
    """What is left of a distance after 300 steps, over the learning rate as a share of the
    predicted largest one: {name: (shares, left)}, on a log axis."""
    _, ax = plt.subplots(figsize=(6.8, 3.4))
    ax.axhline(1, color="gray", linestyle=":", linewidth=1)
    ax.axvline(1, color=LIGHT, linestyle="-", linewidth=5)
    for (name, (shares, left)), color, line in zip(curves.items(), (DARK, ORANGE), ("--", "-")):
        ax.semilogy(shares, left, color=color, linestyle=line, marker="o", markersize=4)
        label(ax, shares[0], left[0], name, color, dx=0, dy=11)
    ax.set_xticks(shares, [f"{share:g}" for share in shares])
    label(ax, shares[0], 1, "the distance at the start", "gray", dx=0, dy=8)
    ax.set(xlabel="learning rate / predicted largest learning rate",
           ylabel="distance after 300 steps\n/ distance at the start")


def weight_paths(runs, useful):
    """The weights of a regression step by step, a panel for each run: {title: (steps, n)}."""
    _, axes = plt.subplots(1, len(runs), figsize=(9, 3), sharey=True)
    for ax, (title, paths) in zip(axes, runs.items()):
        ax.axhline(0, color=LIGHT, linestyle="-", linewidth=1)
        ax.plot(paths[:, useful:], color=ORANGE, linestyle="-", linewidth=1)
        ax.plot(paths[:, :useful], color=DARK, linestyle="-")
        for i in range(useful):
            label(ax, len(paths) - 1, paths[-1, i], f"w{i}", dx=4)
        ax.set(xlabel="step", title=title)
    axes[0].set_ylabel("weight")
    label(axes[0], len(paths) * 0.4, -0.75, "useless", ORANGE, dx=0)


def rates_tried(lrs, panels):
    """Final losses over the learning rate, a panel for each of {title: [plain, momentum]}, on
    two log axes."""
    _, axes = plt.subplots(1, len(panels), figsize=(9, 3.6), sharey=True)
    for ax, (title, (plain, momentum)) in zip(axes, panels.items()):
        ax.loglog(lrs, plain, color=DARK, linestyle="--", marker="o", markersize=4)
        ax.loglog(lrs, momentum, color=ORANGE, linestyle="-", marker="o", markersize=4)
        label(ax, lrs[0], plain[0], "plain", DARK, dx=8, dy=8)
        label(ax, lrs[2], momentum[2], "momentum 0.9", ORANGE, dx=-5, dy=-12, ha="right")
        ax.set(xlabel="lr (learning rate)", title=title)
        ax.set_xticks(lrs, [f"{lr:g}" for lr in lrs])
        ax.set_xticks([], minor=True)
    axes[0].set_ylabel("training loss (cross entropy)")


def contestants(groups):
    """Training losses epoch by epoch on a log axis, {name: (seeds, epochs)}, a thin line a seed."""
    _, ax = plt.subplots(figsize=(6.8, 3.8))
    for (name, losses), color, line in zip(groups.items(), (DARK, BLUE, ORANGE), ("-", "--", "-")):
        number = np.arange(1, losses.shape[1] + 1)
        ax.semilogy(number, losses.T, color=color, linestyle=line, linewidth=0.9)
        label(ax, number[-1], np.median(losses[:, -1]), name, color)
    ax.set(xlabel="epoch", ylabel="training loss (cross entropy)", xlim=(1, None),
           xticks=[1, *range(5, len(number) + 1, 5)])


# 04_loss


def log_p(x, happened):
    """Above, the probabilities or densities {name: p(x)} of what happened; below, −log of each."""
    fig, axes = plt.subplots(2, 3, figsize=(8.6, 4.6), sharex=True, sharey="row")
    formulas = r"$e^2/2 + 0.92$", r"$|e| + 0.69$", r"$\log(1 + e^{-z})$"
    for (above, below), (name, p), formula in zip(axes.T, happened.items(), formulas):
        above.plot(x, p, color=BLUE)
        below.plot(x, -np.log(p), color=ORANGE)
        label(below, 0, 4.6, formula, ORANGE, dx=0, ha="center")
        above.set(title=name)
        below.set(xlabel="logit z" if "class" in name else "error e", ylim=(0, 6))
    axes[0, 0].set_ylabel("p of what happened")
    axes[1, 0].set_ylabel("loss: −log p")


def weights(stages, steps):
    """A row of pictures for each of stages, arrays (10, 8, 8) of weights after so many steps."""
    fig, axes = plt.subplots(len(stages), 10, figsize=(8.6, 2.7))
    top = np.quantile(np.abs(stages[-1]), 0.97)
    for row, stage, step in zip(axes, stages, steps):
        for digit, (ax, picture) in enumerate(zip(row, stage)):
            image = ax.imshow(picture, cmap="gray_r", vmin=-top, vmax=top)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if ax in axes[0]:
                ax.set_title(f"{digit}", loc="center")
        row[0].set_ylabel(f"step {step}", rotation=0, ha="right", va="center")
    bar = fig.colorbar(image, ax=axes, ticks=[-0.5, 0, 0.5], extend="both")
    bar.set_label("weight")


# 03_module


def boundary(models, points, labels):
    """What models make of the plane: their probabilities as bands, the line of even odds, and the
    data, with a ring around each point on the wrong side.

    models is {title: model}, each from points (N, 2) to probabilities (N, 1); labels are (N, 1).
    """
    data, truth = points.data, labels.data[:, 0] > 0
    low, high = data.min(0) - 0.4, data.max(0) + 0.4
    x, y = np.meshgrid(np.linspace(low[0], high[0], 160), np.linspace(low[1], high[1], 120))
    plane = type(points)(np.column_stack([x.ravel(), y.ravel()]).astype(np.float32))
    fig, axes = plt.subplots(1, len(models), figsize=(8.6, 3.5), sharey=True)
    for ax, (title, model) in zip(axes, models.items()):
        p = model(plane).data.reshape(x.shape)
        filled = ax.contourf(x, y, p, np.linspace(0, 1, 11), alpha=0.75)
        even = ax.contour(x, y, p, [0.5], colors=[DARK], linewidths=2.2)
        wrong = (model(points).data[:, 0] > 0.5) != truth
        ax.scatter(*data[wrong].T, s=80, facecolor="none", edgecolor="white", linewidth=1.6)
        for kind, marker, face, edge in ((False, "o", "white", DARK), (True, "^", DARK, "white")):
            ax.scatter(*data[truth == kind].T, s=24, marker=marker, color=face, edgecolor=edge,
                       linewidth=0.7)
        # The label sits near the right end of the line of even odds, well inside the picture.
        margin = 0.12 * (high - low)
        inside = [v for v in even.allsegs[0][0] if all(v > low + margin) and all(v < high - margin)]
        label(ax, *max(inside, key=lambda v: v[0]), "p = 0.5", dx=-6, dy=11, ha="right",
              weight="bold", bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"})
        ax.set(title=title, xlabel="$x_1$", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes[0].set_ylabel("$x_2$")
    bar = fig.colorbar(filled, ax=axes, ticks=[0, 0.5, 1], pad=0.02)
    bar.set_label("probability of class 1 (triangles)")


def spreads(curves):
    """The spread after each layer, measured (dots) and derived (lines), on a logarithmic axis:
    {bound: (spreads, factor per layer)}."""
    _, ax = plt.subplots(figsize=(7.2, 4))
    styles = zip(curves.items(), (DARK, BLUE, ORANGE, "#6b7a90"), "o^sD")
    for (bound, (measured, factor)), color, marker in styles:
        layers = np.arange(len(measured))
        ax.plot(layers, measured[0] * factor**layers, color=color, linestyle="-", linewidth=0.9)
        ax.plot(layers, measured, color=color, linestyle="", marker=marker, markersize=5)
        label(ax, layers[-1], measured[-1], f"{bound}: × {factor:.2f} per layer", color, dx=10)
    ax.set(yscale="log", xlabel="layers passed", ylabel="spread (standard deviation)",
           xlim=(-0.3, len(measured) + 3.2), xticks=layers)
    label(ax, 0, 1e6, "dots: measured\nlines: derived", dx=0)


# 02_operations


def two_valleys(steps, error32, error64, step):
    """The errors of slopes in float32 and float64 against the step, and the two theories."""
    _, ax = plt.subplots(figsize=(7, 4))
    for theory in (steps**2 / 6, *(np.finfo(kind).eps / (3 * steps) for kind in "fd")):
        seen = (theory < 1) & (theory > 3e-12)
        ax.loglog(steps[seen], theory[seen], color=LIGHT, linestyle="-", linewidth=1)
    ax.loglog(steps, error32, color=DARK, linestyle="-")
    ax.loglog(steps, error64, color=BLUE, linestyle="--")
    ax.axvline(step, color="gray", linestyle=":", linewidth=1)
    label(ax, step, 6, "gradcheck steps here", "#5b667a")
    label(ax, 3e-11, 3, "here x + h is x", dx=0, dy=0)
    label(ax, 4e-6, 0.03, "float32, rounding: 1/h", dx=12)
    label(ax, 1.2e-11, 2e-9, "float64, rounding: 1/h", BLUE, dx=0)
    label(ax, 4e-4, 6e-9, "both, truncation: $h^2$", dx=8)
    ax.set(xlabel="step h", ylabel="relative error of the slope", ylim=(1e-12, 20))


def _outlined(ax, x, y, values, rows, columns):
    """A grid with some of its rows and columns in colour, outlined."""
    cells(ax, x, y, values)
    part = values[rows, columns]
    cells(ax, x + columns.start, y + rows.start, part, color="#fdf0e0")
    ax.add_patch(plt.Rectangle((x + columns.start, y + rows.start), part.shape[1], part.shape[0],
                               fill=False, edgecolor=ORANGE, linewidth=2.6, zorder=4))


def matmul_gradient(a, b, g):
    """Which row meets which row in g @ b.T, and which column which column in a.T @ g."""
    _, ax = plt.subplots(figsize=(7.6, 4.6))
    every, first, second, last = slice(0, 9), slice(0, 1), slice(1, 2), slice(3, 4)
    for y, parts in ((0, ((g, first, every, "g"), (b, second, every, "b"),
                          (g @ b.T, first, second, "a.grad"))),
                     (5, ((a, every, second, "a"), (g, every, last, "g"),
                          (a.T @ g, second, last, "b.grad")))):
        for x, (values, rows, columns, name) in zip((0, 5.6, 11.6), parts):
            top = y + (3 - len(values)) / 2
            _outlined(ax, x, top, values, rows, columns)
            ax.text(x, top - 0.2, f"{name} {values.shape}", va="bottom")
        ax.text(4.8, y + 1.5, "·", ha="center", va="center", fontsize=20)
        ax.text(10.6, y + 1.5, "=", ha="center", va="center", fontsize=16)
    ax.text(0, 3.45, "a row of g times a row of b: 1·0 + 0·1 + 2·3 + 1·1 = 7", color="#a4550a")
    ax.text(0, 8.5, "a column of a times a column of g: 0·1 + 1·2 = 2", color="#a4550a")
    ax.set(xlim=(-0.2, 15.8), ylim=(8.8, -1.1), aspect="equal")
    ax.axis("off")


def indexing_gradient(x, key, g):
    """Above: x and x[key], an arrow for each element that is read; below: the gradients' way."""
    spread = np.zeros(len(x))
    np.add.at(spread, key, g)
    _, axes = plt.subplots(1, 2, figsize=(8.2, 2.7))
    for ax, above, below, names, back in (
            (axes[0], x, x[key], ("x", f"x[{key}]"), False),
            (axes[1], spread, g, ("x.grad", "g"), True)):
        cells(ax, 0, 0, above)
        cells(ax, 0.5, 2.4, below)
        for k in {k for k in key if back and key.count(k) > 1}:  # where gradients meet
            cells(ax, k, 0, above[k], color="#fdf0e0")
        for i, k in enumerate(key):
            ends = (k + 0.5 + 0.12 * (i - 1), 1.05), (i + 1.0, 2.35)
            ax.annotate("", *(ends if back else ends[::-1]), arrowprops={
                "arrowstyle": "->", "color": ORANGE if back else BLUE, "linewidth": 1.6})
        ax.text(-0.2, 0.5, names[0], ha="right", va="center")
        ax.text(0.3, 2.9, names[1], ha="right", va="center")
        ax.set(xlim=(-2.4, 4.2), ylim=(3.5, -0.8), aspect="equal",
               title="back: each place adds to where it was read" if back else "forward: copy")
        ax.axis("off")
    label(axes[1], 2.5, 0, "2 + 4", "#a4550a", dx=0, dy=9, ha="center")


# 07_training


def _ends(ax, x, lines):
    """Write the names of lines {name: (last value, colour)} at x, one above the other if they would
    touch."""
    ax.figure.canvas.draw()
    heights = [ax.transData.transform((x, value))[1] * 72 / ax.figure.dpi
               for value, _ in lines.values()]
    apart = 6 if abs(heights[0] - heights[-1]) < 12 else 0
    for (name, (value, color)), height in zip(lines.items(), heights):
        label(ax, x, value, name, color, dy=apart if height == max(heights) else -apart)


def curves(history, best=None):
    """Losses, on a log axis, and shares of right answers: training in the middle of its epoch, as
    it is a mean over it, validation at the end. Dotted: the epoch `best`."""
    _, axes = plt.subplots(1, 2, figsize=(8.6, 3.4))
    for ax, kind in zip(axes, ("loss", "accuracy")):
        lines = {}
        for part, color, line, early in (("train", DARK, "-", 0.5), ("valid", ORANGE, "--", 0)):
            values = getattr(history, f"{part}_{kind}")
            epochs = np.arange(1, len(values) + 1)
            ax.plot(epochs - early, values, color=color, linestyle=line, markersize=3,
                    marker="o" if len(values) <= 30 else "")
            lines["training" if part == "train" else "validation"] = values[-1], color
        if best:
            ax.axvline(best, color="gray", linestyle=":", linewidth=1)
            label(ax, best, 0.97, f"epoch {best}", "#5b667a", dx=4,
                  xycoords=("data", "axes fraction"))
        ax.set(xlabel="epoch", xlim=(0, None))
        if kind == "loss":
            ax.set(yscale="log", ylabel="loss (cross entropy)")
            ax.yaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("")
        else:
            ax.set(ylabel="share of right answers")
        _ends(ax, epochs[-1], lines)


def lies(images, rows):
    """Pictures beside each other, and below each what the rows {name: answers} say it is: bold
    where it is what the first row says, the truth."""
    _, axes = plt.subplots(1, len(images), figsize=(8.6, 1.9))
    for ax, image, *answers in zip(axes, images, *rows.values()):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color(LIGHT)
        ax.spines[:].set_visible(True)
        for place, answer in enumerate(answers):
            ax.text(0.5, -0.17 - 0.24 * place, f"{answer}", transform=ax.transAxes, ha="center",
                    va="center", weight="bold" if answer == answers[0] else "normal")
    for place, name in enumerate(rows):
        axes[0].text(-0.25, -0.17 - 0.24 * place, name, transform=axes[0].transAxes, ha="right",
                     va="center")


def calls(in_train_mode, in_eval_mode):
    """The accuracy of one net, measured many times in train mode, and in eval mode as a line."""
    _, ax = plt.subplots(figsize=(6.4, 3))
    number = np.arange(1, len(in_train_mode) + 1)
    ax.plot(number, in_train_mode, color=BLUE, linestyle="", marker="o", markersize=5)
    ax.axhline(in_eval_mode, color=DARK, linestyle="-")
    label(ax, 1, in_eval_mode, "in eval mode, every time", DARK, dx=0, dy=9)
    label(ax, 1, max(in_train_mode), "in train mode", BLUE, dx=0, dy=9)
    ax.set(xlabel="call", ylabel="share of right answers", xlim=(0, len(number) + 1),
           ylim=(None, in_eval_mode + 0.012))


def remedies(groups):
    """Loss and share right on the validation set, epoch by epoch: the mean over the histories of
    each of groups {name: histories}, in a band from the lowest to the highest."""
    _, axes = plt.subplots(1, 2, figsize=(8.6, 3.8))
    places = ((72, 0.74), (72, 0.83)), ((60, 0.33), (58, 0.865)), ((14, 0.69), (50, 0.975))
    styles = zip(groups.items(), (DARK, BLUE, ORANGE), ("-", "--", "-."), places)
    for (name, histories), color, line, beside in styles:
        for ax, kind, place in zip(axes, ("valid_loss", "valid_accuracy"), beside):
            values = np.array([getattr(history, kind) for history in histories])
            epochs = np.arange(1, values.shape[1] + 1)
            ax.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=color, alpha=0.16,
                            linewidth=0)
            ax.plot(epochs, values.mean(axis=0), color=color, linestyle=line)
            label(ax, *place, name, color, dx=0)
    axes[0].set(xlabel="epoch", ylabel="validation loss (cross entropy)", ylim=(0.28, 0.95),
                xlim=(1, None))
    axes[1].set(xlabel="epoch", ylabel="share of right answers (validation)", ylim=(0.75, 1),
                xlim=(1, None))


def schedules(groups):
    """Training losses on a log axis, each in the middle of its epoch: {name: (seeds, epochs)}, a
    thin line for each seed."""
    _, ax = plt.subplots(figsize=(6.8, 3.6))
    for (name, losses), color, line in zip(groups.items(), (BLUE, ORANGE), ("--", "-")):
        middle = np.arange(len(losses[0])) + 0.5
        ax.semilogy(middle, np.transpose(losses), color=color, linestyle=line, linewidth=1)
        label(ax, middle[-1], np.median(losses, axis=0)[-1], name, color)
    ax.set(xlabel="epoch", ylabel="training loss (cross entropy)", xlim=(0, None))
    ax.yaxis.set_major_formatter("{x:g}")


# 06_data


def recall(maps, steps):
    """A panel for each of maps {title: shares right (10, steps)}: the digit down, the steps of
    training across, with a line after every epoch of so many steps."""
    fig, axes = plt.subplots(1, len(maps), figsize=(9, 3.1), sharey=True)
    for ax, (title, shares) in zip(axes, maps.items()):
        image = ax.imshow(shares, aspect="auto", vmin=0, vmax=1, interpolation="nearest")
        for end in range(steps, shares.shape[1], steps):
            ax.axvline(end - 0.5, color="white", linewidth=1.2, linestyle="-")
        ax.set(title=title, xlabel="step (white lines: a new epoch)", yticks=range(10))
        ax.spines[:].set_visible(False)
    axes[0].set_ylabel("digit of the test set")
    bar = fig.colorbar(image, ax=axes, ticks=[0, 0.5, 1], pad=0.02)
    bar.set_label("share that is read correctly")
    bar.outline.set_visible(False)


def batch_noise(sizes, measured, derived):
    """The error of a batch in lengths of g against its size: dots on a line, both axes logarithmic;
    dotted: as long as g itself."""
    _, ax = plt.subplots(figsize=(6.8, 3.6))
    ax.axhline(1, color="gray", linestyle=":", linewidth=1)
    label(ax, 1, 1, "as long as g", "gray", dx=0, dy=-9)
    ax.plot(sizes, derived, color=BLUE, linestyle="-")
    ax.plot(sizes, measured, "o", color=ORANGE, markeredgecolor=DARK, markersize=6)
    at_32 = dict(zip(sizes, derived))[32]
    label(ax, sizes[2], derived[2], f"line: derived; at 32: {at_32:.2f}", BLUE, dx=14, dy=16)
    label(ax, sizes[6], derived[6], "dots: measured", "#a85a08", dx=8, dy=9)
    ax.set(xscale="log", yscale="log", xlabel="pictures in the batch",
           ylabel="error / length of g")
    ax.set_xticks(sizes, sizes)
    ax.set_xticks([], minor=True)
    ax.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    ax.set_yticks([], minor=True)


def epochs(groups, places):
    """Training losses epoch by epoch on a log axis: {name: (seeds, epochs)}, a thin line a seed;
    places holds where each name is written: (epoch, dx, dy)."""
    _, ax = plt.subplots(figsize=(6.8, 3.8))
    for (name, losses), place, color, line in zip(groups.items(), places, (DARK, BLUE, ORANGE),
                                                  ("-", "--", "-")):
        number = np.arange(1, losses.shape[1] + 1)
        ax.semilogy(number, losses.T, color=color, linestyle=line, linewidth=0.9, alpha=0.8)
        epoch, dx, dy = place
        label(ax, epoch, np.median(losses[:, epoch - 1]), name, color, dx=dx, dy=dy)
    ticks = [2, 1, 0.5, 0.2, 0.1, 0.05]
    ax.set_yticks(ticks, ticks)
    ax.set_yticks([], minor=True)
    ax.set(xlabel="epoch", ylabel="training loss (cross entropy)", xlim=(1, None))


def noise_takes_over(ratios, ends):
    """Left: the noise of a batch in lengths of g, ratios (seeds, epochs, looks), dots, and a line
    through the medians of the epochs; right: the losses (seeds, steps) of the last two epochs, for
    each learning rate of ends."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
    fig.get_layout_engine().set(wspace=0.08)
    looks = ratios.shape[2]
    when = (np.arange(ratios.shape[1] * looks) + 1) / looks
    left.semilogy(when, ratios.reshape(len(ratios), -1).T, ".", color=LIGHT, markersize=4)
    middle = np.arange(ratios.shape[1]) + 0.5
    left.plot(middle, np.median(ratios, axis=(0, 2)), "-o", color=DARK, markersize=4)
    left.axhline(1, color="gray", linestyle=":", linewidth=1)
    label(left, when[-1], 1, "as long\nas g", "gray")
    left.set(xlabel="epoch", ylabel="noise of a batch / length of g")
    left.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    left.set_yticks([], minor=True)
    for (lr, losses), color, width, place in zip(ends.items(), (ORANGE, DARK), (0.9, 1.6),
                                                 ((8.16, 0.2), (8.7, 0.082))):
        step = 8 + (np.arange(losses.shape[1]) + 1) / 45
        right.plot(step, losses.T, color=color, linestyle="-", linewidth=width)
        label(right, *place, f"lr {lr}", color)
    right.set(xlabel="epoch", ylabel="loss on all 1,437 pictures", ylim=(0.07, None))
    right.set_xticks([8, 8.5, 9, 9.5, 10], ["8", "", "9", "", "10"])
    right.set_yticks([0.1, 0.15, 0.2])


# 08_convolution


def moved_digits(rows, answers, labels):
    """Pictures before and after a move, rows of (n, h, w); below each what a net reads in it, in
    bold orange where it differs from its label."""
    _, axes = plt.subplots(len(rows), len(rows[0]), figsize=(8.2, 2.7))
    for name, line, pictures, read in zip(("as drawn", "moved"), axes, rows, answers):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for ax, picture, answer, digit in zip(line, pictures, read, labels):
            ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            wrong = answer != digit
            ax.set_xlabel(f"reads {answer}", color="#a4550a" if wrong else DARK, labelpad=3,
                          weight="bold" if wrong else "normal")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(visible=True, color=LIGHT)


def kernels(stages):
    """Kernels {step: weights (k, k)} side by side, as cells with their numbers: violet where
    positive, orange where negative."""
    _, axes = plt.subplots(1, len(stages), figsize=(9, 2.1))
    for ax, (step, weights) in zip(axes, stages.items()):
        ax.imshow(weights, cmap="PuOr", vmin=-4, vmax=4)
        for (i, j), weight in np.ndenumerate(weights):
            ax.text(j, i, f"{weight + 0:.2f}".replace("-0.00", "0.00"), ha="center", va="center")
        ax.set(title=f"step {step}", xticks=[], yticks=[])
        ax.spines[:].set(visible=True, color=DARK)


# 09_lenet


def stack(stages):
    """A net as what passes through it, from left to right: maps (n, h, w) as n squares, to scale, a
    row (n,) as a bar. stages lists (what makes it, its shape)."""
    _, ax = plt.subplots(figsize=(9.4, 3))
    x = 0
    for maker, shape in stages:
        n, side = shape[0], shape[1] if len(shape) > 1 else 0
        low, shift = -side / 2 if side else -n / 10, 1.1 if n > 1 else 0
        for k in reversed(range(n if side else 1)):
            ax.add_patch(plt.Rectangle(
                (x + k * shift, low + k * shift), side or 2.5, side or n / 5, linewidth=0.7,
                facecolor=LIGHT if maker == "picture" else "#eaf1fa", edgecolor=DARK))
        width = (side or 2.5) + (n - 1) * shift * bool(side)
        ax.text(x + (side or 2.5) / 2, -20.5, " × ".join(map(str, shape)), ha="center", va="top",
                fontsize=9)
        ax.text(x + (side or 2.5) / 2, -17.5, maker, ha="center", va="bottom", fontsize=9,
                color=BLUE)
        x += width + 11
    ax.set(xlim=(-7, x - 2), ylim=(-25, 22), aspect="equal")
    ax.axis("off")


def kernels_and_maps(picture, before, after, maps):
    """A picture, and right of it three rows: kernels (n, k, k) before and after training, in one
    scale, and the maps (n, h, w) that they make of the picture, each in its own."""
    fig = plt.figure(figsize=(9.4, 4))
    axes = fig.subplot_mosaic([["p", *(f"{row}{i}" for i in range(len(maps)))] for row in "abm"],
                              width_ratios=[1.5] + [1] * len(maps))
    top = np.abs(after).max()
    axes["p"].imshow(picture, cmap="gray_r", interpolation="nearest")
    axes["p"].set_title("the picture", loc="center")
    rows = ("a", "at birth", before), ("b", "trained", after), ("m", "its map,\nown scale", maps)
    for row, name, values in rows:
        for i, value in enumerate(values):
            ax = axes[f"{row}{i}"]
            limits = {} if row == "m" else {"vmin": -top, "vmax": top}
            image = ax.imshow(value, interpolation="nearest", **limits)
            if row == "b":
                bar_of = image
        axes[f"{row}0"].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax in axes.values():
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=True, color=LIGHT)
    bar = fig.colorbar(bar_of, ax=[axes[f"{row}{len(maps) - 1}"] for row in "ab"], aspect=12)
    bar.set_label("weight")
    bar.outline.set_visible(False)


def mosaic(maps):
    """Maps (n, h, w) side by side, each scaled to its own largest number, with gaps of nan."""
    n, h, w = maps.shape
    gap = max(1, w // 10)
    wide = np.full((h, n * (w + gap) - gap), np.nan)
    for i, values in enumerate(maps):
        wide[:, i * (w + gap):i * (w + gap) + w] = values / max(values.max(), 1e-9)
    return wide


def deeper(stages, probabilities):
    """A row of pictures for each of stages {title: maps (n, h, w)}, a row of cells for
    {title: values (n,)}, and at the end ten probabilities as bars."""
    rows = {title: mosaic(values) if values.ndim == 3 else values[None] / values.max()
            for title, values in stages.items()}
    heights = [max(7.6 * len(wide) / wide.shape[1], 0.16) for wide in rows.values()]
    _, axes = plt.subplots(len(rows) + 1, 1, figsize=(8, sum(heights) + 2.9),
                           height_ratios=[*heights, 1.0])
    for ax, (title, wide) in zip(axes, rows.items()):
        ax.imshow(wide, vmin=0, vmax=1, interpolation="nearest",
                  aspect="auto" if len(wide) == 1 else "equal")
        ax.set_title(title, pad=3)
        ax.axis("off")
    answers(axes[-1], probabilities)


def answers(ax, probabilities):
    """Ten probabilities as bars, the largest in orange, with its number."""
    best = int(np.argmax(probabilities))
    ax.bar(range(10), probabilities, color=[ORANGE if i == best else LIGHT for i in range(10)],
           edgecolor=DARK, linewidth=0.8)
    ax.set(xticks=range(10), xlabel="digit", ylabel="probability", ylim=(0, 1.18),
           yticks=(0, 0.5, 1))
    label(ax, best, probabilities[best], f"{probabilities[best]:.1%}", dx=0, dy=8, ha="center")


def asked(picture, probabilities):
    """A picture, large, and beside it what a net makes of it: ten probabilities."""
    _, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.6))
    left.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    left.set(xlabel="pixel", ylabel="pixel", xticks=(0, 9, 18, 27), yticks=(0, 9, 18, 27))
    left.spines[:].set(visible=True, color=LIGHT)
    answers(right, probabilities)


def moves(by, shares):
    """The shares (down, across) read right after moves by so many pixels, a number in each cell."""
    fig, ax = plt.subplots(figsize=(6.2, 5))
    image = ax.imshow(shares, vmin=0, vmax=1)
    for (i, j), share in np.ndenumerate(shares):
        ax.text(j, i, f"{100 * share:.0f}", ha="center", va="center", fontsize=9,
                color="white" if share < 0.5 else DARK)
    ax.set(xticks=range(len(by)), xticklabels=by, yticks=range(len(by)), yticklabels=by,
           xlabel="pixels to the right", ylabel="pixels down")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    bar = fig.colorbar(image, ax=ax, ticks=[0, 0.5, 1])
    bar.set_label("share that is read right (cells: in %)")
    bar.outline.set_visible(False)


def confusion(counts):
    """A matrix of counts, the digit that was meant down, the one that was read across. The right
    answers are pale and outlined; the others are the darker the more often they occur."""
    errors = counts * (1 - np.eye(len(counts), dtype=int))
    _, ax = plt.subplots(figsize=(5.4, 5.2))
    ax.imshow(errors, cmap="Oranges", vmin=0, vmax=1.6 * max(errors.max(), 1))
    for (i, j), count in np.ndenumerate(counts):
        ax.text(j, i, str(count) if count else "·", ha="center", va="center", fontsize=9,
                color=DARK if count else "gray")
        if i == j:
            ax.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor="#eef1f6",
                                       edgecolor=LIGHT))
    ax.set(xlabel="digit that was read", ylabel="digit that was meant", xticks=range(len(counts)),
           yticks=range(len(counts)))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def fooled(rows, said):
    """Rows of pictures {name: (n, h, w)}, and below each what a net says to it, {name: (n,)};
    an answer other than the first row's is orange and bold."""
    first = next(iter(said.values()))
    _, axes = plt.subplots(len(rows), len(first), figsize=(8.6, 1.25 * len(rows)))
    for line, (name, pictures) in zip(axes, rows.items()):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for ax, picture, answer, wanted in zip(line, pictures, said[name], first):
            ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            wrong = answer != wanted
            ax.set_xlabel(f"reads {answer}", labelpad=2, color="#a4550a" if wrong else DARK,
                          weight="bold" if wrong else "normal")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(visible=True, color=LIGHT)


# 14_manners


def promotion(names, ours, numpys):
    """The dtype of a result for each pair of names, and in brackets NumPy's where it differs."""
    _, ax = plt.subplots(figsize=(6.4, 4.4))
    for i, j in np.ndindex(len(names), len(names)):
        differs = ours[i][j] != numpys[i][j]
        ax.add_patch(plt.Rectangle((j, i), 1, 1, fc="#fbe3c4" if differs else "white", ec=LIGHT))
        ax.text(j + 0.5, i + (0.36 if differs else 0.5), ours[i][j], ha="center", va="center",
                fontsize=8.5, color=DARK)
        if differs:
            ax.text(j + 0.5, i + 0.72, f"({numpys[i][j]})", ha="center", va="center",
                    fontsize=7.5, style="italic", color=DARK)
    ax.set(xlim=(0, len(names)), ylim=(len(names), 0), xticks=np.arange(len(names)) + 0.5,
           yticks=np.arange(len(names)) + 0.5, xticklabels=names, yticklabels=names,
           xlabel="one operand", ylabel="the other operand")
    ax.tick_params(length=0, labelsize=8.5, labeltop=True, labelbottom=False)
    ax.xaxis.set_label_position("top")
    ax.spines[:].set_visible(False)


def dates(written, nodes):
    """When an array was written to, and Nodes [(text, born, saved, verdict)], on one clock."""
    _, ax = plt.subplots(figsize=(6.4, 2.3))
    ax.axvline(written, color=ORANGE, lw=2.2)
    ax.text(written, -0.75, "w is written to", color=DARK, ha="center", va="bottom")
    for row, (text, born, saved, verdict) in enumerate(nodes):
        ax.plot([born], [row], "o", ms=8, color=BLUE, mfc=BLUE if saved else "white", mew=1.6)
        side = -1 if born < written else 1
        label(ax, born, row, f"{text}: {verdict}", dx=9 * side, ha="right" if side < 0 else "left")
    ax.set(xlim=(-2, written + 4), ylim=(len(nodes) - 0.5, -0.7), yticks=[],
           xticks=range(written + 3), xlabel="clock of the nodes, ticks since the first")
    ax.spines["left"].set_visible(False)


def sum_errors(n, plain, in_float64):
    """The relative errors of sums of n numbers, added up in float32 and in float64."""
    _, ax = plt.subplots(figsize=(6.4, 3.2))
    ax.plot(n, plain, "--", color=ORANGE)
    ax.plot(n, np.maximum(in_float64, 1e-9), color=DARK)  # an error of 0 is drawn at the bottom
    ax.text(2**15, 3e-3, "one after the other in float32", color=DARK, ha="right")
    ax.text(2**17, 2e-9, "total", color=DARK)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_yticks([1e-9, *(ticks := [1e-8, 1e-6, 1e-4, 1e-2, 1])],
                  ["0", *(f"$10^{{{round(np.log10(t))}}}$" for t in ticks)])
    ax.set(xlabel="how many tenths are added up", ylabel="relative error of the sum",
           ylim=(0.8e-9, 2))


# 10_pytorch


def gaps(ax, differences, what):
    """Differences step by step on a log axis, a line for each; an exact 0 is drawn at the lower
    edge. Below the dotted line they are the last bit of a number near 1."""
    floor = 2e-9
    styles = (LIGHT, "-", 5), (DARK, "--", 1.4), *[(ORANGE, "-", 1.4)] * len(differences)
    for values, (color, line, width) in zip(differences, styles):
        steps = np.arange(1, len(values) + 1)
        ax.semilogy(steps, np.maximum(values, floor), color=color, linestyle=line, linewidth=width)
    ax.axhline(2.0**-23, color="gray", linestyle=":", linewidth=1)
    label(ax, len(values), 2.0**-23, "one bit\nat 1.0", "gray")
    ax.set(xlabel="step", ylabel=what, ylim=(floor, 3), xlim=(1, 1.1 * len(values)))
    ax.set_yticks([1e-8, 1e-6, 1e-4, 1e-2, 1])
    ax.set_yticks([], minor=True)


def twins(runs):
    """Above: the losses of the first runs of two libraries, {name: [(losses, weights)]}, dashed on
    pale; below: the differences of all pairs of runs, step by step."""
    _, (above, below) = plt.subplots(2, 1, figsize=(7.2, 5.4), sharex=True, height_ratios=(3, 3))
    (first, pale), (second, dashed) = runs.items()
    steps = np.arange(1, len(pale[0][0]) + 1)
    above.plot(steps, pale[0][0], color=LIGHT, linestyle="-", linewidth=5)
    above.plot(steps, dashed[0][0], color=DARK, linestyle="--", linewidth=1.3)
    above.text(0.55, 0.86, f"wide and pale: {first}", color="#6b7a90", transform=above.transAxes)
    above.text(0.55, 0.76, f"dashed, on top: {second}", color=DARK, transform=above.transAxes)
    above.set(ylabel="loss (cross entropy)", ylim=(0, None))
    gaps(below, [np.abs(one - two) for (one, _), (two, _) in zip(pale, dashed)],
         "difference of the losses")
    for line in below.lines[:-1]:
        line.set(color=BLUE, linewidth=1, linestyle="-")
    below.text(0.02, 0.88, "one line for each start", color=BLUE, transform=below.transAxes)


def three_gaps(differences, jump):
    """Differences of the weights of pairs of runs, {(name, name): values}, with a mark at the step
    of the jump. The two that are the larger ones there are drawn over each other."""
    _, ax = plt.subplots(figsize=(7.2, 4))
    order = sorted(differences, key=lambda pair: -differences[pair][jump - 1])
    gaps(ax, [differences[pair] for pair in order], "largest difference of two weights")
    ax.axvline(jump, color="gray", linewidth=0.8)
    ax.text(jump + 0.8, 1, f"step {jump}", color="gray", va="center")
    styles = ("wide and pale", "#6b7a90"), ("dashed", DARK), ("thin", "#a4550a")
    for i, (pair, (style, color)) in enumerate(zip(order, styles)):
        ax.text(0.04, 0.9 - 0.08 * i, f"{style}: {' and '.join(pair)}", color=color,
                transform=ax.transAxes)


# 15_speed


def layer_times(panels):
    """Bars of each layer's times, {title: {layer: (ms forward, ms back)}}, one panel a version."""
    _, axes = plt.subplots(1, len(panels), figsize=(7, 2.6), sharex=True, sharey=True,
                           squeeze=False)
    for ax, (title, layers) in zip(axes[0], panels.items()):
        there, back = np.array(list(layers.values())).T
        ax.barh(range(len(there)), there, color=LIGHT, edgecolor=DARK)
        ax.barh(range(len(there)), back, left=there, color=BLUE, edgecolor=DARK)
        for i, (a, b) in enumerate(zip(there, back)):
            label(ax, a + b, i, f"{a:.2g} + {b:.2g}")
        ax.set(title=title, xlabel="ms forward (light) + back (dark)",
               yticks=range(len(there)), yticklabels=layers)
        ax.tick_params(axis="y", length=0)
    axes[0, 0].set_xlim(0, axes[0, 0].get_xlim()[1] * 1.3)
    axes[0, 0].invert_yaxis()


# 11_adam


def words(seen, ends):
    """How far each word is from its goal, over how often it was read, a panel for each of ends."""
    _, axes = plt.subplots(1, len(ends), figsize=(8.6, 3.2), sharey=True)
    for ax, (name, left), color, marker in zip(axes, ends.items(), (DARK, ORANGE), "os"):
        ax.plot(seen, left, color=color, linestyle="", marker=marker, markersize=3.5, alpha=0.7)
        ax.set(xscale="log", xlabel="how often the word was read", title=name)
        half = left[len(left) // 2:].mean()
        ax.text(0.97, 0.9, f"mean of the rarest half: {half:.3f}", transform=ax.transAxes,
                ha="right")
    axes[0].set_ylabel("distance from its goal")


def first_steps(n, with_bias, without):
    """The lengths of steps n, in rates, with the averages' bias and without it."""
    _, ax = plt.subplots(figsize=(6.8, 3))
    ax.plot(n, with_bias, color=ORANGE, linestyle="-")
    ax.plot(n, without, color=DARK, linestyle="--")
    label(ax, 40, with_bias[39], "not corrected", "#a4550a", dx=8)
    label(ax, 2, 1, "corrected", DARK, dx=0, dy=-9)
    ax.set(xscale="log", xlabel="step", ylabel="length of the step\n(learning rates)",
           ylim=(0, None), xlim=(1, n[-1]))


def decays(paths, sizes):
    """Weights step by step, a panel for each of paths {name: (steps + 1, 3)}; dashed: 0.999^n."""
    _, axes = plt.subplots(1, len(paths), figsize=(8.6, 3.2), sharey=True)
    for ax, (name, path) in zip(axes, paths.items()):
        n = np.arange(len(path))
        for values, size, color, width in zip(path.T, sizes, (DARK, BLUE, ORANGE), (3.4, 2.2, 1)):
            ax.plot(n, values, color=color, linestyle="-", linewidth=width)
            if path[-1].max() - path[-1].min() > 0.1:
                label(ax, n[-1], values[-1], f"noise {size}", color)
        ax.plot(n, 0.999**n, color="gray", linestyle="--", linewidth=1)
        ax.set(xlabel="step", title=name, xlim=(0, len(path) * 1.3), ylim=(0, 1.05),
               xticks=range(0, len(path), 200))
        label(ax, n[-1], 0.999 ** n[-1], "dashed: $0.999^n$", "gray",
              dy=-8 if ax is axes[-1] else 0)
    label(axes[-1], n[-1], path[-1].mean(), "all three", dy=8)
    axes[0].set_ylabel("weight")


PLANS = (("gray", "-"), (BLUE, "--"), (LIGHT, "-"), (ORANGE, "-"), (DARK, "-."))


def plans(runs):
    """Left, the learning rates of {name: runs (losses, rates, share)}; right, their mean losses."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    ends = {}
    for (name, group), (color, line) in zip(runs.items(), PLANS):
        axes[0].plot(group[0][1], color=color, linestyle=line)
        losses = np.mean([run[0] for run in group], axis=0)
        smooth = np.exp(np.log(losses).reshape(-1, 10).mean(1))
        axes[1].semilogy(np.arange(5, len(losses), 10), smooth, color=color, linestyle=line)
        ends[name] = smooth[-1], "#6b7a90" if color == LIGHT else color
    places = {"constant": (70, 0.0309), "cosine": (105, 0.013), "both": (2, 0.022),
              "one cycle": (208, 0.0135)}
    for name, (x, y) in places.items():
        more = ", and warm-up from 50 on" if name == "constant" else ""
        label(axes[0], x, y, name + more, ends[name][1], dx=3)
    heights = np.log([value for value, _ in ends.values()])
    order, last = np.argsort(heights), -np.inf
    for i in order:
        last = max(heights[i], last + 0.24)
        name = list(ends)[i]
        label(axes[1], 300, np.exp(last), name, ends[name][1], dx=2)
    axes[0].set(xlabel="step", ylabel="learning rate", ylim=(0, 0.0325))
    axes[1].set(xlabel="step", ylabel="loss (cross entropy)", xlim=(0, 365))


def accidents(losses):
    """Losses step by step, {optimizer: {way: losses}}, on a log axis; dotted: step 101."""
    _, axes = plt.subplots(1, len(losses), figsize=(9, 3.4), sharey=True)
    for ax, (name, ways) in zip(axes, losses.items()):
        ax.axvline(101, color="gray", linestyle=":", linewidth=1)
        for values, color in zip(ways.values(), (DARK, ORANGE)):
            ax.semilogy(np.arange(1, len(values) + 1), np.maximum(values, 1e-3), color=color,
                        linestyle="-", linewidth=1)
        late = [np.median(values[-150:]) for values in ways.values()]
        for way, value, color, dy in zip(ways, late, (DARK, "#a4550a"), (7, -9)):
            label(ax, len(values), value, way, color, dx=3, dy=dy)
        ax.set(xlabel="step", title=name, xlim=(1, len(values) * 1.35),
               xticks=(1, 101, 200, 300, 400))
    axes[0].set_ylabel("loss (cross entropy)")


# 12_normalization


def layers(looks, predicted):
    """Spread (left) and gradient (right) at each layer, {name: (spreads, gradients)}, on log axes;
    dotted, lines of the predicted factors a layer, {name: (there, back)}, None where there is
    none: from layer 1 on, and from the last one back."""
    _, axes = plt.subplots(1, 2, figsize=(8.4, 3.4))
    for side, ax in enumerate(axes):
        curves = {name: np.array(values[side]) for name, values in looks.items()}
        highest = max(curves, key=lambda name: curves[name][25])
        low, high = (f(np.log10(f([f(values) for values in curves.values()])))
                     for f in (np.min, np.max))
        for (name, values), color in zip(curves.items(), (BLUE, "#a4550a")):
            n, factor, rising = len(values), predicted[name][side], values[-1] > values[25]
            ax.semilogy(values, "-", color=color)
            if factor is not None:
                steps = np.arange(n) - 1 if side == 0 else np.arange(n)[::-1]
                line = values[1 if side == 0 else -1] * float(factor)**steps
                ax.semilogy(np.where(np.log10(line) > np.floor(low), line, np.nan), ":",
                            color=DARK, linewidth=1.6)
            above = name == highest
            label(ax, 25, values[25], name, color, dx=0, dy=12 if above else -12,
                  ha="right" if above == rising else "left")
        ax.set(title=("spread over the images", "size of the gradient")[side], xlabel="layer",
               ylabel="root mean square", ylim=(10**np.floor(low), 10**np.ceil(high)))
        ax.set_xticks([0, 10, 20, 30, 40, 50])


def ablation(everything, names, rates, right):
    """A row for each combination (0 or 1 for each name), a column for each rate, and in each cell
    the share of right answers: the darker, the better."""
    _, ax = plt.subplots(figsize=(6.4, 3.9))
    ax.imshow(right, cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for (row, column), share in np.ndenumerate(right):
        ax.text(column, row, f"{share:.0%}", ha="center", va="center",
                color="white" if share > 0.7 else DARK)
    ax.set_xticks(range(len(rates)), rates)
    ax.set_yticks(range(len(everything)),
                  [" + ".join(n for n, there in zip(names, which) if there) or "none of them"
                   for which in everything])
    ax.set(xlabel="learning rate")
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


# 13_gpt


def pairs(counts, alphabet, letters):
    """The probability that one of letters (down) is followed by another (across); alphabet names
    the rows and columns of counts."""
    places = np.searchsorted(alphabet, list(letters))
    share = (counts / np.maximum(counts.sum(1, keepdims=True), 1))[np.ix_(places, places)]
    names = ["␣" if letter == " " else letter for letter in letters]
    fig, ax = plt.subplots(figsize=(6.2, 5.4))
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=0.6)
    ax.set(xticks=range(len(names)), xticklabels=names, yticks=range(len(names)),
           yticklabels=names, xlabel="next character", ylabel="character")
    ax.tick_params(length=0, labelsize=8)
    ax.spines[:].set_visible(False)
    bar = fig.colorbar(image, ax=ax, extend="max", ticks=[0, 0.2, 0.4, 0.6], shrink=0.8)
    bar.set_label("probability")
    bar.outline.set_visible(False)


def masked(scores, text):
    """Scores (T, T) of the characters in text, the causal mask, and the weights that a softmax
    makes of both."""
    mask = np.tri(len(text), dtype=bool)
    hidden = np.where(mask, scores, -np.inf)
    weights = np.exp(hidden - hidden.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    names = ["␣" if c == " " else c for c in text]
    panels = (("scores: query · key / √d", scores, "Blues", None, None, "score"),
              ("mask: who may look where", mask, "Greys", 0, 1.6, None),
              ("weights: softmax of what is left", weights, "Blues", 0, 1, "weight"))
    fig, axes = plt.subplots(1, 3, figsize=(9.2, 3.5))
    for ax, (title, values, cmap, low, high, what) in zip(axes, panels):
        image = ax.imshow(values, cmap=cmap, vmin=low, vmax=high)
        ax.set(title=title, xticks=range(len(names)), xticklabels=names,
               yticks=range(len(names)), yticklabels=names, xlabel="looks at")
        ax.tick_params(length=0, labelsize=8)
        ax.spines[:].set(visible=True, color=LIGHT)
        if what:
            bar = fig.colorbar(image, ax=ax, location="bottom", shrink=0.8)
            bar.set_label(what)
            bar.outline.set_visible(False)
    axes[0].set_ylabel("who looks")
    axes[1].text(0.15, 0.2, "may look", color="white", transform=axes[1].transAxes)
    axes[1].text(0.62, 0.75, "may not", transform=axes[1].transAxes)


def scale(lengths, found):
    """The largest weight, and what is left of a gradient, for keys of these lengths: {name:
    [(weight, gradient), ...]}."""
    _, axes = plt.subplots(1, 2, figsize=(8.4, 3.3))
    titles = "largest of 64 weights", "gradient of the scores (sum of sizes)"
    for ax, title, column in zip(axes, titles, range(2)):
        for (name, values), color, style, marker in zip(found.items(), (ORANGE, DARK), ("--", "-"),
                                                        "so"):
            values = np.array(values)[:, column]
            ax.plot(lengths, values, style, marker=marker, color=color, markersize=5)
            below = (color == DARK) == bool(column)  # where the other line is not
            label(ax, lengths[1], values[1], name, color if color == DARK else "#a4550a",
                  dx=0 if color == DARK else 9, dy=-14 if below else 10)
        ax.set_xscale("log", base=2)
        ax.set(title=title, xlabel="d, the length of query and key", xticks=lengths,
               xticklabels=lengths, ylim=(0, None))
    axes[0].set_ylim(0, 1.1)


def learning(losses, levels):
    """Losses in bits, step by step (pale) and as means over the last and the next tenth (dark),
    on a logarithmic axis, and levels {name: bits} to compare with."""
    _, ax = plt.subplots(figsize=(7.2, 3.8))
    steps = np.arange(1, len(losses) + 1)
    ax.plot(steps, losses, color=LIGHT, linestyle="-", linewidth=1.4)
    means = [np.mean(losses[int(n / 1.1):int(n * 1.1)]) for n in steps[19:]]
    ax.plot(steps[19:], means, color=DARK, linestyle="-")
    for name, bits in levels.items():
        ax.axhline(bits, color=ORANGE, linestyle="--", linewidth=1.2)
        ax.text(len(losses), bits + 0.06, name, color="#a4550a", va="bottom", ha="right")
    ax.set(xscale="log", xlabel="step", ylabel="bits per character", ylim=(0, 7.8),
           xlim=(1, len(losses) * 1.05), xticks=(1, 10, 100, 1000),
           xticklabels=(1, 10, 100, "1,000"))


def heads(weights, text):
    """For each head, where the last character of text looks: its row of the weights (T, T)."""
    fig, ax = plt.subplots(figsize=(9.4, 2.9))
    rows = np.array([w[-1] for w in weights])
    image = ax.imshow(rows, cmap="Blues", vmin=0, vmax=0.6, aspect="auto")
    half = len(rows) // 2
    ax.set(xticks=range(len(text)), xticklabels=["␣" if c == " " else c for c in text],
           yticks=range(len(rows)), yticklabels=[f"block {1 + i // half}, head {1 + i % half}"
                                                 for i in range(len(rows))])
    ax.tick_params(length=0, labelsize=8)
    ax.axhline(half - 0.5, color=DARK, linewidth=0.8)
    ax.spines[:].set(visible=True, color=LIGHT)
    bar = fig.colorbar(image, ax=ax, extend="max")
    bar.set_label("weight")
    bar.outline.set_visible(False)


# 16_bridge


def cubics(x, fit, printed):
    """A sine at the points x, NumPy's fit to it, broad and grey, and dashed the odd part of the
    cubic of each printed line "steps: loss, b = ..., d = ..."."""
    _, ax = plt.subplots()
    ax.plot(x, np.sin(x))
    ax.plot(x, np.polyval(fit, x), "-", color=LIGHT, linewidth=6, zorder=0)
    ax.text(3.1, 0.15, "sine", va="center")
    ax.text(-2.9, 0.1, "NumPy's fit, grey")
    for line in printed.splitlines():
        b, d = (float(part.split(" = ")[1]) for part in line.split(",")[1:])
        ax.plot(x, b * x + d * x**3, "--", color=BLUE)
        ax.text(3.1, 3 * b + 27 * d, line.partition(":")[0], va="center", color=BLUE)
    ax.set(xlabel="x", ylabel="y", xlim=(-3.1, 4))


# 17_bug_hunt


def fitted(x, y, found, best):
    """Points, the line (slope, intercept) that was found, and dashed the best one."""
    _, ax = plt.subplots(figsize=(6, 3.2))
    ends = np.array([-1.0, 1.0])
    ax.plot(x, y, "o", ms=4, color=LIGHT, markeredgecolor="gray")
    for (slope, intercept), name, color, line, dy in (
            (found, "by descent", DARK, "-", -7), (best, "least squares", "#a4550a", "--", 7)):
        ax.plot(ends, slope * ends + intercept, line, color=color)
        label(ax, 1, slope + intercept, name, color, dy=dy)
    ax.set(xlabel="x", ylabel="y", xlim=(-1.05, 1.4))


def augmented(rows):
    """Rows of pictures {epoch: [(64,)]}, all in the same greys."""
    count = len(next(iter(rows.values())))
    _, axes = plt.subplots(len(rows), count, figsize=(1.1 * count + 1, 1.1 * len(rows)))
    for line, (epoch, pictures) in zip(axes, rows.items()):
        line[0].set_ylabel(f"epoch {epoch}", rotation=0, ha="right", va="center")
        for ax, picture in zip(line, pictures):
            ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(visible=True, color=LIGHT)


# 19_layers


def activations(x, panels):
    """Ten functions at the points x, each with its slope, dashed: {name: (values, slopes)}."""
    fig, axes = plt.subplots(2, 5, figsize=(9, 3.6), sharex=True, sharey=True)
    for (name, (values, slopes)), ax in zip(panels.items(), axes.flat):
        ax.plot(x, values)
        ax.plot(x, slopes)
        ax.set(title=name, ylim=(-2.2, 2.2), xticks=[-4, 0, 4])
    label(axes[0, 0], 0.4, 0.4, "function")
    label(axes[0, 0], 2, 1, "slope", BLUE, dy=8)
    fig.supxlabel("x", fontsize=10)


# 20_recurrent


def _line(ax, x, aspect="equal"):
    """One line of images (columns, 9): the pixels upright, and a bar over the marked columns."""
    ax.imshow(x[:, :8].T, cmap="gray_r", vmin=0, vmax=1.2, aspect=aspect)
    for start in range(0, len(x), 8):
        ax.axvline(start - 0.5, color=LIGHT, linewidth=0.8)
        if x[start, 8]:
            ax.plot([start - 0.2, start + 7.2], [-1.6, -1.6], "-", color=ORANGE, linewidth=4)
            ax.text(start + 3.5, -2.4, "marked", ha="center", va="bottom", color=DARK)
    ax.set(xlim=(-0.5, len(x) - 0.5), ylim=(7.5, -2.2), yticks=[])
    ax.spines[:].set_visible(False)


def line_of_digits(x, window):
    """A line of images (columns, 9), and below it a bracket around the last columns."""
    _, ax = plt.subplots(figsize=(8, 2.1))
    _line(ax, x)
    ax.plot([len(x) - window - 0.3, len(x) - 0.7], [8.4, 8.4], "-", color=BLUE, linewidth=4,
            clip_on=False)
    ax.text(len(x) - window / 2 - 0.5, 9.2, f"a window of {window}", ha="center", va="top",
            color=BLUE)
    ax.set(xlabel="column", xticks=range(0, len(x), 8), ylim=(11, -2.2))


def reaches(curves):
    """Sizes of the gradient at each column on a log axis, {name: (sizes, factor a step)}; dotted,
    the line that the factor predicts, back from the last column."""
    _, ax = plt.subplots(figsize=(6.4, 3.8))
    for (name, (sizes, factor)), color in zip(curves.items(), (DARK, BLUE, "#a4550a")):
        steps = np.arange(len(sizes))
        ax.semilogy(steps, sizes, "-", color=color)
        ax.semilogy(steps, sizes[-1] * factor ** steps[::-1], ":", color=color, linewidth=1.4)
        label(ax, 0, sizes[0], name, color, dx=14, dy=14 if factor > 0.9 else -4)
    ax.set(xlabel="column", ylabel="size of the gradient", xticks=range(0, len(sizes) + 1, 8))


def gates(x, curves):
    """A line of images (columns, 9), and below it how far each gate stands open: {name: shares}."""
    _, axes = plt.subplots(2, 1, figsize=(8, 4.6), sharex=True, height_ratios=(1, 2))
    _line(axes[0], x, aspect="auto")
    axes[0].tick_params(length=0)
    styles = ("#a4550a", "-", 9, 0, -20), (BLUE, "-", 12, 0, 14), (DARK, "--", 16, 0, 13)
    for (name, shares), (color, style, column, dx, dy) in zip(curves.items(), styles):
        axes[1].plot(shares, style, color=color)
        label(axes[1], column, shares[column], name, color, dx=dx, dy=dy)
    axes[1].set(xlabel="column", ylabel="mean of the gate", ylim=(0, 1.03),
                xticks=range(0, len(x) + 1, 8))


def by_length(lengths, curves, trained):
    """The share of right answers at each length of a line, {name: shares}, and a mark at the
    length that was trained."""
    _, ax = plt.subplots(figsize=(6.4, 3.6))
    styles = (BLUE, "-o"), (DARK, "-o"), (DARK, "--o"), ("#a4550a", ":o")
    for (name, shares), (color, style) in zip(curves.items(), styles):
        ax.plot(lengths, shares, style, color=color, markersize=4)
        below = [other[-1] for other in curves.values() if other[-1] < shares[-1]]
        label(ax, lengths[-1], max([shares[-1], *(y + 0.06 for y in below)]), name, color)
    ax.axvline(trained, color=LIGHT, linewidth=1)
    label(ax, trained, 1.0, "trained", DARK, dx=4)
    ax.set(xscale="log", xlabel="images in the line", ylabel="right answers", ylim=(0, 1.05))
    ax.set_xticks(lengths, lengths)
    ax.minorticks_off()
