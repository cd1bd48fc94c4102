"""nptorch.training: fit against the four lines it is made of, what it leaves behind when something
goes wrong, and what it shows."""

import io
import math
import re
import subprocess
import sys
import time

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, is_grad_enabled, manual_seed, nn, training
from nptorch.nn.functional import cross_entropy, mse_loss
from nptorch.optim import SGD
from nptorch.training import History, evaluate, fit

RNG = np.random.default_rng(0)
X = Tensor(RNG.normal(size=(11, 5)).astype(np.float32))
Y = Tensor(RNG.integers(0, 3, 11))


def batches(size=4, x=X, y=Y):
    """Return the 11 samples in batches, the last of them smaller, as a list of pairs."""
    return [(x[i:i + size], y[i:i + size]) for i in range(0, len(x), size)]


def make(p=0.5, seed=0):
    manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 3))


def sgd(model, **options):
    return SGD(model.parameters(), **{"lr": 0.1, "momentum": 0.9, **options})


def quiet(model, loader, loss=cross_entropy, optimizer=None, epochs=2, **options):
    return fit(model, loader, loss, optimizer or sgd(model), epochs, progress=False, **options)


def state(model):
    return {name: p.data.copy() for name, p in model.state_dict().items()}


class Raises:
    """A loader that raises an error after a number of batches, counted over all epochs."""

    def __init__(self, error, after):
        self.error, self.left = error, after

    def __iter__(self):
        for batch in batches():
            if self.left == 0:
                raise self.error
            self.left -= 1
            yield batch


# The loop


