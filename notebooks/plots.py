"""How the figures of the notebooks look. Importing it sets the style; nothing here is a lesson."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

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
    "axes.prop_cycle": plt.cycler(color=[DARK, BLUE, ORANGE, LIGHT], linestyle=["-", "--", "-", ":"]),
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "image.cmap": "cividis",
})


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
            (x - 0.42, y - 0.17), 0.84, 0.34, boxstyle="round,pad=0.03", lw=2.2 if now else 1,
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
            ax.text(*np.mean([place[start], place[end]], axis=0), back[end, start], ha="center",
                    va="center", bbox=dict(boxstyle="round,pad=0.15", fc="white", ec=ORANGE))
    xs, ys = zip(*place.values())
    ax.set(xlim=(min(xs) - 0.5, max(xs) + 0.5), ylim=(min(ys) - 0.4, max(ys) + 0.4), title=title)
    ax.axis("off")


def walk(place, values, log, titles):
    """Draw a walk back in four frames: the values, then one for each of three nodes walked.

    place {name: (x, y)}, values {name: number}, log [(from, to, gradient)] in the walk's order.
    """
    order = list(dict.fromkeys(start for start, _, _ in log))
    arrows = [(end, start) for start, end, _ in log]
    _, axes = plt.subplots(2, 2, figsize=(9.6, 5.4))
    for i, (ax, title) in enumerate(zip(axes.flat, titles)):
        arrived = {name: [str(g) for start, end, g in log if end == name and start in order[:i]]
                   for name in place}
        arrived[order[0]] = ["1"] * min(i, 1)
        texts = {name: f"{name} = {values[name]:g}\ngrad {' + '.join(parts) or '–'}"
                 for name, parts in arrived.items()}
        back = {(start, end): g for start, end, g in log if i and start == order[i - 1]}
        graph(ax, place, texts, arrows, back, title)


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
    """Above: a (a column) + b (a row), stretched; below: g, the sum's gradient, summed back."""
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
    for j in range(m):
        ax.annotate("", (x_sum + j + 0.5, y_back + n + 1.3), (x_sum + j + 0.5, y_back + n + 0.1),
                    arrowprops=arrow)
    for x, y, text in ((0, 0, f"a {a.shape}"), (m + 1.4, 0, f"b {b.shape}"),
                       (x_sum, 0, f"a + b {g.shape}"), (x_sum, y_back, f"gradient of a + b {g.shape}"),
                       (m + 2.4, y_back, f"a.grad {a.shape}")):
        ax.text(x, y - 0.3, text, va="bottom")
    ax.text(x_sum - 0.3, y_back + n + 1.9, f"b.grad {b.shape}", ha="right", va="center")
    ax.text(m + 2.1, y_back + n / 2, "each row is summed", ha="right", va="center", color=BLUE)
    ax.text(x_sum - 0.3, y_back + n + 0.7, "each column is summed", ha="right", va="center",
            color=BLUE)
    ax.set(xlim=(-0.2, x_sum + m + 0.4), ylim=(y_back + n + 2.6, -1.1), aspect="equal")
    ax.axis("off")


def value_and_slope(axes, x, curves):
    """For each (name, value, slope) of curves one panel: the value solid, the slope dashed."""
    for ax, (name, value, slope) in zip(axes, curves):
        ax.plot(x, value)
        ax.plot(x, slope)
        ax.set(title=name, xlabel="input", ylim=(-1.3, 2))
    axes[0].set_ylabel("value, slope")
    label(axes[0], x[-1], 1.15, "value", dx=0, ha="right")
    label(axes[0], x[-1], 0.2, "slope", BLUE, dx=0, ha="right")


