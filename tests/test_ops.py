"""nptorch/ops.py: one table of cases for every op that has a gradient, the rest below it.

A case is (name, function, inputs); the function gets the module first, nptorch or torch, so that
each case is checked against finite differences, and against PyTorch if that is installed.
"""

import functools
import operator
import weakref

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nptorch
from nptorch import gradcheck, ops
from nptorch.tensor import Tensor, no_grad, op

RNG = np.random.default_rng(0)
bounded = settings(deadline=None, derandomize=True, max_examples=40)


def real(*shape):
    """Different numbers of both signs, none of them near 0 or near another."""
    n = int(np.prod(shape))
    return RNG.permutation((np.arange(n) - n // 2 + 0.5) / max(n / 4, 2)).reshape(shape)


def positive(*shape):
    return RNG.uniform(0.5, 2, shape)


M = real(3, 4)  # several cases take it twice, to see that two inputs are two gradients
CASES = [
    ("add", lambda m, a, b: m.add(a, b), [real(3, 4), real(4)]),
    ("add 0-d", lambda m, a, b: m.add(a, b), [real(), real(2, 3)]),
    ("add zero-size", lambda m, a, b: m.add(a, b), [real(0, 3), real(1, 3)]),
    ("a + 2", lambda m, a: a + 2 + 0.5, [real(3)]),
    ("2 + a", lambda m, a: 2 + a, [real(3)]),
    ("sub", lambda m, a, b: m.sub(a, b), [real(3, 1), real(1, 4)]),
    ("a - b", lambda m, a, b: a - b, [real(2, 3), real(3)]),
    ("2 - a", lambda m, a: 2 - a, [real(3)]),
    ("mul", lambda m, a, b: m.mul(a, b), [real(2, 3, 1), real(3, 4)]),
    ("mul itself", lambda m, a: m.mul(a, a), [real(3)]),
    ("2 * a", lambda m, a: 2 * a * 3, [real(3)]),
    ("div", lambda m, a, b: m.div(a, b), [real(3, 4), positive(4)]),
    ("div 0-d", lambda m, a, b: m.div(a, b), [real(), positive()]),
    ("2 / a", lambda m, a: 2 / a, [real(3)]),
    ("a / 3", lambda m, a: a / 3, [real(3)]),
    ("pow", lambda m, a, b: m.pow(a, b), [positive(3, 1), real(4)]),
    ("pow 3", lambda m, a: m.pow(a, 3), [real(2, 3)]),
    ("a ** -1.5", lambda m, a: a**-1.5, [positive(3)]),
    ("2 ** a", lambda m, a: 2**a, [real(3)]),
    ("neg", lambda m, a: m.neg(a), [real(3)]),
    ("-a", lambda m, a: -a, [real(2, 0)]),
    ("matmul", lambda m, a, b: m.matmul(a, b), [real(3, 4), real(4, 2)]),
    ("matmul vectors", lambda m, a, b: m.matmul(a, b), [real(4), real(4)]),
    ("matmul vector left", lambda m, a, b: m.matmul(a, b), [real(4), real(2, 4, 3)]),
    ("matmul vector right", lambda m, a, b: m.matmul(a, b), [real(2, 3, 4), real(4)]),
    ("matmul batches", lambda m, a, b: m.matmul(a, b), [real(2, 1, 3, 4), real(5, 4, 2)]),
    ("matmul one matrix", lambda m, a, b: m.matmul(a, b), [real(2, 3, 4), real(4, 2)]),
    ("matmul empty rows", lambda m, a, b: m.matmul(a, b), [real(0, 4), real(4, 2)]),
    ("matmul empty sums", lambda m, a, b: m.matmul(a, b), [real(3, 0), real(0, 2)]),
    ("a @ b", lambda m, a, b: a @ b, [real(2, 2), real(2, 3)]),
    ("exp", lambda m, a: m.exp(a), [real(3, 4)]),
    ("exp 0-d", lambda m, a: m.exp(a), [real()]),
    ("exp zero-size", lambda m, a: m.exp(a), [real(0)]),
    ("log", lambda m, a: m.log(a), [positive(3, 4)]),
    ("sqrt", lambda m, a: m.sqrt(a), [positive(3, 4)]),
    ("abs", lambda m, a: m.abs(a), [real(3, 4)]),
    ("abs()", lambda m, a: abs(a), [real(3)]),
    ("tanh", lambda m, a: m.tanh(a), [real(3, 4)]),
    ("sigmoid", lambda m, a: m.sigmoid(a), [real(3, 4)]),
    ("relu", lambda m, a: m.relu(a), [real(3, 4)]),
    ("relu 0-d", lambda m, a: m.relu(a), [real()]),
    ("maximum", lambda m, a, b: m.maximum(a, b), [real(3, 4), real(4) + 0.01]),
    ("minimum", lambda m, a, b: m.minimum(a, b), [real(3, 1), real(4) + 0.01]),
    ("where", lambda m, a, b: m.where(m.tensor([True, False, True]), a, b), [real(2, 3), real(3)]),
    ("where and a number", lambda m, a: m.where(a > 0, a, 0.5), [real(3)]),
    ("where broadcasts all", lambda m, a, b: m.where(m.tensor([[True], [False]]), a, b),
     [real(3), real()]),
    ("clamp", lambda m, a: m.clamp(a, -0.6, 0.8), [real(3, 4)]),
    ("clamp min", lambda m, a: m.clamp(a, min=0.1), [real(5)]),
    ("clamp max", lambda m, a: m.clamp(a, max=0.1), [real(5)]),
    ("softmax", lambda m, a: m.softmax(a, 1), [real(3, 4)]),
    ("softmax -2", lambda m, a: m.softmax(a, dim=-2), [real(3, 4)]),
    ("softmax no rows", lambda m, a: m.softmax(a, 1), [real(0, 3)]),
    ("log_softmax", lambda m, a: m.log_softmax(a, 1), [real(3, 4)]),
    ("log_softmax 0", lambda m, a: m.log_softmax(a, dim=0), [real(3, 4)]),
    ("logsumexp", lambda m, a: m.logsumexp(a, 1), [real(3, 4)]),
    ("logsumexp dims", lambda m, a: m.logsumexp(a, dim=(0, -1)), [real(2, 3, 2)]),
    ("logsumexp keepdim", lambda m, a: m.logsumexp(a, 0, keepdim=True), [real(3, 4)]),
    ("argument order", lambda m, a: m.var(a, 0, True) + m.std(a, 0, True) + m.sum(a, 0, True)
     + m.mean(a, 0, True) + m.amax(a, 0, True) + m.amin(a, 0, True) + m.logsumexp(a, 0, True),
     [real(3, 4)]),
    ("reshape", lambda m, a: m.reshape(a, (3, -1)), [real(2, 6)]),
    ("reshape to 0-d", lambda m, a: m.reshape(a, ()), [real(1, 1)]),
    ("reshape args", lambda m, a: a.reshape(4, 3).view(-1), [real(2, 6)]),
    ("view", lambda m, a: a.view((2, 2, 3)), [real(4, 3)]),
    ("flatten", lambda m, a: m.flatten(a), [real(2, 3, 2)]),
    ("flatten 1", lambda m, a: m.flatten(a, 1), [real(2, 3, 2)]),
    ("flatten 0, 1", lambda m, a: m.flatten(a, start_dim=0, end_dim=1), [real(2, 3, 2)]),
    ("flatten -2", lambda m, a: m.flatten(a, -2), [real(2, 3, 2)]),
    ("flatten 0-d", lambda m, a: m.flatten(a), [real()]),
    ("flatten zero-size", lambda m, a: m.flatten(a, 1), [real(0, 3, 2)]),
    ("permute", lambda m, a: m.permute(a, (2, 0, 1)), [real(2, 3, 4)]),
    ("permute negative", lambda m, a: a.permute(-1, 0, -2), [real(2, 3, 4)]),
    ("transpose", lambda m, a: m.transpose(a, 0, -1), [real(2, 3, 4)]),
    ("T", lambda m, a: a.T, [real(2, 3)]),
    ("squeeze", lambda m, a: m.squeeze(a), [real(1, 3, 1)]),
    ("squeeze -1", lambda m, a: m.squeeze(a, -1), [real(1, 3, 1)]),
    ("squeeze nothing", lambda m, a: m.squeeze(a, dim=1), [real(1, 3, 1)]),
    ("squeeze 0-d", lambda m, a: m.squeeze(a, -1), [real()]),
    ("squeeze dims", lambda m, a: m.squeeze(a, (0, 1)), [real(1, 3, 1)]),
    ("unsqueeze", lambda m, a: m.unsqueeze(a, 1), [real(2, 3)]),
    ("unsqueeze -1", lambda m, a: m.unsqueeze(a, dim=-1), [real(2, 3)]),
    ("unsqueeze 0-d", lambda m, a: m.unsqueeze(a, 0), [real()]),
    ("expand", lambda m, a: a.expand(2, 3, 4), [real(3, 1)]),
    ("expand -1", lambda m, a: a.expand((2, -1, 4)), [real(3, 1)]),
    ("cat", lambda m, a, b, c: m.cat([a, b, c]), [real(2, 3), real(1, 3), real(0, 3)]),
    ("cat -1", lambda m, a, b: m.cat((a, b), dim=-1), [real(2, 3), real(2, 1)]),
    ("cat the same twice", lambda m, a: m.cat([a, a]), [real(2)]),
    ("stack", lambda m, a, b: m.stack([a, b]), [M, M]),
    ("stack 1", lambda m, a, b: m.stack((a, b), 1), [M, M]),
    ("stack -1 of 0-d", lambda m, a, b: m.stack([a, b], dim=-1), [real(), real()]),
    ("iteration", lambda m, a: m.stack([row * i for i, row in enumerate(a)]), [real(3, 2)]),
    ("to", lambda m, a: a.to(m.float64).to(a.dtype), [real(3)]),
    ("maximum of max", lambda m, a, b: m.max(a, b), [M, M + 0.01]),
    ("minimum of min", lambda m, a, b: m.min(a, b), [M, M + 0.01]),
]
for f in ("sum", "mean", "var", "std", "amax", "amin"):
    for name, shape, options in [
        ("all", (3, 4), {}), ("0", (3, 4), {"dim": 0}), ("-1", (3, 4), {"dim": -1}),
        ("keepdim", (3, 4), {"dim": 1, "keepdim": True}), ("two", (2, 3, 4), {"dim": (0, -1)}),
        ("two keepdim", (2, 3, 4), {"dim": (-3, 2), "keepdim": True}),
        ("no rows", (0, 3), {"dim": 1}),
    ]:
        CASES.append((f"{f} {name}", lambda m, a, f=f, o=options: getattr(m, f)(a, **o),
                      [real(*shape)]))
for f in ("sum", "mean", "amax", "amin", "logsumexp", "softmax", "log_softmax"):  # as PyTorch
    CASES.append((f"{f} 0-d", lambda m, a, f=f: getattr(m, f)(a, dim=0), [real()]))
CASES += [
    ("sum nothing", lambda m, a: m.sum(a), [real(0, 3)]),
    ("sum empty dim", lambda m, a: m.sum(a, 0), [real(0, 3)]),
    ("var correction", lambda m, a: m.var(a, 1, correction=0), [real(3, 4)]),
    ("std correction", lambda m, a: m.std(a, correction=0, keepdim=True, dim=1), [real(3, 4)]),
    ("max all", lambda m, a: m.max(a), [real(3, 4)]),
    ("max", lambda m, a: m.max(a, 1)[0], [real(3, 4)]),
    ("max keepdim", lambda m, a: m.max(a, dim=-2, keepdim=True).values, [real(2, 3, 4)]),
    ("min all", lambda m, a: m.min(a), [real(3, 4)]),
    ("min", lambda m, a: m.min(a, 0).values, [real(3, 4)]),
    ("min keepdim", lambda m, a: m.min(a, -1, True).values, [real(3, 4)]),
]
KEYS = {  # shape and key
    "int": ((3, 4), lambda m: 1),
    "negative": ((3, 4), lambda m: -1),
    "all ints": ((3, 4), lambda m: (1, -2)),
    "slice": ((5,), lambda m: slice(1, 4)),
    "steps": ((5, 4), lambda m: (slice(None, None, 2), slice(1, None, 3))),
    "slice and int": ((3, 4), lambda m: (slice(None), 1)),
    "empty slice": ((3, 4), lambda m: slice(2, 2)),
    "None": ((3, 4), lambda m: (None, slice(None), None, 0)),
    "Ellipsis": ((2, 3, 4), lambda m: (..., 1)),
    "nothing": ((), lambda m: ()),
    "list": ((3, 4), lambda m: [2, 0]),
    "repeated": ((3, 4), lambda m: [2, 0, 2, 2]),
    "empty list": ((3, 4), lambda m: []),
    "array": ((3, 4), lambda m: np.array([[0, 1], [1, -1]])),
    "Tensor": ((3, 4), lambda m: m.tensor([2, 2])),
    "0-d Tensor": ((3, 4), lambda m: m.tensor(1)),
    "pairs": ((3, 4), lambda m: (m.tensor([0, 1, 0]), [3, 3, 3])),
    "slice and list": ((3, 4), lambda m: (slice(1, None), [0, 0])),
    "slice between": ((2, 3, 4), lambda m: ([1, 1], slice(None), [0, 0])),
    "mask": ((3, 4), lambda m: np.array(M > 0)),
    "bool Tensor": ((3, 4), lambda m: m.tensor((M > 0).tolist())),
    "row mask": ((3, 4), lambda m: m.tensor([True, False, True])),
    "mask and int": ((3, 4), lambda m: (m.tensor([True, False, True]), 2)),
    "nothing taken": ((3, 4), lambda m: np.zeros((3, 4), bool)),
}
CASES += [(f"x[{name}]", lambda m, a, key=key: a[key(m)], [real(*shape)])
          for name, (shape, key) in KEYS.items()]
CASES.append(("x[x > 0]", lambda m, a: a[a > 0], [real(3, 4)]))
MIXES = {  # integers beside lists, which PyTorch takes first; NumPy would count them as lists
    "int, slice, list": lambda m: (0, slice(None), [1, 2, 1]),
    "list, slice, int": lambda m: ([1, 0, 1], slice(1, None), -1),
    "int, None, list": lambda m: (np.int64(1), None, [0, 0]),
    "0-d Tensor, ..., mask": lambda m: (m.tensor(1), ..., m.tensor([True, False, False, True])),
    "mask of two, None, int": lambda m: (m.tensor([[True, False, True]] * 2), None, 3),
    "True, int, list": lambda m: (True, 0, [1, 2, 1]),
    "int, None, list, True": lambda m: (1, None, [2, 0], True),
}
CASES += [(f"x[{name}]", lambda m, a, key=key: a[key(m)], [real(2, 3, 4)])
          for name, key in MIXES.items()]


def table(test):
    return pytest.mark.parametrize("f, arrays", [case[1:] for case in CASES],
                                   ids=[case[0] for case in CASES])(test)


def leaves(m, arrays, dtype):
    return [m.tensor(a.astype(dtype), requires_grad=True) for a in arrays]


@table
def test_gradients_are_finite_differences(f, arrays):
    def in_nptorch(*tensors):
        return f(nptorch, *tensors)

    assert gradcheck(in_nptorch, leaves(nptorch, arrays, np.float64), atol=1e-7, rtol=1e-6)
    assert gradcheck(in_nptorch, leaves(nptorch, arrays, np.float32), atol=1e-5, rtol=1e-4)


@table
def test_float32_gives_float32(f, arrays):
    tensors = leaves(nptorch, arrays, np.float32)
    out = f(nptorch, *tensors)
    assert out.dtype == np.float32
    out.backward(np.ones(out.shape))
    for x, array in zip(tensors, arrays):
        assert x.grad.dtype == np.float32 and x.grad.shape == array.shape


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@table
def test_value_and_gradient_are_pytorchs(f, arrays):
    torch = pytest.importorskip("torch")
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 2e-5)):
        found = []
        for m in (nptorch, torch):
            tensors = leaves(m, arrays, dtype)
            out = f(m, *tensors)
            gradient = np.random.default_rng(1).uniform(0.5, 1.5, out.shape)
            out.backward(m.tensor(gradient, dtype=out.dtype))
            found.append([out.detach().numpy()] + [x.grad.numpy() for x in tensors])
        for ours, theirs in zip(*found):
            assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


