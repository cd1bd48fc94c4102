"""The checks of 17_bug_hunt.ipynb: hunt.check("square") says what is still wrong, if anything.

Reading a check gives its bug away.
"""

import gc
import inspect
import sys
import textwrap

import numpy as np
from workbook import Wrong, expect

from nptorch import Tensor, manual_seed, nn, no_grad, optim
from nptorch.autograd import Node

_bugs, _mended = {}, {}


def bug(name):
    """Register the check of a bug: a function of the notebook's definitions, named like its
    parameters, that raises Wrong."""
    def register(function):
        _bugs[name] = function
        return function

    return register


def verdict(name, namespace):
    """Return None if the bug is mended in this namespace, else what is wrong, in two lines."""
    function = _bugs[name]
    asked = list(inspect.signature(function).parameters)
    if missing := [key for key in asked if key not in namespace]:
        return f"{missing[0]} is not defined yet: run the cell that defines it"
    try:
        with np.errstate(all="ignore"):
            function(*(namespace[key] for key in asked))
    except Wrong as wrong:
        return textwrap.shorten(str(wrong), 190, placeholder=" ...")
    except Exception as error:
        said = f"raised {type(error).__name__}: {str(error) or 'without a message'}"
        return textwrap.shorten(said, 190, placeholder=" ...")
    return None


def check(name):
    """Print what is still wrong in the notebook that calls this, or that the bug is mended, and how
    many are."""
    if name not in _bugs:
        raise KeyError(f"no bug is called {name!r}; there are {', '.join(_bugs)}")
    wrong = verdict(name, sys._getframe(1).f_globals)
    _mended[name] = not wrong
    print(textwrap.fill(f"not yet: {wrong}", 100) if wrong else
          f"mended: {name}, {sum(_mended.values())} of {len(_bugs)}")


# What runs, and computes something else


@bug("square")
def _(Num):
    for text, f in {
        "x + x": lambda x, y: x + x,
        "x * y": lambda x, y: x * y,
        "x * x": lambda x, y: x * x,
        "y * y": lambda x, y: y * y,
        "x + x * y": lambda x, y: x + x * y,
        "x * y + x": lambda x, y: x * y + x,
        "y * x + y": lambda x, y: y * x + y,
        "z = x * y, then z * z + z": lambda x, y: (x * y) * (x * y) + x * y,
        "z = x + y, then z * x * z": lambda x, y: (x + y) * x * (x + y),
    }.items():
        x, y = Num(3.0), Num(2.0)
        f(x, y).backward()
        for name, got, high, low in (("x", x.grad, f(3.001, 2), f(2.999, 2)),
                                     ("y", y.grad, f(3, 2.001), f(3, 1.999))):
            expect(f"the slope of {text} by {name}, at x = 3 and y = 2", got,
                   round((high - low) / 0.002, 4))
    x = Num(3.0)
    z = x * x
    (z * z + z).backward()
    expect("the slope of z * z + z by x, where z = x * x and x = 3", x.grad, 114)


@bug("order")
def _(walk):
    def gradient(f, value):
        x = Tensor(np.array(value), True)
        found = walk(f(x))
        expect("what walk finds the gradient of: is it x alone", [*found] == [x], True)
        return found[x]

    def thrice(x):
        h = x * 2.0
        a = h * 3.0
        return h + (h + a * h) * a

    for text, f, slope in [
        ("x * 2.0", lambda x: x * 2.0, lambda x: 2),
        ("h + h * 3.0, h = x * 2.0", lambda x: x * 2.0 + (x * 2.0) * 3.0, lambda x: 8),
        ("h * 3.0 + h, h = x * 2.0", lambda x: (h := x * 2.0) * 3.0 + h, lambda x: 8),
        ("h + h * 3.0, where h = x * 2.0 is used twice", lambda x: (h := x * 2.0) + h * 3.0,
         lambda x: 8),
        ("h + (h + a * h) * a, where h = x * 2.0 and a = h * 3.0", thrice,
         lambda x: 2 + 24 * x + 216 * x**2),
    ]:
        expect(f"the slope of {text}, at x = 0.5", gradient(f, 0.5), slope(0.5))


@bug("company")
def _(softmax):
    for rows in [[[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0], [1000.0, 1001.0, 1002.0]],
                 [[0.0, 1.0, 2.0], [30.0, 0.0, 60.0], [-700.0, -701.0, -3000.0]]]:
        x = np.array(rows)
        shares = [[1 / sum(np.exp(b - a) for b in row) for a in row] for row in x]
        got = softmax(x.copy())
        expect(f"the shape of softmax of {x.shape}", got.shape, x.shape)
        for row, share, expected in zip(x, got, shares):
            others = [other.tolist() for other in x if other is not row and (other != row).any()]
            expect(f"softmax of {row} in a batch with {others or 'no other'}", share,
                   np.array(expected))
    expect("softmax of [0., 1., 2.], (3,)", softmax(np.arange(3.0)), np.array(shares[0]))


