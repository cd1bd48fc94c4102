"""Checks for the exercises of 02_operations.ipynb."""

import itertools

import numpy as np
from workbook import Wrong, hole, shown, way_back


def by_loops(spec, a, b):
    """What an einsum means: a product for all values of all letters, added up."""
    first, second, out = spec.replace("->", ",").split(",")
    length = dict(zip(first + second, a.shape + b.shape))
    value = np.zeros([length[letter] for letter in out])
    for numbers in itertools.product(*map(range, length.values())):
        at = dict(zip(length, numbers))
        i, j, k = (tuple(at[letter] for letter in term) for term in (first, second, out))
        value[k] += a[i] * b[j]
    return value


@hole("einsum", "For 'ij,jk->ik' the first gradient is np.einsum('ik,jk->ij', g, b).")
def _(einsum, Tensor):
    rng = np.random.default_rng(2)
    for spec, *shapes in [("ij,jk->ik", (2, 3), (3, 4)), ("i,j->ij", (2,), (3,)),
                          ("ij,ij->i", (2, 3), (2, 3)), ("bij,bjk->bik", (2, 1, 3), (2, 3, 2)),
                          ("pq,rp->qr", (3, 2), (4, 3)), ("i,i->", (3,), (3,))]:
        way_back(f'einsum(a {shapes[0]}, b {shapes[1]}, "{spec}")',
                 lambda a, b, spec=spec: einsum(a, b, spec),
                 lambda a, b, spec=spec: by_loops(spec, a, b),
                 [rng.standard_normal(shape) for shape in shapes], Tensor)


@hole("prod", "Leave one element out at a time: np.delete(a, i) has all the others.")
def _(prod, Tensor):
    def plain(a):
        value = 1.0
        for x in a.ravel():
            value = value * x
        return value

    for a in ([2.0, 3.0], [2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.5, -1.5, 2.0, 4.0], [7.0],
              [[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]]):
        with np.errstate(all="ignore"):
            way_back(f"prod({a})", prod, plain, [a], Tensor)


def agrees(f, inputs, Tensor):
    """Whether backward through f gives the gradients that its values' differences give."""
    try:
        way_back("", f, lambda *arrays: f(*map(Tensor, arrays)).data, inputs, Tensor)
    except Wrong:
        return False
    return True


@hole("fooled", "Of which matrices does it not matter whether they are transposed?",
      "np.eye(2) twice; a softmax of one score is 1, whatever the score; only equal numbers tie.")
def _(fooled, caught, twice, untransposed, sloppy, Tensor):
    for f in twice, untransposed, sloppy:
        for name, inputs, wanted in ("fooled", fooled, True), ("caught", caught, False):
            if not isinstance(inputs, dict) or not isinstance(inputs.get(f), tuple):
                raise Wrong(f"{name}: expected a dict with a tuple of inputs for {f.__name__}, "
                            f"got {shown(inputs)}")
            try:
                out = f(*(Tensor(np.array(x, float), True) for x in inputs[f]))
                out.backward(np.ones(out.shape))
            except (TypeError, ValueError, RuntimeError) as error:
                raise Wrong(f"{name}[{f.__name__}]: expected inputs that {f.__name__} takes, there "
                            f"and back, but got {type(error).__name__}: {error}") from None
            said = f"at {name}[{f.__name__}], the gradients and the slopes"
            got = agrees(f, inputs[f], Tensor)
            if got != wanted:
                words = "agree", "differ"
                raise Wrong(f"{said}: expected that they {words[got]}, but they {words[not got]}")