@table
def test_no_gradient_aliases_anything(f, arrays):
    tensors = leaves(nptorch, arrays, np.float64)
    out = f(nptorch, *tensors)
    g = np.ones(out.shape)
    out.backward(g)
    others = [g, out.data] + [x.data for x in tensors]
    for x in tensors:
        assert x.grad.data.flags.writeable
        assert not any(np.shares_memory(x.grad.data, other) for other in others)
        others.append(x.grad.data)


@table
def test_after_a_change_in_place_backward_is_right_or_refuses(f, arrays):
    def gradients(changed=None):
        leaves_ = leaves(nptorch, arrays, np.float64)
        tensors = [x * 1 for x in leaves_]
        out = f(nptorch, *tensors)
        if changed is not None:
            with no_grad():
                (*tensors, out)[changed].__iadd__(1)
        out.backward(np.ones(out.shape))
        return [x.grad.data for x in leaves_]

    expected = gradients()
    for changed in range(len(arrays) + 1):
        try:
            found = gradients(changed)
        except RuntimeError as error:
            assert "changed in place afterwards" in str(error)
        except ValueError as error:
            assert "read-only" in str(error)  # NumPy lets nobody write into what expand gives
        else:
            for ours, right in zip(found, expected):
                np.testing.assert_allclose(ours, right)


