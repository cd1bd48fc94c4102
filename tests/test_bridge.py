"""The bridge: PyTorch's names that are loaded when they are asked for, and its words for arguments.

What has a value and a gradient stands in cases.py; here is the rest.
"""

import copy
import gc
import inspect
import io
import json
import math
import pickle
import random
import re
import subprocess
import sys
import threading
import types
import weakref

import numpy as np
import pytest
import series

import nptorch
import nptorch as torch
from nptorch import lookup, nn
from nptorch.bridge import graph
from nptorch.bridge.elementwise import ALIASES, ROWS, STEPS
from nptorch.nn import functional as F
from nptorch.utils import data


def leaf(values):
    return torch.tensor(values, requires_grad=True)


# The mechanism


def test_importing_loads_neither_it_nor_what_stands_on_it():
    texts = {module: series.module_text(module, path, cells)
             for module, (path, cells) in series.read_all().items()}
    waiting = [f"nptorch.{module}" for module in ("bridge", *series.on_bridge(texts))]
    assert {"nptorch.nn.recurrent", "nptorch.algebra"} < {*waiting}
    program = (f"import sys, json, nptorch; first = [name in sys.modules for name in {waiting}]\n"
               f"nptorch.sin; print(json.dumps([first, [n in sys.modules for n in {waiting}]]))")
    before, after = json.loads(subprocess.check_output([sys.executable, "-c", program], text=True))
    assert not any(before) and all(after)


def test_help_has_a_name_and_a_line_for_each_function():
    lookup.bridge()
    assert str(inspect.signature(nn.ELU)) == "(alpha=1.0, inplace=False)"
    said = {}
    for place in (torch, nn, F, nn.init, nn.utils, torch.optim, torch.optim.lr_scheduler, data,
                  torch.autograd, torch.linalg, torch.Tensor, nn.Module, nn.Linear,
                  torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR):
        said |= {(place.__name__, name): f for name, f in vars(place).items()
                 if isinstance(f, types.FunctionType) and name[0] != "_"}
    assert len(said) > 400
    assert [at for at, f in said.items() if not f.__doc__ or "<" in f.__name__] == []
    assert torch.Tensor.add_.__name__ == "add_" and nn.Module.eval.__name__ == "eval"


@pytest.mark.parametrize("program", [
    "torch.sin(torch.ones(1))", "torch.ones(2).cpu()", "torch.ones(2, device='cpu')",
    "torch.ones(2).sum(axis=0)", "torch.nn.Softmax(dim=0)", "torch.nn.ReLU(inplace=True)",
    "torch.nn.Linear(1, 2).to('cpu')", "torch.cuda.is_available()", "torch.ones(2).to('cpu')",
    "import nptorch.backends.cudnn as cudnn; cudnn.benchmark = True",
    "from nptorch.autograd import Variable, Function", "from nptorch import sin",
    "torch.utils.data.DataLoader([1, 2], num_workers=2)", "torch.nn.NLLLoss(ignore_index=3)",
    "import nptorch.nn.functional as F; F.one_hot(torch.tensor([1]))",
    "torch.nn.MSELoss(size_average=False)", "import numpy; numpy.sin(torch.ones(1))",
    "torch.linalg.norm(torch.ones(2))", "torch.add(torch.ones(1), 1, out=torch.ones(1))",
    "torch.ones(2).prod()", "torch.nn.functional.softmax(torch.ones(2))",
    "from nptorch.bridge.graph import tensor_data; torch.ones(1).data.numpy()",
    "h = torch.ones(1, requires_grad=True) * 2; h += 1", "torch.ones(2).clamp(torch.ones(2))",
    "torch.ones(1, requires_grad=True).exp().grad_fn.next_functions",
    "try: torch.Tensor('x')\nexcept TypeError as error: torch.sin(torch.ones(1))",
    "import nptorch.multiprocessing as mp; mp.cpu_count()",
    "from nptorch.utils.data.sampler import RandomSampler", "torch.nn.Linear(1, 1)._modules",
    "import nptorch.onnx, nptorch.utils.data.dataloader as d; d.default_collate; d.Sampler",
    "import nptorch.nn.parallel, nptorch.functional as F; F.__name__", "torch.ones(2).isclose",
    "torch.nn.LazyLinear(1).load_state_dict("
    "{'weight': torch.ones(1, 2), 'bias': torch.ones(1)})",
])
def test_each_way_to_ask_finds_it_by_itself(program):
    program = f"import nptorch, nptorch as torch\n{program}"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("ask, message", [
    (lambda: torch.cosine, "nptorch has no 'cosine'; the nearest that is there: "),
    (lambda: nn.Transfomer, "nptorch.nn has no 'Transfomer'"),
    (lambda: torch.ones(1).summ(), "'Tensor' object has no attribute 'summ'"),  # Python's own
    (lambda: nn.Linear(1, 1).wieght, "Linear has no 'wieght'; the nearest that is there: weight"),
    (lambda: nn.Linear(1, 1).requires_grad,
     "Linear has no 'requires_grad'; the nearest that is there: requires_grad_"),
])
def test_an_absent_name_says_what_is_near(ask, message):
    with pytest.raises(AttributeError) as error:
        ask()
    assert str(error.value).startswith(message)
    assert not hasattr(torch, "quite_another_name") and torch.float is vars(torch)["float"]


def test_a_name_that_the_bridge_brings_is_found_at_once(monkeypatch):
    monkeypatch.setattr(lookup, "bridge", lambda: setattr(torch.cuda, "of_the_bridge", 7))
    assert torch.cuda.of_the_bridge == 7
    del torch.cuda.of_the_bridge


def test_names_of_tensors_wait_for_the_bridge():
    program = ("import nptorch; from nptorch.lookup import Waiting; T = nptorch.Tensor\n"
               "own = {*vars(T)}; waiting = {n for n in own if isinstance(vars(T)[n], Waiting)}\n"
               "assert len(waiting) > 100 and not hasattr(T, '__getattr__')\n"
               "import nptorch.bridge; assert {*vars(T)} - {'__getstate__'} == own\n"
               "assert not [n for n in waiting if isinstance(vars(T)[n], Waiting)]\n")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_of_tensors_is_found_when_asked_for(monkeypatch):
    waiting = lookup.Waiting(nptorch.Tensor, "later")
    monkeypatch.setattr(nptorch.Tensor, "later", waiting, raising=False)
    with pytest.raises(AttributeError, match="Tensor has no 'later'; the nearest"):
        print(torch.ones(1).later)
    monkeypatch.setattr(lookup, "bridge", lambda: setattr(nptorch.Tensor, "later", 7))
    assert vars(nptorch.Tensor)["later"].__get__(None, nptorch.Tensor) == 7
    monkeypatch.setattr(nptorch.Tensor, "later", waiting)
    assert torch.ones(1).later == 7


@pytest.mark.parametrize("refused", [
    lambda: torch.ones(2) + torch.ones(3), lambda: torch.ones(2, 3) @ torch.ones(2, 3),
    lambda: torch.ones(2).reshape(3), lambda: torch.ones(2).item(), lambda: torch.mm(
        torch.ones(2), torch.ones(2)), lambda: torch.arange(3).mean(), lambda: bool(torch.ones(2)),
    lambda: nn.Linear(3, 2)(torch.ones(1, 4)), lambda: torch.cat([torch.ones(2), torch.ones(1, 2)]),
    lambda: F.mse_loss(torch.ones(2), torch.ones(3, 2)), lambda: torch.ones(2).expand(3),
    lambda: nn.Linear(1, 1).load_state_dict({}), lambda: torch.ones(2).cuda(),
    lambda: torch.device("cuda"), lambda: torch.ones(1, device="mps"),
    lambda: torch.ones(2).backward(), lambda: torch.tensor([1]).__iadd__(0.5),
])
def test_what_is_refused_is_refused_with_a_runtime_error(refused):
    with pytest.raises(RuntimeError):
        refused()


def test_a_refusal_keeps_its_kind_and_its_words():
    with pytest.raises(ValueError, match=r"matmul: expected shapes .* got \(2, 3\) and \(2, 3\)"):
        torch.ones(2, 3) @ torch.ones(2, 3)
    with pytest.raises(TypeError, match="padding_idx: nptorch has only None, got 0"):
        nn.Embedding(3, 2, padding_idx=0)