@bug("future")
def _(attend):
    rng = np.random.default_rng(1)
    q, k, v = rng.normal(size=(3, 5, 4))
    out = attend(q, k, v)
    for t in range(5):
        weights = np.exp(q[t] @ k[:t + 1].T / 2)
        later = k.copy(), v.copy()
        later[0][t + 1:] += 1
        later[1][t + 1:] += 1
        gap = np.abs(attend(q, *later)[t] - out[t]).max()
        expect(f"how far row {t} of 5 moves when keys and values of later rows do", gap, 0.0)
        mean = weights / weights.sum() @ v[:t + 1]
        expect(f"row {t} of 5, a mean of rows 0 to {t}", out[t], mean)


# What does not learn


@bug("line")
def _(fit_line):
    rng = np.random.default_rng(1)
    for n, slope in (40, 2.0), (25, -1.0):
        x = rng.uniform(-1, 1, n).astype(np.float32)
        y = (slope * x + 0.5).astype(np.float32)
        got = [round(float(number), 1) + 0.0 for number in fit_line(x, y)]  # -0.0 becomes 0.0
        expect(f"the slope through {n} points on y = {slope:g} x + 0.5", got[0], slope)
        expect(f"the intercept through {n} points on y = {slope:g} x + 0.5", got[1], 0.5)


@bug("shuffle")
def _(batches):
    x, y = np.arange(200.0).reshape(100, 2), np.arange(100)
    orders = []
    for seed in 0, 1:
        parts = [(np.asarray(a), np.asarray(b)) for a, b in batches(x, y, 32, seed)]
        expect("the sizes of the batches of 100 pairs", [len(b) for _, b in parts], [32, 32, 32, 4])
        a, b = (np.concatenate(column) for column in zip(*parts))
        together = int((a[:, 0] == 2 * b).sum())
        expect("of 100 images, those that come with their own label", together, 100)
        expect("of 100 images, those that come", len(set(b.tolist())), 100)
        orders.append(b.tolist())
    expect("are the pairs shuffled", orders[0] != sorted(orders[0]), True)
    expect("do two seeds give two orders", orders[0] != orders[1], True)


@bug("pixels")
def _(read_pixels, images, labels):
    net, prepared = read_pixels(np.round(255 * images[300:700]), labels[300:700])
    with no_grad():
        hidden, answers = net[0](prepared).data > 0, net(prepared).data.argmax(axis=1)
    if (alive := hidden.any(axis=0).sum()) < 12:
        raise Wrong(f"expected at least 12 of the 32 hidden units to answer to some of 400 images, "
                    f"got {alive}")
    if (right := np.mean(answers == labels[300:700])) < 0.75:
        raise Wrong(f"{alive} hidden units are alive; expected the net to read 75 % of its images, "
                    f"got {right:.0%}")


