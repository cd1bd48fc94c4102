"""nptorch.models and `python -m nptorch`: LeNet, the data with and without MNIST, the training."""

import inspect
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, manual_seed, models, nn
from nptorch.data import DataLoader, Subset, TensorDataset, digits
from nptorch.models import LeNet, ScheduledSGD, mnist_or_digits, sawtooth, train_lenet
from nptorch.optim import SGD
from nptorch.training import evaluate

X = np.random.default_rng(0).random((3, 1, 28, 28)).astype(np.float32)


# LeNet


def test_lenet_has_the_shapes_and_parameters_of_the_paper():
    model, shapes = LeNet(), []
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            shapes.append(parameter.shape)
    assert shapes == [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    assert sum(p.numel() for p in model.parameters()) == 61706
    output = model(Tensor(X))
    assert output.shape == (3, 10) and output.dtype == np.float32


@pytest.mark.parametrize(("shape", "where"), [
    ((3, 28, 28), r"layers\.0 \(Conv2d 1 → 6\)"), ((3, 3, 28, 28), r"layers\.0 \(Conv2d 1 → 6\)"),
    ((3, 1, 32, 32), r"layers\.7 \(Linear 400 → 120\)"),
])
def test_lenet_says_which_layer_an_input_does_not_fit(shape, where):
    with pytest.raises(ValueError, match=f"^{where}: got "):
        LeNet()(nptorch.zeros(*shape))


def test_lenet_computes_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    model, y = LeNet(), [3, 0, 9]
    names = {"nn": torch.nn}
    exec(inspect.getsource(LeNet), names)  # the same text on PyTorch
    twin = names["LeNet"]()
    twin.load_state_dict({name: torch.from_numpy(p.data.copy())
                          for name, p in model.state_dict().items()})
    ours = nn.functional.cross_entropy(model(Tensor(X)), Tensor(np.array(y)))
    x = (torch.from_numpy(X) - 0.13) / 0.31
    assert torch.equal(twin(torch.from_numpy(X)), twin.layers(x))
    theirs = torch.nn.functional.cross_entropy(twin.layers(x), torch.tensor(y))
    ours.backward()
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-3, atol=1e-6)


# The data


def test_mnist_is_taken_where_it_is(monkeypatch, capsys):
    monkeypatch.setattr(models, "mnist", lambda: ("train", "test"))
    assert mnist_or_digits() == ("train", "test") and capsys.readouterr().out == ""


@pytest.mark.parametrize(("error", "reason"), [
    (ConnectionError("no mirror gave it:\n    a: b\nCheck the network"), "no mirror gave it"),
    (PermissionError("/data/x: can't be read: make it readable"),
     "/data/x: can't be read: make it readable"),
])
def test_without_mnist_digits_take_its_place_in_one_sentence(monkeypatch, capsys, error, reason):
    def mnist():
        raise error

    monkeypatch.setattr(models, "mnist", mnist)
    train, test = mnist_or_digits()
    assert capsys.readouterr().out == (f"MNIST can't be had ({reason}), so digits() takes its "
                                       "place, enlarged to 28 x 28.\n")
    for ours, theirs, times in zip((train, test), digits(), (4, 1)):
        n = len(theirs)
        assert len(ours) == times * n
        x, y = ours.batch(np.arange(len(ours) - n, len(ours)))
        assert x.shape == (n, 1, 28, 28) and x.dtype == np.float32 and y.dtype == np.int64
        assert np.array_equal(y, theirs.tensors[1])
        for pixel in np.ndindex(3, 3):
            found = x.data[:, :, 2 + pixel[0]:26:3, 2 + pixel[1]:26:3]
            assert np.array_equal(found, theirs.tensors[0])
        x.data[:, :, 2:26, 2:26] = 0
        assert not x.data.any()


