"""Write the numbers of the figures that move: walk.data.js, ravine.data.js and lenet.data.js.

    python docs/site/moving/make.py FOLDER

Each sets nptorch.data.NAME of a page. The numbers are computed here by nptorch, with definitions
that the notebooks hold: the walk of 01, the ravine and the map of 05, the net of 09. Its weights
are those that 09 left in build/lenet.npz; where it has not run, `python -m nptorch` trains them.
"""

import json
import subprocess
import sys
from base64 import b64encode
from inspect import signature
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "notebooks")]  # a clone's own, before what is installed

from nptorch import Tensor, load, no_grad, optim  # noqa: E402
from nptorch.datasets import mnist_or_digits  # noqa: E402
from nptorch.models import LeNet  # noqa: E402

WEIGHTS = ROOT / "build/lenet.npz"


def defined(notebook, *cells, **names):
    """names, and what these cells of a notebook define when they are run in this order."""
    content = json.loads((ROOT / "notebooks" / notebook).read_text(encoding="utf-8"))
    sources = {cell["id"]: "".join(cell["source"]) for cell in content["cells"]}
    for cell in cells:
        exec(compile(sources[cell], f"{notebook} {cell}", "exec"), names)
    return names


def text(array):
    """The bytes of an array in base64, the least significant first."""
    return b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()


# 01: the walk back


def watched(back, step, steps):
    """back, which also notes in steps what went through it; step says along which edge."""
    def noted(g):
        arriving = back(g)
        steps.append(step | {"given": float(g), "slope": float(back(np.ones_like(g))),
                             "arriving": float(arriving)})
        return arriving
    return noted


def walk():
    """The walk back through the example of 01, as it goes: a and b, then c, d and L in order."""
    a, b = Tensor(3, requires_grad=True), Tensor(2, requires_grad=True)
    c = a * b
    d = c + a
    L = c * d
    tensors, steps = dict(a=a, b=b, c=c, d=d, L=L), []
    names = {tensor: name for name, tensor in tensors.items()}
    signs, made = {"MulBackward0": " · ", "AddBackward0": " + "}, {}
    for name, tensor in tensors.items():
        if node := tensor.grad_fn:
            made[name] = signs[node.name].join(names[x] for x, _ in node.edges)
            node.edges = [(x, watched(back, {"from": name, "to": names[x]}, steps))
                          for x, back in node.edges]
    L.backward()
    return dict(values={name: tensor.item() for name, tensor in tensors.items()}, made=made,
                given=steps[0]["given"], steps=steps,
                grads={name: tensors[name].grad.item() for name in "ab"})


# 05: momentum on the ravine


def ravine():
    """The ravine of 05, its map's colours, pairs to try, and rates measured on paths of SGD."""
    import plots

    of = defined("05_optimizer.ipynb", "t05-03", "t05-05", "t05-37", "t05-43", "t05-47", "t05-49",
                 np=np, Tensor=Tensor, SGD=optim.SGD, plots=Silent(), print=Silent().show)
    (flat, steep), start = of["curvatures"], signature(of["by_hand"]).parameters["start"].default
    root = (np.sqrt(steep / flat) - 1) / (np.sqrt(steep / flat) + 1)
    polyak = dict(lr=(2 / (np.sqrt(steep) + np.sqrt(flat))) ** 2, momentum=root**2)
    plain, grid = 2 / (flat + steep), of["lrs"]
    presets = [("Memory: 0.7", plain, 0.7), ("Plain, at its best", plain, 0),
               ("Plain, a little too fast", plain + 1e-3, 0),
               ("The best pair", polyak["lr"], polyak["momentum"]),
               ("Hardly any friction", plain, 0.99),
               ("Too fast with momentum, too", 4 / steep - 2e-3, 0.9)]
    return dict(
        curvatures=[flat, steep], start=start, steps=100, best=float(of["rate"](**polyak)),
        limit=float(grid.max()), top=float(of["momenta"].max()),
        ramp=[[round(255 * x) for x in plots.RATES(share)[:3]] for share in (0.0, 1.0)],
        presets=[dict(name=name, lr=lr, momentum=m) for name, lr, m in presets],
        rings=[dict(lr=lr, momentum=m, rate=rate)
               for (lr, m), rate in zip(of["pairs"], of["measured"])])


class Silent:
    """Stands for plots, where a cell that draws is run for its numbers."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


# 09: LeNet


@no_grad()
def logits_of(model, images):
    """The logits (N, 10) that model gives to images (N, 1, 28, 28)."""
    return np.concatenate([model(Tensor(images[i:i + 500])).data
                           for i in range(0, len(images), 500)])


def trained(path=WEIGHTS, anew=False):
    """The LeNet of 09: with the weights in path, which are trained if there are none, or anew."""
    if anew or not path.exists():
        path.parent.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "nptorch", "--out", path], cwd=ROOT, check=True)
    model = LeNet()
    model.load_state_dict(load(path))
    return model


def lenet(model=None, test=None):
    """LeNet's weights, and digits of the test: the first of each class, and four misread."""
    import plots

    given, test = model, test or mnist_or_digits()[1]
    images, labels = (t.data for t in test.tensors)
    for anew in False, True:  # a build without MNIST may have left the weights of other digits
        model = given or trained(anew=anew)
        misread = np.flatnonzero(logits_of(model, images).argmax(axis=1) != labels)
        if given or len(misread) < len(test) / 10:
            break
    chosen = [*(np.flatnonzero(labels == digit)[0] for digit in range(10)), *misread[:4]]
    weights = {name: tensor.data for name, tensor in model.state_dict().items()}
    paper, ink = model.normalized(Tensor(np.float32([0, 1]))).data
    colours = plots.plt.get_cmap()
    mine = defined("09_lenet.ipynb", "09-28", np=np)["mine"]
    return dict(
        shapes=[[name, array.shape] for name, array in weights.items()],
        weights=text(np.concatenate([array.ravel() for array in weights.values()])),
        paper=float(paper), ink=float(ink), first=text(np.uint8(255 * mine)),
        digits=[dict(label=int(labels[i]), misread=bool(i in misread)) for i in chosen],
        pictures=text(np.uint8(np.rint(255 * images[chosen]))),
        ramp=[[round(255 * x) for x in colours(share)[:3]] for share in np.linspace(0, 1, 17)],
        misread=len(misread), of=len(test), source="MNIST" if len(test) == 10_000 else
        "scikit-learn, enlarged (MNIST was not to be had where this page was made)")


FIGURES = dict(walk=walk, ravine=ravine, lenet=lenet)


def write(folder, names=FIGURES):
    """Write the numbers of the figures with these names into folder, and return the files."""
    files = []
    for name in names:
        files.append(Path(folder) / f"{name}.data.js")
        numbers = json.dumps(FIGURES[name](), ensure_ascii=False, separators=(",", ":"))
        files[-1].write_text("window.nptorch = window.nptorch || {};\n"
                             "nptorch.data = nptorch.data || {};\n"
                             f"nptorch.data.{name} = {numbers};\n", encoding="utf-8")
    return files


if __name__ == "__main__":
    for file in write(sys.argv[1]):
        print(f"{file}: {file.stat().st_size / 1000:.1f} kB")