@bug("head")
def _(fine_tune):
    rng = np.random.default_rng(0)
    manual_seed(1)
    net = nn.Sequential({"body": nn.Linear(4, 8), "relu": nn.ReLU(), "head": nn.Linear(8, 3)})
    head = nn.Linear(8, 2)
    start = {"body.weight": net.body.weight.data.copy(), "body.bias": net.body.bias.data.copy(),
             "head.weight": head.weight.data.copy(), "head.bias": head.bias.data.copy()}
    x = rng.normal(size=(60, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    tuned = fine_tune(net, head, Tensor(x), Tensor(y), 100)
    expect("is the new layer the net's head", tuned.head is head, True)
    for name, p in tuned.named_parameters():
        if np.abs(p.data - start[name]).max() < 1e-4:
            raise Wrong(f"expected all four parameters to move, but {name} stays where it began")
    loss = nn.functional.cross_entropy(tuned(Tensor(x)), Tensor(y)).item()
    if loss > 0.3:
        raise Wrong(f"expected a loss below 0.3 after 100 steps on an easy task, got {loss:.2f}")


@bug("stack")
def _(as_rows):
    for n in 3, 64, 100:
        numbered = 16 * np.arange(n) * np.ones((8, 8, 1))
        rows = as_rows(numbered.copy())
        expect(f"the shape of the rows of a stack {numbered.shape}", rows.shape, (n, 64))
        expect(f"the numbers in row 1 of a stack {numbered.shape}, if image n is 16 n everywhere",
               sorted({float(number) for number in rows[1]}), [1.0])
        stack = np.random.default_rng(0).integers(0, 17, (8, 8, n))
        expect(f"row 2 of a stack {stack.shape}", as_rows(stack.copy())[2],
               np.array([stack[i, j, 2] / 16 for i in range(8) for j in range(8)]))


# What learns, and is wrong all the same


@bug("bias")
def _(Layer):
    rng = np.random.default_rng(0)
    for n in 7, 1:
        layer = Layer(4, 3)
        w, b = np.array(layer.w), np.array(layer.b)
        x, g = rng.normal(size=(n, 4)), rng.normal(size=(n, 3))
        expect(f"forward, for x {x.shape}", layer.forward(x), x @ w + b)
        layer.backward(g, 0.1)
        expect(f"w after a step with lr 0.1, for x {x.shape}", layer.w, w - 0.1 * x.T @ g)
        expect(f"b (3,) after a step with lr 0.1 and a gradient {g.shape}", layer.b,
               b - 0.1 * np.array([sum(column) for column in g.T]))


@bug("noise")
def _(Noisy):
    pictures = np.random.default_rng(0).uniform(size=(20, 8, 8))
    copy = pictures.copy()
    noisy = Noisy(copy)
    expect("how many images Noisy has", len(noisy), 20)
    first, second = np.array(noisy[3]), np.array(noisy[3])
    expect("is the noise another one each time", bool((first != second).all()), True)
    for _ in range(25):
        last = [np.array(noisy[i]) for i in range(20)]
    for text, shots in ("the first time", [first]), ("in epoch 25", last):
        rows = pictures[3:4] if len(shots) == 1 else pictures
        spread = float(np.std(np.array(shots) - rows))
        if not 0.07 < spread < 0.13:
            raise Wrong(f"the noise on an image {text}: expected a standard deviation of 0.1, "
                        f"got {spread:.2f}")
    expect("by how much the stored images have changed", np.abs(copy - pictures).max(), 0.0)


@bug("running")
def _(Running):
    for momentum in 0.1, 0.25:
        running, rng = Running(2, momentum), np.random.default_rng(0)
        mean = np.zeros(2)
        for n in range(1, 31):
            batch = rng.normal([5.0, -1.0], 1, (8, 2))
            running.update(batch)
            mean += momentum * (batch.mean(axis=0) - mean)
            expect("the shape of the mean of two columns", np.shape(running.mean), (2,))
            for got, new, expected in zip(running.mean, batch.mean(axis=0), mean):
                expect(f"momentum {momentum}, after batch {n}, whose mean is {new:.3f}: the "
                       "running mean", got, expected)


@bug("measure")
def _(accuracy):
    manual_seed(0)
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 3))
    x = Tensor(np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32))
    y = net.eval()(x).data.argmax(axis=1)
    y[:50] = (y[:50] + 1) % 3
    net.train()
    for _ in range(3):
        expect("accuracy of a net that is right for 150 of 200, dropout not counted",
               float(accuracy(net, x, y)), 0.75)
        net.train()
    for mode, text in (True, "in training mode"), (False, "in eval mode"):
        net.train(mode)
        accuracy(net, x, y)
        if {module.training for module in net.modules()} != {mode}:
            other = "eval mode: without dropout from here on" if mode else "training mode"
            raise Wrong(f"the number is right, but a net that came {text} was left in {other}")


@bug("best")
def _(train_best):
    rng = np.random.default_rng(0)
    x, valid_x = (rng.normal(size=(40, 3)).astype(np.float32) for _ in range(2))
    y, valid_y = (a[:, :2].argmax(axis=1) for a in (x, valid_x))
    manual_seed(0)
    net = nn.Linear(3, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    valid = Tensor(valid_x), Tensor(valid_y)
    tasks = [[(Tensor(x), Tensor(y))]] * 5 + [[(Tensor(x), Tensor(1 - y))]] * 5  # it unlearns
    later = iter(tasks)

    class Epochs:
        def __iter__(self):
            return iter(next(later))

    losses = train_best(net, optimizer, Epochs(), valid, 10)
    expect("how many losses train_best returns for 10 epochs", len(losses), 10)
    loss = nn.functional.cross_entropy(net(valid[0]), valid[1]).item()
    if not abs(loss - min(losses)) < 1e-4:
        raise Wrong(f"the net that comes back: expected the best epoch's loss, ≈ {min(losses):.3f} "
                    f", got ≈ {loss:.3f} ")


@bug("memory")
def _(mean_loss):
    class Watched(nn.Sequential):
        def forward(self, x):
            alive.append(len(alive) in (1, 8) and sum(
                type(thing) is Node for thing in gc.get_objects()))
            return super().forward(x)

    manual_seed(0)
    net = Watched(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x, y = Tensor(np.eye(3, dtype=np.float32)), Tensor(np.array([0, 1, 1]))
    alive = []
    gc.collect()
    got = mean_loss(net, [(x, y), (x[:2], y[:2]), (x[1:], y[1:])] * 3)
    with no_grad():
        losses = [nn.functional.cross_entropy(net(a), b).item()
                  for a, b in [(x, y), (x[:2], y[:2]), (x[1:], y[1:])]]
    if isinstance(got, Tensor):
        raise Wrong("the mean loss: expected a number, got a Tensor, which holds its graph")
    expect("the mean of the losses of 9 batches", got, np.mean(losses), 1e-5)
    if (more := alive[8] - alive[1]) > 4:
        raise Wrong("how many more nodes are alive after batch 8 than after batch 1: expected 0, "
                    f"got {more}")
