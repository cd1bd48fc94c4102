"""The Tensor, the graph, the walk back, no_grad, printing and the in-place rules.

Where PyTorch decides what is right, the expected value stands here literally and is also held
against torch itself, if that is installed.
"""

import copy
import gc
import itertools
import pickle
import threading
import weakref

import numpy as np
import pytest

import nptorch
from nptorch.autograd import Node, Tensor, is_grad_enabled, no_grad, op, unbroadcast
from nptorch.creation import tensor
from nptorch.versions import increment_version

RNG = np.random.default_rng(0)


def leaf(data, dtype=np.float32):
    return tensor(data, dtype, requires_grad=True)


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# Construction and dtypes


@pytest.mark.parametrize("data", [2.5, True, [1, 2], [[1.5], [2]], (1, 2), [], [True, False]])
def test_tensor_class_makes_numbers_and_lists_float32(data):
    t = Tensor(data)
    assert t.dtype == np.float32 and t.tolist() == np.float32(data).tolist()
    assert not t.requires_grad and t.grad is None and t.grad_fn is None and t.is_leaf


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8", "bool"])
def test_arrays_and_numpy_scalars_keep_their_dtype(dtype):
    array = np.ones(3, dtype)
    for make in (Tensor, tensor):
        assert make(array).dtype == make(array[0]).dtype == make(Tensor(array)).dtype == dtype


INFERRED = [
    (1.5, "float32"), (1, "int64"), (True, "bool"), ([], "float32"), ([1, 2], "int64"),
    ([1, 2.5], "float32"), ([True, False], "bool"), ([True, 2], "int64"), ([[1.0]], "float32"),
    (2**40, "int64"), (np.float64(1), "float64"), (np.int32(1), "int32"),
    (np.array([1.0]), "float64"), (np.array([1], np.uint8), "uint8"),
]


@pytest.mark.parametrize("data, dtype", INFERRED, ids=repr)
def test_tensor_function_infers_the_dtype(data, dtype):
    assert tensor(data).dtype == dtype


def test_tensor_function_infers_as_pytorch():
    torch = pytest.importorskip("torch")
    for data, dtype in INFERRED:
        assert str(torch.tensor(data).dtype) == f"torch.{dtype}", data


def test_tensor_function_takes_a_dtype():
    assert tensor([1.7, 2], np.int64).tolist() == [1, 2]
    assert tensor([1], np.float64, requires_grad=True).requires_grad


def test_tensor_class_shares_an_array_and_tensor_function_copies_it():
    array = np.zeros(2)
    shared, of_tensor, copied = Tensor(array), Tensor(Tensor(array)), tensor(array)
    array[0] = 7
    assert shared.tolist() == of_tensor.tolist() == [7, 0] and copied.tolist() == [0, 0]
    assert tensor(shared).data is not shared.data


@pytest.mark.parametrize("make", [Tensor, tensor])
@pytest.mark.parametrize("data", [1j, np.array([1j]), np.array(["a"]), np.array([None]), None,
                                  [None], "1.5", ["a"]], ids=repr)
def test_only_real_numbers_are_data(make, data):
    with pytest.raises(TypeError, match="expected real numbers, got dtype"):
        make(data)


def test_ragged_lists_are_refused():
    for make in (Tensor, tensor):
        with pytest.raises(ValueError):
            make([[1, 2], [3]])


@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8"])
def test_only_floats_can_require_grad(dtype):
    array = np.ones(2, dtype)
    for ask in (lambda: Tensor(array, True), lambda: tensor(array, requires_grad=True),
                lambda: Tensor(array).requires_grad_()):
        with pytest.raises(RuntimeError, match=f"only floats can require grad, got dtype {dtype}"):
            ask()
    assert Tensor(array).requires_grad_(False).requires_grad is False


def test_requires_grad_can_be_turned_on_and_off_on_a_leaf_only():
    t = Tensor([1.0])
    assert t.requires_grad_() is t and t.requires_grad
    y = t * 2
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad_(False)
    assert y.requires_grad_() is y and not y.is_leaf
    assert t.requires_grad_(False) is t and not (t * 2).requires_grad


# Reading


