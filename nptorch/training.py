"""fit and evaluate: the training loop, and what it measures (notebooks/07_training.ipynb)."""

import math
import sys
from collections import namedtuple
from contextlib import contextmanager, nullcontext, suppress

import numpy as np

from nptorch.autograd import no_grad
from nptorch.checks import integer

tqdm = None
with suppress(ImportError):  # it is only for the bar
    from tqdm import tqdm


class Evaluation(namedtuple("Evaluation", "loss accuracy")):
    """The mean loss over all samples, and the share of right answers, nan where none can be."""

    def __str__(self):
        about = "≈" if "utf" in str(getattr(sys.stdout, "encoding", None)).lower() else "~"
        right = "" if math.isnan(self.accuracy) else f", right {about} {self.accuracy:.1%}"
        return f"loss {about} {self.loss:#.3g}".rstrip(".") + right


def _score(output, y, loss):
    """A batch's size, mean loss, and share of right answers: nan without classes to choose from."""
    classes = y.dtype.kind in "iu" and y.shape == output.shape[:-1] and output.shape[-1] > 1
    return len(y), loss.item(), np.mean(output.data.argmax(-1) == y.data) if classes else math.nan


def _mean(scores):
    """The Evaluation of all batches together, in which each sample has the same weight."""
    if not scores:
        raise ValueError("loader: expected at least one batch, got none (generators run dry)")
    sizes, *means = np.transpose(scores)
    return Evaluation(*np.average(means, axis=1, weights=sizes).tolist())


class History:
    """What fit measures. step_loss: one number for each step; train_loss, train_accuracy (on the
    way), valid_loss, valid_accuracy (at its end): one for each epoch. interrupted: by Ctrl-C."""

    def __init__(self):
        self.step_loss, self.train_loss, self.train_accuracy = [], [], []
        self.valid_loss, self.valid_accuracy, self.interrupted = [], [], False


def _epoch(model, batches, loss, optimizer, scheduler, history):
    """Take a step for each batch, note its loss in history, and return the epoch's Evaluation."""
    scores = []
    for x, y in batches:
        optimizer.zero_grad()
        output = model(x)
        error = loss(output, y)
        if not math.isfinite(value := error.item()):
            raise FloatingPointError(f"step {len(history.step_loss) + 1} not taken: loss {value}, "
                                     f"lr {optimizer.lr:g} (too large, or nan in the data?)")
        error.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        history.step_loss.append(value)
        scores.append(_score(output, y, error))
    return _mean(scores)


@contextmanager
def _in_mode(model, training):
    """Inside, all of model is in this mode; afterwards every module is in its own again."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@no_grad()
def evaluate(model, loader, loss):
    """The Evaluation of model, in eval mode, on loader's batches (x, y); loss gives a batch's mean.
    An answer is right if the largest of the logits (N, C) is at y (N,). ValueError for no batch."""
    with _in_mode(model, training=False):
        answers = ((model(x), y) for x, y in loader)
        return _mean([_score(output, y, loss(output, y)) for output, y in answers])


def fit(model, loader, loss, optimizer, epochs, valid_loader=None, scheduler=None, progress=True):
    """Train model, in train mode, on loader's batches (x, y), epochs times; return the History.

    loss(model(x), y) is a batch's mean loss; scheduler.step() follows each step, evaluate on
    valid_loader each epoch. progress: a line for each epoch and, on a terminal with tqdm, a bar.
    Ctrl-C ends the training. Raises FloatingPointError for a loss that is nan or infinite, before
    its step; ValueError for no batch, and if the optimizer has none of model's parameters."""
    if set(optimizer.params).isdisjoint(model.parameters()):
        raise ValueError("optimizer: expected parameters of this model (make it after the model)")
    history, bar = History(), progress and tqdm and sys.stderr and sys.stderr.isatty()
    with _in_mode(model, training=True), np.errstate(all="ignore"):  # _epoch looks at the loss
        try:
            for epoch in range(1, integer("epochs", epochs) + 1):
                title = f"epoch {epoch}/{epochs}"
                with tqdm(loader, title, leave=False) if bar else nullcontext(loader) as batches:
                    train = _epoch(model, batches, loss, optimizer, scheduler, history)
                line = f"epoch {epoch}: {train}"
                if valid_loader is not None:
                    valid = evaluate(model, valid_loader, loss)
                    line += f"; validation: {valid}"
                    history.valid_loss.append(valid.loss)
                    history.valid_accuracy.append(valid.accuracy)
                history.train_loss.append(train.loss)
                history.train_accuracy.append(train.accuracy)
                if progress:
                    print(line, flush=True)
        except KeyboardInterrupt:
            history.interrupted = True
    return history
