"""nptorch's ops: what every line of the table in cases.py must do, and the rest below it."""

import functools
import operator
import re
import textwrap
import types
import weakref

import cases
import hypothesis.extra.numpy as npst
import numpy as np
import pytest
import series
from cases import CASES, KEYS, MIXES, WITHOUT_GRADIENT, leaves, positive, real, table
from hypothesis import given, settings
from hypothesis import strategies as st

import nptorch
from nptorch import creation, ops, shapes
from nptorch.autograd import Tensor, gradcheck, no_grad, op

bounded = settings(deadline=None, derandomize=True, max_examples=40)


@table(CASES)
def test_gradients_are_finite_differences(f, arrays):
    def in_nptorch(*tensors):
        return f(nptorch, *tensors)

    for dtype in (np.float64, np.float32):
        assert gradcheck(in_nptorch, leaves(nptorch, arrays, dtype))


@table(CASES)
def test_float32_gives_float32(f, arrays):
    tensors = leaves(nptorch, arrays, np.float32)
    out = f(nptorch, *tensors)
    assert out.dtype == np.float32
    out.backward(np.ones(out.shape))
    for x, array in zip(tensors, arrays):
        assert x.grad.dtype == np.float32 and x.grad.shape == array.shape


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@table(CASES)
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


@table(WITHOUT_GRADIENT)
def test_without_a_gradient_nothing_is_recorded(f, arrays):
    for dtype in (np.float64, np.float32):
        out = f(nptorch, *leaves(nptorch, arrays, dtype))
        assert isinstance(out, Tensor) and not out.requires_grad and out.grad_fn is None


@table(WITHOUT_GRADIENT)
def test_value_without_a_gradient_is_pytorchs(f, arrays):
    torch = pytest.importorskip("torch")
    for dtype in (np.float64, np.float32):
        ours, theirs = (f(m, *leaves(m, arrays, dtype)).detach().numpy() for m in (nptorch, torch))
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
@table(CASES + WITHOUT_GRADIENT)
def test_other_dtypes_are_pytorchs(f, arrays, dtype):
    """Where PyTorch takes integers or bools, the same comes out."""
    torch = pytest.importorskip("torch")
    if f.__name__.startswith(("F.max_pool2d", "F.avg_pool2d")):
        pytest.skip("nptorch pools floats alone")
    if f.__name__.startswith("m.softmax") and arrays[0].size == 0:
        pytest.skip("PyTorch takes integers where there are none")
    arrays = [np.abs(2 * a).astype(dtype) for a in arrays]
    try:
        theirs = f(torch, *map(torch.tensor, arrays)).numpy()
    except (RuntimeError, TypeError, IndexError, NotImplementedError):
        pytest.skip("PyTorch refuses these")
    with np.errstate(all="ignore"):
        ours = f(nptorch, *map(nptorch.tensor, arrays)).numpy()
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@table(CASES)
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


@table(CASES)
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
            # Nobody may write into what expand gives.
            assert re.search(r"changed in place afterwards|clone\(\) it first", str(error))
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


@table(CASES)
def test_the_graph_needs_no_garbage_collector(f, arrays):
    tensors = leaves(nptorch, arrays, np.float64)
    out = f(nptorch, *tensors)
    node = weakref.ref(out)
    del out, tensors
    assert node() is None


def public():
    """The public functions of the modules of ops, by name."""
    return {name: f for module in (ops, shapes, creation)
            for name, f in vars(module).items() if isinstance(f, types.FunctionType)
            and f.__module__ == module.__name__ and not name.startswith("_")}