# Devices and dtypes


def test_the_one_device():
    cpu = torch.device("cpu")
    x = torch.ones(2, device=cpu)
    assert x.device == cpu and str(x.device) == "cpu" and x.device.type == "cpu"
    assert x.to(cpu) is x.cpu() is x and x.to("cpu", torch.float64).dtype == np.float64
    assert x.to(torch.zeros(1, dtype=torch.int32)).dtype == np.int32
    assert x.to(x.dtype, copy=True) is not x and not x.is_cuda and repr(cpu) == "device(type='cpu')"
    for place in (torch.cuda, torch.mps, torch.backends.mps, torch.accelerator):
        assert not place.is_available() and place.device_count() == 0
    assert torch.set_default_device("cpu") is None and torch.set_printoptions(precision=2) is None
    assert torch.cuda.manual_seed_all(0) is torch.cuda.empty_cache() is None
    net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).to(cpu).cpu()
    net(torch.ones(2, 2)).sum().backward()
    assert net.double()[0].weight.dtype == net[0].weight.grad.dtype == np.float64
    assert net[1].running_mean.dtype == np.float64 and net[1].num_batches_tracked.dtype == np.int64
    assert net.half()[0].bias.dtype == np.float16 and net.type(torch.float64)[0].bias.dtype == float
    assert net.float()[0].weight.dtype == np.float32 and net[0].weight.requires_grad
    for refused in (lambda: net.cuda(), lambda: x.cuda(), lambda: torch.device("mps")):
        with pytest.raises(RuntimeError, match="this computer's memory"):
            refused()


def test_the_dtypes():
    assert torch.float is torch.float32 and torch.long is torch.int64
    assert torch.double is torch.float64 is np.dtype("float64") and torch.bool == np.bool_
    assert torch.half is torch.float16 == np.float16 and torch.uint8 == np.uint8
    assert torch.tensor([1.5]).type(torch.int16).dtype == np.int16
    assert torch.ones(1).type() == "torch.FloatTensor"
    assert torch.ones(1).type(torch.float64).dtype == torch.ones(1).double().dtype == np.float64
    assert torch.ones(1).type(torch.LongTensor).dtype == np.int64
    for kind in (torch.FloatTensor, torch.LongTensor, torch.DoubleTensor, torch.HalfTensor,
                 torch.IntTensor, torch.ShortTensor, torch.CharTensor, torch.ByteTensor,
                 torch.BoolTensor):
        assert kind([1, 0]).dtype == kind.dtype and kind(2, 3).shape == (2, 3)
    assert torch.is_tensor(torch.ones(1)) and not torch.is_tensor(1)
    assert torch.numel(torch.ones(2, 3)) == 6
    assert [len(getattr(torch.ones(2), n)()) for n in ('half', 'short', 'char', 'byte', 'bool')]
    assert torch.finfo(torch.float32).eps == np.finfo(np.float32).eps and torch.pi == np.pi


# Making and drawing


def test_from_numpy_shares():
    array = np.arange(3.0)
    x = torch.from_numpy(array)
    array[0] = 5
    assert x[0] == 5 and x.contiguous() is x
    assert torch.as_tensor(array).data is array and torch.as_tensor(x) is x
    assert torch.as_tensor([1, 2], dtype=torch.float64, device="cpu").dtype == np.float64


def test_how_the_numbers_lie():
    x = torch.ones(2, 3)
    assert x.stride() == (3, 1) and x.T.stride() == (1, 3) and x.data_ptr() == x.T.data_ptr()
    turned = x.T.contiguous()
    turned.zero_()  # a copy, so x stays
    assert turned.is_contiguous() and not x.T.is_contiguous() and x.sum() == 6


def test_the_numbers_of_the_memory():
    points = torch.tensor([[4.0, 1.0], [5.0, 3.0], [2.0, 1.0]])
    for x in points, points.t(), points[1], points[1:, 1]:
        assert x.storage().tolist() == [4.0, 1.0, 5.0, 3.0, 2.0, 1.0]
    assert [x.storage_offset() for x in (points.t(), points[1], points[1:, 1])] == [0, 2, 3]
    points.t().storage()[1] = 9.0
    assert points[0].tolist() == [4.0, 9.0]
    assert points.t().contiguous().storage().tolist() == [4.0, 5.0, 2.0, 9.0, 3.0, 1.0]


def test_makers():
    assert torch.empty(2, 3).shape == torch.empty_like(torch.ones(2, 3)).shape == (2, 3)
    assert torch.zeros(size=(2, 3)).shape == (2, 3) == torch.rand(size=(2, 3)).shape
    assert torch.randperm(3, device="cpu", requires_grad=False).shape == (3,)
    assert torch.arange(3.0, device="cpu", requires_grad=True).requires_grad
    a, b = torch.meshgrid(torch.arange(2), torch.arange(3))
    assert a.tolist() == [[0, 0, 0], [1, 1, 1]] and b.tolist() == [[0, 1, 2]] * 2


def test_a_generator_has_numbers_of_its_own():
    g = torch.Generator().manual_seed(3)
    first = torch.rand(4, generator=g)
    torch.rand(3)
    assert torch.rand(4, generator=g.manual_seed(3)).tolist() == first.tolist()
    torch.manual_seed(3)
    assert torch.rand(4).tolist() == first.tolist()
    torch.random.manual_seed(3)
    again = torch.Generator().manual_seed(3)
    assert torch.rand(4, generator=again).tolist() == first.tolist()
    parts = data.random_split(range(10), [7, 3], generator=torch.Generator().manual_seed(0))
    assert sorted(i for part in parts for i in part) == list(range(10))


def test_drawing():
    torch.manual_seed(0)
    assert abs(torch.normal(5.0, 0.1, size=(1000,)).mean().item() - 5) < 0.02
    assert torch.normal(torch.zeros(2, 3), torch.ones(3)).shape == (2, 3)
    x = torch.empty(1000)
    assert x.normal_(2, 0.5) is x and abs(x.mean().item() - 2) < 0.1
    assert 3 <= x.uniform_(3, 4).min().item() and x.max().item() < 4
    drawn = torch.multinomial(torch.tensor([0.0, 1.0, 3.0]), 1000, replacement=True)
    counts = np.bincount(drawn.data, minlength=3)
    assert counts[0] == 0 and 650 < counts[2] < 850 and drawn.dtype == np.int64
    assert sorted(torch.multinomial(torch.ones(2, 3), 3)[1].tolist()) == [0, 1, 2]


def test_moving_elements():
    x = torch.tensor([[1.0, np.inf], [np.nan, 4.0]])
    assert torch.tril(x, -1)[0].tolist() == [0, 0] and torch.diag(x).tolist() == [1, 4]
    assert torch.repeat_interleave(torch.arange(2), torch.tensor([1, 2])).tolist() == [0, 1, 1]
    flipped = torch.flip(torch.arange(3), (0,))
    assert flipped.tolist() == [2, 1, 0] == torch.arange(3).flip(0).tolist()
    for refused in (lambda: x.repeat(2), lambda: torch.tril(torch.ones(2)),
                    lambda: torch.diag(torch.ones(1, 1, 1))):
        with pytest.raises((RuntimeError, IndexError)):
            refused()


def test_einsum_and_prod():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5))
    for equation in ("aij,jk->aik", "aij,jk->k", "aij,jk->ika", "...j,jk->...k", "aij,jk"):
        found = torch.einsum(equation, torch.tensor(a), torch.tensor(b))
        assert np.allclose(found.data, np.einsum(equation, a, b))
    long = torch.full((2_000_000, 2), 0.1)
    assert torch.einsum("ij->j", long).tolist() == pytest.approx([2e5, 2e5], rel=1e-6)
    for equation, operands in (("ij,jk", [a]), ("ij", [a]), ("aij,jk->az", [a, b]),
                               ("aij,ik", [a, b]), ("aij->aa", [a])):
        with pytest.raises(RuntimeError):
            torch.einsum(equation, *map(torch.tensor, operands))
    x = leaf([[2.0, 0.0, 5.0], [0.0, 0.0, 5.0], [2.0, 3.0, 5.0]])
    x.prod(1).sum().backward()
    assert x.grad.tolist() == [[0, 10, 0], [0, 0, 0], [15, 10, 6]]
    assert torch.prod(torch.zeros(0)).item() == 1 and torch.prod(torch.arange(4)[1:]).item() == 6
    for wrong in (lambda: torch.linalg.norm(torch.ones(2, 2, 2), 1),
                  lambda: torch.linalg.norm(torch.ones(2, 2), 3),
                  lambda: torch.linalg.matrix_norm(torch.ones(2), 1),
                  lambda: torch.linalg.matrix_norm(torch.ones(2, 2), 1, (0, -2)),
                  lambda: torch.linalg.matrix_norm(torch.ones(2, 2).long(), 1),
                  lambda: torch.linalg.matrix_norm(leaf(np.eye(2)), 2)):
        with pytest.raises(RuntimeError):
            wrong()


