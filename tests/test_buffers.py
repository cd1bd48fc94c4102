"""nptorch.nn.buffers: what a module saves and training does not move, to PyTorch and back."""

import copy
import pickle

import numpy as np
import pytest

import nptorch
from nptorch import nn, ones, optim, tensor, zeros
from nptorch.nn import Buffer, Module, Parameter


class Counter(Module):
    """A module with a buffer that is saved, and one that is not."""

    def __init__(self, n=2):
        self.weight = Parameter(ones(n))
        self.register_buffer("total", zeros(n))
        self.register_buffer("scratch", tensor([5.0]), persistent=False)

    def forward(self, x):
        self.total += x.detach().sum(0)
        return x * self.weight


def net():
    return nn.Sequential(nn.Linear(2, 2), Counter(), nn.Sequential(Counter()))


def test_buffers_are_found_with_their_paths():
    paths = ["1.total", "1.scratch", "2.0.total", "2.0.scratch"]
    model = net()
    assert [path for path, _ in model.named_buffers()] == paths
    assert [path for path, _ in model.named_buffers("net")] == [f"net.{path}" for path in paths]
    assert len(list(model.buffers())) == 4 and list(model.buffers(recurse=False)) == []
    assert [path for path, _ in model[1].named_buffers(recurse=False)] == ["total", "scratch"]
    assert all(isinstance(b, Buffer) for b in model.buffers())


def test_a_shared_buffer_comes_once_or_under_each_path():
    one = Counter()
    model = nn.Sequential(one, one)
    assert [path for path, _ in model.named_buffers()] == ["0.total", "0.scratch"]
    every = [path for path, _ in model.named_buffers(remove_duplicate=False)]
    assert every == ["0.total", "0.scratch", "1.total", "1.scratch"]
    assert list(model.state_dict()) == ["0.weight", "0.total", "1.weight", "1.total"]


def test_they_are_no_parameters():
    model = net()
    assert not {*model.buffers()} & {*model.parameters()}
    model.requires_grad_(True)
    assert not any(b.requires_grad for b in model.buffers())
    model(ones(3, 2)).sum().backward()
    before = [b.data.copy() for b in model.buffers()]
    optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1).step()
    model.zero_grad()
    for b, old in zip(model.buffers(), before):
        np.testing.assert_array_equal(b.data, old)
    assert before[0].any()


def test_a_state_dict_holds_the_persistent_ones():
    assert list(Counter().state_dict()) == ["weight", "total"]
    counter, twin = Counter(), Counter()
    state = counter.state_dict()
    counter(ones(3, 2))
    assert state["total"].tolist() == [3, 3]  # shared, as parameters are
    assert twin.load_state_dict(state) == ([], [])
    assert twin.total.tolist() == [3, 3] and twin.total is not counter.total
    counter(ones(3, 2))
    assert twin.total.tolist() == [3, 3]


def test_keys_are_compared():
    state = Counter().state_dict()
    del state["total"]
    with pytest.raises(ValueError, match="total: missing"):
        Counter().load_state_dict(state)
    state["scratch"] = ones(1)
    assert Counter().load_state_dict(state, strict=False) == (["total"], ["scratch"])


def test_they_go_through_a_file(tmp_path):
    model, twin = net(), net()
    model(ones(3, 2))
    nptorch.save(model.state_dict(), tmp_path / "net.npz")
    twin.load_state_dict(nptorch.load(tmp_path / "net.npz"))
    assert model[1].total.data.any()
    for a, b in zip(model.buffers(), twin.buffers()):
        np.testing.assert_array_equal(a.data, b.data)


def test_an_integer_without_dimensions_goes_through_a_file(tmp_path):
    norm, twin = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    norm(tensor([[1.0, 2.0], [3.0, 5.0]]))
    nptorch.save(norm.state_dict(), tmp_path / "norm.npz")
    twin.load_state_dict(nptorch.load(tmp_path / "norm.npz"))
    assert twin.num_batches_tracked.item() == 1 and twin.num_batches_tracked.shape == ()
    assert twin.num_batches_tracked.dtype == np.int64


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_buffers_of_their_own(twin):
    counter = Counter()
    other = twin(counter)
    counter(ones(3, 2))
    assert other.total.tolist() == [0, 0] and list(other.state_dict()) == ["weight", "total"]
    other.total = ones(2)
    assert other.state_dict()["total"].tolist() == [1, 1]


