"""Checks for the holes of 02_operations.ipynb."""

import numpy as np
from workbook import expect, hole, way_back

RNG = np.random.default_rng(0)


@hole("slopes",
      "For each index: note the number that is there, add eps, call output; put the number less "
      "eps there, call it again; put the number back.",
      "The slope is the sum of weights times the change of the output, divided by 2 · eps: first "
      "subtract, then add up.",
      "output may return a view of the array, which changes along with it: keep a copy.")
def _(slopes):
    for start in [2.0], [1.0, -3.0], [[1.0, 2.0, 3.0], [0.5, -1.0, 4.0]]:
        array = np.array(start)
        kept, weights = array.copy(), np.arange(1.0, array.size + 1).reshape(array.shape)
        for eps in 1e-6, 0.1:
            case = f"at {start}, eps {eps}"
            expect(f"the slopes of x³ {case}, weights {weights.tolist()}",
                   lambda: slopes(lambda: array**3, array, weights, eps),
                   weights * (3 * kept**2 + eps * eps), 1e-5, 1e-6)
            expect(f"the slopes of x itself {case}",
                   lambda: slopes(lambda: array, array, weights, eps), weights)
            expect(f"the array after the slopes {case}", array, kept, 0, 0)
    pair = np.array([3.0, 2.0])
    expect("the slopes of x · y at 3 and 2, weight 10",
           lambda: slopes(lambda: pair[0] * pair[1], pair, 10.0, 1e-6), np.array([20.0, 30.0]))
    few, many = np.array([0.5, -1.0, 2.0]), np.full(1000, 1000.0)
    expect("the slopes of three numbers, beside a thousand of 1000 (changes first, then their sum)",
           lambda: slopes(lambda: np.append(few, many), few, np.ones(1003), 1e-6), np.ones(3),
           1e-8, 0)


@hole("matmul",
      "For matrices C = A B the shapes decide: the gradient of A is g times the transpose of B, "
      "that of B is the transpose of A times g.",
      "rows and columns are the two factors as matrices, and shape that of their product: reshape "
      "g to it first. swapaxes(-1, -2) transposes a batch.",
      "A vector on the right became a column: take its last dimension off its gradient again. What "
      "was added in front of a vector on the left, the engine sums away.")
def _(matmul, Tensor):
    for shapes in [((1, 1), (1, 1)), ((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)),
                   ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
                   ((4, 1, 2, 3), (5, 3, 2))]:
        arrays = [RNG.integers(-4, 5, shape) for shape in shapes]
        way_back(f"the product of shapes {shapes[0]} and {shapes[1]}", matmul, np.matmul, arrays,
                 Tensor)


@hole("sigmoid",
      "For a large negative a, exp(-a) overflows: raise e only to -|a|, which is never above 0.",
      "With z = exp(-|a|): the value is 1 / (1 + z) where a is 0 or more, z / (1 + z) below.",
      "The slope is value · (1 - value). floats(a) takes integers, too.")
def _(sigmoid, Tensor):
    for a in [0.0], [1.0, -2.0, 0.5]:
        way_back(f"sigmoid at {a}", sigmoid, lambda a: 1 / (1 + np.exp(-a)), [a], Tensor)
    with np.errstate(all="raise", under="ignore"):
        for dtype in np.float32, np.float64:
            far = np.array([-1000, 1000, -50], dtype)
            expect(f"sigmoid at -1000, 1000 and -50 in {dtype.__name__}",
                   lambda: sigmoid(Tensor(far)).data, np.array([0, 1, np.exp(-50.0)]), 0, 1e-5)
            expect(f"the dtype of sigmoid in {dtype.__name__}",
                   lambda: str(sigmoid(Tensor(far)).dtype), dtype.__name__)
        expect("sigmoid of the integers 0 and 2", lambda: sigmoid(Tensor(np.array([0, 2]))).data,
               np.array([0.5, 0.880797]), 1e-6)
        expect("sigmoid of integers: the dtype",
               str(sigmoid(Tensor(np.array([0, 2]))).dtype), "float32")


@hole("_expand",
      "Every element that went into a sum gets that sum's gradient: g is repeated to shape.",
      "If a dimension was taken away, g lacks it: np.expand_dims puts a 1 there. Nothing is "
      "missing with keepdim, nor where all were summed (dim None).")
def _(_expand):
    for shape, dim in [((2,), None), ((2, 3), None), ((2, 3), 0), ((2, 3), 1), ((2, 2), 0),
                       ((2, 2), 1), ((2, 3, 4), 1), ((2, 3, 4), -1), ((2, 3, 4), (0, 2)),
                       ((3, 3, 3), (0, 1))]:
        for keepdim in False, True:
            short = np.sum(np.zeros(shape), dim, keepdims=keepdim).shape
            g = RNG.integers(1, 9, short).astype(np.float32)
            whole = np.sum(np.zeros(shape), dim, keepdims=True).shape
            expected = np.zeros(shape) + g.reshape(whole)
            case = f"g {np.array(g).tolist()} of a sum over {dim} of {shape}, keepdim {keepdim}"
            expect(case, lambda: _expand(g, shape, dim, keepdim), expected)
            expect(f"{case}: its dtype", str(_expand(g, shape, dim, keepdim).dtype), "float32")