def test_sizes():
    t = Tensor(np.zeros((2, 3)))
    assert t.shape == t.size() == (2, 3) and t.size(0) == 2 and t.size(-1) == 3
    assert t.ndim == t.dim() == 2 and t.numel() == 6 and len(t) == 2
    assert (Tensor(1.0).shape, Tensor(1.0).numel(), Tensor([]).numel()) == ((), 1, 0)
    with pytest.raises(IndexError):
        t.size(2)
    with pytest.raises(TypeError, match="no length"):
        len(Tensor(1.0))


@pytest.mark.parametrize("data", [[], [1, 2], [[1, 2]]], ids=repr)
def test_only_a_single_element_is_a_number(data):
    for read in (Tensor.item, bool, int, float):
        with pytest.raises(ValueError, match="exactly one element"):
            read(Tensor(data))


def test_a_single_element_is_a_python_number():
    assert type(Tensor([[2.5]]).item()) is float and Tensor([[2.5]]).item() == 2.5
    assert type(tensor(3).item()) is int and type(tensor(True).item()) is bool
    assert (int(Tensor(2.7)), float(Tensor([2.5])), bool(Tensor(0.0))) == (2, 2.5, False)
    assert f"{leaf(2.0) / 3:.2f}" == "0.67" and f"{tensor(3):>3}" == "  3"
    assert f"{Tensor([1, 2])}" == "tensor([1., 2.])"