def test_cross_and_svd():
    a, b = np.random.default_rng(0).standard_normal((2, 3, 4, 3))
    for dim, axis in (None, 0), (0, 0), (2, -1):
        assert np.allclose(torch.cross(torch.tensor(a), torch.tensor(b), dim), np.cross(
            a, b, axisa=axis, axisb=axis, axisc=axis))
    assert np.allclose(torch.linalg.cross(torch.tensor(a[:1]), torch.tensor(b)), np.cross(a[:1], b))
    for full in True, False:
        U, S, Vh = torch.linalg.svd(torch.tensor(a), full_matrices=full)
        assert U.shape == (3, 4, 4 if full else 3) and (S[:, :-1] >= S[:, 1:]).all()
        assert np.allclose(U[..., :3] @ torch.stack([torch.diag(s) for s in S]) @ Vh, a)
    U, S, V = found = torch.svd(torch.tensor(a[:, :, 0].T, dtype=torch.float32))
    assert found._fields == ("U", "S", "V") and S.dtype == np.float32
    assert np.allclose(U @ torch.diag(S) @ V.T, a[:, :, 0].T, atol=1e-5)
    x = leaf([[1.0, 2.0]])
    with torch.no_grad():
        assert math.isclose(torch.svd(x).S.item(), 5**0.5, rel_tol=1e-6)
    for refused in (lambda: torch.svd(x), lambda: torch.ones(2, dtype=int).reshape(1, 2).svd(),
                    lambda: torch.svd(torch.ones(3)), lambda: torch.cross(x, x),
                    lambda: torch.linalg.cross(torch.ones(3), torch.ones(2, 3)),
                    lambda: torch.ones(3).cross(torch.ones(2)), lambda: torch.cross(x[0, 0], x)):
        with pytest.raises(RuntimeError, match="svd|cross|two-dimensional"):
            refused()


def test_where_a_result_goes():
    x, out = torch.ones(2), torch.zeros(2)
    assert torch.add(x, x, out=out) is out and out.tolist() == [2, 2]
    assert torch.matmul(torch.ones(2, 2), x, out=out[:]).tolist() == out.tolist() == [2, 2]
    for refused in (lambda: torch.add(leaf([1.0, 2.0]), 1, out=out),
                    lambda: torch.add(x, 1, out=torch.zeros(3)),
                    lambda: torch.add(x, 1, out=torch.zeros(2, dtype=torch.int64)),
                    lambda: torch.add(x, 1, out=leaf([1.0, 2.0]))):
        with pytest.raises(RuntimeError):
            refused()
    assert out.tolist() == [2, 2]


def test_a_guessed_dimension():
    for shape, dim in (((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((1, 2, 3, 4), 1)):
        x = torch.rand(*shape)
        expected = F.softmax(x, dim).tolist()
        assert F.softmax(x).tolist() == F.softmax(x, None).tolist() == expected
        assert nn.Softmax()(x).tolist() == nn.Softmax(dim)(x).tolist() == expected
        assert F.log_softmax(x, dim=None).tolist() == nn.LogSoftmax()(x).tolist()
        assert nn.LogSoftmax()(x).tolist() == F.log_softmax(x, dim).tolist()
        assert F.log_softmax(x, dtype=torch.float64).dtype == np.float64


# In place, recorded (what PyTorch does is noted down)


def test_in_place_walks_back_right_where_the_tensor_was_used_before():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    h = x * 2
    early = h + 0  # made of the h that was
    h += y
    h *= h.detach().clone()
    (h.sum() + 10 * early.sum()).backward()
    assert h.tolist() == [25, 64] and x.grad.tolist() == [30, 36] and y.grad.tolist() == [5, 8]


@pytest.mark.parametrize("name", [*ROWS, *STEPS])
def test_a_row_keeps_its_input_alone_for_the_way_back(name):
    x = leaf([0.3, 0.6])
    getattr(x, name)().sum().backward()
    expected, x.grad = x.grad.tolist(), None
    h = getattr(x, name)()
    h += 1
    h.sum().backward()
    assert x.grad.tolist() == expected
    y = x * 1
    h = getattr(y, name)()
    y += 1
    if name in STEPS:  # which keep nothing
        h.sum().backward()
    else:
        with pytest.raises(RuntimeError, match="which was changed in place"):
            h.sum().backward()


def test_whole_quotients_are_exact():
    a, b = torch.tensor([2**60 + 1, -2**60 - 1, 7, -7]), torch.tensor([1, 1, -2, 2])
    assert torch.div(a, b, rounding_mode="floor").tolist() == [2**60 + 1, -2**60 - 1, -4, -4]
    assert torch.div(a, b, rounding_mode="trunc").tolist() == [2**60 + 1, -2**60 - 1, -3, -3]


def test_a_generator_that_a_refusal_interrupts_is_put_back():
    torch.manual_seed(0)
    expected = torch.rand(2).tolist()
    torch.manual_seed(0)
    with pytest.raises(RuntimeError):
        torch.rand("a", generator=torch.Generator())
    assert torch.rand(2).tolist() == expected


def test_assignment_walks_back_right():
    x = leaf([1.0, 2.0, 3.0])
    a = torch.zeros(2, 3)
    a[0] = x * 2
    a[1, 1:] = x[:2]
    a[0, 0] = 7.0
    (a * torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).sum().backward()
    assert x.grad.tolist() == [5, 10, 6]
    m = x * 1
    m[m > 1.5] = 0.0
    x.grad = None
    m.sum().backward()
    assert x.grad.tolist() == [1, 0, 0]
    row, a = leaf([[1.0, 2.0]]), torch.zeros(2)
    a[:] = row  # which has a dimension more
    (a * a).sum().backward()
    assert row.grad.tolist() == [[2, 4]]


def test_in_place_methods():
    x = torch.tensor([4.0, 9.0])
    assert x.sqrt_().tolist() == [2, 3] and x.neg_().clamp_(min=-2.5).tolist() == [-2, -2.5]
    assert torch.sin_(x.fill_(0)).cos_().tolist() == [1, 1]
    assert x.add_(torch.ones(2), alpha=3).tolist() == [4, 4]
    assert x.unsqueeze_(0).shape == (1, 2) and x.t_().shape == (2, 1)
    assert x.squeeze_().shape == (2,) and x.masked_fill_(x > 1, 0).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="in place: expected"):
        torch.arange(3).sin_()


def test_in_place_of_views_is_heard_by_the_whole_and_its_other_views():
    x = leaf([1.0, 2.0])
    h = x * 2
    v, w = h[:1], h.view(1, 2)
    early = w * 3
    v *= x[1]
    w.mul_(10)
    (h.sum() + 5 * v.sum() + w.sum() + early.sum()).backward()
    assert h.tolist() == [40, 40] and v.tolist() == [40] and w.tolist() == [[40, 40]]
    assert x.grad.tolist() == [7 * 10 * 4 + 6, 7 * 10 * 2 + 2 * 10 * 2 + 6]


def test_in_place_of_views_of_what_had_no_gradient():
    x = leaf([1.0, 2.0])
    z = torch.zeros(3, 2)
    column, other = z.T[1], z[1]
    z[1] += x
    z[0, 1] = x[0] * 5
    assert column.tolist() == [5, 2, 0] and column.requires_grad and other.requires_grad
    (column.sum() + 10 * other.sum()).backward()
    assert x.grad.tolist() == [15, 11]


def test_in_place_of_views_is_refused():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="a leaf that requires grad"):
        x[:1].mul_(2)
    assert x.tolist() == [1, 2]
    wide = (x * 2).expand(2, 2)
    with pytest.raises(RuntimeError, match="make a new Tensor"):
        wide.add_(x)
    for refused in (wide.sin_, lambda: torch.ones(1).expand(2).add_(1)):
        with pytest.raises(ValueError, match="can't be written to"):
            refused()
    assert x.grad is None


