"""Checks for the holes of 01_tensor.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole


@hole("Num.__mul__",
      "In c = a * b, move a by a thousandth: by how many thousandths does c move?",
      "made_from is a list of two pairs, (self, its slope) and (other, its slope).",
      "The slope of one factor is the value of the other one.")
def _(Num):
    for p, q in (3, 2), (0, 7), (0.5, -4):
        a, b = Num(p), Num(q)
        case = f"Num({p}) * Num({q})"
        expect(f"the value of {case}", lambda: (a * b).value, p * q)
        parents = [parent is a for parent, _ in (a * b).made_from]
        expect(f"{case}: does made_from begin with the first number", parents[:1], [True])
        for x, name, slope in (a, "first", q), (b, "second", p):
            slopes = [s for parent, s in (a * b).made_from if parent is x]
            expect(f"{case}: the slopes for the {name} number in made_from", slopes, [slope])
        expect(f"Num({p}) squared: the sum of its slopes",
               lambda: sum(slope for parent, slope in (a * a).made_from if parent is a), 2 * p)


@hole("youngest",
      "A number made later has the larger `born`.",
      "max takes a key, a function of one entry.")
def _(youngest):
    class Node:
        def __init__(self, born):
            self.born, self.value = born, -born

        def __repr__(self):
            return f"born at {self.born}"

    for times in [4], [1, 2], [2, 1], [3, 9, 5], [12, 3, 7, 8]:
        nodes = [Node(born) for born in times]
        waiting = list(nodes)
        found = youngest(waiting)
        if found is not nodes[times.index(max(times))]:
            raise Wrong(f"of nodes {nodes} expected the one born at {max(times)}, got {found!r}")
        expect("how many wait after the choice", len(waiting), len(times))


@hole("lifted",
      "An edge is a pair (x, back), for each input x that is a Tensor and requires grad; zip pairs "
      "inputs and backs.",
      "While _mode.quiet is above 0 there are no edges.",
      "The result is a Tensor of value, which requires grad if there is an edge; its grad_fn is a "
      "Node of the name and the edges, or stays None.")
def _(op, Tensor, Node, _mode):
    @op
    def two_three(a, b, /, more=0):
        return 2 * a + 3 * b + more, lambda g: 2 * g, lambda g: 3 * g

    arrays = np.array([1.0, 4.0]), np.array([10.0, 20.0])
    for wants in (True, True), (False, True), (True, False), (False, False):
        a, b = (Tensor(array, want) for array, want in zip(arrays, wants))
        case = f"an op of two Tensors, requires_grad {wants}"
        out = two_three(a, b)
        expect(f"{case}: is the result a Tensor", isinstance(out, Tensor), True)
        expect(f"{case}: its data", out.data, [32.0, 68.0] + np.zeros(2))
        expect(f"{case}: does it require grad", out.requires_grad, any(wants))
        if not any(wants):
            expect(f"{case}: grad_fn", out.grad_fn, None)
            continue
        expect(f"{case}: is grad_fn a Node", isinstance(out.grad_fn, Node), True)
        edges = list(out.grad_fn.edges)
        expect(f"{case}: how many edges", len(edges), sum(wants))
        wanted = [(x, n) for x, n, want in ((a, 2, wants[0]), (b, 3, wants[1])) if want]
        for (x, back), (input, slope) in zip(edges, wanted):
            expect(f"{case}: does an edge lead to its input", x is input, True)
            expect(f"{case}: what 5 becomes on the way back", back(5.0), 5.0 * slope)
    a = Tensor(arrays[0], True)
    expect("the name of the node of two_three", lambda: two_three(a, 1.0).grad_fn.name,
           "TwoThreeBackward0")
    expect("a Tensor and a number: how many edges",
           lambda: len(two_three(a, 1.0).grad_fn.edges), 1)
    expect("a number first: what 1 becomes on the way back",
           lambda: two_three(1.0, a).grad_fn.edges[0][1](1.0), 3.0)
    expect("an option by name", lambda: two_three(a, 1.0, more=100).data, arrays[0] * 2 + 103)
    _mode.quiet += 1
    try:
        out = two_three(a, a)
        expect("while _mode.quiet is 1: grad_fn", out.grad_fn, None)
        expect("while _mode.quiet is 1: does the result require grad", out.requires_grad, False)
    finally:
        _mode.quiet -= 1


@hole("mul",
      "What comes first is the value; then a function of g for each input.",
      "g is how much the result weighs; an input's share is its slope times g.")
def _(Tensor, mul):
    for p, q in (3.0, 2.0), (0.0, 5.0), ([1.0, -2.0], [4.0, 0.5]):
        p, q = np.array(p), np.array(q)
        out = mul(Tensor(p, True), Tensor(q, True))
        case = f"mul({p}, {q})"
        expect(case, out.data, p * q)
        backs = [back for _, back in out.grad_fn.edges]
        expect(f"{case}: how many ways back", len(backs), 2)
        for g in 1.0, -3.0:
            expect(f"{case}: what {g} becomes on the way to the first input",
                   lambda: backs[0](np.full(p.shape, g)), q * g)
            expect(f"{case}: what {g} becomes on the way to the second input",
                   lambda: backs[1](np.full(p.shape, g)), p * g)


@hole("unbroadcast",
      "Two things happen when `like` is stretched: dimensions are added in front, and dimensions "
      "of length 1 become longer. Undo the first by a sum over those in front.",
      "Then sum over each dimension in which like has length 1, with keepdims.",
      "Use total for the sums: it keeps long ones right. At the end, the dtype is that of like.")
def _(unbroadcast):
    rng = np.random.default_rng(0)
    cases = [((2,), (2,)), ((2,), ()), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), (1, 3)),
             ((2, 3), (1, 1)), ((4, 2, 3), (2, 1)), ((4, 2, 3), (1, 2, 1)), ((1, 3), (3,)),
             ((0, 3), (3,)), ((4, 2, 3), ())]
    for shape, small in cases:
        g, like = rng.integers(1, 9, shape).astype(float), np.zeros(small)
        expected, origin = np.zeros(small), np.arange(like.size).reshape(small)
        np.add.at(expected.reshape(-1), np.broadcast_to(origin, shape).ravel(), g.ravel())
        expect(f"g {g.tolist()} of shape {shape}, back to {small}",
               lambda: unbroadcast(g, like), expected)
    tall = np.ones((1001, 2), np.float32)
    tall[0] = 2**24
    for like in np.zeros(2, np.float32), np.zeros((1, 2), np.float32):
        expect(f"2**24 and a thousand ones in float32, back to {like.shape}",
               lambda: unbroadcast(tall, like), np.full(like.shape, 2.0**24 + 1000), 0, 0)
    for shape in (2,), (3, 2):
        got = unbroadcast(np.ones(shape), np.zeros(2, np.float32))
        expect(f"a float64 gradient of shape {shape} for a float32 array: the dtype",
               str(got.dtype), "float32")


@hole("_walk",
      "For each (x, back) of the node's edges: what arrives at x is back(g), brought to the shape "
      "of x by unbroadcast.",
      "A leaf (and whatever retains its gradient) adds what arrives to found[x], in a new array: "
      "add hands one and the same g to both inputs.",
      "If x was made by a node, add what arrives to grads[maker]; when it is the first to arrive, "
      "push the maker onto the heap, under minus its birth. At last drop the edges, unless "
      "retain_graph.")
def _(_walk, Tensor, add, mul, op):
    def numbers(*values):
        return [Tensor(np.array(value, float), True) for value in values]

    def found(case, root, g, leaves, expected, retain=False):
        try:
            result = _walk(root, np.array(g, float), retain)
        except (KeyError, RuntimeError) as error:  # there is nothing left in grads, or of its edges
            raise Wrong(f"{case}: expected gradients, from one visit to each node, youngest first, "
                        f"but it raised {type(error).__name__}: {error}") from None
        expect(f"{case}: how many gradients are returned", len(result), len(leaves))
        for leaf, name, value in zip(leaves, "abc", expected):
            expect(f"{case}: is there a gradient for {name}", leaf in result, True)
            expect(f"{case}: the gradient of {name}", result[leaf], np.array(value, float))

    a, = numbers(3)
    found("from a leaf a itself", a, 1, [a], [1])
    a, b = numbers(3, 2)
    found("a * b at 3 and 2", mul(a, b), 1, [a, b], [2, 3])
    found("a + a at 3", add(a, a), 1, [a], [2])
    c = mul(a, b)
    found("c * (c + a) with c = a * b, at 3 and 2", mul(c, add(c, a)), 1, [a, b], [36, 45])
    a, b = numbers(3, 2)
    c = mul(a, b)
    found("(c + a) * c with c = a * b, at 3 and 2", mul(add(c, a), c), 1, [a, b], [36, 45])
    a, b = numbers([1, 2], 5)
    found("a * b, a of shape (2,), b a number", mul(a, b), [10, 100], [a, b], [[50, 500], 210])
    a, b = numbers(3, 2)
    found("a * 2, b not asked for", mul(a, Tensor(np.array(2.0))), 1, [a], [2])
    a, b = numbers([1, 2], [3, 4])
    for c in a, mul(a, 1.0):
        found("(c + b) + c, in which both sums hand on the same array", add(add(c, b), c),
              [10, 100], [a, b], [[20, 200], [10, 100]])

    calls = []

    @op
    def counted(x, /):
        return 2 * x, lambda g: calls.append(1) or 2 * g

    a, = numbers(1)
    x = a
    for _ in range(6):
        x = counted(x)
        x = add(x, x)
    found("doubled twelve times", x, 1, [a], [4**6])
    expect("visits to six nodes, of which each is used twice", len(calls), 6)

    a, = numbers(3)
    b = mul(a, a)
    b._retains_grad = True
    root = mul(b, b)
    found("b retains its gradient: (b * b) with b = a * a at 3", root, 1, [a, b], [108, 18], True)
    found("the same walk again, after retain_graph", root, 1, [a, b], [108, 18])
    try:
        _walk(root, np.array(1.0), False)
    except RuntimeError:
        return
    raise Wrong("a second walk without retain_graph: expected RuntimeError, got a result")


@hole("backward",
      "_walk(root, first gradient, retain_graph) returns {tensor: gradient}.",
      "A Tensor whose grad is None gets a Tensor of a copy; else add to the array of its grad.")
def _(backward, Tensor, mul):
    a, b = (Tensor(np.array(value), True) for value in (3.0, 2.0))
    expect("what backward returns", lambda: backward(mul(a, b)), None)
    for x, name, slope in (a, "a", 2.0), (b, "b", 3.0):
        expect(f"after (a * b).backward(), a.grad and b.grad: is {name}.grad a Tensor",
               isinstance(x.grad, Tensor), True)
        expect(f"does {name}.grad require grad itself", x.grad.requires_grad, False)
        expect(f"a * b at 3 and 2: {name}.grad", x.grad.data, slope)
    backward(mul(a, b))
    expect("a * b at 3 and 2, a second time: a.grad", a.grad.data, 4.0)
    x, weights = Tensor(np.array([1.0, 2.0]), True), np.array([10.0, 100.0])
    backward(x, weights)
    expect("x.backward([10, 100]) of a leaf: x.grad", x.grad.data, np.array([10.0, 100.0]))
    weights[:] = 0
    expect("the same after the caller has changed his array", x.grad.data, np.array([10.0, 100.0]))
    backward(mul(x, x), gradient=np.array([1.0, 1.0]))
    expect("then (x * x).backward([1, 1]) at [1, 2]: x.grad", x.grad.data, np.array([12.0, 104.0]))
    product = mul(a, b)
    backward(product, retain_graph=True)
    expect("a walk after retain_graph=True", lambda: backward(product), None)
    expect("four walks: a.grad", a.grad.data, 8.0)
    for case, root in ("a walk after the graph is gone", product), ("an array, no gradient", x):
        try:
            backward(root)
        except RuntimeError:
            continue
        raise Wrong(f"{case}: expected RuntimeError, got none")


@hole("learn",
      "Four things: the loss goes back, the root moves, the gradient is set to zero, the path "
      "grows.",
      "The root moves inside no_grad(), in place: root -= ..., by 0.08 times its gradient.",
      "Set to zero only if zeroing.")
def _(learn):
    for zeroing in True, False:
        for steps in 1, 2, 8:
            root, grad, expected = 1.0, 0.0, []
            for _ in range(steps):
                grad = grad * (not zeroing) + 4 * root * (root * root - 2)
                root -= 0.08 * grad
                expected.append(root)
            expect(f"learn(zeroing={zeroing}, steps={steps})",
                   lambda: np.array(learn(zeroing, steps)), np.array(expected), 1e-4, 1e-4)