def test_tolist_gives_python_numbers():
    assert Tensor([[1, 2], [3, 4]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert type(leaf([1.5]).tolist()[0]) is float and Tensor(1.5).tolist() == 1.5


def test_numpy_detach_and_clone():
    x = leaf([1.0, 2.0])
    for t in (x, x * 2):
        with pytest.raises(RuntimeError, match=r"detach\(\).numpy\(\)"):
            t.numpy()
    detached = x.detach()
    assert detached.numpy() is x.data and not detached.requires_grad
    assert Tensor([1]).detach().grad_fn is None
    y = x.clone()
    assert y.tolist() == x.tolist() and not np.shares_memory(y.data, x.data)
    y.backward(np.float32([3, 4]))
    assert x.grad.tolist() == [3, 4]


def test_numpy_reads_a_tensor_even_if_it_requires_grad():
    x = leaf([1.0, 2.0])
    assert np.asarray(x) is x.data and np.asarray(x, np.float64).dtype == np.float64
    copied = np.array(x)
    copied[0] = 9
    assert x.tolist() == [1, 2]


def test_tensors_are_keys_by_identity():
    a, b = Tensor([1, 2]), Tensor([1, 2])
    assert len({a, b, a}) == 2 and {a: "a", b: "b"}[b] == "b"


def test_comparing_with_none_is_false_as_in_pytorch():
    assert (Tensor([1, 2]) == None) is False  # noqa: E711
    assert (Tensor([1, 2]) != None) is True  # noqa: E711


# repr


REPRS = [
    (lambda m: m.tensor(1.0), "tensor(1.)"),
    (lambda m: m.tensor(3), "tensor(3)"),
    (lambda m: m.tensor(True), "tensor(True)"),
    (lambda m: m.tensor([1.0, -2.0]), "tensor([ 1., -2.])"),
    (lambda m: m.tensor([1.5, -2.25]), "tensor([ 1.5000, -2.2500])"),
    (lambda m: m.tensor([[1.5, 10], [3, 4]]),
     "tensor([[ 1.5000, 10.0000],\n        [ 3.0000,  4.0000]])"),
    (lambda m: m.tensor([[[1], [2]], [[3], [4]]]),
     "tensor([[[1],\n         [2]],\n\n        [[3],\n         [4]]])"),
    (lambda m: m.tensor([True, False]), "tensor([ True, False])"),
    (lambda m: m.tensor([1e-5, 1]), "tensor([1.0000e-05, 1.0000e+00])"),
    (lambda m: m.tensor([0.1, 1000.5]), "tensor([1.0000e-01, 1.0005e+03])"),
    (lambda m: m.tensor([1000.5, 10000.5]), "tensor([ 1000.5000, 10000.5000])"),
    (lambda m: m.tensor(3.14159265), "tensor(3.1416)"),
    (lambda m: m.tensor([]), "tensor([])"),
    (lambda m: m.tensor([float("inf"), 1.5]), "tensor([   inf, 1.5000])"),
    (lambda m: m.tensor([1.0, 2.0], requires_grad=True), "tensor([1., 2.], requires_grad=True)"),
    (lambda m: m.tensor([1.0], requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
    (lambda m: m.tensor(1.5, requires_grad=True) + 1, "tensor(2.5000, grad_fn=<AddBackward0>)"),
    (lambda m: m.tensor([1.0], dtype=m.float64), "tensor([1.], dtype=float64)"),
    (lambda m: m.tensor([1.5], dtype=m.float64, requires_grad=True).clone(),
     "tensor([1.5000], dtype=float64, grad_fn=<CloneBackward0>)"),
    (lambda m: m.tensor(np.array([1], np.uint8)), "tensor([1], dtype=uint8)"),
    # whole numbers beside nan and inf, beyond a million, and of different sizes
    (lambda m: m.tensor([float("nan"), 10.0]), "tensor([nan, 10.])"),
    (lambda m: m.tensor([float("inf"), -10.0]), "tensor([ inf, -10.])"),
    (lambda m: m.tensor(1234567.0), "tensor(1234567.)"),
    (lambda m: m.tensor([12345678.0, 1]), "tensor([1.2346e+07, 1.0000e+00])"),
    (lambda m: m.tensor([[], []]), "tensor([], size=(2, 0))"),
    # where powers of ten begin
    (lambda m: m.tensor([1, 1000.0]), "tensor([   1., 1000.])"),
    (lambda m: m.tensor([-1, 1000.5]), "tensor([-1.0000e+00,  1.0005e+03])"),
    (lambda m: m.tensor([1e8], dtype=m.float64), "tensor([100000000.], dtype=float64)"),
    (lambda m: m.tensor([1e8 + 1], dtype=m.float64), "tensor([1.0000e+08], dtype=float64)"),
    (lambda m: m.tensor([1e-4], dtype=m.float64), "tensor([0.0001], dtype=float64)"),
    (lambda m: m.tensor([1e-5, 0]), "tensor([1.0000e-05, 0.0000e+00])"),
    (lambda m: m.tensor([0.0, 0.0]), "tensor([0., 0.])"),
]


@pytest.mark.parametrize("make, expected", REPRS, ids=[expected[:30] for _, expected in REPRS])
def test_repr_is_pytorchs(make, expected):
    assert repr(make(nptorch)) == str(make(nptorch)) == expected


def test_expected_reprs_are_pytorchs():
    torch = pytest.importorskip("torch")
    for make, expected in REPRS:
        assert repr(make(torch)).replace("torch.", "") == expected


# The walk back


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_gradient_of_a_single_number_is_implied(shape):
    x = leaf(np.full(shape, 3.0))
    (x * x).backward()
    assert x.grad.shape == shape and x.grad.item() == 6 and isinstance(x.grad, Tensor)
    assert x.grad.dtype == np.float32 and not x.grad.requires_grad


@pytest.mark.parametrize("make", [np.array, Tensor, np.ndarray.tolist],
                         ids=["array", "Tensor", "list"])
def test_backward_takes_a_gradient(make):
    x = leaf([1.0, 2.0])
    (x * x).backward(make(np.array([1.0, 10.0])))
    assert x.grad.tolist() == [2, 40] and x.grad.dtype == np.float32


def test_a_leaf_can_be_walked_itself():
    x = leaf([1.0, 2.0])
    g = np.float32([3, 4])
    x.backward(g)
    g[:] = 0
    assert x.grad.tolist() == [3, 4]


def test_backward_says_what_is_wrong():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="does not require grad"):
        Tensor(1.0).backward()
    for shape in [(2,), (0,), (2, 1)]:
        with pytest.raises(RuntimeError, match=rf"shape \({shape[0]},.*t.sum\(\)"):
            (leaf(np.ones(shape)) * 2).backward()
    for gradient in (1.0, [1.0], [[1.0, 1.0]], [1.0] * 3):
        with pytest.raises(ValueError, match=r"expected shape \(2,\), got \("):
            (x * 2).backward(gradient)
    assert x.grad is None


def test_leaves_add_up_over_uses_and_walks():
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    (x * y + x).backward([1, 1])
    assert x.grad.tolist() == [4, 4] and y.grad.item() == 3
    grad = x.grad
    (x * 10).backward([1, 1])
    assert x.grad is grad and grad.tolist() == [14, 14]


def test_a_diamond_counts_every_path():
    x = leaf(3.0)
    a, b = x * 2, x * x
    (a * b + a).backward()  # 2x³ + 2x
    assert x.grad.item() == 6 * 9 + 2
    assert a.grad is None and b.grad is None


def test_a_tower_of_diamonds_takes_one_visit_each():
    x = y = leaf(1.0, np.float64)
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_an_old_node_waits_for_all_younger_ones():
    calls = []

    @op
    def watched(a):
        return a * 1, lambda g: calls.append(float(g)) or g

    x = leaf(1.0)
    h = watched(x)
    long_way = h
    for _ in range(5):
        long_way = long_way * 2
    (h + long_way).backward()
    assert calls == [33] and x.grad.item() == 33


def test_gradients_share_no_memory():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    h = x + y
    h.retain_grad()
    out, g = h.clone(), np.float32([1, 1])
    out.backward(g)
    arrays = [x.data, y.data, h.data, out.data, x.grad.data, y.grad.data, h.grad.data, g]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_retain_grad():
    x = leaf([1.0, 2.0])
    h = x * 3
    h.retain_grad()
    (h * h).backward([1, 1], retain_graph=True)
    assert h.grad.tolist() == [6, 12] and x.grad.tolist() == [18, 36]
    (h * 1).backward([1, 1])
    assert h.grad.tolist() == [7, 13] and x.grad.tolist() == [21, 39]
    x.retain_grad()  # changes nothing on a leaf
    (x * 1).backward([1, 1])
    assert x.grad.tolist() == [22, 40]
    with pytest.raises(RuntimeError, match="does not require grad"):
        Tensor(1.0).retain_grad()


def test_two_losses_over_one_shared_part():
    x = leaf(3.0)
    shared = x * x
    first, second = shared * 2, shared * 5
    first.backward(retain_graph=True)
    assert x.grad.item() == 12
    second.backward()
    assert x.grad.item() == 42


def test_a_second_walk_says_what_to_do_and_changes_nothing():
    x, y = leaf(3.0), leaf(1.0)
    shared = x * x
    first, second = shared * 2, shared * y
    first.backward()
    for loss in (first, second):
        with pytest.raises(RuntimeError, match="MulBackward0.*retain_graph=True"):
            loss.backward()
    assert x.grad.item() == 12 and y.grad is None


def test_the_same_walk_twice_adds_twice():
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12


def test_a_failing_walk_changes_no_grad():
    @op
    def broken(a):
        return a * 1, lambda g: 1 / 0

    x, y = leaf(1.0), leaf(1.0)
    x.grad = Tensor(5.0)
    h = broken(y)
    loss = x * h + y
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    assert x.grad.item() == 5 and y.grad is None


def test_gradients_that_nobody_needs_are_never_computed():
    @op
    def product(a, b):
        return a * b, lambda g: g * b, lambda g: pytest.fail("computed for nothing")

    x = leaf([1.0, 2.0])
    for other in (Tensor([3, 4]), np.float32([3, 4]), 3, leaf([3.0, 4.0]).detach()):
        product(x, other).backward([1, 1])
    assert x.grad.tolist() == [12, 15]
    assert product(Tensor([1]), Tensor([2])).grad_fn is None


@pytest.mark.parametrize("shape, like", [((2, 3), (3,)), ((2, 3), (1, 3)), ((2, 3), (2, 1)),
                                         ((4, 2, 3), (2, 1)), ((2, 3), ()), ((2, 3), (1, 1)),
                                         ((0, 3), (1, 3)), ((2, 3), (2, 3))])
def test_unbroadcast_sums_what_was_repeated(shape, like):
    g = RNG.normal(size=shape)
    expected = np.zeros(like)
    for j in np.ndindex(shape):  # every element goes to the one that it was copied from
        i = j[len(shape) - len(like):]
        expected[tuple(0 if n == 1 else k for n, k in zip(like, i))] += g[j]
    result = unbroadcast(g, np.zeros(like))
    assert result.shape == like
    np.testing.assert_allclose(result, expected)
    assert unbroadcast(g, np.zeros(like, np.float32)).dtype == np.float32


# The graph's size and life


def test_a_chain_of_100_000_ops_goes_back_and_is_freed(no_gc):
    x = y = leaf(1.0)
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    for _ in range(100_000):
        y = y * 1
    alive = weakref.ref(y)
    del y  # never walked: freed as a whole
    assert alive() is None


def test_a_graph_is_gone_when_its_last_name_is(no_gc):
    x = leaf([1.0, 2.0])
    h = x * 2
    y = h + x
    inner, node = weakref.ref(h), weakref.ref(y)
    del h
    assert inner() is not None  # the graph needs it
    del y
    assert inner() is None and node() is None


def test_a_walk_drops_the_graph_unless_told_otherwise(no_gc):
    x = leaf(2.0)
    h = x * x
    y, alive = h * 3, weakref.ref(h)
    del h
    y.backward(retain_graph=True)
    assert alive() is not None
    y.backward()
    assert alive() is None and x.grad.item() == 24


def test_nothing_is_recorded_without_need():
    assert (Tensor([1]) * 2).grad_fn is None
    y = leaf([1.0]) * Tensor([2])
    assert isinstance(y.grad_fn, Node) and not y.is_leaf and repr(y.grad_fn) == "<MulBackward0>"


# no_grad


def test_no_grad_records_nothing_and_nests():
    x = leaf([1.0])
    assert is_grad_enabled()
    with no_grad():
        with no_grad():
            assert not is_grad_enabled()
        assert not is_grad_enabled()
        y = x * 2
        assert not y.requires_grad and y.is_leaf
    assert is_grad_enabled() and (x * 2).requires_grad


def test_no_grad_decorates_even_a_recursive_function():
    @no_grad()
    def count_down(n):
        """Docstring."""
        assert not is_grad_enabled()
        return n if n == 0 else count_down(n - 1)

    for _ in range(2):
        assert count_down(5) == 0 and is_grad_enabled()
    assert count_down.__name__ == "count_down" and count_down.__doc__ == "Docstring."


def test_no_grad_survives_exceptions():
    @no_grad()
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert is_grad_enabled()
    with no_grad():
        with pytest.raises(KeyError):
            fails()
        assert not is_grad_enabled()
    assert is_grad_enabled()


def test_no_grad_holds_for_its_own_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_backward_works_under_no_grad():
    x = leaf(3.0)
    y = x * x
    with no_grad():
        y.backward()
    assert x.grad.item() == 6


# In-place changes


def iadd(t, other):
    t += other
    return t


def isub(t, other):
    t -= other
    return t


def imul(t, other):
    t *= other
    return t


def itruediv(t, other):
    t /= other
    return t


CHANGES = [
    (iadd, [3, 6]), (isub, [-1, -2]), (imul, [2, 8]), (itruediv, [0.5, 0.5]),
    (lambda t, other: t.copy_(other), [2, 4]), (lambda t, other: t.fill_(7), [7, 7]),
    (lambda t, other: t.zero_(), [0, 0]), (lambda t, other: t.__setitem__(0, other[0]), [2, 2]),
]
IDS = ["+=", "-=", "*=", "/=", "copy_", "fill_", "zero_", "[]="]


@pytest.mark.parametrize("change, expected", CHANGES, ids=IDS)
@pytest.mark.parametrize("other", [[2, 4], Tensor([2, 4]), np.float64([2, 4])], ids=type)
def test_in_place_changes_the_own_array_of_a_plain_tensor(change, expected, other):
    array = np.float32([1, 2])
    t = Tensor(array)
    change(t, other)
    assert t.data is array and array.tolist() == expected and array.dtype == np.float32


@pytest.mark.parametrize("change, expected", CHANGES, ids=IDS)
def test_in_place_under_no_grad_changes_a_leaf(change, expected):
    x = leaf([1.0, 2.0])
    array = x.data
    with no_grad():
        change(x, leaf([2.0, 4.0]))
    assert x.data is array and array.tolist() == expected
    assert x.requires_grad and x.is_leaf


@pytest.mark.parametrize("change", [change for change, _ in CHANGES], ids=IDS)
def test_in_place_is_refused_for_a_leaf_while_recording(change):
    x, other = leaf([1.0, 2.0]), Tensor([2, 4])
    with pytest.raises(RuntimeError, match=r"leaf that requires grad.*no_grad\(\)"):
        change(x, other)
    assert x.tolist() == [1, 2]


SLOPES = [[1, 1], [1, 1], [2, 4], [0.5, 0.25], [0, 0], [0, 0], [0, 0], [0, 1]]
OTHERS = [[1, 1], [-1, -1], [1, 2], [-0.25, -0.125], [1, 1], None, None, [1, 0]]


@pytest.mark.parametrize("change, expected, slope, other_slope",
                         [(*c, *s) for c, *s in zip(CHANGES, SLOPES, OTHERS)], ids=IDS)
def test_in_place_is_recorded(change, expected, slope, other_slope):
    x, other = leaf([1.0, 2.0]), leaf([2.0, 4.0])
    h = x * 1
    array = h.data
    change(h, other)
    assert h.data is array and h.tolist() == expected
    h.sum().backward()
    assert x.grad.tolist() == slope
    assert (other.grad if other_slope is None else other.grad.tolist()) == other_slope


@pytest.mark.parametrize("change", [change for change, _ in CHANGES[:5] + CHANGES[7:]],
                         ids=IDS[:5] + IDS[7:])
def test_in_place_with_a_source_that_requires_grad_is_recorded(change):
    t, other = Tensor([1, 2]), leaf([2.0, 4.0])
    change(t, other)
    assert t.requires_grad and not t.is_leaf
    t.sum().backward()
    assert other.grad is not None


def test_in_place_methods_give_the_tensor_back_and_cast():
    t = tensor([1, 2])
    assert t.fill_(3.7) is t.copy_([3.7, 3.2]) is t and t.tolist() == [3, 3]
    assert t.zero_() is t and t.tolist() == [0, 0] and t.dtype == np.int64
    assert Tensor(np.zeros((2, 2))).copy_(Tensor([1, 2])).tolist() == [[1, 2], [1, 2]]


def test_in_place_never_changes_shape_or_dtype():
    t = Tensor([1, 2])
    with pytest.raises(ValueError):
        t += np.ones((2, 2))
    with pytest.raises(ValueError):
        t.copy_([1, 2, 3])
    with pytest.raises(TypeError):
        tensor([1, 2]).__iadd__(1.5)
    assert t.tolist() == [1, 2]


@pytest.mark.parametrize("change", [change for change, _ in CHANGES], ids=IDS)
@pytest.mark.parametrize("part", [
    lambda t: t, lambda t: t.detach(), lambda t: t.detach()[:],
    lambda t: t.detach().reshape(2, 1).T[0],
    lambda t: Tensor(t.detach().numpy()[::-1]),
], ids=["itself", "detached", "slice", "view of a view", "array"])
def test_backward_refuses_when_what_it_saved_has_changed(change, part):
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    product = a * b
    with no_grad():
        change(part(b), [5, 6])
    with pytest.raises(RuntimeError, match=r"<MulBackward0> saved a Tensor of shape \(2,\)"):
        product.backward([1, 1])
    assert a.grad is b.grad is None


def test_backward_does_not_mind_changes_that_were_there_before_or_that_concern_others():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    with no_grad():
        b *= 2
    product, bystander = a * b, b.clone()
    with no_grad():
        bystander += 1
    with pytest.raises(ValueError):
        b.detach().copy_([1, 2, 3])  # nothing was written
    product.backward([1, 1])
    assert a.grad.tolist() == [6, 8] and b.grad.tolist() == [1, 2]


def test_an_index_that_changes_before_the_walk_back_counts_as_it_was():
    x, index, mask = leaf([1.0, 2.0, 3.0]), tensor([0, 2]), tensor([False, True, True])
    y = x[index].sum() + x[mask].sum()
    index.fill_(1)
    mask.fill_(False)
    y.backward()
    assert x.grad.tolist() == [1, 1, 2]


def test_a_gradient_that_an_op_saved_may_not_grow():
    w = leaf([1.0, 2.0])
    (w * w).backward([1, 1])
    penalty = w * w.grad
    (w * w).backward([1, 1])
    with pytest.raises(RuntimeError, match="changed in place"):
        penalty.backward([1, 1])


def test_what_numpy_wrote_must_be_told():
    a, b = leaf([1.0, 2.0]), Tensor([3.0, 4.0])
    product = a * b
    b.data[:] = 7
    increment_version(b)
    with pytest.raises(RuntimeError, match="changed in place"):
        product.backward([1, 1])


def test_zero_clears_a_grad():
    x = leaf([1.0, 2.0])
    (x * x).backward([1, 1])
    x.grad.zero_()
    assert x.grad.tolist() == [0, 0] and x.tolist() == [1, 2]


# Promotion of dtypes


OPERANDS = {
    "bool": lambda m: m.tensor([True]),
    "uint8": lambda m: m.tensor(np.ones(1, np.uint8)),
    "int32": lambda m: m.tensor(np.ones(1, np.int32)),
    "int64": lambda m: m.tensor([1]),
    "int64 0-d": lambda m: m.tensor(1),
    "float32": lambda m: m.tensor([1.0]),
    "float32 0-d": lambda m: m.tensor(1.0),
    "float64": lambda m: m.tensor([1.0], dtype=m.float64),
    "float64 0-d": lambda m: m.tensor(1.0, dtype=m.float64),
    "float16": lambda m: m.tensor(np.ones(1, np.float16)),
    "True": lambda m: True,
    "2": lambda m: 2,
    "2.0": lambda m: 2.0,
}
PROMOTED = [
    ("bool", "2", "int64"), ("bool", "2.0", "float32"), ("bool", "uint8", "uint8"),
    ("int32", "2", "int32"), ("int32", "int64", "int64"), ("int32", "int64 0-d", "int32"),
    ("int64", "2.0", "float32"), ("int64", "float32 0-d", "float32"),
    ("int64", "float64 0-d", "float64"), ("float32", "2.0", "float32"),
    ("float32", "float64 0-d", "float32"), ("float32 0-d", "float64", "float64"),
    ("float32", "float64", "float64"), ("float32", "int64", "float32"),
    ("float32 0-d", "float64 0-d", "float64"), ("float16", "float32", "float32"),
    ("float16", "2", "float16"), ("float16", "int64", "float16"), ("float64", "True", "float64"),
]
RESULTS = {
    "+": lambda m, a, b: a + b,
    "*": lambda m, a, b: a * b,
    "/": lambda m, a, b: a / b,
    "**": lambda m, a, b: a**b,
    "==": lambda m, a, b: a == b,
    "where": lambda m, a, b: m.where(m.tensor([True]), a, b),
}


@pytest.mark.parametrize("a, b, expected", PROMOTED)
def test_promotion(a, b, expected):
    a, b = OPERANDS[a](nptorch), OPERANDS[b](nptorch)
    assert (a + b).dtype == (b * a).dtype == nptorch.where(tensor([True]), a, b).dtype == expected
    assert (a == b).dtype == bool
    assert (a / b).dtype == (expected if expected.startswith("float") else "float32")


@pytest.mark.parametrize("name", RESULTS)
def test_promotion_is_pytorchs(name):
    torch = pytest.importorskip("torch")
    f, wrong = RESULTS[name], []
    for (a, make_a), (b, make_b) in itertools.product(OPERANDS.items(), repeat=2):
        if (a[0] in "T2" and b[0] in "T2") or (name == "**" and "bool" in a + b):
            continue
        theirs, ours = (str(f(m, make_a(m), make_b(m)).dtype) for m in (torch, nptorch))
        if theirs != f"torch.{ours}":
            wrong.append((a, b, theirs, ours))
    assert not wrong


@pytest.mark.parametrize("number", [2, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2),
                                    np.bool_(True)], ids=lambda n: f"{type(n).__name__}")
def test_float32_stays_float32_beside_a_number_on_either_side(number):
    x = leaf([1.0, 2.0])
    for y, expected in [
        (x + number, x.data + float(number)), (number + x, x.data + float(number)),
        (x - float(number), x.data - float(number)),  # PyTorch takes no bools from anything
        (float(number) - x, float(number) - x.data),
        (x * number, x.data * float(number)), (number * x, x.data * float(number)),
        (x / number, x.data / float(number)), (number / x, float(number) / x.data),
        (x**number, x.data ** float(number)), (number**x, float(number) ** x.data),
    ]:
        assert isinstance(y, Tensor) and y.dtype == np.float32 and y.requires_grad
        np.testing.assert_allclose(y.data, expected, rtol=1e-6)
        x.grad = None
        y.backward([1, 1])
        assert x.grad.dtype == np.float32
    assert (Tensor(1.0) * number).dtype == (number + Tensor(1.0)).dtype == np.float32


def test_a_number_is_as_exact_as_the_tensor_beside_it():
    x = tensor([1.0], np.float64)
    assert (x / 100_000_001).item() == 1 / 100_000_001
    assert (x * 0.1).item() == 0.1 and (x + 1e-12).item() == 1 + 1e-12
    assert (100_000_001 / x).item() == 100_000_001


ARRAY_OPS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: a / b, "**": lambda a, b: a**b, "@": lambda a, b: a @ b,
    "<": lambda a, b: a < b, "==": lambda a, b: a == b,
}


@pytest.mark.parametrize("f", ARRAY_OPS.values(), ids=ARRAY_OPS)
def test_arrays_work_on_either_side(f):
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    other = np.array([[2.0, 2.0], [1.0, 0.5]])
    for out in (f(array, Tensor(other)), f(Tensor(array), other)):
        assert isinstance(out, Tensor) and out.tolist() == f(array, other).tolist()
    x = Tensor(other, True)
    y = f(array, x)
    assert y.requires_grad == (y.dtype == np.float64)


@pytest.mark.parametrize("other", [None, "a", [1.0, 2.0], object()], ids=lambda o: repr(o)[:9])
def test_other_operands_are_refused(other):
    with pytest.raises(TypeError, match=f"got {type(other).__name__}"):
        nptorch.add(Tensor([1, 2]), other)
    with pytest.raises(TypeError):
        Tensor([1, 2]) + other
    with pytest.raises(TypeError):
        other * Tensor([1, 2])


# Copies, and ops of one's own


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))],
                         ids=["deepcopy", "pickle"])
