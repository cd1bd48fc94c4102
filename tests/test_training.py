"""nptorch.training: fit against the four lines it is made of, what it leaves behind when something
goes wrong, and what it shows; nptorch.optim.lr_scheduler against PyTorch's."""

import io
import math
import re
import subprocess
import sys

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, is_grad_enabled, manual_seed, nn, training
from nptorch.nn.functional import cross_entropy, mse_loss
from nptorch.optim import SGD
from nptorch.optim.lr_scheduler import LambdaLR
from nptorch.training import Evaluation, evaluate, fit

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


@pytest.mark.parametrize("valid_loader", [None, batches(3)])
def test_fit_is_the_four_lines_to_the_last_bit(valid_loader):
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
                    valid_loader=valid_loader)
    assert history.step_loss == losses and not history.interrupted
    np.testing.assert_allclose(history.train_loss, means, rtol=1e-12)
    assert history.train_accuracy == pytest.approx(right)
    assert len(history.valid_loss) == len(history.valid_accuracy) == (3 if valid_loader else 0)
    if valid_loader:
        last = Evaluation(history.valid_loss[-1], history.valid_accuracy[-1])
        assert last == evaluate(twin, valid_loader, cross_entropy)
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
    history = quiet(model, batches(), epochs=0, valid_loader=batches())
    assert history.step_loss == history.train_loss == history.valid_accuracy == []
    assert all(np.array_equal(before[name], p.data) for name, p in model.state_dict().items())


# evaluate


@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
def test_evaluate_weighs_each_sample_alike(size):
    model = make().eval()
    logits = model(X)
    found = evaluate(model, batches(size), cross_entropy)
    assert type(found) is Evaluation and [type(value) for value in found] == [float, float]
    assert found.accuracy == pytest.approx(np.mean(logits.data.argmax(1) == Y.data), rel=1e-12)
    assert found.loss == pytest.approx(cross_entropy(logits, Y).item(), rel=1e-6)


@pytest.mark.parametrize("T, C", [(7, 4), (1, 4), (7, 2)])
def test_evaluate_counts_every_answer_of_a_sequence(T, C):
    """Logits (N, T, C) against classes (N, T): the share is one of N * T answers."""
    logits = Tensor(RNG.normal(size=(6, T, C)))
    y = Tensor(RNG.integers(0, C, (6, T)))

    def loss(output, y):
        return cross_entropy(output.reshape(-1, C), y.reshape(-1))

    found = evaluate(nn.Identity(), [(logits[:5], y[:5]), (logits[5:], y[5:])], loss)
    assert found.accuracy == pytest.approx(np.mean(logits.data.argmax(-1) == y.data), rel=1e-12)


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
def test_what_is_no_class_has_no_accuracy(y, capsys):
    model = make()

    def loss(output, y):
        return (output**2).mean()

    found = evaluate(model, batches(4, X, y), loss)
    assert math.isnan(found.accuracy) and found.loss > 0
    history = fit(model, batches(4, X, y), loss, sgd(model), 2, batches(4, X, y))
    assert np.isnan(history.train_accuracy + history.valid_accuracy).all()
    assert "right" not in capsys.readouterr().out


def test_a_single_logit_has_no_accuracy():
    model, y = nn.Linear(5, 1), Y.data % 2

    def loss(output, y):
        return nn.functional.binary_cross_entropy_with_logits(output.squeeze(1), Tensor(1.0 * y))

    loader = batches(4, X, y)
    assert math.isnan(evaluate(model, loader, loss).accuracy)
    history = quiet(model, loader, loss, valid_loader=loader)
    assert np.isnan(history.train_accuracy + history.valid_accuracy).all()