@pytest.mark.parametrize("f, saved", [  # what is changed: a, b or the result c
    (lambda a, b: a * b, "ab"), (lambda a, b: a @ b, "ab"), (lambda a, b: a / (b * b), "bc"),
    (lambda a, b: a.exp() + b, ""), (lambda a, b: a + b.exp(), ""),
    (lambda a, b: (a + b).exp(), "c"), (lambda a, b: (a - b).relu(), "c"),
    (lambda a, b: (a - b).log_softmax(1), "c"), (lambda a, b: nptorch.maximum(a, b), "ab"),
    (lambda a, b: a - b, ""), (lambda a, b: nptorch.stack([a.T, b]), ""),
    (lambda a, b: a.sum() + b.mean() + a.reshape(2) @ b.reshape(2), "ab"),
], ids=lambda case: case if isinstance(case, str) else "")
def test_what_an_op_saved_may_not_change(f, saved):
    for name in "abc":
        a = nptorch.tensor([[1.0, 2.0]], requires_grad=True)
        b = nptorch.tensor([[3.0], [5.0]], requires_grad=True)
        c = f(a, b)
        with no_grad():
            {"a": a, "b": b, "c": c}[name].__iadd__(1)
        if name in saved:
            with pytest.raises(RuntimeError, match="changed in place afterwards"):
                c.backward(np.ones(c.shape))
            assert a.grad is b.grad is None
        else:
            c.backward(np.ones(c.shape))


@table
def test_the_graph_needs_no_garbage_collector(f, arrays):
    tensors = leaves(nptorch, arrays, np.float64)
    out = f(nptorch, *tensors)
    node = weakref.ref(out)
    del out
    assert node() is None