def test_a_copied_leaf_is_whole_and_independent(duplicate):
    x = leaf([1.0, 2.0])
    (x * x).backward([1, 1])
    y = duplicate(x)
    assert y.tolist() == [1, 2] and y.grad.tolist() == [2, 4]
    assert y.requires_grad and y.is_leaf and y.dtype == np.float32
    (y * 1).backward([1, 1])
    y.data[:] = 0
    assert x.tolist() == [1, 2] and x.grad.tolist() == [2, 4] and y.grad.tolist() == [3, 5]


def test_a_copied_leaf_may_hold_itself():
    x = leaf([1.0])
    x.names = {"x": x}
    twin = copy.deepcopy(x)
    assert twin.names["x"] is twin is not x


def test_an_op_of_ones_own():
    @op
    def scaled_sum(a, b, /, factor, shift=0.0):
        """Docstring."""
        return factor * (a + b) + shift, lambda g: g * factor, lambda g: g * factor

    x, y = leaf(np.ones((2, 3))), leaf([1.0, 2.0, 3.0])
    out = scaled_sum(x, y, 2.0, shift=1.0)
    assert out.tolist() == [[5, 7, 9], [5, 7, 9]] and out.dtype == np.float32
    assert repr(out.grad_fn) == "<ScaledSumBackward0>"
    assert scaled_sum.__name__ == "scaled_sum" and scaled_sum.__doc__ == "Docstring."
    out.backward(np.ones((2, 3)))
    assert x.grad.tolist() == [[2] * 3] * 2 and y.grad.tolist() == [4, 4, 4]  # broadcast undone


def test_inputs_by_keyword_never_lose_their_gradient():
    x = leaf([1.0])
    for f in (nptorch.add, nptorch.mul, nptorch.sub):
        with pytest.raises(TypeError):
            f(a=x, b=x)