# Modes


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("error", [None, OSError("disk"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", [
    lambda model, loader: evaluate(model, loader, cross_entropy), quiet,
    lambda model, loader: quiet(model, batches(), valid_loader=loader)],
    ids=["evaluate", "fit", "fit's validation"])
def test_every_module_gets_its_own_mode_back(request, call, error, train):
    model = make().train(train)
    model[2].train(not train)
    before = [module.training for module in model.modules()]
    loader = batches() if error is None else Raises(error, 2)
    in_fit = "evaluate" not in request.node.callspec.id
    if error is None or (in_fit and isinstance(error, KeyboardInterrupt)):
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
def test_ctrl_c_keeps_the_history_and_the_weights_so_far(after, epochs, capsys):
    model = make()
    history = fit(model, Raises(KeyboardInterrupt(), after), cross_entropy, sgd(model), 5)
    assert history.interrupted and len(history.step_loss) == after
    assert len(history.train_loss) == len(history.train_accuracy) == epochs
    assert len(capsys.readouterr().out.splitlines()) == epochs
    twin = make()
    assert quiet(twin, batches(), epochs=3).step_loss[:after] == history.step_loss


def test_ctrl_c_while_it_validates_leaves_the_lists_equally_long():
    history = quiet(make(), batches(), valid_loader=Raises(KeyboardInterrupt(), 4), epochs=3)
    lists = (history.train_loss, history.train_accuracy, history.valid_loss, history.valid_accuracy)
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
    assert str(caught.value) == (
        f"step 5 not taken: loss {bad}, lr 0.25 (too large, or nan in the data?)")
    assert len(losses) == 5 and model.training
    for name, p in model.state_dict().items():
        assert np.array_equal(states[-1][name], p.data) and np.isfinite(p.data).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("lr", "sizes"), [(30.0, (5, 3)), (1e30, (5, 8, 8, 3))])
def test_exploding_regression_stops_with_finite_weights(lr, sizes):
    model = nn.Sequential(*map(nn.Linear, sizes, sizes[1:]))
    errors = np.geterr()
    with pytest.raises(FloatingPointError, match=rf"loss (inf|nan), lr {re.escape(f'{lr:g}')} "):
        quiet(model, batches(4, X, X[:, :3]), mse_loss, SGD(model.parameters(), lr=lr), 100)
    assert all(np.isfinite(p.data).all() for p in model.parameters())
    assert np.geterr() == errors


# What is refused


def test_optimizer_of_another_model_is_refused():
    model, other = make(), make()
    with pytest.raises(ValueError, match="^optimizer: expected parameters of this model"):
        quiet(model, batches(), optimizer=sgd(other))
    assert all(p.grad is None for p in model.parameters())
    more = [*model.parameters(), nn.Parameter(nptorch.ones(1))]  # the loss may have one, too
    for params in model[3].parameters(), more:
        assert len(quiet(model, batches(), optimizer=SGD(params, lr=0.1)).train_loss) == 2


@pytest.mark.parametrize(("epochs", "error"), [
    (-1, ValueError), (2.5, TypeError), (True, TypeError), ("3", TypeError)])
def test_epochs_are_an_int(epochs, error):
    with pytest.raises(error, match="^epochs: expected an int"):
        quiet(make(), batches(), epochs=epochs)


@pytest.mark.parametrize("call", [
    lambda: evaluate(make(), [], cross_entropy),
    lambda: quiet(make(), []),
    lambda: quiet(make(), (batch for batch in batches())),
    lambda: quiet(make(), batches(), valid_loader=[]),
    lambda: quiet(make(), batches(), valid_loader=iter(batches())),
])
def test_loader_without_batches_is_refused(call):
    with pytest.raises(ValueError, match="^loader: expected at least one batch, got none"):
        call()


# What is shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_line_for_each_epoch(capsys):
    model = make()
    history = fit(model, batches(), cross_entropy, sgd(model), 2, batches())
    out, err = capsys.readouterr()
    lines = [f"epoch {i + 1}: {Evaluation(history.train_loss[i], history.train_accuracy[i])}; "
             f"validation: {Evaluation(history.valid_loss[i], history.valid_accuracy[i])}"
             for i in (0, 1)]
    assert out.splitlines() == lines
    right = f"{history.valid_accuracy[1]:.1%}"
    assert re.fullmatch(rf".*; validation: loss ≈ \d\.\d\d, right ≈ {right}", lines[1])
    assert err == ""