def test_in_place_of_what_only_looks_like_a_view():
    x, whole = leaf([1.0, 2.0]), np.zeros((2, 2), np.float32)
    part, copied = torch.Tensor(whole[0]), torch.zeros(2, 2).T.reshape(4)
    part += x
    copied[:2] += x
    (part.sum() + 10 * copied.sum()).backward()
    assert whole.tolist() == [[1, 2], [0, 0]] and x.grad.tolist() == [11, 11]


def test_in_place_is_heard_by_a_view_of_einsums():
    x = leaf([1.0, 2.0])
    h = x * 2
    v = torch.einsum("i->i", h)
    h *= x
    v.sum().backward()
    assert v.tolist() == h.tolist() == [2, 8] and x.grad.tolist() == [4, 8]


def test_in_place_of_a_view_that_is_older_than_the_bridge():
    program = """import nptorch as torch
x, z = torch.ones(2, requires_grad=True), torch.zeros(3)
h = x * 2
v, w, d = z[:2], h[1:], torch.zeros(2)
for change in "v += x", "z[1:] += x", "w *= x[0]", "h += 1":
    try:
        exec(change)
    except RuntimeError as error:
        print(error)
        kept = error  # as a notebook keeps the last one, and with it a view
d += x
v += 1
del v, kept
z[1:] += x
print(d.tolist(), z.tolist(), h.tolist(), z.requires_grad)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.split("\n") == [
        *["in place: a view is too old: import nptorch.bridge first, or clone()"] * 4,
        "[1.0, 1.0] [1.0, 2.0, 1.0] [2.0, 2.0] True", ""], result.stderr


def test_in_place_of_a_view_that_was_not_recorded():
    x, z = torch.ones(2, requires_grad=True), torch.zeros(3)
    v = torch.Tensor(z.data[:2])
    graph._views |= {id(z): z, id(v): v}  # as those are found that are there when the bridge comes
    for change in (lambda: v.add_(x), lambda: z[:2].add_(x)) * 2:  # a second time, too
        with pytest.raises(RuntimeError, match="a view is too old"):
            change()
    assert z.tolist() == [0, 0, 0] and not z.requires_grad
    graph._views.clear()
    z[:2].add_(x)
    z.sum().backward()
    assert z.tolist() == [1, 1, 0] and x.grad.tolist() == [1, 1]


def test_in_place_of_what_shares_its_memory_with_no_other_and_is_older():
    program = """import nptorch as torch
h = torch.nn.Linear(3, 2)(torch.ones(4, 3))  # whose array has a base, which no Tensor shows
z = torch.arange(6.0).reshape(2, 3)
h += 1
z[0] = h.sum()
print(h.grad_fn, z.requires_grad)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout == "<AddBackward0> True\n", result.stderr


@pytest.mark.parametrize("change", [
    "h[0] *= 2", "v = h[:1]; v += 1", "h *= h", "h += x", "h[0] = h[1]", "h[:2].mul_(h[1:])",
    "h.detach_()", "z[0] += x[0]; z[0] += x[1]"])
def test_a_change_in_place_makes_no_ring(change):
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0, 3.0])
        space = {"x": x, "h": x * 2, "z": torch.zeros(3)}
        exec(change, space)
        known = [weakref.ref(space[name]) for name in "hz"]
        space.clear()
        assert [ref() for ref in known] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("program", [
    "h = x * 2; l = h.sum(); h.detach_(); l.backward()",
    "h = x * 2; e = h * 1; h += x; f = h * 1; h.detach_(); g = h * x; "
    "(e.sum() + f.sum() + g.sum()).backward()",
    "h = x * 2; v = h[:1]; v.register_hook(lambda g: g * 10); v += 1; h.sum().backward()",
    "h = x * 1; h[0] = torch.ones(1, 1) * x[1]; h.sum().backward()",
    "i = [0, 1]; v = x[i]; i[0] = 2; v.sum().backward()"])
def test_gradients_around_a_change_are_pytorchs(program):
    twin, found = pytest.importorskip("torch"), []
    for lib in torch, twin:
        space = {"torch": lib, "x": lib.tensor([1.0, 2.0, 3.0], requires_grad=True)}
        try:
            exec(program, space)
            found.append(space["x"].grad.tolist())
        except RuntimeError:
            found.append("refused")
    assert found[0] == found[1]


def test_many_changes_of_one_tensor_keep_few_pasts():
    x, h = leaf([1.0, 2.0]), torch.ones(2)
    for _ in range(50):
        h *= x
        h.sum().backward()
        h.detach_()
    count, was = 0, vars(h)["_was"]
    while len(was) == 2:
        count, was = count + 1, vars(was[1])["_was"]
    assert count <= 3


@pytest.mark.parametrize("change", [
    "v = z[0]; z.t_(); v += x", "v = z[0]; z.unsqueeze_(0); z += x",
    "v = z[0]; v.data = x.data; v += x", "v = z[0]; z.data = torch.ones(2, 2).data; v += x",
    "v = z[:]; with torch.no_grad(): v.t_()\nv += x"])
