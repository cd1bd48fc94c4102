"""Built, step by step, in notebooks/07_training.ipynb."""

import math
import sys
from contextlib import closing, contextmanager

import numpy as np

from nptorch.data import Dataset
from nptorch.tensor import no_grad


@contextmanager
def _in_mode(model, training):
    """Inside, all of model is in train mode, or all in eval mode; afterwards, whatever happened,
    every module is in its own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before


class _Tally:
    """The mean loss and the share of right answers, over all samples of the batches so far."""

    def __init__(self):
        self.samples = self.losses = self.right = 0

    def add(self, output, y, loss=math.nan):
        """Count a batch: the model's output, the targets y, and the mean loss of the batch."""
        y = np.asarray(y)
        self.samples += len(y)
        self.losses += loss * len(y)
        if y.dtype.kind in "iu" and y.shape == output.shape[:-1] and output.shape[-1] > 1:
            self.right += int((output.data.argmax(axis=-1) == y).sum())
        else:
            self.right = math.nan  # no classes, or a single logit, always the largest

    def _mean(self, total):
        if not self.samples:
            raise ValueError("loader: expected at least one batch, got none "
                             "(a generator runs dry after one epoch: make it a list)")
        return total / self.samples

    loss = property(lambda self: self._mean(self.losses))
    accuracy = property(lambda self: self._mean(self.right))


def _refuse_slips(**arguments):
    """Raise TypeError for a class, where an instance was meant, for a Dataset, where a loader
    was, and for a model or an optimizer that is none."""
    for name, value in arguments.items():
        if isinstance(value, type):
            raise TypeError(f"{name}: expected an instance, got the class {value.__name__}: "
                            f"{value.__name__}(...) makes one")
        if isinstance(value, Dataset):
            raise TypeError(f"{name}: expected batches, got a {type(value).__name__}: "
                            f"wrap it, {name}=DataLoader(dataset, batch_size)")
        needed = {"model": "modules", "optimizer": "params"}.get(name)
        if needed and not hasattr(value, needed):
            kind = {"model": "a Module", "optimizer": "an Optimizer"}[name]
            raise TypeError(f"{name}: expected {kind}, got {type(value).__name__}")


def _answer(model, x):
    """The model's output for x. Raises TypeError for None."""
    output = model(x)
    if output is None:
        raise TypeError(f"model: {type(model).__name__} answered None, expected a Tensor: "
                        "does its forward return it?")
    return output


@no_grad()
def evaluate(model, loader, loss=None):
    """The share of right answers of model to loader's batches (x, y), in eval mode and without
    a graph; given a loss, the pair (accuracy, mean loss).

    An answer is right where the largest of model(x), (N, C), stands at the class y, (N,). For
    a single logit, and for targets that are no classes, the accuracy is nan. Raises ValueError if
    there is no batch, TypeError for a class in the place of an instance, for a Dataset in that of
    its loader, for what is no model, and for a model that returns None.
    """
    _refuse_slips(model=model, loader=loader, loss=loss)
    tally = _Tally()
    with _in_mode(model, training=False):
        for x, y in loader:
            output = _answer(model, x)
            tally.add(output, y, math.nan if loss is None else loss(output, y).item())
    return tally.accuracy if loss is None else (tally.accuracy, tally.loss)


def _short(loss):
    """A loss with the three digits that count: 157, 1.62, 0.0467."""
    return f"{loss:#.3g}".rstrip(".")


def _panel(ax, kind, columns):
    """Draw the columns {name: values} of one kind, "loss" or "accuracy". A train value stands in
    the middle of its epoch, since it is a mean over it, a test value at the end."""
    columns = {name: values for name, values in columns.items() if name.endswith(kind)}
    highest = max(columns, key=lambda name: columns[name][-1], default=None)
    for name, values in columns.items():
        train = name.startswith("train")
        epochs = np.arange(1, len(values) + 1) - (0.5 if train else 0)
        color = "C0" if train else "C1"
        ax.plot(epochs, values, "o-" if train else "s--", color=color,
                markersize=3 if len(values) <= 30 else 0)
        ax.annotate(name.split()[0], (len(values), values[-1]), color=color, va="center",
                    xytext=(6, 6 if name == highest else -6), textcoords="offset points")
    ax.set(xlabel="epoch", ylabel=kind)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.spines[["top", "right"]].set_visible(False)


