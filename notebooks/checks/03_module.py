"""Checks for the holes of 03_module.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole, way_back


def same(case, got, expected):
    """Raise Wrong unless got holds these very objects, {name: object}, in this order."""
    try:
        got = list(got())
    except TypeError as error:
        raise Wrong(f"{case}: {error}") from None
    names = {id(value): name for name, value in expected.items()}
    found = [names.get(id(value), f"a {type(value).__name__}") for value in got]
    expect(case, found, list(expected))


@hole("Sketch.parameters",
      "vars(self).values() are the values of all attributes, in the order they were set.",
      "Yield a value that is a Parameter; of a value that is a Sketch itself, yield from its "
      "parameters.")
def _(Sketch, Parameter, Tensor):
    class Net(Sketch):
        pass

    class Layer(Sketch):
        pass

    net = Net()
    same("an object without attributes: its parameters", net.parameters, {})
    net.weight = Parameter([1.0])
    same("one Parameter", net.parameters, {"weight": net.weight})
    net.mean, net.note = Tensor([5.0]), "a note"
    same("a Parameter, a plain Tensor and a string", net.parameters, {"weight": net.weight})
    net.inner, net.last = Layer(), Parameter([2.0])
    net.inner.bias, net.inner.inner = Parameter([3.0]), Net()
    net.inner.inner.deep = Parameter([4.0])
    same("weight, a Sketch with bias and an inner Sketch with deep, and last", net.parameters,
         {"weight": net.weight, "bias": net.inner.bias, "deep": net.inner.inner.deep,
          "last": net.last})


@hole("named_modules",
      "This module comes first, with its prefix, and is put into memo.",
      "_held(self, Module) gives (name, child). A child's path is prefix.name, or name alone where "
      "the prefix is empty. It does the rest by itself: yield from child.named_modules(...).",
      "All share one memo, so that each is met once. Without remove_duplicate each child gets a "
      "copy, so that only a circle ends.")
def _(Module):
    class Net(Module):
        pass

    def listed(case, module, expected, **options):
        found = []
        expect(f"{case}: the paths", lambda: found.extend(module.named_modules(**options)) or [
            path for path, _ in found], list(expected))
        wrong = [path for path, m in found if m is not expected[path]]
        expect(f"{case}: paths with another module than theirs", wrong, [])

    root, a, b = Net(), Net(), Net()
    listed("a module alone", root, {"": root})
    root.a, root.note, a.b = a, "none", b
    listed("root holds a, a holds b", root, {"": root, "a": a, "a.b": b})
    listed("root holds a, a holds b, with the prefix net", root,
           {"net": root, "net.a": a, "net.a.b": b}, prefix="net")
    root.c = b
    listed("b once more, as root.c", root, {"": root, "a": a, "a.b": b})
    listed("b once more, as root.c, with remove_duplicate=False", root,
           {"": root, "a": a, "a.b": b, "c": b}, remove_duplicate=False)
    listed("with a in memo", root, {"": root, "c": b}, memo={a})
    a.d = b
    listed("and as root.a.d, with remove_duplicate=False", root,
           {"": root, "a": a, "a.b": b, "a.d": b, "c": b}, remove_duplicate=False)
    del a.d
    b.up = root
    listed("b refers back to root", root, {"": root, "a": a, "a.b": b})
    listed("b refers back to root, with remove_duplicate=False", root,
           {"": root, "a": a, "a.b": b, "c": b}, remove_duplicate=False)


@hole("_once",
      "A dict {value: path} holds each value once.",
      "Keep the first path that a value came with: setdefault.",
      "Give back pairs (path, value), the path first.")
def _(_once, Parameter):
    a, b = Parameter([1.0]), Parameter([1.0])
    for case, pairs, expected in [
        ("no pairs", [], []), ("one pair", [("p", a)], ["p"]),
        ("two Parameters of equal numbers", [("p", a), ("q", b)], ["p", "q"]),
        ("one value under p and q", [("p", a), ("q", a)], ["p"]),
        ("a under p and r, b under q and s", [("p", a), ("q", b), ("r", a), ("s", b)], ["p", "q"]),
        ("b first", [("q", b), ("p", a), ("r", b)], ["q", "p"]),
    ]:
        found = list(_once(iter(pairs)))
        expect(f"{case}: the paths", [path for path, _ in found], expected)
        right = all(value is dict(pairs)[path] for path, value in found)
        expect(f"{case}: does each path come with its value", right, True)


@hole("_affine",
      "Four things in a row: value, and what takes g to the gradients of x, weight and bias.",
      "For y = x Wᵀ + b they are g W, gᵀ x and g.",
      "If x has more than two dimensions, gᵀ x needs g as rows, too: g.reshape(-1, g.shape[-1]).")
def _(linear, Tensor):
    rng = np.random.default_rng(0)
    for n, shape in [(1, (1, 1)), (3, (2, 2)), (3, (2, 5)), (3, (2, 4, 5)), (2, (3, 1, 2, 4)),
                     (3, (5,))]:
        arrays = [rng.integers(-4, 5, s).astype(float) for s in (shape, (n, shape[-1]), (n,))]
        way_back(f"linear of x {shape}, weight {(n, shape[-1])}, bias {(n,)}", linear,
                 lambda x, w, b: np.einsum("...i,oi->...o", x, w) + b, arrays, Tensor)


@hole("Linear.__init__",
      "rand is even over [0, 1): 2 · rand - 1 is even over [-1, 1), times a bound over ±bound. "
      "(np.sqrt would make a float64 of the bound, and so of the weights; ** 0.5 does not.)",
      "The weight (out_features, in_features) is drawn first, then the bias (out_features,); each "
      "becomes a Parameter.",
      "Without bias, self.bias is None.")
def _(Linear):
    from nptorch.creation import manual_seed, rand

    for n_in, n_out in (1, 1), (4, 3), (25, 2):
        manual_seed(0)
        draws = [rand(n_out, n_in).data, rand(n_out).data]
        manual_seed(0)
        layer = Linear(n_in, n_out)
        for name, draw in zip(("weight", "bias"), draws):
            case = f"Linear({n_in}, {n_out}), from seed 0: its {name}"
            got = getattr(layer, name, "nothing")
            expect(case, got, (draw * 2 - 1) / np.sqrt(n_in), 1e-6)
            expect(f"{case} is a", type(got).__name__, "Parameter")
            expect(f"{case} has the dtype", str(got.dtype), "float32")
            expect(f"{case} requires grad", got.requires_grad, True)
        names = [name for name, _ in layer.named_parameters()]
        expect("the names of the parameters", names, ["weight", "bias"])
        manual_seed(0)
        layer = Linear(n_in, n_out, bias=False)
        expect("without a bias: bias", getattr(layer, "bias", "nothing"), None)
        expect("without a bias: the weight's shape", layer.weight.shape, (n_out, n_in))


@hole("Sequential.forward",
      "A Sequential can be walked over: for module in self.",
      "Each module takes what the one before it has made.")
def _(Sequential, Module):
    class Do(Module):
        def __init__(self, f):
            self.f = f

        def forward(self, x):
            return self.f(x)

    add, double = Do(lambda x: x + 1), Do(lambda x: 2 * x)
    for case, modules, expected in [
        ("one that adds 1", [add], 6), ("add 1, then double", [add, double], 12),
        ("double, then add 1", [double, add], 11), ("none", [], 5),
        ("add 1, double, add 1", [add, double, Do(lambda x: x + 1)], 13),
    ]:
        expect(f"Sequential of {case}, called with 5", lambda: Sequential(*modules)(5), expected)
    expect("the same by names: add 1, then double",
           lambda: Sequential({"first": add, "then": double})(5), 12)

    class Counted(Do):
        def __call__(self, x):
            return 100 + super().__call__(x)

    expect("one that adds 100 in its __call__ and 1 in its forward, called with 5",
           lambda: Sequential(Counted(lambda x: x + 1))(5), 106)
    expect("one within another: (add 1), double",
           lambda: Sequential(Sequential(add), double)(5), 12)


@hole("load_state_dict",
      "own shares its arrays with the parameters: what is written into them, the net has.",
      "copy_ writes in place. new holds the arrays to copy, by path.",
      "Return the two lists as IncompatibleKeys.")
def _(Module, Parameter):
    class Net(Module):
        def __init__(self):
            self.weight = Parameter(np.zeros((2, 3), np.float32))
            self.bias = Parameter(np.zeros(2, np.float32))

    net, source = Net(), {"weight": np.arange(6.0).reshape(2, 3), "bias": np.array([7.0, 8.0])}
    arrays = {name: p.data for name, p in net.named_parameters()}
    result = net.load_state_dict(source)
    for name, p in net.named_parameters():
        expect(f"{name} after loading", p.data, source[name])
        expect(f"{name} after loading: is it in the array it had", p.data is arrays[name], True)
        expect(f"{name} after loading float64: its dtype", str(p.data.dtype), "float32")
        source[name] += 100
    expect("the bias after the source has changed", net.bias.data, np.array([7.0, 8.0]))
    lists = [list(keys) for keys in result or ()]
    expect("the lists of missing and unexpected keys", lists, [[], []])
    result = net.load_state_dict({"bias": np.ones(2), "head": np.ones(1)}, strict=False)
    expect("without strict: missing_keys", lambda: list(result.missing_keys), ["weight"])
    expect("without strict: unexpected_keys", lambda: list(result.unexpected_keys), ["head"])
    expect("without strict: the bias", net.bias.data, np.ones(2))
    expect("without strict: the weight stays", net.weight.data, np.arange(6.0).reshape(2, 3))
