"""For each exercise: what its check must accept and reject, besides the solution on the page. See
workbook_cases.py, which has the holes'."""

RIGHT = {
    "Dual": ["""
def __init__(self, value, slope):
    self.pair = value, slope

value = property(lambda self: self.pair[0])
slope = property(lambda self: self.pair[1])

def __mul__(self, other):
    (p, s), (q, t) = self.pair, other.pair
    return type(self)(p * q, q * s + t * p)

def __add__(self, other):
    return type(self)(*(x + y for x, y in zip(self.pair, other.pair)))
"""],
    "line": ["""
w, b, n = 0.0, 0.0, len(x)
for _ in range(200):
    wrong = w * x + b - y
    w, b = w - 0.4 * (wrong * x).sum() / n, b - 0.4 * wrong.sum() / n
return w, b
"""],
    "yours": ["""
square = c * c
return square + c * a
"""],
    "einsum": ["""
one, rest = spec.split(",")
two, three = rest.split("->")

def back(left, right, wanted, x, y):
    return np.einsum(x, [ord(c) - 96 for c in left], y, [ord(c) - 96 for c in right],
                     [ord(c) - 96 for c in wanted])

return (back(one, two, three, a, b), lambda g: back(two, three, one, b, g),
        lambda g: back(one, three, two, a, g))
"""],
    "prod": ["""
flat = a.ravel()
before = np.concatenate([[1.0], np.cumprod(flat)[:-1]])
after = np.concatenate([np.cumprod(flat[::-1])[::-1][1:], [1.0]])
return flat.prod(), lambda g: (g * before * after).reshape(a.shape)
"""],
    "fooled": ["""
fooled = {twice: (np.arange(3.0), np.ones(3) / 2), sloppy: (np.zeros(1),),
          untransposed: (np.array([[2.0, 5.0], [5.0, 1.0]]), np.eye(2) * 3)}
caught = {twice: (np.zeros(4), np.zeros(4)), sloppy: (np.arange(5.0),),
          untransposed: (np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]))}
"""],
    "mended": ["""
class First(Net):
    def forward(self, x):
        h = self.hidden(x)
        return self.out(h.tanh())

class Second(Net):
    def forward(self, x):
        return self.out(tanh(self.hidden(x)))

class Third(Net):
    def forward(self, x):
        x = Tensor(x.data - x.data.mean(0))
        return self.out(tanh(self.hidden(x)))

class Fourth(Module):
    def __init__(self):
        self.layers = Sequential({"hidden": Linear(2, 16), "out": Linear(16, 1)})

    def forward(self, x):
        return self.layers.out(tanh(self.layers.hidden(x)))

class Fifth(Module):
    def __init__(self):
        self.third, self.second, self.first = (Linear(16, n) for n in (1, 16, 16))
        self.begin = Linear(2, 16)

    def forward(self, x):
        x = tanh(self.first(tanh(self.begin(x))))
        return self.third(tanh(self.second(x)))
"""],
    "summary": ["""
lines, n = [], 0
for path, parameter in model.named_parameters():
    lines.append(f"{path:20}{' x '.join(map(str, parameter.shape)):>12}: {parameter.data.size:6}")
    n += parameter.data.size
lines.append(f"{'':30}{n:10}")
return "\\n".join(lines) + "\\n"
"""],
    "widen": ["""
if type(module) is Linear:
    module.weight.data = module.weight.data * 2.1
"""],
    "soft_cross_entropy": ["""
shifted = logits - logits.data.max(1, keepdims=True)
log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
return (q * log_p).sum() * (-1 / len(logits))
"""],
    "pinball": ["""
above = Tensor((target.data > input.data).astype(float))
return ((target - input) * (above - 0.1)).sum()
"""],
    "gap": ["gap = max(g for g in range(200) if np.exp(-np.float32(g)) > 0)"],
    "look_ahead": ["""
def nesterov(lr, steps):
    p, v, path = np.array([-9.0, 2.0]), np.zeros(2), [[-9.0, 2.0]]
    while len(path) <= steps:
        there = Tensor(p + 0.9 * v, requires_grad=True)
        ravine(there).backward()
        v = 0.9 * v - lr * there.grad.data
        p = p + v
        path.append(p)
    return path

def size(lr):
    c = 49 * lr
    return abs(np.linalg.eigvals([[(1 - c) * 0.9, -c], [(1 - c) * 0.9, 1 - c]])).max()

low, border = 0.0, 0.08
for _ in range(40):
    middle = (low + border) / 2
    low, border = (middle, border) if size(middle) < 1 else (low, middle)
"""],
    "Proximal": ["""
def step(self):
    with no_grad():
        for _, p in moving(self.params):
            p *= 1 - self.lr * self.weight_decay
            p -= self.lr * p.grad
            p.data[:] = p.data - np.clip(p.data, -self.lr * self.alpha, self.lr * self.alpha)
"""],
    "quicker": ["""
root = np.sqrt(kappa)
return (2 / (root + 1)) ** 2, ((root - 1) / (root + 1)) ** 2 + 0.58 - 0.5625  # the page's hair
"""],
    "Shifted": ["""
def __init__(self, dataset):
    self.dataset, self.rng = list(dataset), np.random.default_rng(0)

def __len__(self):
    return len(self.dataset)

def __getitem__(self, i):
    image, label = self.dataset[i]
    moved, (r, c) = np.zeros_like(image.data), self.rng.integers(-1, 2, 2)
    for y, x in np.ndindex(8, 8):
        if 0 <= y - r < 8 and 0 <= x - c < 8:
            moved[0, y, x] = image.data[0, y - r, x - c]
    return Tensor(moved), label
"""],
    "missed": ["""
seen = 0.0
for _ in range(n):
    seen += (1 - seen) / n
return 1 - seen
"""],
    "stratified": ["""
drawn, order = [], np.random.permutation(len(labels))
left = {value: int(fraction * np.sum(labels == value)) for value in set(labels.tolist())}
for i in order:
    if left[labels[i].item()] > 0:
        left[labels[i].item()] -= 1
        drawn.append(i)
return np.setdiff1d(order, drawn), np.array(drawn)
"""],
    "overfit": ["""
def last_loss(net):
    x, y = few
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(500):
        optimizer.zero_grad()
        loss = cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    return cross_entropy(net(x), y).item()

least = -np.log(np.e / (np.e + 9))
"""],
    "in_parts": ["""
losses = []
for x, y in train_loader:
    net.zero_grad(set_to_none=True)
    total = 0.0
    for part in np.array_split(np.arange(len(y)), parts):
        loss = -(net(x[part]).log_softmax(1)[np.arange(len(part)), y[part].data]).sum()
        (loss / len(y)).backward()
        total += loss.item()
    optimizer.step()
    losses.append(total / len(y))
return losses
"""],
    "suspects": ["""
net, optimizer = start(weight_decay=0.015)
for epoch in range(80):
    for x, y in lying_loader:
        optimizer.zero_grad()
        cross_entropy(net(x), y).backward()
        optimizer.step()
suspects = np.array([answer.argmax() for answer in net(images).data]) != told
"""],
    "field": ["""
first = last = 0
for kernel, stride in layers[::-1]:
    first, last = first * stride, last * stride + kernel - 1
return last - first + 1
"""],
    "conv_transpose": ["""
x = np.zeros(shape)
(down, across), (kh, kw) = stride, weight.shape[2:]
parts = np.einsum("nohw,ocij->nchwij", y, weight)
for i, j in np.ndindex(kh, kw):
    h, w = y.shape[2:]
    x[:, :, i:i + h * down:down, j:j + w * across:across] += parts[..., i, j]
return x
"""],
    "strokes": ["""
u, s, v = np.linalg.svd(kernel)
return u[:, :1] * s[0], v[:1]
"""],
    "Moving": ["""
def __init__(self, dataset, by):
    self.dataset, self.by = dataset, by

def __len__(self):
    return len(self.dataset)

def __getitem__(self, i):
    image, label = self.dataset[i]
    by, (h, w) = self.by, image.shape[1:]
    down, across = np.random.randint(0, 2 * by + 1, 2)
    wide = np.zeros((1, h + 2 * by, w + 2 * by), np.float32)
    wide[:, by:by + h, by:by + w] = image.data
    return wide[:, down:down + h, across:across + w], label
"""],
    "vote": ["""
shares = np.zeros((len(images), 10))
for net in nets:
    z = logits_of(net, images)
    powers = np.exp(z - z.max(1, keepdims=True))
    shares += powers / powers.sum(1, keepdims=True)
return shares.argmax(1)
"""],
    "forged": ["""
low, high = np.maximum(images - most, 0), np.minimum(images + most, 1)
changed = images.copy()
for _ in range(20):
    x = Tensor(changed, requires_grad=True)
    (-model(x).log_softmax(1)[:, digit].sum()).backward()
    changed = np.minimum(np.maximum(changed - 0.15 * most * np.sign(x.grad.data), low), high)
return changed
"""],
    "first_flip": ["""
flips = [(step, layer, int(image)) for step in range(len(one)) for layer in one[step]
         for image in np.flatnonzero((one[step][layer][1] != two[step][layer][1]).reshape(
             len(one[step][layer][1]), -1).any(1))]
return min(flips, default=None)
"""],
    "Heavy": ["""
def __init__(self, params, lr=1e-3, **options):
    super().__init__(params, lr, **options)
    self.kept = {p: 0.0 for p in self.params}

def step(self):
    with nptorch.no_grad():
        self._regularization()
        for p in [p for p in self.params if p.requires_grad and p.grad is not None]:
            self.kept[p] = self.kept[p] * self.momentum + p.grad.data
            p += self.kept[p] * -self.lr
"""],
    "ties": ["""
count = 0
for window in np.asarray(four).reshape(-1, 4):
    best = window.argmax()
    count += window[best] > 0 and window[best] - np.delete(window, best).max() < closer
return int(count)
"""],
    "Ahead": ["""
def step(self):
    for group in self.param_groups:
        (one, two), lr, eps = group["betas"], group["lr"], group["eps"]
        for p in group["params"]:
            n, m, v = self.__dict__.setdefault("kept", {}).get(p, (0, 0.0, 0.0))
            g, n = p.grad.data, n + 1
            m, v = one * m + (1 - one) * g, two * v + (1 - two) * g**2
            self.kept[p] = n, m, v
            more = (one * m + (1 - one) * g) / (1 - one ** (n + 1))
            p.data = p.data - lr * more / ((v / (1 - two**n)) ** 0.5 + eps)
"""],
    "plan": ["plan = lambda o: OneCycleLR(o, 0.015, 300)"],
    "clipping": ["""
fooling = -3e7

def clip_each(parameters, max_norm):
    for p in parameters:
        if p.grad is not None:
            p.grad.data *= min(1.0, max_norm / np.sqrt((p.grad.data**2).sum()))
"""],
    "folded": ["""
one = nn.Linear(linear.in_features, linear.out_features)
spread = (norm.running_var.data + norm.eps) ** 0.5
centre = (linear.bias.data - norm.running_mean.data) / spread
one.bias.data = norm.weight.data * centre + norm.bias.data
one.weight.data = (linear.weight.data.T / spread * norm.weight.data).T
return one
"""],
    "group_norm": ["""
n, c, h, w = x.shape
parts = x.reshape(n, groups, c // groups, h, w)
centred = parts - parts.mean((2, 3, 4), keepdim=True)
spread = ((centred**2).mean((2, 3, 4), keepdim=True) + 1e-5).sqrt()
return (centred / spread).reshape(n, c, h, w)
"""],
    "silent": ["""
block = Residual(plain())
for parameter in block.parameters():
    parameter.data *= 0.2
return block
"""],
    "looks_back": ["""
place = np.arange(T)
angle = lambda t: np.stack([np.cos(t / 40), np.sin(t / 40)], 1)
return torch.tensor(1e5 * angle(place - 1)), torch.tensor(angle(place))
"""],
    "top_k": ["""
order = np.argsort(np.argsort(-logits.data, -1), -1)
return logits + torch.tensor(np.where(order < k, 0.0, -np.inf))
"""],
    "merge": ["""
out, i = [], 0
while i < len(ids):
    if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
        out.append(new)
        i += 2
    else:
        out.append(int(ids[i]))
        i += 1
return np.array(out)
"""],
}