def boundary(panels, points, labels):
    """Draw where models see class 1: filled contours, the line of even odds, and the data.

    panels is {title: function}; a function takes points (n, 2) to probabilities (n,).
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(8.6, 3.5), sharey=True, squeeze=False)
    low, high = points.min(0) - 0.4, points.max(0) + 0.4
    x, y = np.meshgrid(np.linspace(low[0], high[0], 160), np.linspace(low[1], high[1], 120))
    for ax, (title, probability) in zip(axes[0], panels.items()):
        p = probability(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
        filled = ax.contourf(x, y, p, np.linspace(0, 1, 11), alpha=0.75)
        even = ax.contour(x, y, p, [0.5], colors=[DARK], linewidths=2.2)
        for value, marker, color in ((0, "o", "white"), (1, "^", DARK)):
            chosen = points[labels == value]
            ax.scatter(*chosen.T, s=24, marker=marker, color=color, edgecolor=DARK if value == 0
                       else "white", linewidth=0.7)
        # The label sits near the right end of the line of even odds, well inside the picture.
        margin = 0.12 * (high - low)
        inside = [v for v in even.allsegs[0][0] if all(v > low + margin) and all(v < high - margin)]
        label(ax, *max(inside, key=lambda v: v[0]), "p = 0.5", dx=-6, dy=11, ha="right",
              weight="bold", bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"})
        ax.set(title=title, xlabel="$x_1$", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes[0, 0].set_ylabel("$x_2$")
    bar = fig.colorbar(filled, ax=axes, ticks=[0, 0.5, 1], pad=0.02)
    bar.set_label("probability of class 1 (triangles)")
    plt.show()


def spreads(curves, xlabel, ylabel):
    """Draw {label: values}, one value a layer, on a logarithmic axis, labelled at their ends."""
    fig, ax = plt.subplots()
    styles = zip(curves.items(), (DARK, BLUE, ORANGE, "#6b7a90"), ("-", "--", "-", ":"), "o^sD")
    for (text, values), color, linestyle, marker in styles:
        ax.plot(values, color=color, linestyle=linestyle, marker=marker, markersize=4)
        label(ax, len(values) - 1, values[-1], text, color)
    ax.set(yscale="log", xlabel=xlabel, ylabel=ylabel, xticks=range(len(values)))
    ax.margins(y=0.1)
    plt.show()


def losses_and_lines(x, y, fits):
    """Left: the losses of each fit, step by step; right: its line through the points (x, y).

    fits holds two entries, name: (slope, intercept, losses).
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    right.plot(x, y, "o", color=LIGHT, markersize=4)
    ends = np.array([x.min(), x.max()])
    styles = ((ORANGE, "-", -1.0, 2), (BLUE, "--", 0.4, -90))
    for (name, (slope, intercept, losses)), (color, line, at, dx) in zip(fits.items(), styles):
        left.plot(losses, color=color, linestyle=line)
        label(left, 0.5 * len(losses), losses[-1], name, color, dx=0, dy=11)
        right.plot(ends, slope * ends + intercept, color=color, linestyle=line)
        label(right, at, slope * at + intercept, name, color, dx=dx, dy=11)
    left.set(xlabel="step", ylabel="loss", ylim=(0, None))
    right.set(xlabel="x", ylabel="y")


def pulls(z, squared, log_loss):
    """How hard two losses push the logit z of the right class up."""
    fig, ax = plt.subplots()
    ax.plot(z, log_loss, color=BLUE)
    ax.plot(z, squared, color=ORANGE, linestyle="--")
    label(ax, -2, 0.88, r"$-\log\,p$", BLUE)
    label(ax, z[squared.argmax()], squared.max(), r"$(1 - p)^2$", ORANGE, dx=-62, dy=2)
    ax.set(xlabel="logit z of the right class  (sure and wrong … sure and right)",
           ylabel="pull on z:  −d loss / dz", ylim=(-0.03, 1.08))


def dlogits(values, labels, samples):
    """Heat map of d(loss)/d(logits): a row a sample, a column a class, the right class outlined."""
    top = np.abs(values).max()
    fig, ax = plt.subplots(figsize=(6.4, 4))
    image = ax.imshow(values, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:+.3f}".replace("-", "−"), ha="center", va="center",
                color="white" if abs(value) > 0.6 * top else DARK)
    classes = values.shape[1]
    for i, j in enumerate(labels):
        ax.add_patch(plt.Rectangle((j - 0.48, i - 0.47), 0.96, 0.94, fill=False, edgecolor=DARK,
                                   linewidth=2.4))
        ax.text(classes, i, f"{abs(values[i].sum()):.3f}", ha="center", va="center", color=DARK)
    ax.set(xlabel="class", xlim=(-0.5, classes + 0.5), xticks=range(classes + 1),
           xticklabels=[*range(classes), "row sum"], yticks=range(len(samples)), yticklabels=samples)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    bar = fig.colorbar(image, ax=ax)
    bar.set_label("d loss / d logit   (below 0: descent raises the logit)")
    bar.outline.set_visible(False)