class Spy:
    """nptorch, taking down what is asked of it."""

    def __init__(self):
        self.asked = set()

    def __getattr__(self, name):
        self.asked.add(name)
        return getattr(nptorch, name)


WITHOUT_GRADIENT = {
    "gradcheck", "manual_seed", "argmax", "argmin", "eq", "ne", "lt", "le", "gt", "ge",
    "full", "zeros", "ones", "rand", "randn", "randint", "randperm", "arange", "linspace", "eye",
    "full_like", "zeros_like", "ones_like", "rand_like", "randn_like",
}
METHODS_ALONE = {"expand", "to"}  # in PyTorch, and in the table, methods alone
FUNCTIONS_ALONE = {"cat", "stack"}


def functions():
    """The names of all public functions that ops.py makes."""
    return {name for name, f in vars(ops).items() if not name.startswith("_")
            and not isinstance(f, type) and getattr(f, "__module__", "") == ops.__name__}


def test_no_op_is_without_a_case():
    m = Spy()
    for _, f, arrays in CASES:
        f(m, *leaves(nptorch, arrays, np.float64))
    assert functions() - m.asked - METHODS_ALONE == WITHOUT_GRADIENT


class Methods:
    """nptorch, with its functions taken from Tensor, where PyTorch has a method."""

    def __getattr__(self, name):
        if name in functions() - FUNCTIONS_ALONE - WITHOUT_GRADIENT:
            if name == "where":
                return lambda condition, a, b: a.where(condition, b)
            return getattr(Tensor, name)
        return getattr(nptorch, name)


@table
def test_functions_are_methods_too(f, arrays):
    tensors = leaves(nptorch, arrays, np.float64)
    np.testing.assert_array_equal(f(Methods(), *tensors).data, f(nptorch, *tensors).data)


def test_the_methods_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name in functions():
        assert hasattr(Tensor, name) <= hasattr(torch.Tensor, name), name
        if name not in WITHOUT_GRADIENT:
            assert hasattr(Tensor, name) == hasattr(torch.Tensor, name), name


# Broadcasting


PAIRS = {
    "add": (operator.add, np.add), "sub": (operator.sub, np.subtract),
    "mul": (operator.mul, np.multiply), "div": (operator.truediv, np.divide),
    "pow": (operator.pow, np.power), "maximum": (ops.maximum, np.maximum),
    "minimum": (ops.minimum, np.minimum),
}


def draw(data, shape):
    """Positive numbers, all different."""
    size, seed = int(np.prod(shape)), data.draw(st.integers(0, 99))
    return np.random.default_rng(seed).permutation(np.linspace(0.5, 2, size)).reshape(shape)


@pytest.mark.parametrize("name", PAIRS)
@given(data=st.data())
@bounded
def test_broadcast_pairs(name, data):
    ours, numpys = PAIRS[name]
    shapes = npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)
    shapes = data.draw(shapes)
    a, b = draw(data, shapes.input_shapes[0]), draw(data, shapes.input_shapes[1]) + 0.01
    out = ours(Tensor(a, True), Tensor(b, True))
    np.testing.assert_array_equal(out.data, numpys(a, b))
    assert out.shape == shapes.result_shape
    assert gradcheck(ours, [Tensor(a, True), Tensor(b, True)], atol=1e-7, rtol=1e-6)


@given(data=st.data())
@bounded
def test_broadcast_where(data):
    shapes = data.draw(npst.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3))
    condition, a, b = (draw(data, shape) for shape in shapes.input_shapes)
    condition = condition > 1
    out = ops.where(condition, Tensor(a), Tensor(b))
    np.testing.assert_array_equal(out.data, np.where(condition, a, b))
    assert gradcheck(lambda a, b: ops.where(condition, a, b), [Tensor(a, True), Tensor(b, True)],
                     atol=1e-7, rtol=1e-6)


@given(data=st.data())
@bounded
def test_broadcast_matmul(data):
    shapes = data.draw(npst.mutually_broadcastable_shapes(
        signature=np.matmul.signature, max_dims=2, min_side=0, max_side=3))
    a, b = (draw(data, shape) for shape in shapes.input_shapes)
    out = Tensor(a) @ Tensor(b)
    np.testing.assert_array_equal(out.data, a @ b)
    assert gradcheck(operator.matmul, [Tensor(a, True), Tensor(b, True)], atol=1e-7, rtol=1e-6)


@given(data=st.data())
@bounded
def test_indexing_is_numpys(data):
    array = np.arange(24.0).reshape(2, 3, 4)
    key = data.draw(npst.basic_indices(array.shape, allow_newaxis=True)
                    | npst.integer_array_indices(array.shape)
                    | npst.arrays(bool, array.shape))
    x = Tensor(array, True)
    out = x[key]
    np.testing.assert_array_equal(out.data, array[key])
    out.backward(np.ones(out.shape))
    times = np.zeros_like(array)
    np.add.at(times, key, 1)
    np.testing.assert_array_equal(x.grad.data, times)


VALUES = [
    (name, getattr(nptorch, name), getattr(np, name, None) or other)
    for name, other in [
        ("exp", None), ("log", None), ("sqrt", None), ("abs", None), ("tanh", None),
        ("sigmoid", lambda a: 1 / (1 + np.exp(-a))), ("relu", lambda a: a * (a > 0)),
        ("neg", np.negative), ("sum", None), ("mean", None), ("amax", None), ("amin", None),
        ("flatten", np.ravel),
    ]
] + [
    ("var", ops.var, lambda a: np.var(a, ddof=1)),
    ("std", ops.std, lambda a: np.std(a, ddof=1)),
    ("var dim", lambda x: x.var(1, correction=0), lambda a: np.var(a, 1)),
    ("mean dims", lambda x: x.mean((0, 2), True), lambda a: np.mean(a, (0, 2), keepdims=True)),
    ("clamp", lambda x: x.clamp(0.7, 1.1), lambda a: np.clip(a, 0.7, 1.1)),
    ("logsumexp", lambda x: x.logsumexp(1), lambda a: np.log(np.exp(a).sum(1))),
    ("softmax", lambda x: x.softmax(1), lambda a: np.exp(a) / np.exp(a).sum(1, keepdims=True)),
    ("log_softmax", lambda x: x.log_softmax(1).exp().sum(1), lambda a: np.ones((2, 4))),
    ("cat", lambda x: ops.cat([x, x + 1], 1), lambda a: np.concatenate([a, a + 1], 1)),
    ("stack", lambda x: ops.stack([x, x + 1]), lambda a: np.stack([a, a + 1])),
    ("stack 1", lambda x: ops.stack([x, x + 1], 1), lambda a: np.stack([a, a + 1], 1)),
    ("permute", lambda x: x.permute(2, 0, 1), lambda a: a.transpose(2, 0, 1)),
    ("transpose", lambda x: x.transpose(0, 1), lambda a: a.swapaxes(0, 1)),
    ("T", lambda x: x[0].T, lambda a: a[0].T),
    ("expand", lambda x: x.expand(2, 2, -1, 4), lambda a: np.stack([a, a])),
    ("x[int, :, list]", lambda x: x[0, :, [1, 2]], lambda a: a[0][:, [1, 2]]),
    ("x[list, 1:, int]", lambda x: x[[1, 0, 1], 1:, -1], lambda a: a[[1, 0, 1]][:, 1:, -1]),
    ("x[int, list, ..., int]", lambda x: x[0, [0, 2], ..., 1], lambda a: a[0][[0, 2], 1]),
    ("squeeze", lambda x: x[:1, :, :1].squeeze(), lambda a: a[0, :, 0]),
    ("squeeze dims", lambda x: x[:1, :, :1].squeeze((0, 1)), lambda a: a[0, :, :1]),
]