class History:
    """What fit has measured, in lists.

    train_loss, train_accuracy, test_loss, test_accuracy: one number an epoch; step_loss: one a
    step; epoch_ends: the number of steps until the end of each epoch. The train numbers are
    means over the epoch, taken on the way and in train mode; the test numbers are what evaluate
    found at its end. An accuracy is nan where evaluate's is. interrupted: whether Ctrl-C ended the
    training.
    """

    def __init__(self):
        self.train_loss, self.train_accuracy = [], []
        self.test_loss, self.test_accuracy = [], []
        self.step_loss, self.epoch_ends = [], []
        self.interrupted = False

    def __len__(self):
        return len(self.epoch_ends)

    def _end_epoch(self, tally, test):
        """Write down an epoch: its tally, and what evaluate found on the test set, if anything."""
        self.train_loss.append(tally.loss)
        self.train_accuracy.append(tally.accuracy)
        if test is not None:
            self.test_accuracy.append(test[0])
            self.test_loss.append(test[1])
        self.epoch_ends.append(len(self.step_loss))

    def _columns(self):
        """{name: values} of everything that was measured once an epoch."""
        names = "train loss", "train accuracy", "test loss", "test accuracy"
        columns = {name: getattr(self, name.replace(" ", "_")) for name in names}
        return {name: values for name, values in columns.items()
                if values and not ("accuracy" in name and math.isnan(values[0]))}

    def _table(self, epoch):
        """Two lines: the columns' names, and below them the numbers of this epoch."""
        names, numbers = "epoch", f"{epoch + 1:5}"
        for name, values in self._columns().items():
            text = f"{values[epoch]:.2%}" if "accuracy" in name else _short(values[epoch])
            names += f"  {name}"
            numbers += text.rjust(len(name) + 2)
        return names, numbers

    def __repr__(self):
        head = f"History: {len(self)} epochs, {len(self.step_loss)} steps"
        head += ", interrupted" if self.interrupted else ""
        return "\n".join([head, *(self._table(len(self) - 1) if len(self) else [])])

    def plot(self, file=None):
        """Draw the losses and, where there are any, the accuracies, epoch by epoch; the pale line
        is the loss of each step. The figure is shown, or written to file. Needs matplotlib."""
        import matplotlib.pyplot as plt

        columns = self._columns()
        kinds = list(dict.fromkeys(name.split()[1] for name in columns)) or ["loss"]
        figure, axes = plt.subplots(1, len(kinds), figsize=(4.4 * len(kinds), 3.3),
                                    squeeze=False, layout="constrained")
        steps = np.arange(1, len(self.step_loss) + 1)
        an_epoch = self.epoch_ends[0] if self.epoch_ends else max(len(steps), 1)
        axes[0, 0].plot(steps / an_epoch, self.step_loss, "-", color="0.8", linewidth=0.8)
        for ax, kind in zip(axes[0], kinds):
            _panel(ax, kind, columns)
        if file is None:
            plt.show()
        else:
            figure.savefig(file)
            plt.close(figure)


def _watched(loader, title, tally, progress):
    """The batches of loader. With progress, on a terminal and where tqdm is installed, a bar on
    stderr shows how many there have been, and the mean loss in tally."""
    tqdm = None
    if progress and sys.stderr is not None and sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
    if tqdm is None:
        yield from loader
        return
    form = "{desc} |{bar}| {n_fmt}/{total_fmt}{postfix}"
    with tqdm(loader, title, leave=False, bar_format=form) as bar:
        for batch in bar:
            yield batch
            bar.set_postfix_str(f"loss {_short(tally.loss)}", refresh=False)


def _broken_loss(value, history, batch, lr):
    """The error for a loss that is nan or infinite: where, and what to try."""
    step = len(history.step_loss) - (history.epoch_ends or [0])[-1] + 1
    if all(np.isfinite(np.asarray(part)).all() for part in batch):
        advice = f"Start again with a smaller lr, such as {lr / 10:g}."
    else:
        advice = "The batch itself holds nan or inf: look at the data."
    error = FloatingPointError(f"epoch {len(history) + 1}, step {step}: the loss is {value} with "
                               f"lr {lr:g}, and this step was not taken. {advice}")
    error.history = history
    return error


def _train(model, batches, loss, optimizer, history, tally):
    """Take a step for each batch (x, y), and write its loss into history and tally."""
    for x, y in batches:
        optimizer.zero_grad()
        output = _answer(model, x)
        batch_loss = loss(output, y)
        value = batch_loss.item()
        if not math.isfinite(value):
            raise _broken_loss(value, history, (x, y), optimizer.lr)
        batch_loss.backward()
        optimizer.step()
        history.step_loss.append(value)
        tally.add(output, y, value)


def fit(model, loader, loss, optimizer, epochs, test_loader=None, progress=True):
    """Train model, in train mode, on all of loader's batches (x, y), epochs times over.

    loss(model(x), y) is the mean loss of a batch. After each epoch the model is evaluated on
    test_loader, if there is one. With progress each epoch prints a line, and on a terminal tqdm,
    where it is installed, shows a bar. Returns the History; Ctrl-C ends the training, and returns
    the History so far. Every module is left in the mode in which it was. Raises FloatingPointError
    for a loss that is nan or infinite, before its step is taken (the History so far is its
    attribute history); ValueError if there is no batch, and if none of the optimizer's parameters
    is the model's; TypeError as evaluate does.
    """
    _refuse_slips(model=model, loader=loader, loss=loss, optimizer=optimizer,
                  test_loader=test_loader)
    if not isinstance(epochs, (int, np.integer)) or epochs < 0:
        raise ValueError(f"epochs: expected an int, 0 or more, got {epochs!r}")
    if {id(p) for p in optimizer.params}.isdisjoint(id(p) for p in model.parameters()):
        raise ValueError("optimizer: none of its parameters is this model's: "
                         "make it anew, after the model")
    history = History()
    with _in_mode(model, training=True), np.errstate(all="ignore"):  # _broken_loss says it better
        try:
            for epoch in range(epochs):
                tally, title = _Tally(), f"epoch {epoch + 1}/{epochs}"
                with closing(_watched(loader, title, tally, progress)) as batches:
                    _train(model, batches, loss, optimizer, history, tally)
                test = None if test_loader is None else evaluate(model, test_loader, loss)
                history._end_epoch(tally, test)
                if progress:
                    print(*history._table(epoch)[epoch > 0:], sep="\n", flush=True)
        except KeyboardInterrupt:
            history.interrupted = True
            if progress:
                print(f"interrupted after {len(history.step_loss)} steps", flush=True)
    return history