def test_contributing_adds_an_op_that_works():
    """The rule in its recipe: an op that is not there yet, right for floats, float32 of ints."""
    page = (series.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rule = textwrap.dedent(re.search(r" +@op\n.*?(?=\n *```)", page, re.DOTALL).group())
    names = dict(vars(ops))
    exec(rule, names)
    (name,) = names.keys() - vars(ops).keys()
    assert name not in public() and not hasattr(nptorch, name)
    new, a = names[name], real(3, 4)
    assert gradcheck(new, Tensor(a, requires_grad=True))
    np.testing.assert_allclose(new(Tensor(a)).data, getattr(np, name)(a), rtol=1e-12)
    assert new(Tensor(np.arange(3))).dtype == np.float32


HELPERS = {"floats"}  # for authors of ops
METHODS_ALONE = {"expand", "to", "numpy", "size", "retain_grad"}  # in PyTorch, too
FUNCTIONS_ALONE = {"cat", "stack"}


def test_every_op_has_a_line_in_the_table():
    created = {call.split("(")[0] for call in [c[0] for c in CREATED] + [r[0] for r in RANDOM]}
    others = {"tensor", "manual_seed", "randperm"} | METHODS_ALONE | HELPERS
    missing = public().keys() - cases.called() - created - others
    assert not missing, f"no line in cases.py: {sorted(missing)}"


class Methods:
    """nptorch, with its ops taken from Tensor, where PyTorch has a method."""

    def __getattr__(self, name):
        if name == "where":
            return lambda condition, a, b: a.where(condition, b)
        return getattr(Tensor if hasattr(Tensor, name) and name in public() else nptorch, name)


@table(CASES + WITHOUT_GRADIENT)
def test_functions_are_methods_too(f, arrays):
    tensors = leaves(nptorch, arrays, np.float64)
    np.testing.assert_array_equal(f(Methods(), *tensors).data, f(nptorch, *tensors).data)


def test_the_methods_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name in public().keys() - HELPERS:
        assert hasattr(Tensor, name) <= hasattr(torch.Tensor, name), name
        if name in cases.called() | METHODS_ALONE:
            assert hasattr(Tensor, name) == hasattr(torch.Tensor, name), name


# Broadcasting


PAIRS = {
    "add": (operator.add, np.add), "sub": (operator.sub, np.subtract),
    "mul": (operator.mul, np.multiply), "div": (operator.truediv, np.divide),
    "pow": (operator.pow, np.power), "maximum": (nptorch.maximum, np.maximum),
    "minimum": (nptorch.minimum, np.minimum),
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
    out = nptorch.where(condition, Tensor(a), Tensor(b))
    np.testing.assert_array_equal(out.data, np.where(condition, a, b))
    assert gradcheck(lambda a, b: nptorch.where(condition, a, b),
                     [Tensor(a, True), Tensor(b, True)], atol=1e-7, rtol=1e-6)


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
    ("var", nptorch.var, lambda a: np.var(a, ddof=1)),
    ("std", nptorch.std, lambda a: np.std(a, ddof=1)),
    ("var dim", lambda x: x.var(1, correction=0), lambda a: np.var(a, 1)),
    ("mean dims", lambda x: x.mean((0, 2), True), lambda a: np.mean(a, (0, 2), keepdims=True)),
    ("clamp", lambda x: x.clamp(0.7, 1.1), lambda a: np.clip(a, 0.7, 1.1)),
    ("logsumexp", lambda x: x.logsumexp(1), lambda a: np.log(np.exp(a).sum(1))),
    ("softmax", lambda x: x.softmax(1), lambda a: np.exp(a) / np.exp(a).sum(1, keepdims=True)),
    ("log_softmax", lambda x: x.log_softmax(1).exp().sum(1), lambda a: np.ones((2, 4))),
    ("cat", lambda x: nptorch.cat([x, x + 1], 1), lambda a: np.concatenate([a, a + 1], 1)),
    ("stack", lambda x: nptorch.stack([x, x + 1]), lambda a: np.stack([a, a + 1])),
    ("stack 1", lambda x: nptorch.stack([x, x + 1], 1), lambda a: np.stack([a, a + 1], 1)),
    ("permute", lambda x: x.permute(2, 0, 1), lambda a: a.transpose(2, 0, 1)),
    ("transpose", lambda x: x.transpose(0, 1), lambda a: a.swapaxes(0, 1)),
    ("T", lambda x: x[0].T, lambda a: a[0].T),
    ("expand", lambda x: x.expand(2, 2, -1, 4), lambda a: np.stack([a, a])),
    ("x[int, :, list]", lambda x: x[0, :, [1, 2]], lambda a: a[0][:, [1, 2]]),
    ("x[list, 1:, int]", lambda x: x[[1, 0, 1], 1:, -1], lambda a: a[[1, 0, 1]][:, 1:, -1]),
    ("x[int, list, ..., int]", lambda x: x[0, [0, 2], ..., 1], lambda a: a[0][[0, 2], 1]),
    ("x[:, list, ..., list]", lambda x: x[:, [0, 2], ..., [1, 3]], lambda a: a[:, [0, 2], [1, 3]]),
    ("x[mask, ..., list, :]", lambda x: x[[True, False], ..., [1, 2], :], lambda a: a[0, [1, 2]]),
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
        found = getattr(nptorch, name)(Tensor(array), **options).data
        np.testing.assert_allclose(found, expected, rtol=1e-12, strict=True)
        if name in ("amax", "amin") and "dim" in options:
            values, indices = getattr(nptorch, name[1:])(Tensor(array), **options)
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
    ("max of nan", lambda m, a: m.max(a), [[nan, 1, nan]], [[0.5, 0, 0.5]]),
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
        assert nptorch.var(Tensor([1, 2]), correction=correction).item() == inf


def test_max_and_min_give_values_and_indices():
    x = Tensor([[1, 5, 5], [4, 2, 3]], True)
    for f, values, indices in [(nptorch.max, [5, 4], [1, 0]), (nptorch.min, [1, 2], [0, 1])]:
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
    for found in (getattr(nptorch, name)(x, dim, keepdim),
                  getattr(x, name)(dim=dim, keepdim=keepdim)):
        assert found.dtype == np.int64 and not found.requires_grad
        np.testing.assert_array_equal(found.data, expected)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, bool])