@pytest.mark.parametrize("ours, numpys", [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_values_are_numpys(ours, numpys):
    array = positive(2, 3, 4)
    np.testing.assert_allclose(ours(Tensor(array)).data, numpys(array), rtol=1e-12, strict=True)


REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "var": functools.partial(np.var, ddof=1), "amax": np.max,
    "std": functools.partial(np.std, ddof=1), "amin": np.min, "argmax": np.argmax,
    "argmin": np.argmin,
}


@pytest.mark.parametrize("options", [
    {}, {"dim": 0}, {"dim": -1, "keepdim": True}, {"keepdim": True}, {"dim": -1, "keepdim": False},
], ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_have_numpys_shapes(name, options):
    like = {"axis": options.get("dim"), "keepdims": options.get("keepdim", False)}
    for array in positive(2, 3, 4), positive(3):
        expected = REDUCTIONS[name](array, **like)
        found = getattr(ops, name)(Tensor(array), **options).data
        np.testing.assert_allclose(found, expected, rtol=1e-12, strict=True)
        if name in ("amax", "amin") and "dim" in options:
            values, indices = getattr(ops, name[1:])(Tensor(array), **options)
            np.testing.assert_array_equal(values.data, expected, strict=True)
            expected = REDUCTIONS["arg" + name[1:]](array, **like)
            np.testing.assert_array_equal(indices.data, expected, strict=True)


# Kinks, ties and edges


inf, nan = np.inf, np.nan
EDGES = [
    ("abs", lambda m, a: m.abs(a), [[0, -1, 2]], [[0, -1, 1]]),
    ("relu", lambda m, a: m.relu(a), [[0, -1, 2]], [[0, 0, 1]]),
    ("sqrt", lambda m, a: m.sqrt(a), [[0, 4]], [[inf, 0.25]]),
    ("log", lambda m, a: m.log(a), [[0, 4]], [[inf, 0.25]]),
    ("maximum", m_max := lambda m, a, b: m.maximum(a, b), [[1, 2, 3], [3, 2, 1]],
     [[0, 0.5, 1], [1, 0.5, 0]]),
    ("minimum", lambda m, a, b: m.minimum(a, b), [[1, 2, 3], [3, 2, 1]],
     [[1, 0.5, 0], [0, 0.5, 1]]),
    ("maximum of nan", m_max, [[nan, 1], [1, nan]], [[1, 1], [1, 1]]),
    ("clamp", lambda m, a: m.clamp(a, 0, 1), [[-1, 0, 0.5, 1, 2]], [[0, 1, 1, 1, 0]]),
    ("amax", lambda m, a: m.amax(a, 1), [[[3, 1, 3], [1, 2, 0]]], [[[0.5, 0, 0.5], [0, 1, 0]]]),
    ("amin", lambda m, a: m.amin(a), [[[1, 1], [1, 2]]], [[[1 / 3, 1 / 3], [1 / 3, 0]]]),
    ("amax of two dims", lambda m, a: m.amax(a, (0, 1)), [[[3, 3], [3, 3]]], [[[0.25] * 2] * 2]),
    ("amax of nan", lambda m, a: m.amax(a, 1), [[[nan, 1], [2, 1]]], [[[nan, nan], [1, 0]]]),
    ("max of all", lambda m, a: m.max(a), [[3, 1, 3]], [[0.5, 0, 0.5]]),
    ("min of all", lambda m, a: m.min(a), [[3, 1, 1]], [[0, 0.5, 0.5]]),
    ("max over a dim", lambda m, a: m.max(a, 0).values, [[3, 1, 3]], [[1, 0, 0]]),
    ("min over a dim", lambda m, a: m.min(a, 0).values, [[3, 1, 1]], [[0, 1, 0]]),
    ("max(a, b)", lambda m, a, b: m.max(a, b), [[1, 2], [1, 1]], [[0.5, 1], [0.5, 0]]),
    ("pow base 0", lambda m, a, b: m.pow(a, b), [[0, 0, 0, 0], [0, 0.5, 1, 2]],
     [[0, inf, 1, 0], [0, 0, 0, 0]]),
    ("pow base 0, exponent < 0", lambda m, a, b: m.pow(a, b), [[0], [-1]], [[-inf], [-inf]]),
    ("pow base < 0", lambda m, a: m.pow(a, 2), [[-3, 0]], [[-6, 0]]),
    ("pow exponent 0", lambda m, a: a**0, [[-3, 0, 2]], [[0, 0, 0]]),
    ("0 ** a", lambda m, a: 0**a, [[0, 1, 2]], [[0, 0, 0]]),
    ("std of equals", lambda m, a: m.std(a), [[2, 2, 2]], [[0, 0, 0]]),
    ("logsumexp with -inf", lambda m, a: m.logsumexp(a, 0), [[-inf, 0]], [[0, 1]]),
    ("logsumexp of -inf", lambda m, a: m.logsumexp(a, 0), [[-inf, -inf]], [[nan, nan]]),
    ("log_softmax with -inf", lambda m, a: m.log_softmax(a, 0)[1], [[-inf, 0, 0]],
     [[0, 0.5, -0.5]]),
    # where's rule: no nan out of the branch not taken, if its own gradient is finite
    ("where, log", lambda m, a: m.where(a > 0, m.log(a), a), [[-1, 1]], [[1, 1]]),
    ("where, nan", lambda m, a, b: m.where(m.tensor([True, False]), a, b), [[1, nan], [nan, 1]],
     [[1, 0], [0, 1]]),
    ("where, inf", lambda m, a: m.where(a < 0, a / a, a * 3), [[inf, -2]], [[nan, 0]]),
]


def edge_gradients(m, f, arrays):
    tensors = [m.tensor(a, dtype=m.float64, requires_grad=True) for a in arrays]
    with np.errstate(all="ignore"):
        f(m, *tensors).sum().backward()
    return [x.grad.tolist() for x in tensors]


@pytest.mark.parametrize("f, arrays, expected", [e[1:] for e in EDGES], ids=[e[0] for e in EDGES])
def test_gradients_at_edges(f, arrays, expected):
    np.testing.assert_allclose(edge_gradients(nptorch, f, arrays)[0], expected[0])
    np.testing.assert_allclose(edge_gradients(nptorch, f, arrays)[-1], expected[-1])


def test_gradients_at_edges_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name, f, arrays, expected in EDGES:
        for found, e in zip(edge_gradients(torch, f, arrays), expected):
            np.testing.assert_allclose(found, e, err_msg=name)


STABLE = [
    ("sigmoid", lambda m, a: m.sigmoid(a), [1000, -1000, 0], [1, 0, 0.5], [0, 0, 0.25]),
    ("tanh", lambda m, a: m.tanh(a), [1000, -1000, 0], [1, -1, 0], [0, 0, 1]),
    ("softmax", lambda m, a: m.softmax(a, 0), [1000, -1000, 1000], [0.5, 0, 0.5], [0, 0, 0]),
    ("log_softmax", lambda m, a: m.log_softmax(a, 0), [1000, -1000, 1000],
     [-np.log(2), -2000 - np.log(2), -np.log(2)], [-0.5, 1, -0.5]),
    ("logsumexp", lambda m, a: m.logsumexp(a, 0), [1000, -1000, 1000],
     1000 + np.log(2), [0.5, 0, 0.5]),
    ("logsumexp low", lambda m, a: m.logsumexp(a, 0), [-1000, -1000],
     -1000 + np.log(2), [0.5, 0.5]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("f, a, value, grad", [s[1:] for s in STABLE], ids=[s[0] for s in STABLE])
def test_stable_at_a_thousand(f, a, value, grad, dtype):
    x = nptorch.tensor(a, dtype, requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        y = f(nptorch, x)
        y.backward(np.ones(y.shape))
    np.testing.assert_allclose(y.data, value, rtol=1e-6)
    np.testing.assert_allclose(x.grad.data, grad, atol=1e-6)


@pytest.mark.parametrize("correction", [2, 3])
def test_a_variance_is_never_negative(correction):
    with np.errstate(divide="ignore"):
        assert ops.var(Tensor([1, 2]), correction=correction).item() == inf


def test_max_and_min_give_values_and_indices():
    x = Tensor([[1, 5, 5], [4, 2, 3]], True)
    for f, values, indices in [(ops.max, [5, 4], [1, 0]), (ops.min, [1, 2], [0, 1])]:
        for best in (f(x, 1), getattr(x, f.__name__)(dim=-1)):
            assert isinstance(best, tuple) and best._fields == ("values", "indices")
            assert best.values.tolist() == values and best[1].tolist() == indices
            assert best.indices.dtype == np.int64 and not best.indices.requires_grad
    kept = x.max(0, keepdim=True)
    assert kept.values.shape == kept.indices.shape == (1, 3)
    assert x.max().item() == 5 and x.min().shape == ()


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dim, keepdim", [(None, False), (0, False), (-1, True)])
def test_argmax_and_argmin(name, dim, keepdim):
    array = np.array([[1, 3, 3], [3, 0, 0]], np.float32)
    x = Tensor(array, True)
    expected = getattr(np, name)(array, axis=dim, keepdims=keepdim)
    for found in (getattr(ops, name)(x, dim, keepdim), getattr(x, name)(dim=dim, keepdim=keepdim)):
        assert found.dtype == np.int64 and not found.requires_grad
        np.testing.assert_array_equal(found.data, expected)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, bool])
def test_softmax_of_integers_is_float32(name, dtype):  # PyTorch refuses them
    array = np.array([[1, 0, 3], [0, 2, 1]], dtype)
    found = getattr(ops, name)(Tensor(array), 1)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.data, getattr(ops, name)(Tensor(array).float(), 1).data)


@pytest.mark.parametrize("name, array", [("amax", [[3, 1, 3]]), ("amin", [[1, 2, 1]])])
def test_an_infinite_gradient_stays_with_the_extremes(name, array):
    x = Tensor(np.array(array, np.float32), True)
    getattr(ops, name)(x, 1).backward(np.array([inf]))
    assert x.grad.tolist() == [[inf, 0, inf]]


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons(name):
    array, relation = np.array([[1, 2, 3]]), getattr(operator, name)
    x, y = Tensor(array.astype(np.float32), True), nptorch.tensor([[2], [3]])
    for found in (relation(x, y), getattr(ops, name)(x, y), getattr(x, name)(y)):
        assert isinstance(found, Tensor) and found.dtype == bool and not found.requires_grad
        np.testing.assert_array_equal(found.data, relation(array, [[2], [3]]))
    np.testing.assert_array_equal(relation(x, 2).data, relation(array, 2))
    np.testing.assert_array_equal(relation(2, x).data, relation(2, array))
    assert relation(Tensor([0.1]), 0.1).item() == relation(1, 1)  # in the Tensor's own precision


INTEGERS = [
    ("sum", "int64"), ("exp", "float32"), ("sqrt", "float32"), ("sigmoid", "float32"),
    ("tanh", "float32"), ("log", "float32"), ("abs", "int64"), ("neg", "int64"),
    ("relu", "int64"), ("amax", "int64"),
]


@pytest.mark.parametrize("name, dtype", INTEGERS)
def test_integers(name, dtype):
    f = getattr(ops, name)
    found = f(nptorch.tensor([[1, 2]]))
    assert found.dtype == dtype
    np.testing.assert_allclose(found.data, f(Tensor([[1, 2]])).data, rtol=1e-6)


OTHER_DTYPES = [
    ("sum of bools", lambda m: m.tensor([True, True]).sum(), "int64"),
    ("sum of bytes", lambda m: m.tensor(np.ones(3, np.uint8)).sum(), "int64"),
    ("sum of int32", lambda m: m.tensor(np.ones(3, np.int32)).sum(0), "int64"),
    ("logsumexp of ints", lambda m: m.tensor([1, 2]).logsumexp(0), "float32"),
    ("ints clamped by floats", lambda m: m.clamp(m.tensor([1, 2, 3]), 1.5, 2.5), "float32"),
    ("ints clamped by one float", lambda m: m.clamp(m.tensor([1, 2, 3]), 2, 2.5), "float32"),
    ("ints clamped by ints", lambda m: m.clamp(m.tensor([1, 2, 3]), min=2), "int64"),
    ("ints divided", lambda m: m.tensor([1, 2]) / m.tensor([2, 2]), "float32"),
    ("where of numbers", lambda m: m.where(m.tensor([True]), 1.0, 0.0), "float32"),
    ("cat of ints and floats", lambda m: m.cat([m.tensor([1]), m.tensor([1.5])]), "float32"),
    ("cat of all kinds", lambda m: m.cat([m.tensor(a) for a in ([True], [1], [1.5])]), "float32"),
    ("long", lambda m: m.tensor([1.7]).long(), "int64"),
    ("float", lambda m: m.tensor([1]).float(), "float32"),
    ("double", lambda m: m.tensor([1]).double(), "float64"),
    ("to", lambda m: m.tensor([1.5]).to(m.int64), "int64"),
]


@pytest.mark.parametrize("make, dtype", [o[1:] for o in OTHER_DTYPES],
                         ids=[o[0] for o in OTHER_DTYPES])
def test_dtypes_of_results(make, dtype):
    assert make(nptorch).dtype == dtype


def test_dtypes_of_results_are_pytorchs():
    torch = pytest.importorskip("torch")
    made = [make for _, make, _ in OTHER_DTYPES]
    made += [lambda m, name=name: getattr(m, name)(m.tensor([[1, 2]])) for name, _ in INTEGERS]
    for make, dtype in zip(made, [o[2] for o in OTHER_DTYPES] + [i[1] for i in INTEGERS]):
        assert str(make(torch).dtype) == f"torch.{dtype}"


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "amax", "amin", "logsumexp"])
def test_dim_may_be_a_list(name):
    x = real(2, 3, 4)
    assert np.array_equal(getattr(Tensor(x), name)([0, -1]), getattr(Tensor(x), name)((0, 2)))