WRONG = {
    "Dual": {
        "the slopes multiplied": ("self.slope * other.value + self.value * other.slope",
                                  "self.slope * other.slope"),
        "the first factor's slope alone": (" + self.value * other.slope", ""),
        "each with its own value": ("self.slope * other.value + self.value * other.slope",
                                    "self.slope * self.value + other.value * other.slope"),
        "slopes subtracted": ("self.slope + other.slope", "self.slope - other.slope"),
        "no Dual": ("return Dual(self.value + other.value, self.slope + other.slope)",
                    "return self.value + other.value, self.slope + other.slope"),
        "added in place": ("return Dual(self.value + other.value, self.slope + other.slope)", (
            "self.value += other.value\n    self.slope += other.slope\n    return self")),
    },
    "line": {
        "gradients never zeroed": ("            p.grad.zero_()\n", ""),
        "uphill": ("p -= ", "p += "),
        "only w moves": ("for p in [w, b]:", "for p in [w]:"),
        "a plus for the minus": ("(-y)", "y"),
        "the sum, not the mean": (" / len(x)", ""),
        "one step": ("range(200)", "range(1)"),
        "the error itself": ("(error * error)", "error"),
    },
    "yours": {
        "as it was": ("return d * c", "return c * d"),
        "another value": ("return d * c", "return d * c + a"),
        "another value here and there": ("return d * c", "return d * d"),
        "nothing returned": ("return d * c", "d * c"),
    },
    "einsum": {
        "as for a matrix product": ("""f"{out},{second}->{first}", g, b)""", '"ik,jk->ij", g, b)'),
        "letters not exchanged": ("""np.einsum(f"{out},{second}->{first}", g, b)""",
                                  "np.einsum(spec, g, b)"),
        "the other input": ("->{first}\", g, b)", "->{first}\", g, a)"),
        "backs the wrong way round": ("""lambda g: np.einsum(f"{out},{second}->{first}", g, b),
        lambda g: np.einsum(f"{first},{out}->{second}", a, g)""",
            """lambda g: np.einsum(f"{first},{out}->{second}", a, g),
        lambda g: np.einsum(f"{out},{second}->{first}", g, b)"""),
        "without g": ("""lambda g: np.einsum(f"{first},{out}->{second}", a, g)""",
                      """lambda g: np.einsum(f"{first},{out}->{second}", a, np.ones_like(g))"""),
    },
    "prod": {
        "the tempting rule": "return np.prod(a), lambda g: g * np.prod(a) / a",
        "a zero replaced": "return np.prod(a), lambda g: g * np.prod(a) / np.where(a == 0, 1, a)",
        "the whole product": ("np.prod(np.delete(a, i))", "np.prod(a)"),
        "flat gradients": (".reshape(a.shape)", ""),
        "without g": ("lambda g: g * others", "lambda g: others"),
    },
    "fooled": {
        "the other way round": """
i, m = np.eye(2), np.tri(2) + 1
fooled = {twice: (i, i), untransposed: (m, m), sloppy: (i,)}
caught = {twice: (i, m), untransposed: (i, i), sloppy: (np.zeros(1),)}
""",
        "no tuples": ("sloppy: (np.zeros(1),)", "sloppy: np.zeros(1)"),
        "symmetric, the other not": ("untransposed: (i, i)", "untransposed: (m + m.T, m)"),
        "two equal scores": ("np.zeros(1)", "np.zeros(2)"),
        "no tie": ("twice: (i, i)", "twice: (i, i + 1)"),
        "one forgotten": (", sloppy: (i,)", ""),
        "lengths that do not fit": ("(m, m)", "(m, np.ones((3, 2)))"),
        "lengths that do not fit on the way back": (
            "untransposed: (m, m)", "untransposed: (np.ones((2, 3)), np.ones((3, 2)))"),
    },
    "mended": {
        "no tanh": (".tanh()", ""),
        "Second as it was": ("Second = Fourth = First", "Fourth = First"),
        "Fourth as it was": ("Second = Fourth = First", "Second = First"),
        "Third not moved": ("x - x.mean(0)", "x"),
        "Third writes": ("return super().forward(x - x.mean(0))",
                         "x.data -= x.data.mean(0)\n        return super().forward(x)"),
        "Fourth with a list": ("Second = Fourth = First", """Second = First
class Fourth(Module):
    def __init__(self):
        self.layers = [Linear(2, 16), Linear(16, 1)]

    def forward(self, x):
        return self.layers[1](tanh(self.layers[0](x)))
"""),
        "Fifth with one layer less": ("Linear(16, 16), Tanh(), Linear(16, 16)", "Linear(16, 16)"),
        "Fifth with a tanh less": ("Linear(16, 16), Tanh(), L", "Linear(16, 16), L"),
        "detached": (".tanh()", ".tanh().detach()"),
    },
    "summary": {
        "children alone": ("list(model.named_parameters())",
                           "list(model.named_parameters(recurse=False))"),
        "a shared one twice": ("named_parameters()", "named_parameters(remove_duplicate=False)"),
        "no sum": ("[*lines, f\"all: {sum(p.numel() for _, p in found)}\"]", "lines"),
        "how many parameters, not numbers": ("sum(p.numel() for _, p in found)", "len(found)"),
        "len for the size": ("{p.numel()}", "{len(p)}"),
        "printed": ("return ", "found = "),
        "a list": "return [f'{path} {p.shape}' for path, p in model.named_parameters()]",
    },
    "widen": {
        "the factor of the text": ("*= 2", "*= 3**0.5"),
        "nothing": "pass",
        "everything but Linear": ("if isinstance", "if not isinstance"),
        "the bias, too": ("*= 2", "*= 2\n    module.bias.data *= 2"),
        "a new array that is lost": ("module.weight.data *= 2", "module.weight.data * 2"),
        "any module": "module.weight.data *= 2",
        "too much": ("*= 2", "*= 4"),
    },
    "soft_cross_entropy": {
        "no minus": ("return -", "return "),
        "the logarithm of a probability of 0": ("logits.log_softmax(1)", "logits.softmax(1).log()"),
        "classes and rows exchanged": ("log_softmax(1)", "log_softmax(0)"),
        "the mean over all": (".sum(1).mean()", ".mean()"),
        "the likeliest class alone": "return nn.functional.cross_entropy(logits, q.data.argmax(1))",
    },
    "pinball": {
        "the median": ("0.1 * (-error)", "0.9 * (-error)"),
        "the other way round": ("target - input", "input - target"),
        "one way free": (" + 0.1 * (-error).relu()", ""),
        "squares": (").mean()", ").square().mean()"),
        "no mean": (".mean()", ""),
        "an array": "return Tensor(np.maximum(0.9 * (target - input).data, "
                    "0.1 * (input - target).data).mean())",
    },
    "gap": {
        "normal numbers alone": "gap = 87",
        "of float64": "gap = 745",
        "the first that dies": "gap = 104",
        "not whole": "gap = 103.5",
    },
    "look_ahead": {
        "no look ahead": ("(p + m * v)", "p"),
        "the border of usual momentum": ("/ (1 + 2 * 0.9) / 49", "/ 49"),
        "ahead by all of v": ("(p + m * v)", "(p + v)"),
        "the start left out": ("path = [p]", "path = []"),
        "of plain descent": ("2 * (1 + 0.9) / (1 + 2 * 0.9) / 49", "2 / 49"),
        "moved twice": ("p = p + v", "p = p + m * v + v"),
    },
    "Proximal": {
        "the usual step, too": ("for _, p", "self._regularization()\n    for _, p"),
        "through zero": ("np.maximum(np.abs(q) - self.lr * self.alpha, 0)",
                         "(np.abs(q) - self.lr * self.alpha)"),
        "no learning rate": ("self.lr * self.alpha, 0", "self.alpha, 0"),
        "the old sign": ("np.sign(q)", "np.sign(p.data)"),
        "no weight decay": (" + self.weight_decay * p.data", ""),
        "frozen ones, too": ("for _, p in moving(self.params)", "for p in self.params[:2]"),
    },
    "quicker": {
        "Polyak's": (" + 0.013", ""),
        "less momentum": (" + 0.013", " - 0.01"),
        "much more momentum": (" + 0.013", " + 0.2"),
        "a larger rate": ("return lr, momentum + 0.013", "return 1.2 * lr, momentum"),
        "for one ravine": "return 1 / 16, 0.58",
    },
    "Shifted": {
        "moved once for all": ("np.random.randint(3, size=2)",
                               "np.random.default_rng(i).integers(3, size=2)"),
        "down alone": ("c:c + 8", "1:9"),
        "what leaves comes back": ("np.pad(image.data, [(0,), (1,), (1,)])[:, r:r + 8, c:c + 8]",
                                   "np.roll(image.data, (r - 1, c - 1), (1, 2))"),
        "no label": ("r + 8, c:c + 8], label", "r + 8, c:c + 8],"),
        "along the diagonal": ("c:c + 8", "r:r + 8"),
        "up to two pixels": ("randint(3,", "randint(5,"),
        "of the first alone": ("self.dataset[i]", "self.dataset[0]"),
    },
    "missed": {
        "one draw": (" ** n", ""),
        "what is seen": ("return (1 - 1 / n) ** n", "return 1 - (1 - 1 / n) ** n"),
        "the limit": ("return (1 - 1 / n) ** n", "return np.exp(-1)"),
        "one draw too few": ("** n", "** (n - 1)"),
    },
    "stratified": {
        "any fifth": ("return np.concatenate(rest), np.concatenate(drawn)",
                      "order = np.random.permutation(len(labels))\n"
                      "k = round(fraction * len(labels))\nreturn order[k:], order[:k]"),
        "always the same": ("np.random.permutation(np.flatnonzero(labels == value))",
                            "np.flatnonzero(labels == value)"),
        "the wrong way round": ("np.concatenate(rest), np.concatenate(drawn)",
                                "np.concatenate(drawn), np.concatenate(rest)"),
        "as many of each": ("round(fraction * len(found))",
                            "round(fraction * len(labels) / len(np.unique(labels)))"),
        "numbers of the class": ("np.flatnonzero(labels == value)", "(labels == value).sum()"),
        "lists of arrays": ("return np.concatenate(rest), np.concatenate(drawn)",
                            "return rest, drawn"),
    },
    "overfit": {
        "one step": ("500", "1"),
        "no momentum": (", momentum=0.9", ""),
        "another rate": ("lr=0.05", "lr=0.5"),
        "gradients never zeroed": ("optimizer.zero_grad()", "pass"),
        "least is zero": ("least = np.log(1 + 9 / np.e)", "least = 0.0"),
        "that of guessing": ("least = np.log(1 + 9 / np.e)", "least = np.log(10)"),
        "a Tensor": (".item()", ""),
        "never a step": ("optimizer.step()", "pass"),
    },
    "in_parts": {
        "the mean of the means": ("(len(part) / len(y))", "(1 / parts)"),
        "not weighted": (" * (len(part) / len(y))", ""),
        "a step for each part": ("losses[-1] +=", "optimizer.step()\n        losses[-1] +="),
        "zeroed for each part": ("loss = ", "optimizer.zero_grad()\n        loss = "),
        "never zeroed": ("optimizer.zero_grad()", "pass"),
        "the last part's loss": ("losses[-1] += ", "losses[-1] = "),
        "one loss": ("return losses", "return losses[-1:]"),
    },
    "suspects": {
        "without weight decay": ("weight_decay=0.01", ""),
        "believed ones": ("!= told", "== told"),
        "a single epoch": ("optimizer, 100", "optimizer, 1"),
        "numbers, not truth values": ("!= told", "- told"),
        "all": "suspects = np.ones(400, bool)",
        "none": "suspects = np.zeros(400, bool)",
    },
    "field": {
        "the first layer first": ("reversed(layers)", "layers"),
        "strides forgotten": ("(width - 1) * stride + kernel", "width - 1 + kernel"),
        "one pixel too wide": ("(width - 1) * stride", "width * stride"),
        "the last kernel alone": ("width = (width - 1) * stride + kernel", "width = kernel"),
        "kernels added up": ("(width - 1) * stride + kernel", "width + kernel"),
    },
    "conv_transpose": {
        "not transposed": ("weight.reshape(O, C * kh * kw).T", "weight.reshape(C * kh * kw, O)"),
        "channels not in front": ("y.swapaxes(0, 1)", "y"),
        "stride 1": ("stride, (0, 0)", "(1, 1), (0, 0)"),
        "the kernel turned round": ("weight.reshape", "weight[:, :, ::-1, ::-1].reshape"),
        "height and width exchanged": ("(kh, kw)", "(kw, kh)"),
        "with padding": ("(0, 0)", "(1, 1)"),
    },
    "strokes": {
        "the first row": ("np.unravel_index(np.abs(kernel).argmax(), kernel.shape)", "0, 0"),
        "not divided": (" / kernel[i, j]", ""),
        "where a zero is": ("np.abs(kernel).argmax()", "(kernel == 0).argmax()"),
        "row and column exchanged": ("return kernel[:, [j]] / kernel[i, j], kernel[[i]]",
                                     "return kernel[[i]], kernel[:, [j]] / kernel[i, j]"),
        "flat": ("kernel[[i]]", "kernel[i]"),
        "both divided": ("kernel[[i]]", "kernel[[i]] / kernel[i, j]"),
    },
    "Moving": {
        "never so far": ("self.by + 1", "self.by"),
        "down alone": ("tuple(by), axis=(1, 2)", "by[0], axis=1"),
        "channels rolled": ("axis=(1, 2)", "axis=(0, 1)"),
        "the same each time": ("self.rng.integers", "np.random.default_rng(i).integers"),
        "one of it": ("self.dataset[i]", "self.dataset[0]"),
        "along the diagonal": ("self.by + 1, 2", "self.by + 1, 1).repeat(2"),
        "no label": ("axis=(1, 2)), label", "axis=(1, 2))"),
    },
    "vote": {
        "the first net": ("sum(z.log_softmax(dim=1) for z in logits)", "logits[0]"),
        "a show of hands": "hands = [logits_of(net, images).argmax(1) for net in nets]\n"
                           "return np.array([np.bincount(h, minlength=10).argmax() "
                           "for h in np.array(hands).T])",
        "over the pictures": ("argmax(axis=1)", "argmax(axis=0)"),
        "one net too few": ("for net in nets]", "for net in nets[1:]]"),
        "the surest net": "p = [Tensor(logits_of(net, images)).softmax(1).data for net in nets]\n"
                          "return np.max(p, axis=0).argmax(1)",
        "the least probable": (".argmax(", ".argmin("),
    },
    "forged": {
        "a single step": ("range(10)", "range(1)"),
        "up": ("changed - most", "changed + most"),
        "no ends of white and black": (
            "np.clip(np.clip(changed, images - most, images + most), 0, 1)",
            "np.clip(changed, images - most, images + most)"),
        "moved as far as it likes": ("np.clip(changed, images - most, images + most)", "changed"),
        "from the pictures anew": ("changed - most / 4", "images - most / 4"),
        "written into the pictures": ("changed = images", "changed = images\nimages -= 0.01"),
        "away from the digit": ("changed - most / 4 * np.sign(x.grad.data)",
                                "changed + most / 4 * np.sign(x.grad.data)"),
    },
    "first_flip": {
        "inputs, not decisions": ("[1] != two[step][layer][1]", "[0] != two[step][layer][0]"),
        "the last place": ("places[0, 0]", "places[-1, 0]"),
        "the deepest layer first": ("sorted(a)", "sorted(a, reverse=True)"),
        "steps from 1": ("return step,", "return step + 1,"),
        "where they agree": ("!=", "=="),
        "the whole place": ("places[0, 0]", "places[0]"),
        "the last step": ("enumerate(one)", "reversed([*enumerate(one)])"),
    },
    "Heavy": {
        "ours": ("+ p.grad.data", "- self.lr * p.grad.data"),
        "the rate in both": ("+ p.grad.data", "+ self.lr * p.grad.data"),
        "no momentum": ("self.momentum * self.v[i] + ", ""),
        "no penalties": ("self._regularization()", "pass"),
        "up": ("p.data -=", "p.data +="),
        "frozen ones, too": ("p.requires_grad and ", ""),
        "a mean of the gradients": ("+ p.grad.data", "+ (1 - self.momentum) * p.grad.data"),
    },
    "ties": {
        "zeros, too": ("first > 0", "first >= 0"),
        "the third for the second": ("*_, second, first", "*_, second, _, first"),
        "at most as close": ("< closer", "<= closer"),
        "the far ones": ("< closer", "> closer"),
        "unsorted": ("np.sort(four)", "four"),
        "not counted": (").sum()", ")"),
        "negative winners, too": ("(first > 0) & ", ""),
    },
    "Ahead": {
        "Adam itself": ("(exp_avg + (1 - beta1) * (grad - exp_avg)) / (1 - beta1 ** (n + 1))",
                        "exp_avg / (1 - beta1**n)"),
        "the old correction": ("(n + 1)", "n"),
        "both corrections moved": ("beta2**n", "beta2**(n + 1)"),
        "the average moved on twice": (
            "m = (exp_avg + (1 - beta1) * (grad - exp_avg))",
            "exp_avg += (1 - beta1) * (grad - exp_avg)\n    m = exp_avg"),
        "the gradient in its place": ("m = (exp_avg + (1 - beta1) * (grad - exp_avg))", "m = grad"),
        "no correction": (" / (1 - beta1 ** (n + 1))", ""),
        "eps under the root": ("(np.sqrt(exp_avg_sq / (1 - beta2**n)) + group[\"eps\"])",
                               "np.sqrt(exp_avg_sq / (1 - beta2**n) + group[\"eps\"])"),
    },
    "plan": {
        "no plan": "plan = None",
        "a rate that never moves": "plan = lambda o: LinearLR(o, 1, 1)",
        "the same": "plan = lambda o: SequentialLR(o, [rise(o), fall(o)], [50])",
        "far too high": ("0.01", "1.0"),
        "far too low": ("0.01", "0.00001"),
        "too soon at its end": ("300", "100"),
    },
    "clipping": {
        "not enough": ("fooling = 1e9", "fooling = 1000"),
        "infinite": ("fooling = 1e9", "fooling = np.inf"),
        "together again": ("for p in parameters:\n        clip_grad_norm_(p, max_norm)",
                           "clip_grad_norm_(parameters, max_norm)"),
        "short ones stretched": ("clip_grad_norm_(p, max_norm)",
                                 "p.grad.data *= max_norm / np.linalg.norm(p.grad.data)"),
        "always to 1": ("(p, max_norm)", "(p, 1.0)"),
        "number by number": ("clip_grad_norm_(p, max_norm)",
                             "if p.grad is not None:\n            np.clip(p.grad.data, -max_norm, "
                             "max_norm, out=p.grad.data)"),
    },
    "folded": {
        "eps forgotten": (" + norm.eps", ""),
        "the variance for the deviation": ("np.sqrt(norm.running_var.data + norm.eps)",
                                           "(norm.running_var.data + norm.eps)"),
        "columns scaled": ("scale[:, None]", "np.resize(scale, linear.in_features)"),
        "the mean not taken away": (" - norm.running_mean.data", ""),
        "the norm's bias scaled, too": (
            "linear.bias.data - norm.running_mean.data) + norm.bias.data",
            "linear.bias.data - norm.running_mean.data + norm.bias.data)"),
        "the linear itself": ("one = nn.Linear(linear.in_features, linear.out_features)",
                              "one = linear"),
        "the norm's weight forgotten": ("norm.weight.data / ", "1 / "),
    },
    "group_norm": {
        "the whole picture": ("groups, x[0].numel() // groups", "1, -1"),
        "each channel by itself": ("groups, x[0].numel() // groups", "x.shape[1], -1"),
        "across pictures": ("x.reshape(len(x), groups, x[0].numel() // groups)",
                            "x.transpose(0, 1).reshape(groups, len(x), -1)"),
        "left in rows": (".reshape(x.shape)", ""),
        "groups for their size": ("groups, x[0].numel() // groups", "x.shape[1] // groups, -1"),
        "centred alone": ("layer_norm(rows, rows.shape[2:])", "(rows - rows.mean(-1, True))"),
    },
    "silent": {
        "as it was": ("zeros_(block[1].weight)\nzeros_(block[1].bias)\n", ""),
        "no residual": ("Residual(block)", "block"),
        "the bias alone": ("zeros_(block[1].weight)", "pass"),
        "frozen": ("return Residual", "block.requires_grad_(False)\nreturn Residual"),
        "with a norm": "return Residual(nn.Sequential(LayerNorm(64), *plain()))",
        "a dead ReLU": ("block = plain()", "block = nn.Sequential(*plain(), nn.ReLU())"),
    },
    "looks_back": {
        "at itself": (", k=-1", ""),
        "ahead": ("k=-1", "k=1"),
        "blunt": ("100 * ", "1 * "),
        "query and key exchanged": "return torch.tensor(np.eye(T)), "
                                   "torch.tensor(100 * np.eye(T, k=-1))",
        "two back": ("k=-1", "k=-2"),
        "one alone": "return torch.tensor(100 * np.eye(T, k=-1))",
    },
    "top_k": {
        "one more": ("-k:", "-(k + 1):"),
        "the k smallest": ("logits >= ", "logits <= "),
        "zeros for minus infinity": ("-math.inf", "0.0"),
        "over the first dimension": ("np.sort(logits.data)", "np.sort(logits.data, 0)"),
        "without the last of them": ("logits >= ", "logits > "),
        "the k-th of all": ("np.sort(logits.data)[..., -k:][..., :1]",
                            "np.sort(logits.data.ravel())[-k:][:1]"),
        "flat": ("[..., :1]", "[..., 0]"),
    },
    "merge": {
        "the first of the pair kept": ("out[-1] = new", "out.append(new)"),
        "overlapping": "out = [new if (a, b) == pair else int(a) for a, b in zip(ids, ids[1:])]\n"
                       "return np.array(out)",
        "from right to left": ("for i in ids.tolist()", "for i in ids.tolist()[::-1]"),
        "either order": ("(out[-1], i) == pair", "sorted((out[-1], i)) == sorted(pair)"),
        "a list": ("np.array(out)", "out"),
        "the second alone": ("(out[-1], i) == pair", "i == pair[1]"),
    },
}

HARMLESS = {
    "line": {"range(201)": "a step too many, at the bottom"},
    "fooled": {"(m, i)": "as good an example", "+ 2": "as good an example"},
    "quicker": {"polyak(kappa, 1)": "its two formulas don't tell the ends apart"},
    "overfit": {"range(501)": "the loss after 500 steps is the loss in the next"},
    "suspects": {"optimizer, 100)\n": "only printed lines", "optimizer, 101": "an epoch more",
                 "progress=True": "only printed lines"},
    "Moving": {"axis=(2, 1)": "both numbers are drawn alike"},
    "vote": {"log_softmax()": "of a table the rows are meant without dim, too, as in PyTorch"},
    "forged": {"range(11)": "one more small step", "most / 5": "a smaller step",
               "most / 4 / np.sign": "to divide by a sign is to multiply by it"},
    "clipping": {"fooling = 1000000001.0": "large enough, too"},
    "looks_back": {"101 *": "sharp enough, too"},
}