def test_damaged_file_is_no_reason_to_take_digits(monkeypatch, tmp_path, capsys):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    monkeypatch.setenv("NPTORCH_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="truncated"):
        mnist_or_digits()
    assert capsys.readouterr().out == ""


# The training


@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (1, 7), (4, 3)])
def test_sawtooth_falls_in_every_epoch_and_from_epoch_to_epoch(epochs, steps):
    peaks, within = (np.linspace(1, 0, n, endpoint=False) for n in (epochs, steps))
    expected = 0.2 * np.outer(peaks, within).ravel()
    np.testing.assert_allclose(sawtooth(0.2, epochs, steps), expected, rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_scheduled_sgd_is_sgd_whose_lr_is_set_before_each_step(momentum):
    rates, ends = [0.1, 0.3, 0.02], []
    for scheduled in True, False:
        p = Tensor(X[0].copy(), requires_grad=True)
        optimizer = (ScheduledSGD([p], rates, momentum) if scheduled
                     else SGD([p], 1.0, momentum))
        for lr in [*rates, 0.02, 0.02]:
            if not scheduled:
                optimizer.lr = lr
            optimizer.zero_grad()
            (p**2).sum().backward()
            optimizer.step()
        ends.append(p.data)
    assert np.array_equal(*ends)


@pytest.fixture
def few():
    """Return 200 images to train on and 50 to test on, as datasets."""
    rng = np.random.default_rng(1)
    images = TensorDataset(Tensor(rng.random((250, 1, 28, 28)).astype(np.float32)),
                           Tensor(rng.integers(0, 10, 250)))
    return Subset(images, range(200)), Subset(images, range(200, 250))


def test_train_lenet_is_fit_with_these_rates(few):
    model, history = train_lenet(*few, epochs=2, seed=3, lr=0.05, momentum=0.8, progress=False)
    manual_seed(3)
    twin = LeNet()
    optimizer = SGD(twin.parameters(), 0.05, momentum=0.8)
    loader, rates = DataLoader(few[0], 64, shuffle=True), iter(sawtooth(0.05, 2, 4))
    losses = []
    for _ in range(2):
        for x, y in loader:
            optimizer.lr = next(rates)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(twin(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert history.step_loss == losses
    assert all(np.array_equal(p, q) for p, q in zip(model.parameters(), twin.parameters()))
    assert history.test_accuracy[-1] == evaluate(model, DataLoader(few[1], 50))


def test_train_lenet_prints_a_line_an_epoch_unless_told_not_to(few, capsys):
    train_lenet(*few, epochs=2)
    assert len(capsys.readouterr().out.splitlines()) == 3
    train_lenet(*few, epochs=1, progress=False)
    assert capsys.readouterr().out == ""


# The command


def command(folder, *arguments):
    """Run `python -m nptorch` in a folder where MNIST can't be had; return what it did."""
    names = "NPTORCH_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"
    environment = os.environ | dict.fromkeys(names, str(folder)) | {
        "https_proxy": "http://127.0.0.1:9", "no_proxy": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-m", "nptorch", *arguments], check=False, cwd=folder,
                          env=environment, capture_output=True, text=True)


def command_here(monkeypatch, folder, *arguments):
    """Run the same in this process, where its lines are counted."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["nptorch", *arguments])
    runpy.run_module("nptorch", run_name="__main__")


def test_command_trains_prints_the_accuracy_and_saves(tmp_path):
    result = command(tmp_path, "--epochs", "1", "--seed", "2", "--out", "digits.npz")
    assert result.returncode == 0 and result.stderr == ""
    sentence, _, epoch, accuracy, saved = result.stdout.splitlines()
    assert sentence.startswith("MNIST can't be had (train-images-idx3-ubyte is in none of the ")
    assert saved == "weights saved to digits.npz"
    assert epoch.split()[-1] == accuracy.removeprefix("test accuracy ")
    assert [path.name for path in tmp_path.glob("*.npz*")] == ["digits.npz"]

    model = LeNet()
    model.load_state_dict(nptorch.load(tmp_path / "digits.npz"))
    found = evaluate(model, [models._enlarged(digits()[1]).tensors])
    assert accuracy == f"test accuracy {found:.2%}" and found > 0.8


@pytest.mark.parametrize("arguments", [["--out", "no/such/folder.npz"], ["--out", "."],
                                       ["--epochs", "0"], ["--epochs", "x"]])
def test_command_refuses_before_it_trains(tmp_path, monkeypatch, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        command_here(monkeypatch, tmp_path, *arguments)
    out, err = capsys.readouterr()
    assert caught.value.code == 2 and out == ""
    assert arguments[0] in err.splitlines()[-1] and not list(tmp_path.iterdir())


def test_command_takes_the_data_that_it_is_given(few, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(models, "mnist_or_digits", lambda: few)
    command_here(monkeypatch, tmp_path, "--epochs", "1")
    assert [path.name for path in tmp_path.iterdir()] == ["lenet.npz"]
    assert capsys.readouterr().out.splitlines()[-1] == "weights saved to lenet.npz"
