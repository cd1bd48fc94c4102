"""Checks for the holes of 04_loss.ipynb."""

import numpy as np
from workbook import expect, hole, way_back

RNG = np.random.default_rng(0)


@hole("_picked",
      "The value is x[where].",
      "Way back: zeros in the shape and dtype of x, with g in the picked places.")
def _(_picked, Tensor):
    for shape, where in [((2,), (..., 1)), ((3, 2), (np.arange(3), np.array([1, 0, 1]))),
                         ((2, 4), (np.arange(2), np.array([3, 3])))]:
        places = [np.asarray(w).tolist() if w is not ... else "..." for w in where]
        way_back(f"what is picked of {shape} at {places}", lambda x: _picked(x, where),
                 lambda x: x[where], [RNG.normal(size=shape)], Tensor)
    [(_, back)] = _picked(Tensor(np.ones((1, 2), np.float32), True), ([0], [1])).grad_fn.edges
    expect("the dtype of a float32 gradient", lambda: str(back(np.ones(1, np.float32)).dtype),
           "float32")


def by_rows(p, labels, reduction):
    losses = np.array([-row[label] for row, label in zip(p, labels)])
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


def by_samples(name, loss, definition, inputs, labels, Tensor):
    for n in 1, 3:
        for reduction in "mean", "sum", "none":
            way_back(f"{name} of the first {n}, {reduction}",
                     lambda x: loss(x, labels[:n], reduction),
                     lambda x: definition(x, labels, reduction), [inputs[:n]], Tensor)
    expect(f"{name} without a word on reduction", lambda: loss(Tensor(inputs), labels),
           definition(inputs, labels, "mean"))


@hole("nll_loss",
      "_picked(input, where) picks; where is the pair (rows, labels).",
      "The loss of a sample is minus its log-probability; _reduce makes one number of them all.")
def _(nll_loss, Tensor):
    p, labels = np.log([[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]]), np.array([1, 0, 1])
    by_samples("nll_loss", nll_loss, by_rows, p, labels, Tensor)
    leaf, target = Tensor(p, True), labels.copy()
    loss = nll_loss(leaf, target, "sum")
    target[:] = 0
    loss.backward()
    expect("nll_loss of classes 1, 0, 1, which all become 0 before backward: the gradient",
           leaf.grad, np.array([[0, -1], [-1, 0], [0, -1]]))
    way_back("nll_loss of one sample (C,)", lambda x: nll_loss(x, np.array(2)), lambda x: -x[2],
             [[-1.0, -2.0, -3.0]], Tensor)


@hole("cross_entropy",
      "The logarithm of the probabilities is log_softmax over the last dimension, the classes.",
      "nll_loss does the rest; hand it the reduction, too.")
def _(cross_entropy, Tensor):
    def by_definition(z, labels, reduction):
        powers = np.exp(z - z.mean(1, keepdims=True))
        return by_rows(np.log(powers / powers.sum(1, keepdims=True)), labels, reduction)

    logits, labels = RNG.normal(size=(3, 4)), np.array([1, 0, 3])
    by_samples("cross_entropy", cross_entropy, by_definition, logits, labels, Tensor)
    far = Tensor(np.array([[1000.0, -1000.0], [1000.0, -1000.0]], np.float32))
    expect("cross_entropy at 1000 and -1000, right and wrong",
           lambda: cross_entropy(far, np.array([0, 1]), "none").data, np.array([0.0, 2000.0]))
    way_back("cross_entropy of one sample (C,)", lambda z: cross_entropy(z, np.array(2)),
             lambda z: -np.log(np.exp(z[2]) / np.exp(z).sum()), [[0.5, -1.0, 2.0]], Tensor)


@hole("_bce_with_logits",
      "The value is max(x, 0) - x·y + log(1 + exp(-|x|)): no power above 1. np.log1p is exact for "
      "what is close to 1.",
      "Add the logarithm last: beside a large max(x, 0) it would be rounded away.",
      "By the logit the slope is sigmoid(x) - y, by the target it is -x. Write the sigmoid so that "
      "it does not overflow, either.")
def _(_bce_with_logits, Tensor):
    def plain(x, y):
        p = 1 / (1 + np.exp(-x))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))

    way_back("the loss at logit 0, target 1", _bce_with_logits, plain, [[0.3], [1.0]], Tensor)
    way_back("the loss at logits 2, -1, -3, targets 0, 1, 0.3", _bce_with_logits, plain,
             [[2.0, -1.0, -3.0], [0.0, 1.0, 0.3]], Tensor)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        x = Tensor(np.array([1000, -1000, 1000, -1000], np.float32), True)
        y = np.array([0, 1, 1, 0], np.float32)
        out = _bce_with_logits(x, y)
        expect("the losses at 1000, -1000, 1000, -1000, targets 0, 1, 1, 0", out.data,
               np.array([1000.0, 1000.0, 0.0, 0.0]))
        [(_, back)] = out.grad_fn.edges
        expect("the slopes there", lambda: back(np.ones(4, np.float32)), np.array([1.0, -1, 0, 0]))
    sure = Tensor(np.array([30, -30], np.float32))
    expect("the losses of float32 logits 30 and -30, sure and right",
           lambda: _bce_with_logits(sure, np.array([1, 0], np.float32)).data,
           np.full(2, np.exp(-30.0)), 0, 1e-4)