def test_a_way_that_leads_elsewhere_by_now_is_refused(change):
    x, z = leaf([1.0, 2.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(RuntimeError, match="a view is too old"):
        exec(change.replace("; ", "\n"), {"torch": torch, "x": x, "z": z})


def test_a_view_that_is_turned_in_place_knows_its_way():
    x, z = leaf([1.0, 2.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    v, w = z[:], torch.arange(4.0).view(2, 2)
    v.t_()
    v += x
    w.t_().unsqueeze_(0)
    w += x
    (z[0].sum() + w[0, 0].sum()).backward()
    assert z.tolist() == [[2, 3], [5, 6]] and w.tolist() == [[[1, 4], [2, 5]]]
    assert x.grad.tolist() == [3, 1]


def test_a_leaf_that_is_detached_may_ask_again():
    x = leaf([1.0, 2.0])
    s = (x * 2).sum()
    x.detach_().requires_grad_()
    s.backward()
    assert x.grad.tolist() == [2, 2]


def test_a_factor_that_shows_the_changed_memory_is_refused_at_the_walk():
    x = leaf([1.0, 2.0])
    h = x * 2
    h *= h.detach()
    with pytest.raises(RuntimeError, match="changed in place"):
        h.sum().backward()


def test_a_copy_of_a_view_is_no_view():
    whole = torch.zeros(3)
    view = whole[1:]
    for copied in copy.deepcopy(view), copy.copy(view), pickle.loads(pickle.dumps(view)):
        assert vars(copied).keys() == {"data"} and copied.tolist() == [0, 0]
    view.tag = "kept"
    assert pickle.loads(pickle.dumps(view)).tag == "kept"


def test_a_tensor_that_is_added_to_itself_in_place():
    x = leaf([1.0, 2.0])
    h, view = x * 2, (x * 3)[:1]
    h += h
    h[:1] += h[1:]
    view *= view
    (h.sum() + view.sum()).backward()
    assert h.tolist() == [12, 8] and x.grad.tolist() == [4 + 18, 8]


def test_in_place_after_a_long_chain_of_views():
    x, z = leaf([1.0, 2.0]), torch.zeros(2, 2)
    v = z
    for _ in range(2000):
        v = v.T
    v += x
    z.sum().backward()
    assert z.tolist() == [[1, 2], [1, 2]] and x.grad.tolist() == [2, 2]


def test_in_place_of_what_a_leaf_is_a_view_of():
    x, z = leaf([1.0, 2.0]), torch.zeros(2)
    v = z[:1].requires_grad_()
    for change in (lambda: v.mul_(2), lambda: v[:].mul_(x[0]), lambda: z.add_(x)):
        with pytest.raises(RuntimeError, match="a leaf that requires grad"):
            change()
    assert v.is_leaf and z.tolist() == [0, 0]


def test_in_place_of_a_view_of_a_detached_leaf():
    x, y = leaf([1.0, 2.0]), leaf([3.0])
    d = x.detach()
    d[1:] *= y
    d.sum().backward()
    assert x.tolist() == [1, 6] and x.grad is None and y.grad.tolist() == [2]


def _changing(r):
    """The lines of a random program that changes Tensors and their views in place."""
    shapes = {"x": (3, 4), "y": (3, 4), "a": (3, 4), "b": (3, 4)}
    lines = ["a = x * 2", "b = torch.zeros(3, 4, dtype=x.dtype)"]
    for i in range(8):
        name = r.choice([name for name in shapes if name not in "xy"])
        shape, kind = shapes[name], r.random()
        like = [n for n in shapes if shapes[n] == shape]
        value = r.choice(["2.0", "y.sum()", "x[0, 1]", *like, *(f"{n} * 3" for n in like)])
        if kind < 0.4:
            ways = [(".unsqueeze(0)", (1, *shape)), (".reshape(-1)", (math.prod(shape),))]
            if shape and shape[0] > 1:
                ways += [("[1]", shape[1:]), ("[::2]", ((shape[0] + 1) // 2, *shape[1:])),
                         ("[1:]", (shape[0] - 1, *shape[1:])), (".T", shape[::-1])][:3 + (
                             len(shape) == 2)]
            way, shapes[f"v{i}"] = r.choice(ways)
            lines.append(f"v{i} = {name}{way}")
        elif kind < 0.85:
            lines.append(r.choice([
                f"{name} += {value}", f"{name}.mul_({value})", f"{name}.zero_()", f"{name}.sin_()",
                f"{name}[...] = {value}", f"{name}[0:] = {value}" if shape else f"{name} -= 1"]))
        else:
            shapes[f"v{i}"] = shape
            lines.append(f"v{i} = {name} * {value}")
    used = [name for name in shapes if name not in "xy"]
    return [*lines, " + ".join(f"({n} * {k}).sum()" for k, n in enumerate(used, 1))], used


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_random_changes_in_place_agree_with_torch_or_are_refused(start):
    twin, agreed = pytest.importorskip("torch"), 0
    for seed in range(start, start + 100):
        lines, used = _changing(random.Random(seed))
        found = []
        for lib in torch, twin:
            numbers = np.random.default_rng(seed).uniform(0.5, 1.5, (2, 3, 4))
            space = {"torch": lib, "x": lib.tensor(numbers[0]), "y": lib.tensor(numbers[1])}
            for name in "xy":
                space[name].requires_grad_()
            try:
                exec("\n".join(lines[:-1]), space)
                eval(lines[-1], space).backward()
            except RuntimeError:
                found.append(None)
                continue
            found.append([x for name in used for x in (
                space[name].tolist(), space[name].requires_grad)] + [
                    0 if space[name].grad is None else space[name].grad.tolist() for name in "xy"])
        if None not in found:
            agreed += 1
            for ours, theirs in zip(*found, strict=True):
                np.testing.assert_allclose(ours, theirs, err_msg="\n".join(lines))
    assert agreed > 50


def test_many_changes_of_rows_keep_few_views():
    from nptorch.bridge import graph

    whole, x, before = torch.zeros(5, 2), leaf([1.0, 2.0]), len(graph._views)
    for i in range(12):
        whole[i % 5] += x
    assert len(graph._views) - before <= 36  # and not four times as many after each
    (whole * whole).sum().backward()
    assert x.grad.tolist() == [2 * (9 + 9 + 4 + 4 + 4), 4 * (9 + 9 + 4 + 4 + 4)]


def test_inplace_of_a_layer_is_heard():
    x = torch.tensor([[-1.0, 2.0]])
    assert nn.ReLU(inplace=True)(x).tolist() == F.relu(x, inplace=True).tolist() == [[0, 2]]
    assert nn.LeakyReLU(0.5, inplace=True)(x).tolist() == [[-0.5, 2]] and x.tolist() == [[-1, 2]]


# autograd


def test_grad():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    h = x * y
    gx, gy = torch.autograd.grad((h * h).sum(), [x, y], retain_graph=True)
    assert gx.tolist() == [18, 64] and gy.tolist() == [6, 32] and x.grad is None
    found = torch.autograd.grad(h, (x, y), grad_outputs=torch.ones(2))
    assert [g.tolist() for g in found] == [[3, 4], [1, 2]]
    assert torch.autograd.grad(x.sum(), [y, x], allow_unused=True)[0] is None
    h = x * y
    total = (h * h).sum()
    (of_h,) = torch.autograd.grad(total, h, retain_graph=True)
    assert of_h.tolist() == [6, 16] and h.grad is None and not h._retains_grad
    found = torch.autograd.grad([total, h], [h, x], [None, torch.tensor([1.0, 10.0])])
    assert [g.tolist() for g in found] == [[7, 26], [21, 104]]
    for ask in (lambda: torch.autograd.grad(x.sum(), y), lambda: torch.autograd.grad(x * 2, x),
                lambda: torch.autograd.grad(torch.ones(1), x),
                lambda: torch.autograd.grad(x.sum(), torch.ones(1), allow_unused=True),
                lambda: torch.autograd.grad([x.sum(), y.sum()], [x, y], [torch.ones(())]),
                lambda: torch.autograd.grad(x.sum(), x, create_graph=True),
                lambda: (x * y).sum().backward(inputs=[x])):
        with pytest.raises((RuntimeError, TypeError)):
            ask()
    assert torch.autograd.grad(x[:1] * 2, x)[0].tolist() == [2, 0] and x.grad is None


def test_hooks():
    seen = []
    x = leaf([1.0, 2.0])
    h = x * 2
    h.retain_grad()
    early = h * h  # made before the hooks, walked through them
    h.register_hook(lambda g: g * 10)
    handle = h.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: setattr(g, "data", -g.data))
    (early + h).sum().backward(retain_graph=True)
    assert seen == [[50, 90]] and h.grad.tolist() == [50, 90] and x.grad.tolist() == [-100, -180]
    handle.remove()
    handle.remove()
    (early + h).sum().backward()
    assert len(seen) == 1 and x.grad.tolist() == [-200, -360]
    assert torch.autograd.grad((x * 3).sum(), x)[0].tolist() == [-3, -3]
    walked = x * 2
    walked.sum().backward()
    walked.register_hook(print)
    with pytest.raises(RuntimeError, match="twice"):
        walked.sum().backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.ones(1).register_hook(print)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError):
        (x * 1).sum().backward()


def test_a_retained_gradient_and_a_change_in_place():
    x = leaf([1.0, 2.0])
    h = x * 2
    h.retain_grad()
    v = h[:1]
    v.retain_grad()
    (h.sum() + v.sum()).backward(retain_graph=True)
    h.add_(1)
    (h.sum() * 3 + v.sum()).backward()
    assert h.grad.tolist() == [6, 4] and v.grad.tolist() == [2] and x.grad.tolist() == [12, 8]


def test_hooks_and_changes_in_place():
    seen, x = [], leaf([1.0, 2.0])
    h = x * 2
    early = h * 1
    h.add_(1)
    h.register_hook(lambda g: seen.append(("after", g.tolist())))
    (h.sum() + early.sum()).backward()
    h = x * 2
    h.register_hook(lambda g: seen.append(("before", g.tolist())))
    h.mul_(3)
    h.sum().backward()
    assert seen == [("after", [1, 1]), ("before", [3, 3])] and x.grad.tolist() == [10, 10]


def test_what_a_hook_keeps_is_not_saved_for_the_way_back():
    x, kept = leaf([1.0, 2.0]), torch.zeros(2)
    h = x * 2
    h.register_hook(lambda g: None if kept is g else g)
    kept += 1  # after h was made
    h.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_a_graph_with_hooks_is_freed():
    x = leaf([1.0])
    h = x * 2
    h.register_hook(lambda g: None)
    node = weakref.ref(h.grad_fn)
    gc.collect()
    gc.disable()
    try:
        del h
        assert node() is None
    finally:
        gc.enable()


OLD = """
import numpy as np
w = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
net = torch.nn.Linear(2, 2)
for p in net.parameters():
    p.data.fill_(0.5)
loss = (net(w) ** 2).sum()
loss.backward()
print(w.data.numpy().tolist(), loss.data.item(), w.grad.data.norm().item(), w.data.size(0))
for p in net.parameters():
    p.data.sub_(p.grad.data * 0.1)
    p.data -= 0.1 * p.grad.data
    p.grad.data.zero_()
print([p.data.tolist() for p in net.parameters()], net.weight.grad.tolist())
values, indices = w.data.max(1, keepdim=True)
print(values.tolist(), indices.tolist(), w.data.max(1)[1].eq(torch.tensor([1, 1])).sum().item())
print(w.data.std().item(), w.data.transpose(0, 1).tolist(), w.data.repeat(2, 1).tolist())
print(tuple(w.data.view(-1, 4).shape), w.data.cpu().t().tolist(), w.data.requires_grad, w.is_leaf)
w.data = w.data * 2 - w.grad.data / w.grad.data
w.data.clamp_(max=8).add_(1)
w.data[0, 0] = 7.0
w.data.copy_(w.data.clone())
print(w.tolist(), np.asarray(w.data).sum(), w.data[1].tolist(), len(w.data), isinstance(
    w.data, torch.Tensor), w.data.type(), (w.data > 2).sum().item())
w.data.normal_(0, 0).uniform_(2, 2)
print(w.tolist(), f"{w.data.mean():.3f}", torch.mm(w.data, w.data.t()).tolist())
x = torch.autograd.Variable(torch.ones(2), requires_grad=True)
y = x * x
y.backward(torch.ones(2))
x.data.add_(-0.1 * x.grad.data)
print(x.data, x.grad.data, y.data)
"""


@pytest.mark.parametrize("library, before", [
    ("torch", ""), ("nptorch", "from nptorch.bridge.graph import tensor_data\n")])
def test_an_old_script(library, before):
    pytest.importorskip(library)
    program = f"import {library} as torch\n{before}{OLD}"
    found = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert re.sub(r"\d+\.\d{6,}", lambda n: f"{float(n[0]):.4f}", found) == """\
[[1.0, 2.0], [3.0, 5.0]] 48.5 13.9284 2
[[[-5.7000, -10.1000], [-5.7000, -10.1000]], [-2.1000, -2.1000]] [[0.0, 0.0], [0.0, 0.0]]
[[2.0], [5.0]] [[1], [1]] 2
1.7078 [[1.0, 3.0], [2.0, 5.0]] [[1.0, 2.0], [3.0, 5.0], [1.0, 2.0], [3.0, 5.0]]
(1, 4) [[1.0, 3.0], [2.0, 5.0]] False True
[[7.0, 4.0], [6.0, 9.0]] 26.0 [6.0, 9.0] 2 True torch.FloatTensor 4
[[2.0, 2.0], [2.0, 2.0]] 2.000 [[8.0, 8.0], [8.0, 8.0]]
tensor([0.8000, 0.8000]) tensor([2., 2.]) tensor([1., 1.])
"""


def test_modes():
    with torch.no_grad():
        with torch.enable_grad():
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
        torch.set_grad_enabled(True)
    assert torch.is_grad_enabled()
    with torch.set_grad_enabled(False), torch.inference_mode():
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled() and torch.inference_mode(lambda: torch.is_grad_enabled())() == 0
    decorated = torch.inference_mode()(lambda: torch.is_grad_enabled())
    assert torch.is_grad_enabled() and not decorated() and torch.is_grad_enabled()
    with torch.inference_mode(False):
        assert torch.is_grad_enabled()


def test_functions():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a)
            return a**3 * b

        @staticmethod
        def backward(ctx, g):
            a, = ctx.saved_tensors
            return g * 3 * a**2, None

    x = leaf([2.0, 3.0])
    y = Cube.apply(x, 2.0)
    (y * 2).sum().backward()
    assert x.grad.tolist() == [24, 54]
    z = x * 2
    loss = z.sum()
    assert loss.grad_fn.next_functions[0][0] is z.grad_fn
    assert repr(z.grad_fn.next_functions[0][0]) == "<AccumulateGrad>"
    assert torch.autograd.Variable(torch.ones(1), requires_grad=True).requires_grad


def test_a_function_of_two_is_walked_once():
    calls = []

    class Mul(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx, g):
            calls.append(g.tolist())
            a, b = ctx.saved_tensors
            return g * b, g * a

    x, y = leaf([2.0, 3.0]), leaf([5.0, 7.0])
    Mul.apply(x, y).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist(), calls) == ([5, 7], [2, 3], [[1, 1]])


def test_a_function_may_have_no_gradient_for_an_input_of_another_shape():
    class Product(torch.autograd.Function):
        forward = staticmethod(lambda ctx, a, b: a @ b)
        backward = staticmethod(lambda ctx, g: (None, 2 * torch.ones(3, 4)))

    a, b = leaf([[1.0, 2.0, 3.0]]), torch.ones(3, 4, requires_grad=True)
    Product.apply(a, b).sum().backward()
    assert a.grad.tolist() == [[0, 0, 0]] and b.grad.tolist() == [[2] * 4] * 3


# Layers, losses, lists


@pytest.mark.parametrize("layer, function", [
    (lambda: nn.Softmax(dim=1), lambda x: F.softmax(x, 1)),
    (lambda: nn.LogSoftmax(1), lambda x: F.log_softmax(x, 1)),
    (lambda: nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)),
    (lambda: nn.LeakyReLU(0.2, inplace=False), lambda x: F.leaky_relu(x, 0.2)),
    (lambda: nn.SiLU(), F.silu),
])
def test_layers_are_their_functions(layer, function):
    x = torch.tensor(np.random.default_rng(0).normal(0, 2, (4, 6)))
    assert np.allclose(layer()(x).data, function(x).data)
    with pytest.raises(TypeError, match="argument"):
        type(layer())(1, 2, 3, 4)


def test_layers_of_images():
    x = torch.rand(2, 3, 6, 7)
    assert nn.AdaptiveAvgPool2d(1)(x).flatten().tolist() == pytest.approx(
        x.mean((2, 3)).flatten().tolist())
    assert nn.AdaptiveAvgPool2d((3, 7))(x).shape == (2, 3, 3, 7)
    assert F.adaptive_avg_pool2d(x, 4).shape == (2, 3, 4, 4)


def test_lazy_layers():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    assert net(torch.rand(2, 1, 5, 5)).shape == (2, 2)
    assert type(net[0]) is nn.Conv2d and net[3].in_features == 36
    assert len(list(net.parameters())) == 4


@pytest.mark.parametrize(("lazy", "kind", "shape"), [
    (nn.LazyBatchNorm1d, nn.BatchNorm1d, (4, 3)), (nn.LazyBatchNorm1d, nn.BatchNorm1d, (4, 3, 5)),
    (nn.LazyBatchNorm2d, nn.BatchNorm2d, (4, 3, 2, 2))])
def test_lazy_norms(lazy, kind, shape):
    x = torch.rand(*shape)
    for affine in True, False:
        norm = lazy(momentum=0.5, affine=affine)
        known, usual = list(norm.parameters()), kind(3, momentum=0.5, affine=affine)
        assert (norm(x) == usual(x)).all() and type(norm) is kind and norm.num_features == 3
        assert [p is q for p, q in zip(known, norm.parameters())] == [True] * 2 * affine
        assert str(norm) == str(usual) and all(
            (a == b).all() for a, b in zip(norm.buffers(), usual.buffers()))
    for affine in True, False:
        late, known = lazy(affine=affine), kind(3, affine=affine)
        known.running_mean.data[...] = 5
        late.load_state_dict(known.state_dict())
        assert late.eval()(x).tolist() == known.eval()(x).tolist()


def test_an_optimizer_may_know_lazy_layers_before_they_know_their_width():
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyLinear(1, bias=False))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net(torch.ones(2, 4)).sum().backward()
    before = net[0].weight.tolist()
    optimizer.step()
    assert net[0].weight.shape == (3, 4) and net[0].weight.tolist() != before
    assert net[1].bias is None and len(list(net.parameters())) == 3