# Writing by index


@pytest.mark.parametrize("shape, key", KEYS.values(), ids=KEYS)
def test_setitem_is_numpys(shape, key):
    array = real(*shape)
    expected, t = array.copy(), Tensor(array)
    numpys = key(type("numpy", (), {"tensor": staticmethod(np.array)}))
    expected[numpys] = 7
    t[key(nptorch)] = Tensor(7.0)
    np.testing.assert_array_equal(t.data, expected)
    assert t.data is array


@pytest.mark.parametrize("key", MIXES.values(), ids=MIXES)
def test_setitem_writes_what_getitem_reads(key):
    t, chosen = nptorch.zeros(2, 3, 4), key(nptorch)
    t[chosen] = 7
    assert (t[chosen] == 7).data.all()
    order = Tensor(np.arange(24).reshape(2, 3, 4))
    assert (t.data == 7).sum() == len(np.unique(order[chosen].data))


def test_setitem_refuses_what_would_falsify_a_gradient():
    x = Tensor([1, 2], True)
    with pytest.raises(RuntimeError, match=r"no_grad\(\)"):
        x[0] = 5
    with no_grad():
        x[0] = 5
    assert x.tolist() == [5, 2]
    t = Tensor([1, 2])
    with pytest.raises(RuntimeError, match="in-place changes are not recorded"):
        t[0] = x[1]
    t[1:] += 5
    assert t.tolist() == [1, 7]