@pytest.mark.parametrize("test_loader", [None, batches(3)])
def test_fit_is_the_four_lines_to_the_last_bit(test_loader):
    model = make()
    optimizer, losses, means, right = sgd(model, weight_decay=0.01), [], [], []
    for _ in range(3):
        start, hits = len(losses), 0
        for x, y in batches():
            optimizer.zero_grad()
            output = model(x)
            loss = cross_entropy(output, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            hits += np.sum(output.data.argmax(axis=1) == y.data)
        means.append(np.average(losses[start:], weights=[4, 4, 3]))
        right.append(hits / 11)

    twin = make()
    history = quiet(twin, batches(), optimizer=sgd(twin, weight_decay=0.01), epochs=3,
                    test_loader=test_loader)
    assert history.step_loss == losses
    np.testing.assert_allclose(history.train_loss, means, rtol=1e-12)
    assert history.train_accuracy == pytest.approx(right)
    assert history.epoch_ends == [3, 6, 9] and len(history) == 3 and not history.interrupted
    assert len(history.test_loss) == len(history.test_accuracy) == (3 if test_loader else 0)
    for p, q in zip(model.parameters(), twin.parameters()):
        assert np.array_equal(p.data, q.data) and p.dtype == np.float32


def test_fit_takes_the_steps_that_pytorch_takes():
    torch = pytest.importorskip("torch")
    model = make(p=0)
    twin = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    with torch.no_grad():
        for theirs, ours in zip(twin.parameters(), model.parameters()):
            theirs.copy_(torch.from_numpy(ours.data.copy()))
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(5):
        for x, y in batches():
            optimizer.zero_grad()
            x, y = torch.from_numpy(x.data.copy()), torch.from_numpy(y.data.copy())
            loss = torch.nn.functional.cross_entropy(twin(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    np.testing.assert_allclose(quiet(model, batches(), epochs=5).step_loss, losses, rtol=1e-4)


def test_fit_goes_on_where_it_stopped():
    once, twice = make(), make()
    manual_seed(1)
    whole = quiet(once, batches(), epochs=4).step_loss
    optimizer = sgd(twice)
    manual_seed(1)
    parts = [quiet(twice, batches(), optimizer=optimizer, epochs=2).step_loss for _ in range(2)]
    assert parts[0] + parts[1] == whole


def test_no_epoch_changes_nothing():
    model = make()
    before = state(model)
    assert len(quiet(model, batches(), epochs=0)) == 0
    assert all(np.array_equal(before[name], p.data) for name, p in model.state_dict().items())


# evaluate


@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
def test_evaluate_weighs_each_sample_alike(size):
    model = make().eval()
    logits = model(X)
    accuracy, loss = evaluate(model, batches(size), cross_entropy)
    assert accuracy == evaluate(model, batches(size)) == np.mean(logits.data.argmax(1) == Y.data)
    assert loss == pytest.approx(cross_entropy(logits, Y).item(), rel=1e-6)


def test_evaluate_is_in_eval_mode_without_a_graph_and_draws_no_numbers():
    seen = []

    class Spy(nn.Dropout):
        def forward(self, x):
            seen.append((self.training, is_grad_enabled()))
            return super().forward(x)

    model = nn.Sequential(nn.Linear(5, 3), Spy())
    manual_seed(3)
    evaluate(model, batches(), cross_entropy)
    first = nptorch.rand(4)
    manual_seed(3)
    assert np.array_equal(nptorch.rand(4), first)
    assert seen == [(False, False)] * 3 and is_grad_enabled() and model.training
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("y", [X[:, :3], Tensor(np.zeros((11, 3), np.int64)), Tensor(np.ones(11))])
def test_what_is_no_class_has_no_accuracy(y):
    model = make()

    def loss(output, y):
        return (output**2).mean()

    accuracy, mean = evaluate(model, batches(4, X, y), loss)
    assert math.isnan(accuracy) and mean > 0
    history = quiet(model, batches(4, X, y), loss, test_loader=batches(4, X, y))
    assert np.isnan(history.train_accuracy + history.test_accuracy).all()
    assert repr(history).splitlines()[1] == "epoch  train loss  test loss"


def test_a_single_logit_has_no_accuracy():
    model, y = nn.Linear(5, 1), Y.data % 2

    def loss(output, y):
        return nn.functional.binary_cross_entropy_with_logits(output.squeeze(1), Tensor(1.0 * y))

    loader = batches(4, X, y)
    assert math.isnan(evaluate(model, loader)) and math.isnan(evaluate(model, loader, loss)[0])
    history = quiet(model, loader, loss, test_loader=loader)
    assert np.isnan(history.train_accuracy + history.test_accuracy).all()


def test_a_model_that_forgets_to_return_says_so():
    class Forgetful(nn.Linear):
        def forward(self, x):
            super().forward(x)

    model = Forgetful(5, 3)
    for use in evaluate, quiet:
        for options in {}, {"loss": cross_entropy}:
            with pytest.raises(TypeError, match="^model: Forgetful answered None, expected a Ten"):
                use(model, batches(), **options)


# Modes


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("error", [None, OSError("disk"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", [evaluate, quiet, lambda model, loader: quiet(
    model, batches(), test_loader=loader)], ids=["evaluate", "fit", "fit's test"])
def test_every_module_gets_its_own_mode_back(call, error, train):
    model = make().train(train)
    model[2].train(not train)
    before = [module.training for module in model.modules()]
    loader = batches() if error is None else Raises(error, 2)
    caught = error is None or (call is not evaluate and isinstance(error, KeyboardInterrupt))
    if caught:
        call(model, loader)
    else:
        with pytest.raises(type(error)):
            call(model, loader)
    assert [module.training for module in model.modules()] == before
    assert is_grad_enabled()


def test_fit_trains_in_train_mode_even_a_model_in_eval_mode():
    one = make().eval()
    losses = quiet(one, batches()).step_loss
    other = make()
    assert quiet(other, batches()).step_loss == losses
    assert not one.training and other.training


# Ctrl-C


@pytest.mark.parametrize(("after", "epochs"), [(0, 0), (2, 0), (3, 1), (7, 2)])
def test_ctrl_c_keeps_the_history_so_far(after, epochs, capsys):
    model = make()
    history = fit(model, Raises(KeyboardInterrupt(), after), cross_entropy, sgd(model), 5)
    assert history.interrupted and len(history.step_loss) == after
    assert len(history) == len(history.train_loss) == len(history.train_accuracy) == epochs
    first = f"History: {epochs} epochs, {after} steps, interrupted"
    assert repr(history).splitlines()[0] == first
    assert capsys.readouterr().out.splitlines()[-1] == f"interrupted after {after} steps"


def test_ctrl_c_in_the_test_leaves_the_lists_equally_long():
    history = quiet(make(), batches(), test_loader=Raises(KeyboardInterrupt(), 4), epochs=3)
    lists = (history.train_loss, history.train_accuracy, history.test_loss, history.test_accuracy)
    assert [len(values) for values in lists] == [1] * 4 and len(history.step_loss) == 6


# A loss that is not a number


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_broken_loss_stops_before_the_step(bad):
    model, losses, states = make(), [], []

    def loss(output, y):
        states.append(state(model))
        losses.append(cross_entropy(output, y) + (bad if len(losses) == 4 else 0.0))
        return losses[-1]

    with pytest.raises(FloatingPointError) as caught:
        quiet(model, batches(), loss, sgd(model, lr=0.25))
    assert str(caught.value) == (f"epoch 2, step 2: the loss is {bad} with lr 0.25, and this step "
                                 "was not taken. Start again with a smaller lr, such as 0.025.")
    assert caught.value.history.step_loss == [value.item() for value in losses[:4]]
    assert len(caught.value.history) == 1
    assert len(losses) == 5 and model.training
    for name, p in model.state_dict().items():
        assert np.array_equal(states[-1][name], p.data) and np.isfinite(p.data).all()


@pytest.mark.filterwarnings("error")
def test_exploding_regression_stops_with_finite_weights():
    model = nn.Sequential(nn.Linear(5, 3))
    errors = np.geterr()
    with pytest.raises(FloatingPointError, match=r"the loss is inf with lr 30, .* as 3\.$"):
        quiet(model, batches(4, X, X[:, :3]), mse_loss, SGD(model.parameters(), lr=30.0), 100)
    assert all(np.isfinite(p.data).all() for p in model.parameters())
    assert np.geterr() == errors


@pytest.mark.parametrize("where", ["x", "y", "weight"])
def test_broken_loss_names_its_cause(where):
    model, x, y = nn.Sequential(nn.Linear(5, 3)), X.clone(), X[:, :3].clone()
    broken = {"x": x, "y": y, "weight": model[0].weight}[where]
    broken.data[1, 1] = math.inf if where == "y" else math.nan
    said = "Start again with a smaller lr" if where == "weight" else "The batch itself holds nan"
    with pytest.raises(FloatingPointError, match=f"epoch 1, step 1: .* {said}"):
        quiet(model, batches(4, x, y), mse_loss, sgd(model))


# What is refused


def test_optimizer_of_another_model_is_refused():
    model, other = make(), make()
    with pytest.raises(ValueError, match="^optimizer: none of its parameters is this model's"):
        quiet(model, batches(), optimizer=sgd(other))
    assert all(p.grad is None for p in model.parameters())
    history = quiet(model, batches(), optimizer=SGD(model[3].parameters(), lr=0.1))  # a part
    assert len(history) == 2


@pytest.mark.parametrize("call", [
    lambda: evaluate(make(), []),
    lambda: evaluate(make(), [], cross_entropy),
    lambda: quiet(make(), []),
    lambda: quiet(make(), (batch for batch in batches())),
    lambda: quiet(make(), batches(), test_loader=iter(batches())),
])
def test_loader_without_batches_is_refused(call):
    with pytest.raises(ValueError, match="^loader: expected at least one batch, got none"):
        call()


# What is shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Slow(list):
    """Batches that take so long that tqdm draws the bar anew for each."""

    def __iter__(self):
        for batch in super().__iter__():
            time.sleep(0.12)
            yield batch


def test_a_line_an_epoch(capsys):
    model = make()
    history = fit(model, batches(), cross_entropy, sgd(model), 2, batches())
    out, err = capsys.readouterr()
    assert [out.splitlines()[i] for i in (0, -1)] == repr(history).splitlines()[1:]
    row = r"    {} +\d\.\d+ +\d+\.\d\d% +\d\.\d+ +\d+\.\d\d%"
    names, *rows = out.splitlines()
    assert names == "epoch  train loss  train accuracy  test loss  test accuracy"
    assert [bool(re.fullmatch(row.format(i), line)) for i, line in enumerate(rows, 1)] == [True] * 2
    assert err == "" and {len(line) for line in rows} == {len(names)}


def test_progress_false_is_silent_on_a_terminal_too(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    quiet(make(), batches(), test_loader=batches())
    assert capsys.readouterr().out == sys.stderr.getvalue() == ""


def test_bar_shows_the_running_loss_and_is_wiped_away(monkeypatch, capsys):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    model = make()
    history = fit(model, Slow(batches()), cross_entropy, sgd(model), 1)
    frames = [frame.strip() for frame in sys.stderr.getvalue().split("\r")]
    assert re.fullmatch(r"epoch 1/1 \|[^|]*\| 0/3", frames[1])
    running = [np.average(history.step_loss[:i], weights=[4, 4, 3][:i]) for i in (1, 2, 3)]
    shown = [re.search(r"(\d)/3, loss (\S+)$", frame) for frame in frames]
    shown = {int(found[1]): float(found[2]) for found in shown if found}
    assert shown and all(running[i - 1] == pytest.approx(loss, abs=0.006)
                         for i, loss in shown.items())
    assert not re.search(r"it/s|s/it|\d:\d\d", sys.stderr.getvalue())
    assert frames[-1] == "" and capsys.readouterr().out.count("\n") == 2


def test_bar_is_wiped_away_after_an_error_too(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    model = make()
    try:
        fit(model, batches(), mse_loss, sgd(model), 1)
    except ValueError as error:  # its traceback, still alive, must not keep the bar alive
        frames = sys.stderr.getvalue().split("\r")
        assert "same shape" in str(error) and len(frames) > 2 and frames[-1].strip() == ""
    else:
        pytest.fail("mse_loss took classes")


@pytest.mark.parametrize("stderr", [Terminal(), None])
def test_without_tqdm_or_stderr_there_is_no_bar(monkeypatch, stderr, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", stderr)
    model = make()
    fit(model, batches(), cross_entropy, sgd(model), 1)
    assert stderr is None or stderr.getvalue() == ""
    assert capsys.readouterr().out.count("\n") == 2


@pytest.mark.parametrize(("loss", "text"), [
    (157.4, "157"), (1234.5, "1.23e+03"), (1.6249, "1.62"), (0.3, "0.300"), (0.046691, "0.0467"),
    (4.67e-5, "4.67e-05"), (0.0, "0.00"), (-1.5, "-1.50"), (math.inf, "inf"),
])
def test_losses_are_printed_with_three_digits(loss, text):
    assert training._short(loss) == text


def filled(epochs, steps=3):
    history = History()
    history.step_loss = list(np.linspace(4, 1, epochs * steps))
    history.train_loss, history.test_loss = [2.0] * (epochs - 1) + [1.0], [1.5] * epochs
    history.train_accuracy, history.test_accuracy = [0.5] * epochs, [0.25] * epochs
    history.epoch_ends = [steps * (i + 1) for i in range(epochs)]
    return history


@pytest.mark.parametrize("epochs", [1, 12, 200])
def test_repr_tells_the_length_and_the_last_epoch(epochs):
    head, names, numbers = repr(filled(epochs)).splitlines()
    assert head == f"History: {epochs} epochs, {3 * epochs} steps"
    assert names == "epoch  train loss  train accuracy  test loss  test accuracy"
    assert numbers.split() == [str(epochs), "1.00", "50.00%", "1.50", "25.00%"]


def test_empty_history_has_a_repr():
    assert repr(History()) == "History: 0 epochs, 0 steps"


# The plot


@pytest.fixture
def plt(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    plt.shown = 0
    monkeypatch.setattr(plt, "show", lambda: setattr(plt, "shown", plt.shown + 1))
    yield plt
    plt.close("all")


def test_plot_puts_each_value_where_it_was_measured(plt):
    assert filled(4).plot() is None and plt.shown == 1
    loss, accuracy = plt.gcf().axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    steps, train, test = (line.get_xydata() for line in loss.lines)
    np.testing.assert_allclose(steps[[0, 2, -1], 0], [1 / 3, 1, 4])
    np.testing.assert_allclose(train, np.transpose([[0.5, 1.5, 2.5, 3.5], [2, 2, 2, 1]]))
    np.testing.assert_allclose(test, np.transpose([[1, 2, 3, 4], [1.5] * 4]))
    train, test = (line.get_ydata() for line in accuracy.lines)
    assert list(train) == [0.5] * 4 and list(test) == [0.25] * 4
    assert [text.get_text() for text in loss.texts] == ["train", "test"]
    assert len({line.get_linestyle() for line in accuracy.lines}) == 2  # told apart without colour


def test_plot_to_a_file_shows_nothing_and_leaves_no_figure(plt, tmp_path):
    filled(40).plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert plt.shown == 0 and not plt.get_fignums()


@pytest.mark.parametrize("strip", ["accuracy", "test", "all"])
def test_plot_of_what_there_is(plt, strip):
    history = filled(2)
    if strip == "accuracy":
        history.train_accuracy = history.test_accuracy = [math.nan] * 2
    elif strip == "test":
        history.test_loss, history.test_accuracy = [], []
    else:
        history = History()
        history.step_loss = [3.0, 2.0]
    history.plot()
    lines = [len(ax.lines) for ax in plt.gcf().axes]
    assert lines == {"accuracy": [3], "test": [2, 1], "all": [1]}[strip]


def test_import_loads_neither_tqdm_nor_matplotlib():
    program = ("import sys, nptorch.training; "
               "sys.exit(any(name in sys.modules for name in ('tqdm', 'matplotlib')))")
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