SCORES = [([0.0, 1.0], 0), ([[1.0, 2.0], [3.0, -1.0]], 0), ([[1.0, 2.0], [3.0, -1.0]], 1),
          (RNG.normal(size=(2, 3, 2)), 1), (RNG.normal(size=(2, 3)), -1)]


def shares(a, dim):
    powers = np.exp(a - np.mean(a, dim, keepdims=True))
    return powers / powers.sum(dim, keepdims=True)


@hole("softmax",
      "axis(dim, a.ndim) makes NumPy's axis of dim; _less_largest takes the largest score away.",
      "The value is powers of e divided by their sum over dim, for which there is total.",
      "With s for the value, the way back is s · (g - the sum of g · s over dim).")
def _(softmax, Tensor):
    for a, dim in SCORES:
        way_back(f"softmax over {dim} of {np.shape(a)}", lambda x: softmax(x, dim),
                 lambda x: shares(x, dim), [a], Tensor)
    far = Tensor(np.array([1000.0, 1001.0, 998.0], np.float32))
    with np.errstate(over="raise", invalid="raise"):
        expect("softmax of 1000, 1001, 998", lambda: softmax(far, 0).data,
               shares(np.array([0.0, 1.0, -2.0]), 0), 1e-6)
    expect("softmax of float32: its dtype", str(softmax(far, 0).dtype), "float32")
    expect("softmax of a single number, over dim 0",
           lambda: softmax(Tensor(np.array(3.0)), 0).data, 1.0)
    expect("softmax of the integers 0 and 0", lambda: softmax(Tensor(np.array([0, 0])), 0).data,
           np.array([0.5, 0.5]))


@hole("log_softmax",
      "The logarithm of a share is the score, less the logarithm of the sum of all powers of e.",
      "Take the largest away first, with _less_largest; sum with total.",
      "Way back: g, less the share (e to the value) times the sum of g over dim.")
def _(log_softmax, Tensor):
    for a, dim in SCORES:
        way_back(f"log_softmax over {dim} of {np.shape(a)}", lambda x: log_softmax(x, dim),
                 lambda x: np.log(shares(x, dim)), [a], Tensor)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        far = Tensor(np.array([1000.0, -1000.0], np.float32))
        expect("log_softmax of 1000, -1000", lambda: log_softmax(far, 0).data,
               np.array([0.0, -2000.0]))
    expect("log_softmax of float32: its dtype", str(log_softmax(far, 0).dtype), "float32")
    expect("log_softmax of a single number, over dim 0",
           lambda: log_softmax(Tensor(np.array(3.0)), 0).data, 0.0)
    expect("log_softmax of the integers 0 and 0",
           lambda: log_softmax(Tensor(np.array([0, 0])), 0).data, -np.log([2.0, 2.0]))


@hole("permute",
      "The way back of a permutation is the inverse permutation.",
      "np.argsort of the order gives the inverse; d % g.ndim makes a dim of -1 one from the front.")
def _(permute, Tensor):
    for shape, dims in [((2, 3), (0, 1)), ((2, 3), (1, 0)), ((2, 3, 4), (1, 2, 0)),
                        ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (1, -1, 0)), ((3, 3, 3), (1, 2, 0)),
                        ((1, 2, 3, 2), (-1, 0, -2, 1))]:
        way_back(f"permute of {shape} to {dims}", lambda x: permute(x, *dims),
                 lambda x: np.transpose(x, dims), [RNG.normal(size=shape)], Tensor)


@hole("_getitem",
      "back starts from zeros in the shape of the input, and the dtype of g.",
      "Where sliced is True, no element was taken twice: assign g to spread[key].",
      "Else an element may be there more than once, and all of its gradients count: np.add.at.")
def _(_getitem, Tensor):
    mask = np.arange(20).reshape(4, 5) % 3 == 0
    for shape, key in [((3,), 1), ((3,), [2, 2]), ((4,), [0, 2, 2]), ((4, 5), 1),
                       ((4, 5), [2, 0, 2]),
                       ((4, 5), (slice(None, None, 2), -1)), ((4, 5), (slice(None, None, -1),)),
                       ((4, 5), (None, ..., 0)),
                       ((4, 5), (np.array([[0], [2]]), np.array([1, 1, 3]))), ((4, 5), mask)]:
        said = "[a mask]" if key is mask else f"[{key}]"
        way_back(f"x{said} of {shape}", lambda x: _getitem(x, key), lambda x: x[key],
                 [RNG.normal(size=shape)], Tensor)
    x = Tensor(np.ones(3, np.float32), True)
    for key in slice(1, None), [0, 0]:
        [(_, back)] = _getitem(x, key).grad_fn.edges
        expect(f"the dtype of a float32 gradient on its way back through x[{key}]",
               lambda: str(back(np.ones(2, np.float32)).dtype), "float32")
