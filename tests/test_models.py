"""nptorch.models and `python -m nptorch`: LeNet against PyTorch's, what the command saves, refuses
and survives."""

import inspect
import os
import runpy
import signal
import subprocess
import sys

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, datasets, manual_seed, nn, optim
from nptorch.datasets import digits
from nptorch.models import LeNet
from nptorch.training import evaluate
from nptorch.utils.data import DataLoader, Subset, TensorDataset, random_split

X = np.random.default_rng(0).random((3, 1, 28, 28)).astype(np.float32)


# LeNet


def test_lenet_has_the_shapes_and_parameters_of_the_paper():
    model = LeNet()
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    layers = {0: (6, 1, 5, 5), 3: (16, 6, 5, 5), 7: (120, 400), 9: (84, 120), 11: (10, 84)}
    assert shapes == {f"layers.{i}.{name}": part for i, shape in layers.items()
                      for name, part in (("weight", shape), ("bias", shape[:1]))}
    assert sum(p.numel() for p in model.parameters()) == 61706
    output = model(Tensor(X))
    assert output.shape == (3, 10) and output.dtype == np.float32


def test_lenet_brings_pixels_like_those_of_mnist_to_mean_0_and_spread_1():
    x = Tensor(np.array([0.13 - 0.31, 0.13 + 0.31]))
    np.testing.assert_allclose(LeNet().normalized(x).data, [-1, 1], rtol=1e-6)


@pytest.mark.parametrize(("shape", "where"), [
    ((3, 28, 28), r"layers\.0 \(Conv2d 1 -> 6\)"), ((3, 3, 28, 28), r"layers\.0 \(Conv2d 1 -> 6\)"),
    ((3, 1, 32, 32), r"layers\.7 \(Linear 400 -> 120\)"),
])
def test_lenet_says_which_layer_an_input_does_not_fit(shape, where):
    with pytest.raises(ValueError, match=f"^{where}: got "):
        LeNet()(nptorch.zeros(*shape))


def test_a_number_of_the_last_maps_sees_16_by_16_pixels():
    manual_seed(0)
    x = Tensor(np.random.default_rng(1).random((32, 1, 28, 28)), requires_grad=True)
    h = x
    for layer in list(LeNet().layers)[:6]:
        h = layer(h)
    h[:, :, 1, 3].sum().backward()
    rows, columns = np.nonzero(x.grad.data.any(axis=(0, 1)))
    # Padded pixels 4 i to 4 i + 15, and the padding is 2.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 17, 10, 25)


def test_lenet_computes_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    model, y = LeNet(), [3, 0, 9]
    names = {"nn": torch.nn}
    exec(inspect.getsource(LeNet), names)  # the same text on PyTorch
    twin = names["LeNet"]()
    twin.load_state_dict({name: torch.from_numpy(p.data.copy())
                          for name, p in model.state_dict().items()})
    ours = nn.functional.cross_entropy(model(Tensor(X)), Tensor(np.array(y)))
    theirs = torch.nn.functional.cross_entropy(twin(torch.from_numpy(X)), torch.tensor(y))
    ours.backward()
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-3, atol=1e-6)


# The command


@pytest.fixture
def few():
    """Return 240 images to train on, 20 of which are held back, and 50 to test on, as datasets."""
    rng = np.random.default_rng(1)
    images = TensorDataset(Tensor(rng.random((290, 1, 28, 28)).astype(np.float32)),
                           Tensor(rng.integers(0, 10, 290)))
    return Subset(images, range(240)), Subset(images, range(240, 290))


class Waiting(TensorDataset):
    """Images that send SIGINT, as Ctrl-C does, when somebody asks for a batch from number `at`."""

    def __init__(self, dataset, at):
        super().__init__(*dataset[np.arange(len(dataset))])
        self.at, self.asked = at, 0

    def __getitem__(self, index):
        self.asked += 1
        if self.asked > self.at:
            signal.raise_signal(signal.SIGINT)
        return super().__getitem__(index)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Return a function that runs the command in this process, where its lines are counted, in an
    empty folder; it takes the data and the arguments."""
    def run(data, *arguments):
        monkeypatch.setattr(datasets, "mnist_or_digits", lambda: data)
        monkeypatch.setattr(sys, "argv", ["nptorch", *arguments])
        monkeypatch.delitem(sys.modules, "nptorch.__main__", raising=False)  # nptorch.gpt asks it
        runpy.run_module("nptorch", run_name="__main__")

    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield run
    signal.signal(signal.SIGINT, before)


def command(folder, *arguments):
    """Run `python -m nptorch` in a folder where MNIST can't be had; return what it did."""
    names, path = ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"), os.pathsep.join(sys.path)
    environment = os.environ | dict.fromkeys(names, str(folder)) | {
        "https_proxy": "http://127.0.0.1:9", "no_proxy": "", "PYTHONPATH": path}
    environment.pop("NPTORCH_DATA", None)
    return subprocess.run([sys.executable, "-m", "nptorch", *arguments], check=False, cwd=folder,
                          env=environment, capture_output=True, text=True)