def test_iteration():
    assert [row.tolist() for row in Tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]
    assert [float(v) for v in Tensor([1, 2])] == [1, 2] and list(Tensor([])) == []
    with pytest.raises(TypeError):
        iter(Tensor(1.0))


# Creation


CREATED = [
    ("zeros(2, 3)", [[0, 0, 0]] * 2, "float32"), ("zeros((2, 3))", [[0, 0, 0]] * 2, "float32"),
    ("zeros([2])", [0, 0], "float32"), ("zeros(2, dtype=m.int64)", [0, 0], "int64"),
    ("zeros(())", 0, "float32"), ("zeros(0, 3)", [], "float32"),
    ("ones(2)", [1, 1], "float32"), ("ones((1, 2), dtype=m.float64)", [[1, 1]], "float64"),
    ("full((2,), 3)", [3, 3], "int64"), ("full((2,), 3.5)", [3.5, 3.5], "float32"),
    ("full([1, 2], True)", [[True, True]], "bool"), ("full((), 2.0)", 2, "float32"),
    ("full((2,), 3, dtype=m.float64)", [3, 3], "float64"),
    ("arange(4)", [0, 1, 2, 3], "int64"), ("arange(1, 3)", [1, 2], "int64"),
    ("arange(5, 0, -2)", [5, 3, 1], "int64"), ("arange(3.0)", [0, 1, 2], "float32"),
    ("arange(0, 1, 0.25)", [0, 0.25, 0.5, 0.75], "float32"), ("arange(0)", [], "int64"),
    ("arange(3, dtype=m.float64)", [0, 1, 2], "float64"),
    ("arange(start=1, end=7, step=3)", [1, 4], "int64"),
    ("linspace(0, 1, 5)", [0, 0.25, 0.5, 0.75, 1], "float32"),
    ("linspace(1, -1, steps=3, dtype=m.float64)", [1, 0, -1], "float64"),
    ("linspace(2, 3, 1)", [2], "float32"),
    ("eye(2)", [[1, 0], [0, 1]], "float32"), ("eye(2, 3)", [[1, 0, 0], [0, 1, 0]], "float32"),
    ("eye(1, dtype=m.int64)", [[1]], "int64"),
    ("zeros_like(m.tensor([1, 2]))", [0, 0], "int64"),
    ("zeros_like(m.tensor([1, 2]), dtype=m.float32)", [0, 0], "float32"),
    ("ones_like(m.ones(1, 2, dtype=m.float64))", [[1, 1]], "float64"),
    ("full_like(m.ones(2), 3)", [3, 3], "float32"),
    ("full_like(m.ones(2), 3.7, dtype=m.int64)", [3, 3], "int64"),
]


@pytest.mark.parametrize("call, values, dtype", CREATED, ids=[c[0] for c in CREATED])
def test_creation(call, values, dtype):
    t = eval(f"m.{call}", {"m": nptorch})
    assert t.tolist() == values and t.dtype == dtype and not t.requires_grad


def test_creation_is_pytorchs():
    torch = pytest.importorskip("torch")
    for call, values, dtype in CREATED:
        t = eval(f"m.{call}", {"m": torch})
        assert t.tolist() == values and str(t.dtype) == f"torch.{dtype}", call


