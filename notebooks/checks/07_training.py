"""Checks for the holes of 07_training.ipynb."""

import contextlib

import numpy as np
from workbook import Wrong, expect, hole


@hole("four_lines",
      "The order: forget the old gradients, compute the loss of net(x) and y, walk back, step.",
      "Then put the loss as a number, loss.item(), into by_hand.")
def _(by_hand, net, train_loader, start, cross_entropy):
    expect("how many losses by_hand has", len(by_hand), 3 * len(train_loader))
    expect("the first loss is a", type(by_hand[0]).__name__, "float")
    other, _ = start()
    weights, velocities, expected = list(other.parameters()), {}, []
    for x, y in (batch for _ in range(3) for batch in train_loader):
        error = cross_entropy(other(x), y)
        expected.append(error.item())
        other.zero_grad(set_to_none=True)
        error.backward()
        for i, p in enumerate(weights):
            velocities[i] = 0.9 * velocities.get(i, 0) - np.float32(0.05) * p.grad.data
            p.data += velocities[i]
    for n in range(1, len(expected) + 1):
        expect(f"the loss of step {n}", by_hand[n - 1], expected[n - 1], 1e-3, 1e-2)
    for p, q in zip(net.parameters(), weights):
        expect("the weights at the end", p, q.data, 0.05)


@hole("_mean",
      "scores is a list of (size, loss, accuracy); np.transpose makes columns of it.",
      "np.average takes weights: the sizes.",
      "Return an Evaluation of the two means.")
def _(_mean, Evaluation):
    for scores, loss, accuracy in [([(3, 0.5, 0.25)], 0.5, 0.25),
                                   ([(3, 1.0, 0.0), (1, 5.0, 1.0)], 2.0, 0.25),
                                   ([(64, 0.25, 1.0), (64, 0.75, 0.5), (1, 2.0, 0.0)],
                                    (64 + 2) / 129, 96 / 129),
                                   ([(2, 1.0, np.nan)], 1.0, np.nan)]:
        case = f"the scores (size, loss, accuracy) {scores}"
        got = _mean(scores)
        expect(f"{case} become an", type(got).__name__, "Evaluation")
        expect(f"{case}: the loss", got.loss, loss)
        expect(f"{case}: the accuracy", got.accuracy, accuracy)


@hole("dropout",
      "rand(*input.shape) >= p is true with probability 1 - p: those are kept. `to` makes numbers "
      "of the input's dtype of it.",
      "What is kept is multiplied by 1 / (1 - p); for p = 1 nothing is kept, and nothing divided.")
def _(dropout, Tensor):
    from nptorch.creation import manual_seed

    for p in 0.25, 0.5, 0.9:
        for dtype in np.float32, np.float64:
            manual_seed(0)
            x = Tensor(np.full((100, 50), 3, dtype), True)
            y = dropout(x, p)
            case = f"dropout of 5,000 threes, p {p}"
            expect(f"{case}: the shape", y.shape, (100, 50))
            kept = y.data != 0
            expect(f"{case}: what is kept", y.data[kept], np.full(kept.sum(), 3 / (1 - p)))
            expect(f"{case}: the share that is kept", kept.mean(), 1 - p, 0.03)
            expect(f"{case}: rows that are dropped as a whole, and columns",
                   int((~kept).all(0).sum() + (~kept).all(1).sum()), 0)
            expect(f"{case}: the dtype", str(y.dtype), dtype.__name__)
            y.backward(np.ones(y.shape))
            expect(f"{case}: the gradient", x.grad, kept / (1 - p))
            expect(f"{case}, a second time: are other numbers dropped",
                   bool(((dropout(x, p).data != 0) != kept).any()), True)
            manual_seed(0)
            again = dropout(x, p).data != 0
            expect(f"{case}, from the same seed: are the same numbers kept",
                   bool((again == kept).all()), True)
    with np.errstate(all="raise"):
        expect("dropout of three ones, p 1", lambda: dropout(Tensor(np.ones(3)), 1.0), np.zeros(3))


@hole("_in_mode",
      "model.train(training) sets the mode of all; then comes yield.",
      "finally is reached after an error, too: there each module of modes gets its own mode back.")
def _(_in_mode):
    from nptorch import nn

    for own in (True, True), (False, False), (True, False), (False, True):
        for training in True, False:
            model = nn.Sequential(nn.Tanh())
            model.training, model[0].training = own
            case = f"a net and its layer in the modes {own}, inside _in_mode(net, {training})"
            with _in_mode(model, training):
                modes = model.training, model[0].training
            expect(case, modes, (training, training))
            expect(f"{case}, and afterwards", (model.training, model[0].training), own)
            raised = False
            with contextlib.suppress(KeyError):
                with _in_mode(model, training):
                    raise KeyError
                raised = True
            if raised:
                raise Wrong(f"{case}: expected an error inside to pass, got silence")
            expect(f"{case}, after an error", (model.training, model[0].training), own)