@pytest.mark.parametrize(("loss", "text"), [
    (157.4, "157"), (12345.6, "1.23e+04"), (1.6249, "1.62"), (0.3, "0.300"), (0.046691, "0.0467"),
    (4.67e-5, "4.67e-05"), (0.0, "0.00"), (math.inf, "inf"),
])
def test_losses_are_shown_with_three_digits(loss, text):
    assert str(Evaluation(loss, math.nan)) == f"loss ≈ {text}"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_without_the_sign_does_not_stop_the_training(monkeypatch, encoding):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
    model = make()
    fit(model, batches(), cross_entropy, sgd(model), 1, batches())
    sign = "≈" if encoding == "utf-8" else "~"
    text = sys.stdout.buffer.getvalue().decode(encoding)
    assert text.startswith(f"epoch 1: loss {sign} ") and text.count(sign) == 4


def test_progress_false_is_silent_on_a_terminal_too(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    quiet(make(), batches(), valid_loader=batches())
    assert capsys.readouterr().out == sys.stderr.getvalue() == ""


def test_bar_counts_the_batches_and_is_wiped_away(monkeypatch, capsys):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    model = make()
    fit(model, batches(), cross_entropy, sgd(model), 2)
    frames = [frame.strip() for frame in sys.stderr.getvalue().split("\r")]
    assert any(re.match(r"epoch 1/2: .*\| 0/3 ", frame) for frame in frames)
    assert any(frame.startswith("epoch 2/2: ") for frame in frames)
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
    if stderr is not None:
        monkeypatch.setattr(training, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", stderr)
    model = make()
    fit(model, batches(), cross_entropy, sgd(model), 1)
    assert stderr is None or stderr.getvalue() == ""
    assert capsys.readouterr().out.count("\n") == 1


def test_import_needs_neither_tqdm_nor_matplotlib():
    program = ("import sys; sys.modules['tqdm'] = sys.modules['matplotlib'] = None; "
               "import nptorch.training")
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# Learning rates that change


FACTORS = [lambda n: 1, lambda n: 1 - n / 9, lambda n: 0.95**n, lambda n: 2.0 * (n % 3 == 0),
           lambda n: 0.5 + 0.5 * math.cos(math.pi * n / 9)]


@pytest.mark.parametrize("factor", FACTORS)
def test_lambda_lr_sets_the_rates_that_pytorch_sets(factor):
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.ones(2))
    theirs = torch.optim.SGD([weight], lr=0.3)
    ours = SGD([nn.Parameter(nptorch.ones(2))], lr=0.3)
    a, b = torch.optim.lr_scheduler.LambdaLR(theirs, factor), LambdaLR(ours, factor)
    for _ in range(9):
        assert b.get_last_lr() == a.get_last_lr() == [theirs.param_groups[0]["lr"]] == [ours.lr]
        assert (b.last_epoch, b.base_lrs) == (a.last_epoch, a.base_lrs)
        theirs.step()
        a.step()
        b.step()
    # A second scheduler starts from the first rate, too, and not from what is left of it.
    a, b = torch.optim.lr_scheduler.LambdaLR(theirs, factor), LambdaLR(ours, factor)
    assert b.get_last_lr() == a.get_last_lr() and b.base_lrs == a.base_lrs == [0.3]


def test_lambda_lr_multiplies_the_first_rate():
    optimizer = sgd(make(), lr=0.5)
    scheduler, rates = LambdaLR(optimizer, lambda n: 1 - n / 4), []
    for _ in range(4):
        rates += scheduler.get_last_lr()
        scheduler.step()
    assert rates == [0.5, 0.375, 0.25, 0.125] and optimizer.lr == 0.0
    with pytest.raises(ValueError, match="^Invalid lr value: -0.125"):
        scheduler.step()  # beyond the end a straight line would climb the loss


def test_fit_calls_the_scheduler_after_each_step():
    model, rates = make(), []

    class Spy(SGD):
        def step(self):
            rates.append(self.lr)
            super().step()

    optimizer = Spy(model.parameters(), lr=0.6)
    quiet(model, batches(), optimizer=optimizer, scheduler=LambdaLR(optimizer, lambda n: 1 - n / 6))
    np.testing.assert_allclose(rates, [0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert optimizer.lr == 0