def test_lazy_layers_take_their_width_from_a_state_dict():
    def made():
        return nn.Sequential(nn.LazyConv2d(4, 2, groups=2), nn.Flatten(), nn.LazyLinear(3))

    first, second = made(), made()
    expected = first(image := torch.rand(2, 2, 3, 3))
    known = list(second.parameters())
    second.load_state_dict(first.state_dict())
    assert (second(image) == expected).all() and str(second) == str(first)
    assert [p is q for p, q in zip(known, second.parameters())] == [True] * 4
    with pytest.raises(RuntimeError, match="LazyLinear"):
        nn.LazyLinear(2).load_state_dict(first[2].state_dict())


def descent(torch, steps=3, **options):
    """The losses of a net that LBFGS trains, and its weights."""
    draw = lambda *shape: np.random.default_rng(shape[0]).standard_normal(shape)
    x, y, v = (torch.tensor(draw(*shape)) for shape in ((30, 5), (29, 1), (4, 1)))
    w, frozen = torch.tensor(draw(5, 4)).requires_grad_(), torch.zeros(3).double().requires_grad_()
    optimizer, losses = torch.optim.LBFGS([w, frozen], **options), []

    def closure():
        optimizer.zero_grad()
        loss = ((torch.tanh(x[1:] @ w) @ v + (x[1:] @ w)[:, :1] ** 2 / 10 - y) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    given = [optimizer.step(closure).item() for _ in range(steps)]
    assert given[0] == losses[0] and {*given} <= {*losses}
    return losses, w.tolist()


LBFGS = [{}, {"lr": 0.8, "max_iter": 8}, {"max_iter": 5, "history_size": 3}, {"max_eval": 4},
         {"max_iter": 1}, {"tolerance_change": 1e-3}, {"tolerance_grad": 1e-1}]


@pytest.mark.parametrize("options", LBFGS, ids=str)
def test_lbfgs_is_pytorchs(options):
    theirs = descent(pytest.importorskip("torch"), **options)
    for a, b in zip(descent(torch, **options), theirs, strict=True):
        assert np.allclose(a, b, 1e-6, 1e-8)


def test_lbfgs_finds_the_bottom_of_a_valley():
    w, slope = leaf([-1.0, 2.0]), torch.tensor([100.0, 1.0])
    optimizer = torch.optim.LBFGS([w])

    def closure():
        optimizer.zero_grad()
        loss = (slope * (w - 3) ** 2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1601 and np.allclose(w.detach(), 3, 1e-3)
    with torch.no_grad():
        w.fill_(3)
    assert optimizer.step(closure).item() == 0 and w.tolist() == [3, 3]
    losses, _ = descent(torch, 20)
    assert losses[-1] < losses[0] / 4
    with pytest.raises(TypeError, match="line_search_fn: nptorch has only None"):
        torch.optim.LBFGS([w], line_search_fn="strong_wolfe")


def test_losses_as_layers():
    p, y = torch.tensor([0.2, 0.7]), torch.tensor([0.0, 1.0])
    assert nn.BCELoss()(p, y).item() == pytest.approx(-np.log([0.8, 0.7]).mean(), rel=1e-6)
    assert nn.BCELoss(reduction="sum")(torch.tensor([0.0]), torch.tensor([1.0])).item() == 100
    with pytest.raises(RuntimeError, match="input in"):
        nn.BCELoss()(torch.tensor([2.0]), torch.tensor([1.0]))
    assert nn.MSELoss(size_average=False)(p, y).item() == pytest.approx(0.13)
    weights = torch.tensor([1.0, 3.0])
    loss = nn.CrossEntropyLoss(weight=weights)(torch.zeros(2, 2), torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(np.log(2)) and isinstance(loss, torch.Tensor)
    assert isinstance(nn.NLLLoss(weight=weights), nn.NLLLoss)
    with pytest.raises(IndexError, match="expected classes 0 ... 1"):
        nn.CrossEntropyLoss(ignore_index=5)(torch.zeros(1, 2), torch.tensor([2]))
    with pytest.raises(ValueError, match="expected input"):
        nn.CrossEntropyLoss(ignore_index=5)(torch.zeros(1, 2), torch.tensor([1, 1]))
    with pytest.raises(TypeError, match="expected class numbers, got dtype float32"):
        nn.NLLLoss(ignore_index=5)(torch.zeros(1, 2), torch.zeros(1, 2))
    loss = nn.CrossEntropyLoss(ignore_index=1)(
        torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(np.log(2))


# Data and files


def test_the_loaders_other_arguments():
    pairs = data.TensorDataset(torch.arange(5), torch.arange(5) * 2)
    loader = data.DataLoader(pairs, batch_size=2, num_workers=2, pin_memory=True)
    assert [x.tolist() for x, _ in loader] == [[0, 1], [2, 3], [4]]


def test_nested_checkpoints(tmp_path):
    net = nn.Linear(2, 1)
    checkpoint = {"epoch": 3, "loss": 0.5, "net": net.state_dict(), "name": "lenet", "none": None,
                  "optimizer": {"state": {0: {"step": torch.ones(1)}}, "groups": [{"lr": 0.1}]},
                  "shape": (2, True), "array": np.arange(2)}
    torch.save(checkpoint, tmp_path / "c.pt")
    file = io.BytesIO()
    torch.save(obj=checkpoint, f=file)
    file.seek(0)
    for found in (torch.load(tmp_path / "c.pt", map_location="cpu", weights_only=True),
                  torch.load(f=file)):
        assert found["epoch"] == 3 and found["shape"] == (2, True) and found["none"] is None
        assert found["optimizer"]["state"][0]["step"].tolist() == [1]
        assert found["net"]["weight"].tolist() == net.weight.tolist()
        assert found["array"].tolist() == [0, 1] and found["name"] == "lenet"
    torch.save([torch.ones(2000)[:2]], tmp_path / "list.pt")  # a view without its whole
    assert (tmp_path / "list.pt").stat().st_size < 2000
    assert torch.load(tmp_path / "list.pt")[0].tolist() == [1, 1]
    with pytest.raises(TypeError, match="expected text as its name"):
        torch.save({"f": len}, tmp_path / "net.pt")
    (tmp_path / "bad.pt").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="not a file of save's"):
        torch.load(tmp_path / "bad.pt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.pt", "c.pt", "list.pt"]


def test_small_things():
    x = torch.ones(2)
    assert torch.equal(x, torch.ones(2)) and not torch.equal(x, torch.ones(1))
    assert torch.allclose(torch.ones(2), torch.ones(2) + 1e-9)
    assert torch.unique(torch.tensor([3, 1, 3])).tolist() == [1, 3]
    assert torch.gather(torch.tensor(5), 0, torch.tensor([0, 0])).tolist() == [5, 5]
    assert nptorch.Tensor.sin is torch.sin and torch.range(1, 5, 2).tolist() == [1, 3, 5]
    assert torch.clip(torch.arange(3), max=torch.tensor(1)).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="lengths that add up to 2"):
        torch.split(x, [1, 2])
    with pytest.raises(ValueError, match="class numbers from 0 to 2"):
        F.one_hot(torch.tensor([3]), 3)
    for name, same in ALIASES.items():
        assert getattr(torch, name) is getattr(torch.Tensor, same)


@pytest.mark.parametrize("program", [
    "nn.BatchNorm1d(2)", "nn.Sequential(nn.ReLU(), nn.Linear(1, 1))", "nn.Embedding(3, 2)",
    "torch.optim.Adam(nn.Linear(1, 1).parameters())", "copy.deepcopy(nn.LayerNorm(2))",
    "nn.Linear(1, 1)(torch.ones(2, 1)).sum().backward()",
    "hasattr(torch, '__wrapped__') or hasattr(nn.ReLU(), 'weight')"])
def test_the_series_own_names_do_not_load_it(program):
    program = (f"import copy, sys, nptorch as torch\nfrom nptorch import nn\n{program}\n"
               "assert 'nptorch.bridge' not in sys.modules")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_state_dict_is_read_with_options_and_from_a_file_object(tmp_path):
    net = torch.nn.Linear(2, 1)
    torch.save(net.state_dict() | {"epoch": 3}, tmp_path / "net.pt")
    with open(tmp_path / "net.pt", "rb") as file:
        for found in (torch.load(tmp_path / "net.pt", map_location="cpu", weights_only=True),
                      torch.load(file)):
            assert found.pop("epoch") == 3
            net.load_state_dict(found)


def test_what_load_could_not_read_is_not_saved(tmp_path):
    with pytest.raises(TypeError, match=r"\(1, 2\): expected text"):
        torch.save({(1, 2): "c"}, tmp_path / "odd.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("p", [0.5, 1, 2, 3, -1])
def test_the_norm_of_nan_is_nan(p):
    assert math.isnan(torch.tensor([math.nan, 1.0]).norm(p))


def test_tile_takes_lengths_in_every_spelling():
    a = torch.tensor([1.0, 2.0])
    for tiled in a.tile(2, 1), a.tile((2, 1)), torch.tile(a, dims=(2, 1)):
        assert tiled.tolist() == [[1, 2], [1, 2]]


def test_recording_is_switched_on_inside_alone():
    x = torch.ones(1, requires_grad=True)
    with torch.no_grad():
        later = torch.enable_grad()
        assert not (x * 2).requires_grad

    with later:
        assert (x * 2).requires_grad
    assert torch.is_grad_enabled()

    @torch.set_grad_enabled(False)
    def quiet():
        return (x * 2).requires_grad

    @torch.enable_grad()
    def loud():
        return (x * 2).requires_grad

    assert torch.is_grad_enabled() and not quiet() and torch.is_grad_enabled()
    with torch.no_grad():
        assert loud() and not torch.is_grad_enabled()


def test_a_bound_that_is_reached_lets_the_gradient_pass():
    x = torch.tensor([0.5, 1.0, 1.5], requires_grad=True)
    x.clamp(max=torch.tensor(1.0)).sum().backward()
    assert x.grad.tolist() == [1, 1, 0]


def test_whole_quotients_keep_their_dtype():
    a = torch.tensor([7, -7], dtype=torch.int32)
    assert torch.div(a, 2, rounding_mode="floor").dtype == torch.int32
    assert torch.div(a, 2, rounding_mode="trunc").tolist() == [3, -3]
    with pytest.raises(ValueError, match="rounding_mode: expected None, 'floor' or 'trunc'"):
        torch.div(a, 2, rounding_mode="up")


def test_numbers_that_fit_nothing_are_refused_by_name():
    a = torch.ones(2, 3)
    for call, message in ((lambda: a.topk(4), "k: expected 0 to 3, got 4"),
                          (lambda: a.split([-1, 4], 1), "add up to 3"),
                          (lambda: torch.einsum("ij", a, a), "expected 1 operands, got 2")):
        with pytest.raises(ValueError, match=message) as caught:
            call()
        assert isinstance(caught.value, RuntimeError)


def test_indices_and_nans_by_themselves():
    assert torch.ones(4, 3).index_select(0, torch.tensor(1)).shape == (1, 3)
    assert len(torch.unique(torch.tensor([1.0, math.nan, math.nan]))) == 3


def test_data_is_a_tensor_once_a_script_asks_for_it():
    from nptorch.bridge import graph

    x, net = torch.tensor([3.0, 1.0]), nn.Linear(2, 1)
    try:
        from nptorch.bridge.graph import tensor_data  # noqa: F401
        assert x.data.numpy().tolist() == [3, 1] and x.data.max(0).values == 3
        x.data.zero_()
        net.weight.data = torch.ones(1, 2)
        assert net(x + 1).item() == pytest.approx(2 + net.bias.item())
    finally:
        del nptorch.Tensor.data
    assert x.data.tolist() == [0, 0] and isinstance(x.data, np.ndarray)
    with pytest.raises(AttributeError, match="tensor_date"):
        graph.__getattr__("tensor_date")


def test_a_failed_grad_leaves_no_tensor_retaining_its_gradient():
    x = torch.ones(2, requires_grad=True)
    h = x * 2
    y = h.sum()
    y.backward()
    with pytest.raises(RuntimeError, match="its graph is gone"):
        torch.autograd.grad(y, [h])
    assert not h._retains_grad


def test_generators_of_two_threads_do_not_meet():
    class Three:  # a size that waits until it may be read
        def __init__(self):
            self.asked, self.may = threading.Event(), threading.Event()

        def __index__(self):
            self.asked.set()
            assert self.may.wait(10)
            return 3

    sizes, generators = [Three(), Three()], [torch.Generator().manual_seed(i) for i in (1, 2)]
    threads = [threading.Thread(target=torch.rand, args=[size], kwargs={"generator": generator})
               for size, generator in zip(sizes, generators)]
    for thread, size in zip(threads, sizes):  # the second call begins in the first
        thread.start()
        assert size.asked.wait(10)
    for thread, size in zip(threads, sizes):  # and ends after it
        size.may.set()
        thread.join()
    torch.manual_seed(0)  # the generator of calls that name none, and no other
    for seed, generator in zip((1, 2), generators):
        alone = torch.Generator().manual_seed(seed)
        torch.rand(3, generator=alone)
        here, there = (torch.rand(3, generator=x).tolist() for x in (generator, alone))
        assert here == there


def test_a_refused_call_leaves_no_class_behind():
    def refused():
        with pytest.raises(RuntimeError):
            torch.ones(2) @ torch.ones(3)

    refused()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(20):
        refused()
    assert len(gc.get_objects()) < before + 20


def test_a_module_converts_what_it_owns_alone():
    mine = torch.ones(1)
    net = nn.Linear(1, 1)
    net.mine = mine
    net.register_buffer("held", torch.ones(1))
    net.double()
    assert mine.dtype == np.float32 and net.weight.dtype == net.held.dtype == np.float64


class Stop(ValueError):
    """A script's own."""


def test_a_scripts_own_error_stays_what_it_is():
    x = leaf([1.0])

    def hook(g):
        raise Stop("x", 5)

    x.register_hook(hook)
    with pytest.raises(Stop) as caught:
        (x * 2).sum().backward()
    assert caught.value.args == ("x", 5) and type(caught.value) is Stop
    for kind, args in ((OverflowError, ("o", 3)), (UnicodeEncodeError, ("ascii", "x", 0, 1, "y"))):
        x = leaf([1.0])

        def fail(g, kind=kind, args=args):
            raise kind(*args)

        x.register_hook(fail)
        with pytest.raises(kind) as caught:
            (x * 2).sum().backward()
        assert caught.value.args == args


def test_what_does_not_fit_a_dtype_is_a_runtime_error():
    for wrong in (lambda: torch.tensor([300], dtype=torch.uint8),
                  lambda: torch.zeros(1).long().masked_fill(torch.ones(1) > 0, float("-inf")),
                  lambda: torch.ones(1).masked_fill(torch.ones(1) > 0, None),
                  lambda: torch.ones(1).masked_fill(torch.ones(1) > 0, [1.0]),
                  lambda: -torch.tensor([True]), lambda: ~torch.ones(1),
                  lambda: torch.ones(2).gather(0, torch.tensor([2])),
                  lambda: setattr(torch.arange(2), "requires_grad", True)):
        with pytest.raises(RuntimeError):
            wrong()


def test_to_takes_copy_by_its_place():
    x = torch.ones(1)
    assert x.to(torch.float32, False) is x and x.to(torch.float32, False, True) is not x


def test_linspace_of_a_tensor_keeps_all_digits():
    start = torch.tensor(0.1)
    middle = torch.linspace(start, 1, 3, dtype=torch.float64)[1].item()
    assert middle == float(np.float32(0.1)) / 2 + 0.5


def test_products_of_fixed_dimensions():
    a, b = torch.ones(1, 2), torch.ones(2, 3)
    assert torch.mm(input=a, mat2=b).shape == torch.mm(a, mat2=b).shape == (1, 3)
    assert torch.mv(input=a, vec=b[:, 0]).shape == (1,)
    for f, *shapes in (("mm", (3,), (3, 2)), ("mv", (2, 2), (2, 2)), ("dot", (2, 2), (2,)),
                       ("bmm", (1, 2, 3), (2, 3, 4)), ("bmm", (2, 3), (3, 4))):
        with pytest.raises(RuntimeError, match=rf"{f}: expected .* got shapes \("):
            getattr(torch, f)(*map(torch.ones, shapes))


def test_drawn_ones():
    torch.manual_seed(0)
    p = torch.tensor([0.0, 1.0, 0.25], dtype=torch.float64).repeat(1000, 1)
    drawn = torch.bernoulli(p)
    assert drawn.dtype == np.float64 and abs(drawn.mean(0) - p[0]).max() < 0.05
    assert drawn.unique().tolist() == [0, 1] and p.bernoulli().shape == p.shape
    for wrong in ([2.0], [-0.1], [float("nan")], [1]):
        with pytest.raises(RuntimeError, match="from 0 to 1"):
            torch.bernoulli(torch.tensor(wrong))


def test_type_as_and_the_address_of_parameter():
    from nptorch.nn.parameter import Parameter

    assert Parameter is nn.Parameter
    assert torch.ones(1).type_as(torch.ones(1).long()).dtype == np.int64