def test_command_trains_saves_and_prints_the_accuracy(tmp_path):
    result = command(tmp_path, "--epochs", "1", "--seed", "2", "--out", "small.npz")
    assert result.returncode == 0, result.stderr
    sentence, epoch, saved, accuracy = result.stdout.splitlines()
    assert sentence.startswith("digits() takes MNIST's place") and epoch.startswith("epoch 1: loss")
    assert saved == "weights saved to small.npz"
    assert [path.name for path in tmp_path.glob("*.npz*")] == ["small.npz"]

    model, (images, labels) = LeNet(), digits()[1].tensors
    model.load_state_dict(nptorch.load(tmp_path / "small.npz"))
    large = np.pad(np.kron(images.data, np.ones((3, 3), np.float32)), [(0,), (0,), (2,), (2,)])
    found = np.mean(model(Tensor(large)).data.argmax(axis=1) == labels.data)
    assert accuracy == f"test accuracy {found:.2%}" and found > 0.8


def test_command_trains_with_a_rate_that_falls_in_a_straight_line(few, here):
    here(few, "--epochs", "2", "--seed", "3")
    learn, _ = random_split(few[0], [220, 20], generator=0)
    manual_seed(3)
    twin, loader = LeNet(), DataLoader(learn, 64, shuffle=True)
    optimizer, rates = optim.SGD(twin.parameters(), 1.0, momentum=0.9), iter(range(8, 0, -1))
    for _ in range(2):
        for x, y in loader:
            optimizer.lr = 0.03 * next(rates) / 8
            optimizer.zero_grad()
            nn.functional.cross_entropy(twin(x), y).backward()
            optimizer.step()
    for name, p in nptorch.load("lenet.npz").items():
        np.testing.assert_allclose(p.data, twin.state_dict()[name].data, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("arguments", [
    ["--out", "no/such/folder.npz"], ["--out", "."], ["--epochs", "0"], ["--epochs", "x"],
    ["--seed", "-1"], ["--seed", "0.5"],
])
def test_command_refuses_before_it_loads_anything(here, tmp_path, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        here(None, *arguments)
    out, err = capsys.readouterr()
    assert caught.value.code == 2 and out == ""
    assert arguments[0] in err.splitlines()[-1] and not list(tmp_path.iterdir())


@pytest.mark.parametrize("at", [0, 100])  # in the first batch, in the second
def test_command_saves_what_was_learned_until_it_was_interrupted(few, here, at, capsys):
    waiting = Waiting(few[0], at)
    here((waiting, few[1]), "--epochs", "1000")
    saved, accuracy = capsys.readouterr().out.splitlines()[-2:]
    assert waiting.asked == at + 1
    manual_seed(0)
    model = LeNet()
    born = model.state_dict()["layers.11.bias"].data.copy()
    model.load_state_dict(nptorch.load("lenet.npz"))
    assert np.array_equal(model.state_dict()["layers.11.bias"].data, born) == (at == 0)
    found = evaluate(model, DataLoader(few[1], 50), nn.CrossEntropyLoss()).accuracy
    assert saved == "weights saved to lenet.npz" and accuracy == f"test accuracy {found:.2%}"


@pytest.mark.parametrize("at", [3, 10**6])  # the first one while it trains, or none
def test_command_ignores_an_interruption_until_the_weights_are_saved(few, here, monkeypatch, at):
    save = nptorch.save

    def slow(*args):
        signal.raise_signal(signal.SIGINT)
        save(*args)

    monkeypatch.setattr(nptorch, "save", slow)
    here((Waiting(few[0], at), few[1]), "--epochs", "1")
    assert "layers.0.weight" in nptorch.load("lenet.npz")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("error", [
    ImportError("digits() needs scikit-learn"), FileNotFoundError("NPTORCH_DATA names no folder"),
    ValueError("train-images is damaged")])
def test_command_says_in_a_sentence_that_there_is_no_data(here, monkeypatch, error):
    def refuse():
        raise error

    monkeypatch.setattr(datasets, "mnist_or_digits", refuse)
    monkeypatch.setattr(sys, "argv", ["nptorch"])
    monkeypatch.delitem(sys.modules, "nptorch.__main__", raising=False)
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("nptorch", run_name="__main__")
    assert caught.value.code == f"nptorch: {error}"


def test_command_saves_before_it_evaluates(few, here, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        here((few[0], Waiting(few[1], 0)), "--epochs", "1")
    assert [path.name for path in tmp_path.iterdir()] == ["lenet.npz"]


def test_command_leaves_an_ignored_interruption_ignored(few, here):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting = Waiting(few[0], 1)
    here((waiting, few[1]), "--epochs", "1")
    assert waiting.asked == len(few[0])  # to the end
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