def test_a_tensor_in_its_place_becomes_a_buffer():
    counter, new = Counter(), tensor([1.0, 2.0])
    counter.total, counter.scratch = new, new
    assert isinstance(counter.total, Buffer) and counter.total.persistent
    assert isinstance(counter.scratch, Buffer) and not counter.scratch.persistent
    assert list(counter.state_dict()) == ["weight", "total"]
    new += 1
    assert counter.total.tolist() == [2, 3]


def test_a_buffer_may_be_set_as_an_attribute_and_to_none():
    counter = Counter()
    counter.more, counter.less = Buffer(ones(1)), Buffer(ones(1), persistent=False)
    assert list(counter.state_dict()) == ["weight", "total", "more"]
    counter.total = None
    assert counter.total is None and "total" not in counter.state_dict()
    counter.more = Parameter(ones(3))
    assert dict(counter.named_parameters())["more"].shape == (3,)
    assert [name for name, _ in counter.named_buffers()] == ["scratch", "less"]


def test_registering_again_replaces():
    counter = Counter()
    counter.register_buffer("total", ones(3), persistent=False)
    assert counter.total.shape == (3,) and list(counter.state_dict()) == ["weight"]
    counter.register_buffer("later", None)
    assert counter.later is None
    counter.register_buffer("later", ones(1))
    assert "later" in counter.state_dict()


@pytest.mark.parametrize("name, value, error", [
    ("", ones(1), KeyError), ("a.b", ones(1), KeyError), ("weight", ones(1), KeyError),
    ("forward", ones(1), KeyError), ("training", ones(1), KeyError), (3, ones(1), TypeError),
    ("more", [1.0], TypeError), ("more", np.ones(1), TypeError)])
def test_what_is_refused(name, value, error):
    counter = Counter()
    with pytest.raises(error):
        counter.register_buffer(name, value)
    assert list(counter.state_dict()) == ["weight", "total"]


@pytest.mark.parametrize("value", [[1.0, 2.0], np.ones(2), 3.0])
def test_what_is_no_tensor_cannot_replace_a_buffer(value):
    counter = Counter()
    with pytest.raises(TypeError, match="total: expected a Tensor or None, got"):
        counter.total = value
    with pytest.raises(TypeError, match="weight: expected a Parameter or None"):
        counter.weight = ones(2)  # 03's rule still holds


def test_modes_and_repr_work():
    model = net()
    assert not model.eval()[1].training and model.train()[2][0].training
    assert repr(model[1]) == "Counter()"


def model(m):
    nn = m.nn
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(),
                         nn.Linear(27, 4), nn.BatchNorm1d(4, momentum=None), nn.LayerNorm(4))


def test_state_dicts_travel_to_pytorch_and_back():
    torch = pytest.importorskip("torch")
    ours, theirs, back = model(nptorch), model(torch), model(nptorch)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = np.random.default_rng(0).normal(1, 2, (6, 1, 5, 5)).astype(np.float32)
    for _ in range(3):
        ours(tensor(x))
    theirs.load_state_dict({key: torch.tensor(np.asarray(value))
                            for key, value in ours.state_dict().items()})
    assert theirs[1].num_batches_tracked.item() == 3
    for training in False, True:  # in train mode both move their running averages
        y = ours.train(training)(tensor(x)).data
        np.testing.assert_allclose(y, theirs.train(training)(torch.tensor(x)).detach(), atol=1e-5)
    back.load_state_dict(theirs.state_dict())
    for key, value in ours.state_dict().items():
        np.testing.assert_allclose(back.state_dict()[key].data, value.data, rtol=1e-5, atol=1e-6)
        assert back.state_dict()[key].dtype == value.dtype


def test_names_and_errors_are_pytorchs():
    torch = pytest.importorskip("torch")

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(2))
            self.register_buffer("total", torch.zeros(2))
            self.register_buffer("scratch", torch.ones(1), persistent=False)

    for program in ("m.register_buffer('a.b', t)", "m.register_buffer('', t)",
                    "m.register_buffer('weight', t)", "m.register_buffer('more', 1.0)",
                    "m.total = [1.0]", "m.total = t; list(m.state_dict())",
                    "m.scratch = t; list(m.state_dict())", "m.total = None; list(m.state_dict())",
                    "[n for n, _ in m.named_buffers()]", "m.train().eval().training"):
        answers = []
        for library, made in (nptorch, Counter()), (torch, Theirs()):
            names = {"m": made, "t": library.ones(2)}
            *first, last = program.split("; ")
            try:
                exec("\n".join(first or [last]), names)
                answers.append(eval(last, names) if " = " not in last else None)
            except Exception as error:
                answers.append(type(error).__name__)
        assert answers[0] == answers[1], program