def test_softmax_of_integers_is_float32(name, dtype):  # PyTorch refuses them
    array = np.array([[1, 0, 3], [0, 2, 1]], dtype)
    found = getattr(nptorch, name)(Tensor(array), 1)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.data, getattr(nptorch, name)(Tensor(array).float(), 1).data)


@pytest.mark.parametrize("name, array", [("amax", [[3, 1, 3]]), ("amin", [[1, 2, 1]])])
def test_an_infinite_gradient_stays_with_the_extremes(name, array):
    x = Tensor(np.array(array, np.float32), True)
    getattr(nptorch, name)(x, 1).backward(np.array([inf]))
    assert x.grad.tolist() == [[inf, 0, inf]]


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons(name):
    array, relation = np.array([[1, 2, 3]]), getattr(operator, name)
    x, y = Tensor(array.astype(np.float32), True), nptorch.tensor([[2], [3]])
    for found in (relation(x, y), getattr(nptorch, name)(x, y), getattr(x, name)(y)):
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
    f = getattr(nptorch, name)
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


class InNumpy:
    tensor = staticmethod(np.array)


@pytest.mark.parametrize("key, shape", KEYS)
def test_setitem_is_numpys(key, shape):
    array = real(*shape)
    expected, t = array.copy(), Tensor(array)
    exec(f"a[{key}] = 7", {"a": expected, "m": InNumpy, "np": np})
    exec(f"a[{key}] = m.tensor(7.0)", {"a": t, "m": nptorch, "np": np})
    np.testing.assert_array_equal(t.data, expected)
    assert t.data is array


@pytest.mark.parametrize("key", MIXES)
def test_setitem_writes_what_getitem_reads(key):
    order, names = np.arange(24).reshape(2, 3, 4), {"m": nptorch, "np": np}
    t, chosen = nptorch.zeros(2, 3, 4), eval(f"a[{key}]", names | {"a": Tensor(order)})
    exec(f"a[{key}] = 7", names | {"a": t})
    np.testing.assert_array_equal(t.data == 7, np.isin(order, chosen.data))


def test_setitem_refuses_what_would_falsify_a_gradient():
    x = Tensor([1, 2], True)
    with pytest.raises(RuntimeError, match=r"no_grad\(\)"):
        x[0] = 5
    with no_grad():
        x[0] = 5
    assert x.tolist() == [5, 2]
    t = Tensor([1, 2])
    t[0] = x[1]  # which is recorded
    t.sum().backward()
    assert t.tolist() == [2, 2] and x.grad.tolist() == [0, 1]


def test_getitem_keeps_a_copy_of_its_index():
    x, i = Tensor([1.0, 2.0, 3.0], True), nptorch.tensor([0, 0])
    taken = x[i]
    i[0] = 2
    taken.sum().backward()
    assert x.grad.tolist() == [2, 0, 0]


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
    ("arange(0.5, 2, dtype=m.float32)", [0.5, 1.5], "float32"),
    ("arange(0, 2.5, dtype=m.int64)", [0, 1], "int64"),  # the ends become ints first
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
    ("zeros(2, dtype=None)", [0, 0], "float32"), ("ones(2, dtype=None)", [1, 1], "float32"),
    ("eye(1, dtype=None)", [[1]], "float32"), ("arange(1, dtype=None)", [0], "int64"),
    ("linspace(0, 1, 2, dtype=None)", [0, 1], "float32"),
    ("zeros_like(m.arange(1), dtype=None)", [0], "int64"), ("ones(1).to(None)", [1], "float32"),
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
        with pytest.raises((RuntimeError, TypeError), match="int64"):
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
    ("rand(500, 2, dtype=None)", "float32", 0, 1, 0.5, 12**-0.5),
    ("randn(500, 2, dtype=None)", "float32", -5, 5, 0, 1),
    ("randint(5, (500, 2), dtype=None)", "int64", 0, 4, 2, 2**0.5),
]