@pytest.mark.parametrize("call", [
    "zeros(2)", "ones(2)", "full((2,), 1.0)", "rand(2)", "randn(2)", "arange(2.0)",
    "linspace(0, 1, 2)", "eye(2)", "zeros_like(m.ones(2))", "ones_like(m.ones(2))",
    "rand_like(m.ones(2))", "randn_like(m.ones(2))", "full_like(m.ones(2), 1)",
])
def test_what_is_created_can_require_grad(call):
    t = eval(f"m.{call[:-1]}, requires_grad=True)", {"m": nptorch})
    assert t.requires_grad and t.is_leaf
    if "like" not in call:
        with pytest.raises(TypeError, match="int64"):
            eval(f"m.{call[:-1]}, dtype=m.int64, requires_grad=True)", {"m": nptorch})


RANDOM = [  # call, dtype, least, greatest, mean, standard deviation
    ("rand(500, 2)", "float32", 0, 1, 0.5, 12**-0.5),
    ("rand((500, 2), dtype=m.float64)", "float64", 0, 1, 0.5, 12**-0.5),
    ("rand_like(m.zeros(500, 2))", "float32", 0, 1, 0.5, 12**-0.5),
    ("randn(500, 2)", "float32", -5, 5, 0, 1),
    ("randn_like(m.zeros(500, 2, dtype=m.float64))", "float64", -5, 5, 0, 1),
    ("randint(-2, 3, (500, 2))", "int64", -2, 2, 0, 2**0.5),
    ("randint(5, (500, 2))", "int64", 0, 4, 2, 2**0.5),
    ("randint(low=0, high=5, size=(500, 2))", "int64", 0, 4, 2, 2**0.5),
]


@pytest.mark.parametrize("call, dtype, low, high, mean, std", RANDOM, ids=[r[0] for r in RANDOM])
def test_random_numbers_are_those_of_the_seed(call, dtype, low, high, mean, std):
    draws = []
    for seed in (0, 0, 1, None):
        if seed is not None:
            ops.manual_seed(seed)
        draws.append(eval(f"m.{call}", {"m": nptorch}))
    first, again, other, more = (t.tolist() for t in draws)
    assert first == again != other != more
    t = draws[0]
    assert t.shape == (500, 2) and t.dtype == dtype and not t.requires_grad
    assert low <= t.data.min() and t.data.max() <= high
    assert np.abs(t.data.mean() - mean) < 0.15 and np.abs(t.data.std() - std) < 0.1
    assert dtype != "int64" or len(np.unique(t.data)) == 5


def test_randperm_is_a_permutation_of_the_seed():
    ops.manual_seed(0)
    first, more = ops.randperm(50), ops.randperm(50)
    ops.manual_seed(0)
    assert sorted(first.tolist()) == list(range(50)) and first.dtype == "int64"
    assert first.tolist() == ops.randperm(50).tolist() != more.tolist()
    assert ops.randperm(0).tolist() == []


def test_a_seed_leaves_numpys_own_generator_alone():
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    ops.manual_seed(0)
    ops.rand(5)
    assert np.random.rand() == expected


# gradcheck itself


@op
def wrong(a, b):
    """a + b, its second gradient too large by one where a is 2."""
    return a + b, lambda g: g, lambda g: g + (a == 2) * g


def test_gradcheck_names_the_worst_element():
    a, b = Tensor(np.array([[1.0, 2.0]]), True), Tensor(np.array([[3.0, 4.0]]), True)
    message = r"input 1, index \(0, 1\): backward gives .*, finite differences give "
    with pytest.raises(AssertionError, match=message) as error:
        gradcheck(wrong, [a, b])
    found, expected = (float(str(error.value).split(word)[1].split(",")[0])
                       for word in ("backward gives ", "differences give "))
    assert found == pytest.approx(2 * expected, rel=1e-4)
    assert gradcheck(wrong, [a, b.detach()])  # only what requires grad is checked


def test_gradcheck_takes_nan_for_an_error():
    @op
    def poisoned(a):
        return a * 1, lambda g: g * np.nan

    with pytest.raises(AssertionError, match=r"input 0, index \(\): backward gives nan"):
        gradcheck(poisoned, Tensor(np.array(1.0), True))


def test_gradcheck_sees_a_gradient_that_never_arrives():
    with pytest.raises(AssertionError, match="backward gives 0, finite differences give"):
        gradcheck(lambda a, b: a.detach() * b, [Tensor([1.0], True), Tensor([1.0], True)])


def test_gradcheck_sees_a_gradient_at_the_wrong_place():
    @op
    def swapped(a, /):
        return a * 1, lambda g: g[::-1]

    with pytest.raises(AssertionError, match="backward gives"):
        gradcheck(swapped, Tensor([1.0, 2.0], True))


@pytest.mark.parametrize("slope, factor, options, right", [
    (0.01, 1.01, {}, False), (0.01, 1.001, {}, True), (0.01, 1.01, {"atol": 1e-3}, True),
    (100.0, 1.01, {}, False), (100.0, 1.0005, {}, True), (100.0, 1.01, {"rtol": 0.1}, True),
    (0.0, 1, {"atol": 0, "rtol": 0}, True),
])
def test_gradcheck_allows_for_rounding_alone(slope, factor, options, right):
    @op
    def line(a, /):
        return a * slope, lambda g: g * slope * factor

    x = Tensor(np.array([1.0, 2.0]), True)
    if right:
        assert gradcheck(line, x, **options)
    else:
        with pytest.raises(AssertionError, match=r"index \([01],\): backward gives"):
            gradcheck(line, x, **options)


def test_gradcheck_leaves_its_inputs_alone():
    x, y = Tensor(np.array([1.0, 2.0]), True), Tensor(np.array([3.0, 4.0]), True)
    x.grad = Tensor(np.array([5.0, 6.0]))
    array, state = x.data, ops._rng().bit_generator.state
    assert gradcheck(nptorch.mul, (x, y)) and gradcheck(lambda a: a * 2, x)
    assert x.data is array and array.tolist() == [1, 2] and y.tolist() == [3, 4]
    assert x.grad.tolist() == [5, 6] and y.grad is None
    assert ops._rng().bit_generator.state == state
    with pytest.raises(AssertionError):
        gradcheck(wrong, (x, Tensor(np.array([1.0, 2.0]), True)))
    assert array.tolist() == [1, 2] and x.grad.tolist() == [5, 6]
    assert nptorch.is_grad_enabled()
