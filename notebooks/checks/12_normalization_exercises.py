"""Checks for the exercises of 12_normalization.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole, way_back


@hole("folded", "y = scale * (W x + b - running_mean) + norm.bias is one Linear: sort it by x.")
def _(folded, BatchNorm1d, nn, Tensor):
    rng = np.random.default_rng(12)
    for n_in, n_out, eps in (7, 5, 1e-5), (1, 3, 0.5), (4, 1, 0.1):
        linear, norm = nn.Linear(n_in, n_out), BatchNorm1d(n_out, eps=eps)
        for array in norm.weight, norm.bias, norm.running_mean:
            array.data[:] = rng.normal(size=n_out)
        norm.running_var.data[:] = rng.uniform(0.2, 3, n_out)
        arrays = [linear.weight, linear.bias, norm.weight, norm.bias, norm.running_mean,
                  norm.running_var]
        before = [array.data.copy() for array in arrays]
        one = folded(linear, norm.eval())
        case = f"Linear {n_in} -> {n_out}, BatchNorm with eps {eps}"
        expect(f"{case}: the class of the one layer", type(one).__name__, "Linear")
        x = rng.normal(size=(6, n_in)).astype(np.float32)
        w, b, gamma, beta, mean, var = (array.astype(float) for array in before)
        wanted = [[gamma[j] * (sum(w[j] * row) + b[j] - mean[j]) / (var[j] + eps) ** 0.5 + beta[j]
                   for j in range(n_out)] for row in x]
        expect(f"{case}: its values for 6 rows", lambda one=one, x=x: one(Tensor(x)),
               np.array(wanted), 1e-4, 1e-4)
        for array, kept in zip(arrays, before):
            expect(f"{case}: what the two layers hold, afterwards", array.data, kept)


@hole("group_norm", "Rows of H·W times a group's channels; layer_norm over the last dimension.")
def _(group_norm, Tensor):
    def plain(x, groups):
        y, size = np.empty(x.shape), x.shape[1] // groups
        for n, k in np.ndindex(len(x), groups):
            part = x[n, k * size:(k + 1) * size]
            y[n, k * size:(k + 1) * size] = (part - part.mean()) / part.std()
        return y

    rng = np.random.default_rng(12)
    for shape, groups in ((2, 6, 4, 3), 3), ((1, 4, 2, 2), 1), ((3, 2, 3, 2), 2):
        way_back(f"group_norm of {shape}, {groups} groups", lambda x, k=groups: group_norm(x, k),
                 lambda x, k=groups: plain(x, k), [30 * rng.normal(size=shape) + 50], Tensor)


@hole("silent", "zeros_ for the weight and the bias of the Linear, and x comes out as it went in.")
def _(silent, deep, trained, Residual, randn):
    block = silent()
    expect("is the block a Residual", isinstance(block, Residual), True)
    expect("the shapes of its parameters", sorted(p.shape for p in block.parameters()),
           [(64,), (64, 64)])
    x = randn(5, 64)
    y = block(x)
    says = float(np.abs(y.data - x.data).max())
    if not says < 0.5:
        raise Wrong("expected a block that says next to nothing at first, got one that changes its "
                    f"input by up to {says:.2f}")
    y.backward(np.ones(y.shape, np.float32))
    still = [p.shape for p in block.parameters() if p.grad is None or not p.grad.data.any()]
    if still:
        raise Wrong(f"expected a gradient for each parameter, got none for those of shape {still}")
    loss, share = trained(deep(50, silent), 0.01)
    if not share > 0.8:
        raise Wrong("fifty such blocks, five epochs at rate 0.01: expected more than 80 % right, "
                    f"got {share:.1%} and the loss {loss:.3f}")