@pytest.mark.parametrize("call, dtype, low, high, mean, std", RANDOM, ids=[r[0] for r in RANDOM])
def test_random_numbers_are_those_of_the_seed(call, dtype, low, high, mean, std):
    draws = []
    for seed in (0, 0, 1, None):
        if seed is not None:
            nptorch.manual_seed(seed)
        draws.append(eval(f"m.{call}", {"m": nptorch}))
    first, again, other, more = (t.tolist() for t in draws)
    assert first == again != other != more
    t = draws[0]
    assert t.shape == (500, 2) and t.dtype == dtype and not t.requires_grad
    assert low <= t.data.min() and t.data.max() <= high
    assert np.abs(t.data.mean() - mean) < 0.15 and np.abs(t.data.std() - std) < 0.1
    assert dtype != "int64" or len(np.unique(t.data)) == 5


def test_randperm_is_a_permutation_of_the_seed():
    nptorch.manual_seed(0)
    first, more = nptorch.randperm(50), nptorch.randperm(50)
    nptorch.manual_seed(0)
    assert sorted(first.tolist()) == list(range(50)) and first.dtype == "int64"
    assert first.tolist() == nptorch.randperm(50).tolist() != more.tolist()
    assert nptorch.randperm(0).tolist() == []


def test_a_seed_leaves_numpys_own_generator_alone():
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    nptorch.manual_seed(0)
    nptorch.rand(5)
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
    (0.01, 1.0009, {}, False), (0.01, 1 + 5e-7, {}, True), (0.01, 1.01, {"atol": 1e-3}, True),
    (100.0, 1.0009, {}, False), (100.0, 1 + 5e-7, {}, True), (100.0, 1.01, {"rtol": 0.1}, True),
    (0.0, 1, {"atol": 0, "rtol": 0}, True), (100.0, 1 + 5e-7, {"atol": 0, "rtol": 0}, False),
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


def test_gradcheck_allows_a_float32_input_its_rounding_even_where_the_output_is_float64():
    assert gradcheck(lambda a: (a.exp() - a.exp() * 0.999).double(), Tensor([0.3, 1.7], True))


def test_gradcheck_leaves_its_inputs_alone():
    x, y = Tensor(np.array([1.0, 2.0]), True), Tensor(np.array([3.0, 4.0]), True)
    x.grad = Tensor(np.array([5.0, 6.0]))
    array = x.data
    nptorch.manual_seed(0)
    drawn = nptorch.rand(3).tolist()
    nptorch.manual_seed(0)
    assert gradcheck(nptorch.mul, (x, y)) and gradcheck(lambda a: a * 2, x)
    assert x.data is array and array.tolist() == [1, 2] and y.tolist() == [3, 4]
    assert x.grad.tolist() == [5, 6] and y.grad is None
    assert nptorch.rand(3).tolist() == drawn
    with pytest.raises(AssertionError):
        gradcheck(wrong, (x, Tensor(np.array([1.0, 2.0]), True)))
    assert array.tolist() == [1, 2] and x.grad.tolist() == [5, 6]
    assert nptorch.is_grad_enabled()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_relu_of_a_large_array_is_that_of_its_rows(dtype):
    numbers = np.random.default_rng(0).integers(-9, 9, (3, 2500)).astype(dtype)
    is_float = numbers.dtype.kind == "f"
    if is_float:
        numbers[0, :4] = np.nan, np.inf, -np.inf, -0.0
    whole = Tensor(numbers, requires_grad=is_float)
    y, rows = nptorch.relu(whole), [nptorch.relu(Tensor(row)).data for row in numbers]
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.data, rows)
    if is_float:
        y.backward(np.ones_like(numbers))
        np.testing.assert_array_equal(whole.grad.data, np.isnan(numbers) | (numbers > 0))


def test_cat_goes_back_in_a_line_of_time(monkeypatch):
    cuts, split = [], np.split
    monkeypatch.setattr(np, "split", lambda a, at, axis: cuts.extend(at) or split(a, at, axis))
    pieces = [Tensor(np.ones(i % 3), True) for i in range(60)]
    (nptorch.cat(pieces) * nptorch.arange(60)).sum().backward()
    assert [g for p in pieces for g in p.grad.tolist()] == list(range(60)) and len(cuts) <= 120