def falling_loss(losses, chance):
    """A loss step by step, and the loss of guessing."""
    fig, ax = plt.subplots()
    ax.axhline(chance, color=BLUE, linestyle=":")
    ax.plot(losses, color=DARK, linestyle="-")
    label(ax, len(losses), chance, "guessing: log 10", BLUE, dx=-110, dy=-10)
    label(ax, len(losses) / 2, losses[len(losses) // 2], "training loss", dx=0, dy=14)
    ax.set(xlabel="step", ylabel="loss (mean cross entropy)", ylim=(0, None))


def descent(ax, f, path, x=(-10.5, 3), y=(-3, 3), color=ORANGE):
    """Level lines of f over a plane, and a path of points (n, 2): a ring where it starts, a
    dot where it ends, a cross at the origin, the lowest point."""
    grid = np.stack(np.meshgrid(np.linspace(*x, 121), np.linspace(*y, 61)), -1)
    heights = np.apply_along_axis(f, -1, grid)
    ax.contour(grid[..., 0], grid[..., 1], heights, np.linspace(0, heights.max() ** 0.5, 9) ** 2,
               colors=LIGHT, linewidths=0.9)
    ax.plot(0, 0, "+", color=DARK, markersize=9, markeredgewidth=1.6)
    ax.plot(*path.T, "-", color=color, linewidth=1.1, marker=".", markersize=4)
    ax.plot(*path[0], "o", color=DARK, markerfacecolor="white", markersize=6)
    ax.plot(*path[-1], "o", color=DARK, markersize=6)
    ax.set(xlim=x, ylim=y, aspect="equal", xlabel="x", ylabel="y", xticks=(-10, -5, 0))


def rolling(ax, x, heights, path, path_heights):
    """A hilly line, and a ball's places on it, step by step: the later, the darker."""
    ax.plot(x, heights, color=LIGHT, linestyle="-", linewidth=2.4)
    ax.scatter(path, path_heights, c=np.minimum(np.arange(len(path)), 60), cmap="Oranges",
               vmin=-30, vmax=70, s=14, zorder=3)
    ax.plot(path[0], path_heights[0], "o", color=DARK, markerfacecolor="white", markersize=7)
    ax.plot(path[-1], path_heights[-1], "o", color=DARK, markersize=8, zorder=4)
    label(ax, path[0], path_heights[0], "start", dx=8)
    label(ax, path[-1], path_heights[-1], "rest", dx=0, dy=-13, ha="center")
    ax.set(xlabel="p", ylim=(heights.min() - 0.45, None))


def momenta(ax, curves, floor=1e-8):
    """Losses step by step on a log axis, a curve for each momentum: {momentum: losses}."""
    styles = [(DARK, "-", 2), (BLUE, "--", 1.4), (ORANGE, "-", 2),
              (BLUE, "-", 0.8), ("gray", "-", 0.8)]
    for (momentum, losses), (color, line, width) in zip(curves.items(), styles):
        ax.semilogy(losses, color=color, linestyle=line, linewidth=width)
        last = np.flatnonzero(losses > floor).max()
        dx, dy = (5, 0) if last == len(losses) - 1 else (4, 10)
        label(ax, last, losses[last], f"{momentum}" if momentum else "plain", color, dx=dx, dy=dy)
    ax.set(xlabel="step", ylabel="loss", ylim=(floor, None), xlim=(0, None))


def rate_map(lr, momentum, rate):
    """Colours and level lines of a convergence rate over lr and momentum; white: it diverges."""
    fig, ax = plt.subplots(figsize=(7.2, 4.4))
    colors = ax.contourf(lr, momentum, rate, np.linspace(0.75, 1, 51))
    # Close to the border all levels run into one another, so the lines end a little before it.
    border = np.where(rate < 1, lr, 0).max(axis=1, keepdims=True)
    lines = ax.contour(lr, momentum, np.ma.masked_where(lr > 0.97 * border, rate),
                       [0.8, 0.85, 0.9, 0.95, 0.98], colors="white", linewidths=0.8)
    ax.clabel(lines, fontsize=8)
    bar = fig.colorbar(colors, ax=ax, ticks=np.linspace(0.75, 1, 6))
    bar.set_label("rate: what a step leaves of the distance")
    bar.outline.set_visible(False)
    ax.set(xlabel="lr", ylabel="momentum", xlim=(lr.min(), lr.max()), ylim=(-0.02, 1))
    return ax


def weight_paths(runs, useful):
    """The weights of a regression step by step, a panel for each run: {title: (steps, n)}."""
    fig, axes = plt.subplots(1, len(runs), figsize=(9, 3), sharey=True)
    for ax, (title, paths) in zip(axes, runs.items()):
        ax.axhline(0, color=LIGHT, linestyle="-", linewidth=1)
        ax.plot(paths[:, useful:], color=ORANGE, linestyle="-", linewidth=1)
        ax.plot(paths[:, :useful], color=DARK, linestyle="-")
        for i in range(useful):
            label(ax, len(paths) - 1, paths[-1, i], f"w{i}", dx=4)
        ax.set(xlabel="step", title=title)
    axes[0].set_ylabel("weight")
    label(axes[0], len(paths) * 0.45, -0.6, "useless", ORANGE, dx=0)


def epochs(groups, places):
    """Training losses epoch by epoch on a log axis: {name: (seeds, epochs)}, a thin line a seed;
    places holds where each name is written: (epoch, dx, dy)."""
    fig, ax = plt.subplots()
    for (name, losses), place, color, line in zip(groups.items(), places, (DARK, BLUE, ORANGE),
                                                  ("-", "--", "-")):
        number = np.arange(1, losses.shape[1] + 1)
        ax.semilogy(number, losses.T, color=color, linestyle=line, linewidth=0.9, alpha=0.8)
        epoch, dx, dy = place
        label(ax, epoch, np.median(losses[:, epoch - 1]), name, color, dx=dx, dy=dy)
    ax.set(xlabel="epoch", ylabel="training loss (cross entropy)", xlim=(1, None))


def rates_tried(lrs, plain, momentum):
    """The losses that plain descent and momentum 0.9 reach with each learning rate."""
    fig, ax = plt.subplots()
    ax.loglog(lrs, plain, color=DARK, linestyle="--", marker="o")
    ax.loglog(lrs, momentum, color=ORANGE, linestyle="-", marker="o")
    label(ax, lrs[1], plain[1], "plain", DARK, dx=8, dy=8)
    label(ax, lrs[2], momentum[2], "momentum 0.9", ORANGE, dx=-98, dy=-6)
    ax.set(xlabel="lr", ylabel="training loss at the 100th step")
    ax.set_xticks(lrs, [f"{lr:g}" for lr in lrs])
    ax.set_xticks([], minor=True)


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
    bar.set_label("share that is read right")
    bar.outline.set_visible(False)
    plt.show()


def batch(images, labels, columns=8):
    """Pictures in rows, ink dark on white, with its label above each."""
    rows = -(-len(images) // columns)
    _, axes = plt.subplots(rows, columns, figsize=(0.85 * columns, 1.06 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, text in zip(axes.flat, images, labels):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=images.max(), interpolation="nearest")
        ax.add_patch(plt.Rectangle((-0.5, -0.5), image.shape[1], image.shape[0], fill=False,
                                   edgecolor=LIGHT))
        ax.set_title(text, loc="center", pad=3)
    plt.show()


def calls(in_train_mode, in_eval_mode):
    """The share of right answers of one net, measured again and again in train mode, and its
    value in eval mode as a line."""
    fig, ax = plt.subplots(figsize=(6.4, 3))
    number = np.arange(1, len(in_train_mode) + 1)
    ax.plot(number, in_train_mode, "o", color=ORANGE, markersize=5)
    ax.axhline(in_eval_mode, color=DARK, linestyle="-")
    label(ax, 1, in_eval_mode, "in eval mode, every time", DARK, dx=0, dy=9)
    label(ax, 1, max(in_train_mode), "in train mode", ORANGE, dx=0, dy=9)
    ax.set(xlabel="call", ylabel="share of right answers", xlim=(0, len(number) + 1),
           ylim=(None, in_eval_mode + 0.015))
    plt.show()


def bands(runs, panels, places, logarithmic=()):
    """A panel for each of panels {attribute: (y label, limits)}, and in it a line for each of runs
    {name: histories}: the median over the histories, in a band from the lowest to the highest.

    places {name: (panel, epoch, dx, dy)} tells where each name is written.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(9, 3.6))
    styles = zip(runs.items(), (DARK, BLUE, ORANGE), ("-", "--", "-"), (0.2, 0.2, 0.35))
    for (name, histories), color, line, alpha in styles:
        for i, (ax, attribute) in enumerate(zip(axes, panels)):
            values = np.array([getattr(history, attribute) for history in histories])
            number, middle = np.arange(1, values.shape[1] + 1), np.median(values, axis=0)
            ax.fill_between(number, values.min(axis=0), values.max(axis=0), color=color,
                            alpha=alpha, linewidth=0)
            ax.plot(number, middle, color=color, linestyle=line)
            panel, epoch, dx, dy = places[name]
            if i == panel:
                label(ax, epoch, middle[epoch - 1], name, color, dx=dx, dy=dy)
    for ax, (attribute, (text, limits)) in zip(axes, panels.items()):
        if attribute in logarithmic:
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="epoch", ylabel=text, ylim=limits, xlim=(1, None))
    plt.show()


def patch_to_column(picture, columns, kernel, place):
    """Left: a picture with one window outlined; right: the matrix of columns, with its column."""
    (rows, across), (k, l), (r, c) = picture.shape, kernel, place
    places = across - l + 1
    _, ax = plt.subplots(figsize=(7, 4.1))
    x, y = across + 4, 0
    top = (len(columns) - rows) / 2
    cells(ax, 0, top, picture)
    cells(ax, x, y, columns)
    chosen = r * places + c
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
    ax.text(x, len(columns) + 0.3, f"{columns.shape[1]} columns: the places", va="top")
    ax.set(xlim=(-0.2, x + columns.shape[1] + 3.6), ylim=(len(columns) + 1.2, -1), aspect="equal")
    ax.axis("off")
    plt.show()


def bars(times, xlabel, scale="log"):
    """Horizontal bars, each with its name, {name: time}, from the top; scale is log or linear."""
    _, ax = plt.subplots(figsize=(7, 2.6))
    names, values = list(times), np.array(list(times.values()))
    low = 10 ** np.floor(np.log10(values.min()) - 0.5) if scale == "log" else 0
    ax.barh(range(len(values)), values - low, left=low, color=LIGHT, edgecolor=DARK)
    for i, value in enumerate(values):
        label(ax, value, i, f"{float(f'{value:.2g}'):g}")
    ax.set(xscale=scale, xlabel=xlabel, yticks=range(len(values)), yticklabels=names,
           xlim=(low, values.max() * (4 if scale == "log" else 1.1)))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color=LIGHT, linestyle=":", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.invert_yaxis()
    plt.show()


def pictures(panels, top=None):
    """A picture for each of panels {title: values (H, W)}, side by side, large values dark; top is
    the value that is black, by default nearly the largest of each panel."""
    _, axes = plt.subplots(1, len(panels), figsize=(8.2, 2.4))
    for ax, (title, values) in zip(axes, panels.items()):
        ax.imshow(values, cmap="gray_r", vmin=0, vmax=top or np.quantile(values, 0.995),
                  interpolation="nearest")
        ax.set(title=title, xlabel=f"{values.shape[1]} pixels", ylabel=f"{values.shape[0]} pixels",
               xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
    plt.show()


def step_losses(panels, guessing, width=25, epoch=None):
    """A panel for each of panels {title: a list of losses for each seed}: the means of so many
    steps each, on a logarithmic axis, a line a seed; dotted: the loss of guessing. epoch: the steps
    of an epoch, to have a tick at the end of each."""
    _, axes = plt.subplots(1, len(panels), figsize=(9, 3.4), sharey=True, squeeze=False)
    for ax, (title, losses) in zip(axes[0], panels.items()):
        for row, color, line in zip(losses, (DARK, BLUE, ORANGE), ("-", "--", "-")):
            means = np.reshape(row[:len(row) // width * width], (-1, width)).mean(axis=1)
            ax.semilogy(width * (np.arange(len(means)) + 0.5), means, color=color, linestyle=line,
                        linewidth=1.3)
        ax.axhline(guessing, color="gray", linestyle=":", linewidth=1)
        longest = max(map(len, losses))
        if ax is axes[0, 0]:
            label(ax, longest, guessing, "guessing: log 10", "gray", dx=0, dy=8, ha="right")
        ax.yaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("")
        ax.set(title=title, xlabel="step", xlim=(0, longest))
        if epoch:
            ax.set_xticks(range(0, longest + 1, epoch))
            ax.grid(axis="x", color=LIGHT, linestyle=":", linewidth=0.8)
    axes[0, 0].set_ylabel("training loss (cross entropy)")
    plt.show()


def rates(values, steps):
    """A learning rate for each step, in epochs of so many steps."""
    _, ax = plt.subplots(figsize=(6.4, 2.4))
    ax.plot(np.arange(len(values)) / steps, values, color=DARK)
    ax.set(xlabel="epoch", ylabel="lr", xlim=(0, None), ylim=(0, None))
    plt.show()


def mosaic(maps):
    """Maps (n, h, w) side by side, each scaled to its own largest number, with gaps of nan."""
    n, h, w = maps.shape
    gap = max(1, w // 10)
    wide = np.full((h, n * (w + gap) - gap), np.nan)
    for i, values in enumerate(maps):
        wide[:, i * (w + gap):i * (w + gap) + w] = values / max(values.max(), 1e-9)
    return wide


def feature_maps(picture, stages, logits):
    """A picture (h, w), below it a row of pictures for each of stages {title: maps (n, h, w)} or
    a row of cells for {title: values (n,)}, and at the end the ten logits as bars."""
    rows = {title: mosaic(values) if values.ndim == 3 else values[None] / values.max()
            for title, values in stages.items()}
    heights = [max(7.6 * len(wide) / wide.shape[1], 0.16) for wide in rows.values()]
    fig, axes = plt.subplots(len(rows) + 2, 1, figsize=(8, sum(heights) + 4.6),
                             height_ratios=[1.25, *heights, 1.1])
    axes[0].imshow(picture, cmap="gray_r", interpolation="nearest")
    axes[0].add_patch(plt.Rectangle((-0.5, -0.5), picture.shape[1], picture.shape[0], fill=False,
                                    edgecolor=LIGHT))
    axes[0].set_title(f"the picture, {picture.shape[0]} × {picture.shape[1]}", loc="center")
    for ax, (title, wide) in zip(axes[1:], rows.items()):
        ax.imshow(wide, vmin=0, vmax=1, interpolation="nearest",
                  aspect="auto" if len(wide) == 1 else "equal")
        ax.set_title(title, pad=3)
    for ax in axes[:-1]:
        ax.axis("off")
    axes[-1].bar(range(10), logits, color=[ORANGE if v == logits.max() else LIGHT for v in logits],
                 edgecolor=DARK, linewidth=0.8)
    axes[-1].axhline(0, color=DARK, linewidth=0.8, linestyle="-")
    axes[-1].set(xticks=range(10), xlabel="digit", ylabel="logit")
    plt.show()


def confusion(counts):
    """A matrix of counts, the digit that was written down, the one that was read across. The
    right answers are outlined; the others are the darker the more often they occur."""
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
    plt.show()


def gaps(ax, differences, places):
    """Distances step by step on a log axis, {name: values}; places {name: (step, y)} tells where
    each name is written. An exact 0 is drawn at the lower edge."""
    floor = 2e-9
    for (name, values), color, line in zip(differences.items(), (DARK, BLUE, ORANGE),
                                           ("-", "--", "-")):
        ax.semilogy(np.arange(1, len(values) + 1), np.maximum(values, floor), color=color,
                    linestyle=line, linewidth=1.3)
        label(ax, *places[name], name, color, dx=0)
    ax.axhline(2.0**-23, color="gray", linestyle=":", linewidth=1)
    label(ax, len(values), 2.0**-23, "one bit\nat 1.0", "gray")
    ax.set(xlabel="step", ylabel="difference of the losses", ylim=(floor, 3),
           xlim=(1, 1.1 * len(values)))
    ax.set_yticks([1e-8, 1e-6, 1e-4, 1e-2, 1])
    ax.set_yticks([], minor=True)


def twins(losses, difference):
    """Above: two loss curves, {name: values}, the second dashed on the first; below: their
    difference, step by step."""
    _, (above, below) = plt.subplots(2, 1, figsize=(7.2, 5.4), sharex=True, height_ratios=(3, 2))
    (first, pale), (second, dashed) = losses.items()
    steps = np.arange(1, len(pale) + 1)
    above.plot(steps, pale, color=LIGHT, linestyle="-", linewidth=5)
    above.plot(steps, dashed, color=DARK, linestyle="--", linewidth=1.3)
    middle = len(pale) // 2
    label(above, middle, 1.0, f"wide and pale: {first}", "#6b7a90", dx=0, dy=14)
    label(above, middle, 1.0, f"dashed, on top: {second}", DARK, dx=0, dy=0)
    above.set(ylabel="loss (cross entropy)", ylim=(0, None))
    gaps(below, {"": difference}, {"": (1, 1)})
    plt.show()


def three_gaps(differences, places):
    """The distances of pairs of loss curves in one panel; see gaps."""
    _, ax = plt.subplots(figsize=(7.2, 3.8))
    gaps(ax, differences, places)
    plt.show()
