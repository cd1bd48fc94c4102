"""For each hole of the workbook: other right solutions, and the mistakes that people make.

A mistake is the whole text that a reader may write, or (old, new), an exchange in the series' own
lines. Each has a name.
"""

RIGHT = {
    "Num.__mul__": ["""
pairs = [(self, other.value)]
pairs.append((other, self.value))
return Num(other.value * self.value, tuple(pairs))
"""],
    "youngest": ["return sorted(waiting, key=lambda node: -node.born)[0]", """
best = waiting[0]
for node in waiting:
    if node.born > best.born:
        best = node
return best
"""],
    "lifted": ["""
out, wanted = Tensor(value), []
if not _mode.quiet:
    for x, back in zip(inputs, backs):
        if isinstance(x, Tensor) and x.requires_grad:
            wanted.append((x, back))
if wanted:
    out.requires_grad, out.grad_fn = True, Node(name, wanted)
return out
"""],
    "mul": ["""
def to_a(gradient):
    return b * gradient

def to_b(gradient):
    return a * gradient

return np.multiply(a, b), to_a, to_b
"""],
    "unbroadcast": ["""
shape = like.shape
while g.ndim > len(shape):
    g = total(g, 0)
for i in range(len(shape)):
    if shape[i] == 1 and g.shape[i] != 1:
        g = total(g, i, keepdims=True)
return g.astype(like.dtype)
"""],
    "_walk": ["""
for x, back in node.edges:
    part = unbroadcast(back(g), x.data)
    if x._retains_grad or x.is_leaf:
        found[x] = part if x not in found else part + found[x]
    if not x.is_leaf:
        known = x.grad_fn in grads
        if not known:
            heapq.heappush(waiting, (-x.grad_fn.born, x.grad_fn))
        grads[x.grad_fn] = grads[x.grad_fn] + part if known else part
node.edges = node.edges if retain_graph else None
"""],
    "backward": ["""
gradients = _walk(self, start, retain_graph)
for leaf in gradients:
    before = 0 if leaf.grad is None else leaf.grad.data
    leaf.grad = Tensor(np.asarray(before + gradients[leaf]))
"""],
    "learn": ["""
wrong = root * root + (-2.0)
(wrong * wrong).backward()
gradient = root.grad.data.copy()
with no_grad():
    root += Tensor(gradient) * -0.08
if zeroing:
    root.grad = None
path += [root.item()]
"""],
    "slopes": ["""
result = np.zeros_like(array, float)
for n in range(array.size):
    index = np.unravel_index(n, array.shape)
    before = float(array[index])
    values = []
    for step in (-eps, eps):
        array[index] = before + step
        values.append(np.array(output()))
    array[index] = before
    result[index] = ((values[1] - values[0]) * weights).sum() / 2 / eps
return result
"""],
    "matmul": ["""
first, second = rows, columns

def to_a(g):
    return np.einsum("...ij,...kj->...ik", g.reshape(shape), second)

def to_b(g):
    found = np.einsum("...ij,...ik->...jk", first, g.reshape(shape))
    return found.squeeze(-1) if vector else found

return value, to_a, to_b
"""],
    "sigmoid": ["""
a = floats(a)
value = np.where(a < 0, np.exp(np.minimum(a, 0)) / (1 + np.exp(np.minimum(a, 0))),
                 1 / (1 + np.exp(-np.maximum(a, 0))))
return value, lambda g: g * (value - value * value)
"""],
    "_expand": ["""
if dim is not None and not keepdim:
    dims = [d % len(shape) for d in (dim if isinstance(dim, tuple) else (dim,))]
    g = g.reshape([1 if d in dims else n for d, n in enumerate(shape)])
return g * np.ones(shape, g.dtype)
"""],
    "softmax": ["""
where = axis(dim, a.ndim)
s = np.exp(_less_largest(a, where))
s = s / s.sum(axis=where, keepdims=True)

def back(g):
    mean = (g * s).sum(axis=where, keepdims=True)
    return s * g - s * mean

return s, back
"""],
    "log_softmax": ["""
where = axis(dim, a.ndim)
low = _less_largest(a, where)
powers = np.exp(low)
sums = powers.sum(axis=where, keepdims=True)
return low - np.log(sums), lambda g: g - powers / sums * g.sum(axis=where, keepdims=True)
"""],
    "permute": ["""
inverse = [0] * len(dims)
for to, d in enumerate(dims):
    inverse[d] = to
return value, lambda g: np.transpose(g, inverse)
"""],
    "_getitem": ["""
def back(g):
    home = np.zeros(shape, g.dtype)
    np.add.at(home, key, g)
    return home

return value, back
"""],
    "Sketch.parameters": ["""
found = []
for name in vars(self):
    value = getattr(self, name)
    if isinstance(value, Sketch):
        found += value.parameters()
    if isinstance(value, Parameter):
        found.append(value)
return found
"""],
    "named_modules": ["""
yield prefix, self
memo |= {self}
for name, value in vars(self).items():
    if isinstance(value, Module):
        below = name if not prefix else prefix + "." + name
        passed = memo if remove_duplicate else memo | set()
        for pair in value.named_modules(passed, below, remove_duplicate):
            yield pair
"""],
    "_once": ["""
seen, result = [], []
for path, value in pairs:
    if not any(value is other for other in seen):
        seen.append(value)
        result.append((path, value))
return result
"""],
    "_affine": ["""
def to_weight(g):
    return np.einsum("ni,no->oi", rows, g.reshape(len(rows), -1))

return value, lambda g: g @ weight, to_weight, lambda g: g
"""],
    "Linear.__init__": ["""
low = -(in_features ** -0.5)
self.weight = Parameter(rand(out_features, in_features) * (-2 * low) + low)
self.bias = None
if bias:
    self.bias = Parameter(rand(out_features) * (-2 * low) + low)
"""],
    "Sequential.forward": ["""
modules = list(self)
while modules:
    x = modules.pop(0)(x)
return x
"""],
    "load_state_dict": ["""
for path, parameter in self._entries():
    if path in new:
        parameter.data[...] = new[path]
return IncompatibleKeys(missing_keys=missing, unexpected_keys=unexpected)
"""],
    "_picked": ["""
def back(g):
    home = np.zeros_like(x)
    np.add.at(home, where, g)
    return home

return x[where].copy(), back
"""],
    "nll_loss": ["""
losses = _picked(input, where=(rows, labels)) * -1.0
return _reduce(losses, reduction)
"""],
    "cross_entropy": ["return nll_loss(input.log_softmax(dim=-1), target, reduction=reduction)"],
    "_bce_with_logits": ["""
small = np.exp(-np.abs(x))
loss = np.where(x > 0, (1 - y) * x, -y * x) + np.log1p(small)
p = np.where(x > 0, 1, small) / (1 + small)
return loss, lambda g: g * p - g * y, lambda g: g * -x
"""],
    "step_matrix": ["""
push = np.array([[1, 0], [-lr * curvature, momentum]])
return np.array([[1, 1], [0, 1]]) @ push
"""],
    "_regularization": ["""
for p in self.params:
    if p.requires_grad and p.grad is not None:
        penalty = self.weight_decay * p.data
        penalty = penalty + self.alpha * ((p.data > 0) * 1.0 - (p.data < 0))
        p.grad = Tensor(p.grad.data + penalty)
"""],
    "SGD.step": ["""
for i, p in moving(self.params):
    push = self.lr * p.grad.data
    if self.momentum:
        self.v[i] = self.momentum * self.v[i] - self._share[i] * push
        self._share[i] = 1 - self.dampening
        p.data = p.data + self.v[i]
    else:
        p.data = p.data - push
"""],
    "rate": ["""
largest = 0
for curvature in curvatures:
    trace = 1 + momentum - lr * curvature
    inside = trace * trace - 4 * momentum + 0j
    for sign in 1, -1:
        largest = np.maximum(largest, abs(trace + sign * np.sqrt(inside)) / 2)
return largest
"""],
    "sharpest": ["""
unit = d / np.sqrt((d * d).sum())
d = (gradient(w + h * unit) - gradient(w - h * unit)) / h / 2
curvature = np.vdot(unit, d)
""", """
d = d / np.linalg.norm(d)
d = (gradient(w + h * d) - gradient(w - h * d)) / (2 * h)
curvature = np.linalg.norm(d)
""", """
change = (gradient(w + h * d) - gradient(w - h * d)) / (2 * h)
curvature = (d * change).sum()
d = change / np.linalg.norm(change)
"""],
    "default_collate": ["""
kind = type(first)
if kind is dict:
    result = {}
    for key in first:
        result[key] = default_collate([sample[key] for sample in batch])
    return result
if kind in (tuple, list):
    if len({len(sample) for sample in batch}) != 1:
        raise ValueError("samples of different lengths")
    return [default_collate([sample[i] for sample in batch]) for i in range(len(first))]
if kind is str:
    return batch
arrays = [np.asarray(sample) for sample in batch]
if any(array.shape != arrays[0].shape for array in arrays):
    raise ValueError(f"shapes differ: {[array.shape for array in arrays]}")
return Tensor(np.array(arrays))
""", """
if isinstance(first, (str, bytes)):
    return list(batch)
if isinstance(first, dict):
    return {key: default_collate([sample[key] for sample in batch]) for key in first}
if isinstance(first, (tuple, list)):
    if any(len(sample) != len(first) for sample in batch):
        raise ValueError("samples of different lengths")
    return [default_collate([sample[i] for sample in batch]) for i in range(len(first))]
return Tensor(np.stack([np.asarray(sample) for sample in batch]))
"""],
    "DataLoader.__iter__": ["""
order = np.arange(len(self.dataset))
if self.shuffle:
    order = _shuffled(len(order), self.generator)
for start in range(0, len(order), self.batch_size):
    part = order[start:start + self.batch_size]
    if len(part) < self.batch_size and self.drop_last:
        return
    yield _batch(self.dataset, part)
"""],
    "parse_idx": ["""
count = content[3]
lengths = [int.from_bytes(content[4 + 4 * k:8 + 4 * k], "big") for k in range(count)]
pixels = np.array(list(content[4 + 4 * count:]), np.uint8)
return pixels.reshape(lengths)
"""],
    "four_lines": ["""
output = net(x)
loss = nn.functional.cross_entropy(output, y)
net.zero_grad()
loss.backward()
optimizer.step()
by_hand += [loss.item()]
"""],
    "_mean": ["""
number = sum(size for size, _, _ in scores)
loss = sum(size * loss for size, loss, _ in scores) / number
return Evaluation(float(loss), float(sum(size * right for size, _, right in scores) / number))
""", """
sizes, losses, shares = zip(*scores)
return Evaluation(np.average(losses, weights=sizes), np.average(shares, weights=sizes))
"""],
    "dropout": ["""
lost = rand(*input.shape) < p
factor = to(~lost, input.dtype) * (0.0 if p == 1 else 1 / (1 - min(p, 0.999999)))
return input * factor
"""],
    "_in_mode": ["""
try:
    for module, _ in modes:
        module.training = training
    yield model
finally:
    while modes:
        module, module.training = modes.pop()
"""],
    "add_back": ["""
seen = windows(images, kernel, stride, dilation)
parts = np.array(g).reshape(seen.shape)
numbers = np.arange(images.size).reshape(images.shape)
places = windows(numbers, kernel, stride, dilation)
np.add.at(images.reshape(-1), places.ravel(), parts.ravel())
return images[:, :, p:images.shape[2] - p, q:images.shape[3] - q]
"""],
    "columns": ["""
value = np.ascontiguousarray(seen).reshape(-1, *seen.shape[-3:])

def back(g):
    return add_back(g, shape, kernel, stride, padding, dilation)

return value, back
"""],
    "conv2d": ["""
parts = seen.reshape(groups, -1, n * h * w)
y = weight.reshape(groups, -1, depth * kh * kw) @ parts
y = y.reshape(maps, n, h, w).transpose(0, 1)
return y if bias is None else y + bias.reshape(1, maps, 1, 1)
"""],
    "max_pool2d": ["""
n, c = input.shape[0], input.shape[1]
seen = _pooling(input, kernel_size, stride, padding, True)
best = seen.max(dim=0)[0]
return best.reshape(n, c, best.shape[1], best.shape[2])
"""],
    "LeNet.__init__": ["""
layers = [nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2, 2)]
layers += [nn.Conv2d(6, 16, (5, 5)), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
for n_in, n_out in (16 * 25, 120), (120, 84):
    layers += [nn.Linear(n_in, n_out), nn.ReLU()]
self.layers = nn.Sequential(*layers, nn.Linear(84, 10))
"""],
    "uphill": ["""
pixels = Tensor(images.copy())
pixels.requires_grad_()
answers = model(pixels)
cross_entropy(answers, Tensor(labels[:images.shape[0]])).backward()
slope = pixels.grad.data
return np.where(slope > 0, 1, np.where(slope < 0, -1, 0))
"""],
    "nudge": ["""
rng, moved = np.random.default_rng(5), {}
for name in weights:
    a = weights[name]
    up, down = np.nextafter(a, np.float32(9)), np.nextafter(a, np.float32(-9))
    moved[name] = np.where(rng.random(a.shape) < 0.5, up, down)
return moved
"""],
    "adagrad": ["""
memory["squares"] = memory["squares"] + grad * grad
return grad * (memory["squares"] + 1e-20) ** -0.5
"""],
    "adam": ["""
memory["all"] = past = [*(memory["all"] or []), grad]
def faded(numbers, keep):
    shares = [keep ** (len(past) - k) for k in range(1, len(past) + 1)]
    whole = sum(shares) if corrected else 1 / (1 - keep)
    return sum(share * x for share, x in zip(shares, numbers)) / whole
return faded(past, 0.9) / (faded([g * g for g in past], 0.999) ** 0.5 + 1e-8)
"""],
    "CosineAnnealingLR.__init__": ["""
def factor(first):
    return lambda n: (eta_min + (first - eta_min) * math.cos(math.pi * n / T_max / 2) ** 2) / first
firsts = [group.get("initial_lr", group["lr"]) for group in optimizer.param_groups]
super().__init__(optimizer, [factor(first) for first in firsts], last_epoch)
"""],
    "clip_grad_norm_": ["""
if max_norm < 0:
    raise ValueError(f"max_norm: expected a number of at least 0, got {max_norm}")
parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
grads = [p.grad.data for p in parameters if p.grad is not None]
if not grads:
    return Tensor(np.float32(0))
norm = np.linalg.norm(np.concatenate([g.reshape(-1) for g in grads]), norm_type)
if norm > max_norm:
    for g in grads:
        g *= max_norm / norm
return Tensor(np.asarray(norm, grads[0].dtype))
"""],
    "FirstNorm.forward": ["""
apart = x - x.mean(0)
return apart * ((apart * apart).mean(0) + 1e-5) ** -0.5
"""],
    "_normalize": ["""
center, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
stats[:] = center, var
spread = np.sqrt(var + eps)
normal = (x - center) / spread

def back(g):
    g = g * weight
    along = (g * normal).mean(-1, keepdims=True)
    return (g - g.mean(-1, keepdims=True) - normal * along) / spread

return normal * weight + bias, back, lambda g: g * normal, lambda g: g
""", """
stats += [x.mean(-1, keepdims=True), x.var(-1, keepdims=True)]
center, scale = stats[-2], (stats[-1] + eps) ** -0.5

def back(g):
    g, n = g * weight * scale, x.shape[-1]
    along = ((x - center) * g).sum(-1, keepdims=True) * scale**2 / n
    return g - g.sum(-1, keepdims=True) / n - (x - center) * along

return ((x - center) * scale * weight + bias, back,
        lambda g: g * (x - center) * scale, lambda g: g)
"""],
    "batch_norm": ["""
dims, shape = (0, *range(2, input.ndim)), (1, -1) + (1,) * (input.ndim - 2)
if training:
    n = input.numel() // input.shape[1]
    if n < 2:
        raise ValueError(f"input: expected two numbers a feature, got {input.shape}")
    mean = input.mean(dims, keepdim=True)
    var = ((input - mean) ** 2).mean(dims, keepdim=True)
    news = mean.data.reshape(-1), var.data.reshape(-1) * n / (n - 1)
    for kept, new in zip((running_mean, running_var), news):
        if kept is not None:
            kept.data[...] = (1 - momentum) * kept.data + momentum * new
else:
    mean, var = running_mean.reshape(shape), running_var.reshape(shape)
value = (input - mean) / (var + eps).sqrt()
if weight is not None:
    value = value * weight.reshape(shape)
return value if bias is None else value + bias.reshape(shape)
"""],
    "layer_norm": ["""
size = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
if tuple(input.shape)[-len(size):] != size:
    raise ValueError(f"input: expected one that ends in {size}, got {input.shape}")
dims = tuple(range(-len(size), 0))
apart = input - input.mean(dims, keepdim=True)
value = apart / ((apart * apart).mean(dims, keepdim=True) + eps).sqrt()
value = value if weight is None else value * weight
return value if bias is None else value + bias
"""],
    "_rows.back": ["""
spread = np.zeros(weight.shape, g.dtype)
np.add.at(spread, index, g)
return spread
""", """
spread = np.zeros(weight.shape, g.dtype)
for place in np.ndindex(index.shape):
    spread[index[place]] += g[place]
return spread
"""],
    "generate": ["""
rng, found = np.random.default_rng(rng), [int(i) for i in ids]
for _ in range(length):
    logits = model(torch.tensor([found[-model.context:]])).numpy()[0, -1].astype(float)
    powers = np.exp((logits - logits.max()) / temperature)
    sums = np.cumsum(powers)
    found.append(int(np.searchsorted(sums, rng.random() * sums[-1])))
return found
"""],
    "attention": ["""
T = query.shape[-2]
later = np.triu(np.full((T, T), -np.inf), 1)
return nn.functional.softmax(scores + torch.tensor(later), -1) @ value
"""],
    "MultiheadAttention.forward": ["""
from nptorch import stack

E, share, turned = self.embed_dim, self.embed_dim // self.num_heads, False
if query.ndim == 3 and not self.batch_first:
    turned, (query, key, value) = True, [x.transpose(0, 1) for x in (query, key, value)]
mask = np.zeros((1, 1)) if attn_mask is None else np.asarray(attn_mask)
if mask.dtype == bool:
    mask = np.where(mask, -np.inf, 0.0)
parts, weights, output = [], [], 0.0
for i, x in enumerate((query, key, value)):
    rows = slice(i * E, (i + 1) * E)
    part = x @ self.in_proj_weight[rows].T
    parts.append(part if self.in_proj_bias is None else part + self.in_proj_bias[rows])
for h in range(self.num_heads):
    mine = slice(h * share, (h + 1) * share)
    q, k, v = (part[..., mine] for part in parts)
    w = (q @ k.transpose(-2, -1) / share**0.5 + mask).softmax(-1)
    weights.append(dropout(w, self.dropout, self.training))
    output = output + weights[-1] @ v @ self.out_proj.weight[:, mine].T
if self.out_proj.bias is not None:
    output = output + self.out_proj.bias
output = output.transpose(0, 1) if turned else output
if not need_weights:
    return output, None
weights = stack(weights, -3)
return output, weights.mean(-3) if average_attn_weights else weights
"""],
    "GPT.forward": ["""
T = x.shape[1]
hidden = np.triu(np.ones((T, T), bool), 1)
h = self.token(x) + self.position.weight[:T]
for block in self.blocks:
    h = block(h, hidden)
h = self.norm(h)
return self.head(h)
"""],
}


def slips(name, exchanges):
    """Return {mistake: text} of exchanges, {mistake: (old, new)}, in the other right solution, for
    where the series' own lines may change."""
    [right, *_] = RIGHT[name]
    assert all(old in right for old, _ in exchanges.values()), name
    return {mistake: right.replace(*pair, 1) for mistake, pair in exchanges.items()}


WRONG = {
    "Num.__mul__": {
        "each slope its own factor": "return Num(self.value * other.value, "
                                     "[(self, self.value), (other, other.value)])",
        "slopes of a sum": ("(self, other.value), (other, self.value)", "(self, 1), (other, 1)"),
        "the other number first": "return Num(self.value * other.value, "
                                  "[(other, self.value), (self, other.value)])",
        "the other number is forgotten": (", (other, self.value)", ""),
        "the value of a sum": ("self.value * other", "self.value + other"),
    },
    "youngest": {
        "the oldest": "return min(waiting, key=lambda node: node.born)",
        "the queue": "return waiting[0]",
        "the stack": "return waiting[-1]",
        "the time, not the node": "return max(node.born for node in waiting)",
        "by value": "return max(waiting, key=lambda node: node.value)",
        "taken out as well": "return waiting.pop(max(range(len(waiting)), "
                             "key=lambda i: waiting[i].born))",
    },
    "lifted": {
        "records in no_grad": ("[] if _mode.quiet else ", ""),
        "records what nobody asked for": (" and x.requires_grad", ""),
        "numbers have no requires_grad": ("isinstance(x, Tensor) and ", ""),
        "requires grad always": ("bool(edges)", "True"),
        "no grad_fn": "return Tensor(value, any(getattr(x, 'requires_grad', 0) for x in inputs))",
        "the array, not a Tensor": "return value",
    },
    "mul": {
        "its own factor": "return a * b, lambda g: g * a, lambda g: g * b",
        "g forgotten": "return a * b, lambda g: b, lambda g: a",
        "the way back of a sum": "return a * b, lambda g: g, lambda g: g",
        "one way back": "return a * b, lambda g: g * b",
        "a function for both": "return a * b, lambda g: (g * b, g * a)",
    },
    "unbroadcast": {
        "only those in front": "return total(g, tuple(range(g.ndim - like.ndim))) "
                               "if g.ndim > like.ndim else g",
        "only stretched ones": ("g = total(g, tuple(range(g.ndim - like.ndim)))", "pass"),
        "the mean": ("g = total(g, tuple(range(g.ndim - like.ndim)))",
                     "g = g.mean(tuple(range(g.ndim - like.ndim)))"),
        "keepdims forgotten": (", keepdims=True", ""),
        "NumPy's sum": ("total(g, tuple(range(g.ndim - like.ndim)))",
                        "np.add.reduce(g, tuple(range(g.ndim - like.ndim)))"),
        "dtype forgotten": ("return g if g.dtype == like.dtype else g.astype(like.dtype)",
                            "return g"),
        "the sum of all": "return np.full(like.shape, g.sum())",
    },
    "_walk": {
        "overwrites instead of adding, inside": ("grads[maker] = grads[maker] + arriving",
                                                 "grads[maker] = arriving"),
        "overwrites instead of adding, at a leaf": ("found[x] + arriving if x in found else ", ""),
        "the oldest first": ("(-maker.born, maker)", "(maker.born, maker)"),
        "unbroadcast forgotten": ("unbroadcast(back(g), x.data)", "back(g)"),
        "graph never dropped": ("if not retain_graph:\n    node.edges = None", ""),
        "graph always dropped": ("if not retain_graph:\n    node.edges = None",
                                 "node.edges = None"),
        "retained gradients forgotten": (" or x._retains_grad", ""),
        "adds in place, at a leaf": ("found[x] + arriving",
                                     "np.asarray(found[x]).__iadd__(arriving)"),
        "adds in place, inside": ("grads[maker] = grads[maker] + arriving",
                                  "grads[maker] += arriving"),
        "pushed twice": ("""    grads[maker] = grads[maker] + arriving
    elif maker is not None:""", """    grads[maker] = grads[maker] + arriving
        heapq.heappush(waiting, (-maker.born, maker))
    elif maker is not None:"""),
    },
    "backward": {
        "overwrites": ("x.grad.data += g", "x.grad = Tensor(g)"),
        "an array, not a Tensor": ("Tensor(np.array(g))", "np.array(g)"),
        "the caller's array": ("Tensor(np.array(g))", "Tensor(g)"),
        "a gradient that asks for one": ("Tensor(np.array(g))", "Tensor(np.array(g), True)"),
        "retain_graph forgotten": (", retain_graph)", ", False)"),
        "always from 1": ("start", "np.ones_like(start)"),
        "always retains": (", retain_graph)", ", True)"),
    },
    "learn": {
        "uphill": ("root -=", "root +="),
        "zeroes always": ("if zeroing:\n    root.grad.zero_()", "root.grad.zero_()"),
        "never zeroes": ("if zeroing:\n    root.grad.zero_()", ""),
        "zeroes before the step": """
loss_of(root, -2.0).backward()
if zeroing:
    root.grad.zero_()
with no_grad():
    root -= root.grad * 0.08
path.append(root.item())
""",
        "records the step": ("with no_grad():\n    root -= root.grad * 0.08",
                             "root = root + root.grad * (-0.08)"),
        "appends before the step": """
path.append(root.item())
loss_of(root, -2.0).backward()
with no_grad():
    root -= root.grad * 0.08
if zeroing:
    root.grad.zero_()
""",
    },
    "slopes": {
        "one-sided": ("(above - output()) * weights) / (2 * eps)",
                      "(above - output()) * weights) / eps"),
        "a view moves on": ("np.array(output())", "output()"),
        "sums first": """
found = np.zeros(array.shape)
for index in np.ndindex(array.shape):
    kept, sums = array[index], []
    for place in kept + eps, kept - eps:
        array[index] = place
        sums.append(np.sum(output() * weights))
    array[index] = kept
    found[index] = (sums[0] - sums[1]) / (2 * eps)
return found
""",
        "never put back": ("    array[index] = kept\nreturn found", "return found"),
        "weights forgotten": (" * weights", ""),
        "forward difference": ("kept - eps\n    found[index] = np.sum((above - output()) * weights)"
                               " / (2 * eps)", "kept\n    found[index] = "
                               "np.sum((above - output()) * weights) / eps"),
    },
    "matmul": {
        "not transposed": ("columns.swapaxes(-1, -2)", "columns"),
        "the wrong side": ("rows.swapaxes(-1, -2) @ g.reshape(shape)",
                           "g.reshape(shape) @ rows.swapaxes(-1, -2)"),
        "g keeps its shape": ("g.reshape(shape) @ columns", "g @ columns"),
        "the vector stays a column": ("return g[..., 0] if vector else g", "return g"),
        "all axes reversed": ("columns.swapaxes(-1, -2)", "columns.T"),
        "exchanged": ("return value, back_a, back_b", "return value, back_b, back_a"),
        "the g of the first walk": ("return value, back_a, back_b", """
first = []
return value, lambda g: back_a(first.append(g) or first[0]), lambda g: back_b(first[0])
"""),
    },
    "sigmoid": {
        "by the book": """
value = 1 / (1 + np.exp(-floats(a)))
return value, lambda g: g * value * (1 - value)
""",
        "the slope of tanh": ("g * value * (1 - value)", "g * (1 - value * value)"),
        "integers stay": ("a = floats(a)\n", ""),
        "mirrored": ("a >= 0", "a <= 0"),
        "g forgotten": ("g * value", "value"),
        "the slope by a": ("g * value * (1 - value)", "g * a * (1 - a)"),
        "in the g of others": ("lambda g: g * value * (1 - value)",
                               "lambda g: np.multiply(g, value * (1 - value), out=g)"),
        "by tanh, which leaves 0 of what is small": """
value = (1 + np.tanh(floats(a) / 2)) / 2
return value, lambda g: g * value * (1 - value)
""",
    },
    "_expand": {
        "keepdim forgotten": ("None or keepdim else", "None else"),
        "no dimension put back": "return np.full(shape, g)",
        "shared out": "return np.full(shape, (g if dim is None or keepdim else "
                      "np.expand_dims(g, dim)) / np.prod(shape))",
        "the gradient as it is": "return g",
        "always expanded": "return np.full(shape, np.expand_dims(g, dim))",
        "ones": "return np.ones(shape, g.dtype)",
    },
    "softmax": {
        "by the book": ("_less_largest(a, dim)", "a"),
        "a global sum": ("total(powers, dim, True)", "powers.sum()"),
        "the diagonal alone": ("value * (g - total(g * value, dim, True))",
                               "g * value * (1 - value)"),
        "the mean of g": ("total(g * value, dim, True)", "total(g, dim, True)"),
        "less the sum, not the share": ("value * (g - total(g * value, dim, True))",
                                        "value * g - total(g * value, dim, True)"),
        "the global maximum": ("_less_largest(a, dim)", "a - floats(a).max() * 2"),
    },
    "log_softmax": {
        "the logarithm of softmax": ("less - np.log(total(np.exp(less), dim, True))",
                                     "np.log(np.exp(less) / total(np.exp(less), dim, True))"),
        "way back of the difference alone": (" - np.exp(value) * total(g, dim, True)", ""),
        "by the value": ("np.exp(value) *", "value *"),
        "g weighed by itself": ("np.exp(value) * total(g, dim, True)",
                                "np.exp(value) * total(g * value, dim, True)"),
        "largest forgotten": ("_less_largest(a, dim)", "floats(a)"),
    },
    "permute": {
        "the same permutation": ("np.argsort([d % g.ndim for d in dims])", "dims"),
        "negative dims": ("[d % g.ndim for d in dims]", "dims"),
        "reversed": ("np.argsort([d % g.ndim for d in dims])", "dims[::-1]"),
        "reshape": ("g.transpose(np.argsort([d % g.ndim for d in dims]))", "g.reshape(a.shape)"),
    },
    "_getitem": {
        "assigns": ("np.add.at(spread, key, g)", "spread[key] = g"),
        "adds once": ("np.add.at(spread, key, g)", "spread[key] += g"),
        "picks from g": "return value, lambda g: g[key]",
        "float64": ("np.zeros(shape, np.promote_types(g.dtype, np.float32))", "np.zeros(shape)"),
        "turned round": ("if sliced:", "if not sliced:"),
        "one array for all walks": ("def back(g):\n    spread = np.zeros(shape, "
                                    "np.promote_types(g.dtype, np.float32))",
                                    "spread = np.zeros(shape, a.dtype)\ndef back(g):"),
    },
    "Sketch.parameters": {
        "not below": """
for value in vars(self).values():
    if isinstance(value, Parameter):
        yield value
""",
        "yields a generator": ("yield from value", "yield value"),
        "all Tensors": ("isinstance(value, Parameter)", "isinstance(value, Tensor)"),
        "only of its own class": ("isinstance(value, Sketch)", "isinstance(value, type(self))"),
        "names": ("yield value\n", "yield value.grad\n"),
        "stops after the first": ("        yield value\n", "        yield value\n        return\n"),
    },
    "named_modules": {
        "itself forgotten": ("yield prefix, self\n", ""),
        "not remembered": ("memo.add(self)\n", ""),
        "the name alone": ('f"{prefix}.{name}" if prefix else name', "name"),
        "a dot in front": ('f"{prefix}.{name}" if prefix else name', 'f"{prefix}.{name}"'),
        "children only": ("yield from child.named_modules(seen, path, remove_duplicate)",
                          "yield path, child"),
        "one memo for all": ("memo if remove_duplicate else set(memo)", "memo"),
        "remove_duplicate not handed on": (", remove_duplicate)", ")"),
        "a circle without end": ("memo.add(self)\n", "if remove_duplicate:\n    memo.add(self)\n"),
        "a memo for each": ("memo if remove_duplicate else set(memo)", "set(memo)"),
    },
    "_once": {
        "the last path": ("first.setdefault(value, path)", "first[value] = path"),
        "by path": "return dict(pairs).items()",
        "all": "return pairs",
        "pairs turned round": "return {v: path for path, v in reversed(list(pairs))}.items()",
        "equal ones": "seen = []\nfor path, value in pairs:\n    if value not in seen:\n"
                      "        seen.append(value)\n        yield path, value",
        "unordered": "return sorted({v: p for p, v in reversed(list(pairs))}.values())",
    },
    "_affine": {
        "weight transposed": ("_times(weight.T, g)", "_times(weight, g)"),
        "rows of g forgotten": ("flat(g).T", "g.T"),
        "turned round": ("np.dot(flat(g).T, rows)", "np.dot(rows.T, flat(g))"),
        "a mean": ("lambda g: g)", "lambda g: g / len(rows))"),
        "exchanged": "return (value, lambda g: np.dot(g.reshape(-1, g.shape[-1]).T, rows), "
                     "lambda g: np.dot(g, weight), lambda g: g)",
    },
    "Linear.__init__": {
        "no square root": ("self.in_features**-0.5", "1 / self.in_features"),
        "by out_features": ("self.in_features**-0.5", "self.out_features**-0.5"),
        "positive only": ("(2 * rand(out_features, in_features) - 1)",
                          "rand(out_features, in_features)"),
        "turned round": ("rand(out_features, in_features)", "rand(in_features, out_features)"),
        "no Parameter": "bound = self.in_features**-0.5\n"
                        "self.weight = (2 * rand(out_features, in_features) - 1) * bound\n"
                        "self.bias = (2 * rand(out_features) - 1) * bound if bias else None",
        "zeros": ("2 * rand(out_features) - 1", "0 * rand(out_features)"),
        "float64": ("rand(out_features, in_features)", "rand(out_features, in_features).double()"),
        "always a bias": (" if bias else None", ""),
    },
    "Sequential.forward": {
        "each takes the input": "for module in self:\n    y = module(x)\nreturn y",
        "backwards": ("in self", "in list(self)[::-1]"),
        "only the first": "for module in self:\n    return module(x)",
        "nothing returned": ("return x", ""),
        "without the last": ("in self", "in list(self)[:-1]"),
        "all results": "return [module(x) for module in self]",
        "past the call": ("module(x)", "module.forward(x)"),
    },
    "load_state_dict": {
        "the source's arrays": "for name, p in self.named_parameters():\n    if name in new:\n"
                               "        p.data = new[name]\n"
                               "return IncompatibleKeys(missing, unexpected)",
        "a dict is changed, the net is not": ("own[key].copy_(value)", "own[key] = value"),
        "nothing returned": ("return IncompatibleKeys(missing, unexpected)", ""),
        "lists exchanged": ("(missing, unexpected)", "(unexpected, missing)"),
        "added": ("own[key].copy_(value)", "own[key].add_(value)"),
        "returned in the loop": ("\nreturn", "\n        return"),
    },
    "_picked": {
        "ones": ("spread[where] = g", "spread[where] = 1"),
        "everywhere": "return x[where], lambda g: np.zeros(x.shape, x.dtype) + np.sum(g)",
        "picks from g": "return x[where], lambda g: g[where]",
        "minus": "def back(g):\n    spread = np.zeros(x.shape, x.dtype)\n    spread[where] = -g\n"
                 "    return spread\n\nreturn -x[where], back",
        "g in another dtype": ("np.zeros_like(x)", "np.zeros(x.shape)"),
    },
    "nll_loss": {
        "no minus": ("-_picked", "_picked"),
        "always the mean": (", reduction)", ', "mean")'),
        "a table": ("(rows, labels)", "(slice(None), labels)"),
        "likelihood": ("-_picked(input, (rows, labels))", "-_picked(input, (rows, labels)).exp()"),
        "not reduced": "return -_picked(input, (rows, labels))",
        "the caller's labels": ("(rows, labels)", "(rows, target)"),
    },
    "cross_entropy": {
        "logits as logarithms": "return nll_loss(input, target, reduction)",
        "the logarithm of softmax": "return nll_loss(input.softmax(-1).log(), target, reduction)",
        "over the samples": ("-1", "0"),
        "softmax": ("log_softmax(input, -1)", "input.softmax(-1)"),
        "reduction forgotten": (", reduction)", ")"),
        "twice": ("log_softmax(input, -1)", "log_softmax(input.softmax(-1), -1)"),
    },
    "_bce_with_logits": {
        "by the book": """
p = 1 / (1 + np.exp(-x))
return -(y * np.log(p) + (1 - y) * np.log(1 - p)), lambda g: g * (p - y), lambda g: -g * x
""",
        "log, not log1p": ("np.log1p(np.exp(-np.abs(x)))", "np.log(1 + np.exp(-np.abs(x)))"),
        "the tail first": ("np.maximum(x, 0) - x * y + tail", "tail + np.maximum(x, 0) - x * y"),
        "sign of the slope": ("sigmoid - y", "y - sigmoid"),
        "target's slope forgotten": ("-g * x", "g * 0"),
        "without the target": (" - x * y", ""),
        "a probability as input": ("sigmoid - y", "x - y"),
    },
    "step_matrix": {
        "transposed": "return np.array([[1 - lr * curvature, -lr * curvature], "
                      "[momentum, momentum]])",
        "the old velocity moves the place": ("[[1 - lr * curvature, momentum]",
                                             "[[1, 1]"),
        "uphill": ("-lr * curvature, momentum]]", "lr * curvature, momentum]]"),
        "rows exchanged": "return np.array([[-lr * curvature, momentum], "
                          "[1 - lr * curvature, momentum]])",
        "place untouched by the push": ("[[1 - lr * curvature, momentum]", "[[1, momentum]"),
    },
    "_regularization": {
        "a minus": ("+= self.alpha", "-= self.alpha"),
        "the sizes": ("np.sign(p.data)", "np.abs(p.data)"),
        "decay twice": ("self.weight_decay * p.data", "2 * self.weight_decay * p.data"),
        "a careless sign": ("np.sign(p.data)", "np.where(p.data > 0, 1, -1)"),
        "moves the weights": ("p.grad.data +=", "p.data -="),
        "only L2": ("self.alpha * np.sign(p.data) + ", ""),
        "frozen ones, too": ("for _, p in moving(self.params)",
                             "for p in [p for p in self.params if p.grad is not None]"),
        "the gradient's sign": ("np.sign(p.data)", "np.sign(p.grad.data)"),
    },
    "SGD.step": {
        "uphill": ("v -= self.lr", "v += self.lr"),
        "no memory": ("v *= self.momentum", "v *= 0"),
        "momentum read as decay": ("v *= self.momentum", "v *= 1 - self.momentum"),
        "an average": ("v -= self.lr * self._share[i]",
                       "v -= (1 - self.momentum) * self.lr * self._share[i]"),
        "lr twice": ("p.data += v", "p.data += self.lr * v"),
        "into the gradient": """
for i, p in moving(self.params):
    p.grad.data *= self.lr
    self.v[i] = self.momentum * self.v[i] - self._share[i] * p.grad.data
    self._share[i] = 1 - self.dampening if self.momentum else 1
    p.data += self.v[i]
""",
        "Tensors": """
for i, p in moving(self.params):
    push = self.lr * self._share[i] * p.grad
    if self.momentum:
        self._share[i] = 1 - self.dampening
        self.v[i] = self.momentum * self.v[i] - push
        p += self.v[i]
    else:
        p -= push
""",
        "velocity of the first for all": ("v = self.v[i]", "v = self.v[0]"),
        "lr forgotten": ("p.data -= self.lr * p.grad.data", "p.data -= p.grad.data"),
        "dampened from the first": ("self._share[i] * p.grad", "(1 - self.dampening) * p.grad"),
        "frozen ones move": ("moving(self.params)",
                             "((i, p) for i, p in enumerate(self.params) if p.grad is not None)"),
    },
    "rate": {
        "the smaller root": ("np.max", "np.min"),
        "one root": (", abs(middle - root)", ""),
        "no imaginary root": ("np.emath.sqrt(middle**2 - momentum)",
                              "np.sqrt(np.maximum(middle**2 - momentum, 0))"),
        "halved twice": ("(1 + momentum - lr * curvature) / 2", "(1 + momentum - lr * curvature)"),
        "the last axis": ("sizes += [", "sizes = ["),
        "not the size": ("abs(middle + root), abs(middle - root)",
                         "np.real(middle + root), np.real(middle - root)"),
    },
    "sharpest": {
        "never normalized": ("d / np.linalg.norm(d)", "d"),
        "one-sided": ("gradient(w - h * d)) / (2 * h)", "gradient(w)) / h"),
        "half": ("(2 * h)", "(4 * h)"),
        "w is moved": ("change = (gradient(w + h * d) - gradient(w - h * d)) / (2 * h)", """
w += h * d
change = gradient(w)
w -= 2 * h * d
change = (change - gradient(w)) / (2 * h)"""),
        "the length of the gradient": ("(d * change).sum()", "np.linalg.norm(gradient(w))"),
        "never turned": ("(d * change).sum(), change", "(d * change).sum(), d"),
        "a sum": ("(d * change).sum()", "change.sum()"),
        "of the gradient, not its change": ("(gradient(w + h * d) - gradient(w - h * d)) / (2 * h)",
                                            "gradient(w + h * d)"),
    },
    "default_collate": {
        "an array of all": "return Tensor(np.array(batch))",
        "not nested": ("return [default_collate(values) for values in zip(*batch, strict=True)]",
                       "return [Tensor(np.stack(values)) for values in zip(*batch, strict=True)]"),
        "too short is cut": (", strict=True", ""),
        "a tuple": ("return [default_collate(values) for values in zip(*batch, strict=True)]",
                    "return tuple(default_collate(values) for values in zip(*batch, strict=True))"),
        "strings as characters": ("return list(batch)", "return [list(s) for s in batch]"),
        "side by side": ("np.stack(arrays)", "np.concatenate([np.atleast_1d(a) for a in arrays])"),
        "all float32": ("Tensor(np.stack(arrays))", "Tensor(np.stack(arrays).astype(np.float32))"),
        "dicts forgotten": "if isinstance(first, (tuple, list)):\n    return "
                           "[default_collate(v) for v in zip(*batch, strict=True)]\n"
                           "return Tensor(np.stack([np.asarray(v) for v in batch]))",
    },
    "DataLoader.__iter__": {
        "never shuffled": ("_shuffled(n, self.generator) if self.shuffle else np.arange(n)",
                           "np.arange(n)"),
        "always shuffled": (" if self.shuffle else np.arange(n)", ""),
        "the last batch is lost": ("range(len(self))", "range(n // size)"),
        "drop_last ignored": ("range(len(self))", "range(-(-n // size))"),
        "a full last batch is lost": "n, size = len(self.dataset), self.batch_size\n"
                                     "order = _shuffled(n, self.generator) if self.shuffle else "
                                     "np.arange(n)\n"
                                     "for i in range(0, n - size if self.drop_last else n, size):\n"
                                     "    yield _batch(self.dataset, order[i:i + size])",
        "overlapping": ("order[i * size:(i + 1) * size]", "order[i:i + size]"),
        "the first batch for ever": ("order[i * size:(i + 1) * size]", "order[:size]"),
        "the generator is ignored": ("self.generator", "None"),
        "all made at once": "n, size = len(self.dataset), self.batch_size\n"
                            "order = _shuffled(n, self.generator) if self.shuffle else "
                            "np.arange(n)\nreturn iter([_batch(self.dataset, "
                            "order[i * size:(i + 1) * size]) for i in range(len(self))])",
        "an order for each batch": "n, size = len(self.dataset), self.batch_size\n"
                                   "for i in range(len(self)):\n"
                                   "    order = _shuffled(n, self.generator) if self.shuffle "
                                   "else np.arange(n)\n"
                                   "    yield _batch(self.dataset, order[i * size:(i + 1) * size])",
    },
    "parse_idx": {
        "little-endian": ('">u4"', '"<u4"'),
        "the magic number in the pixels": ("offset=4 + 4 * n", "offset=4 * n"),
        "signed pixels": ("np.uint8, offset", "np.int8, offset"),
        "always three dimensions": ("(n,) = content[3:4]", "n = 3"),
        "the lengths' offset": ("n, offset=4)", "n, offset=0)"),
        "flat": (".reshape(shape)", ""),
        "only what fits": (".reshape(shape)", "[:int(np.prod(shape))].reshape(shape)"),
        "reversed": ("reshape(shape)", "reshape(shape[::-1])"),
    },
    "four_lines": {
        "gradients pile up": ("optimizer.zero_grad()\n", ""),
        "no step": ("optimizer.step()\n", ""),
        "no walk back": ("loss.backward()\n", ""),
        "zeroed between walk and step": "loss = cross_entropy(net(x), y)\nloss.backward()\n"
                                        "optimizer.zero_grad()\noptimizer.step()\n"
                                        "by_hand.append(loss.item())",
        "Tensors kept": ("by_hand.append(loss.item())", "by_hand.append(loss)"),
        "two steps": ("optimizer.step()", "optimizer.step()\noptimizer.step()"),
        "the loss after the step": ("by_hand.append(loss.item())",
                                    "by_hand.append(cross_entropy(net(x), y).item())"),
        "never noted": ("by_hand.append(loss.item())", ""),
        "softmax twice": ("net(x)", "net(x).softmax(1)"),
    },
    "_mean": {
        "the mean of the means": (", weights=sizes", ""),
        "a plain tuple": ("Evaluation(*np.average(means, axis=1, weights=sizes).tolist())",
                          "tuple(np.average(means, axis=1, weights=sizes).tolist())"),
        "the wrong axis": ("axis=1", "axis=0"),
        "sums": ("np.average(means, axis=1, weights=sizes)", "np.dot(means, sizes)"),
        "exchanged": (".tolist()", ".tolist()[::-1]"),
        "nan left out": ("np.average(means, axis=1, weights=sizes)",
                         "np.nan_to_num(np.average(means, axis=1, weights=sizes))"),
    },
    "dropout": {
        "not scaled": "return input * to(rand(*input.shape) >= p, input.dtype)",
        "scaled by 1 - p": ("1 / (1 - p)", "(1 - p)"),
        "keeps p": (">= p", "< p"),
        "scaled by 1 / p": ("1 / (1 - p)", "1 / p"),
        "one draw for all rows": ("rand(*input.shape)", "rand(*input.shape[1:])"),
        "divides by zero": (" if p < 1 else 0.0", ""),
        "float64": ("input.dtype)", "'float64')"),
        "the gradient is lost": ("return input *", "return input.detach() *"),
        "a new number, not a factor": ("return input * (kept", "return (kept"),
    },
    "_in_mode": {
        "not put back after an error": "model.train(training)\nyield\n"
                                       "for module, mode in modes:\n    module.training = mode",
        "all into train mode": ("for module, mode in modes:\n        module.training = mode",
                                "model.train(True)"),
        "the other mode": ("for module, mode in modes:\n        module.training = mode",
                           "model.train(not training)"),
        "always eval": ("model.train(training)", "model.eval()"),
        "mode not set": ("model.train(training)\n", ""),
        "errors swallowed": ("finally:", "except KeyError:\n    pass\nfinally:"),
        "the model alone": ("model.train(training)", "model.training = training"),
        "the first module's mode for all": ("module.training = mode", "model.train(mode)"),
    },
    "add_back": {
        "overwrites": ("seen[:, i, j] += ", "seen[:, i, j] = "),
        "all at once": "seen = windows(images, kernel, stride, dilation)\n"
                       "seen += g.reshape(seen.shape)\nreturn images[:, :, p:p + h, q:q + w]",
        "padding not cut off": ("[:, :, p:p + h, q:q + w]", ""),
        "cut at the wrong end": ("p:p + h, q:q + w", ":h, :w"),
        "stride forgotten": ("kernel, stride, dilation", "kernel, (1, 1), dilation"),
        "dilation forgotten": ("kernel, stride, dilation", "kernel, stride"),
        "always the first pixel": ("+= parts[:, i, j]", "+= parts[:, 0, 0]"),
        "into a copy": ("seen = windows(images, kernel, stride, dilation)",
                        "seen = windows(images, kernel, stride, dilation).copy()"),
    },
    "columns": {
        "positions first": ("seen.reshape(math.prod(seen.shape[:3]), *seen.shape[3:])",
                            "seen.transpose(3, 4, 5, 0, 1, 2).reshape(*seen.shape[3:], -1)"),
        "the view itself": ("seen.reshape(math.prod(seen.shape[:3]), *seen.shape[3:])", "seen"),
        "one matrix": ("math.prod(seen.shape[:3]), *seen.shape[3:]",
                       "math.prod(seen.shape[:3]), -1"),
        "the way back of the view": "value = seen.reshape(math.prod(seen.shape[:3]), "
                                    "*seen.shape[3:])\n"
                                    "return value, lambda g: g.reshape(seen.shape)",
        "dilation forgotten": ("padding, dilation)", "padding)"),
        "padding and stride exchanged": ("stride, padding, dilation)",
                                         "padding, stride, dilation)"),
        "no way back": ("return value, lambda", "return value,\nlambda"),
    },
    "conv2d": {
        "pictures not in front": (".transpose(0, 1)", ""),
        "bias at the columns": ("bias.reshape(maps, 1, 1, 1)", "bias"),
        "bias forgotten": ("product if bias is None else product + bias.reshape(maps, 1, 1, 1)",
                           "product"),
        "reshaped, not exchanged": (".transpose(0, 1)", ".reshape(n, maps, h, w)"),
        "kernels turned": ("kernels @ seen", "kernels.reshape(groups, depth * kh * kw, -1)"
                           ".transpose(1, 2) @ seen"),
        "groups forgotten": ("weight.reshape(groups, maps // groups, depth * kh * kw)",
                             "weight.reshape(1, maps, depth * kh * kw)"),
        "height and width exchanged": ("reshape(maps, n, h, w)", "reshape(maps, n, w, h)"),
    },
    "max_pool2d": {
        "padding with zeros": (", copies=True", ""),
        "the smallest": ("seen.max(0)", "seen.min(0)"),
        "equal ones share": ("seen.max(0).values", "seen.amax(0)"),
        "the mean": ("seen.max(0).values", "seen.mean(0)"),
        "channels stay in the batch": (".reshape(*input.shape[:2], *seen.shape[2:])", ""),
        "stride forgotten": ("kernel_size, stride,", "kernel_size, None,"),
        "exchanged": ("*input.shape[:2], *seen.shape[2:]", "*input.shape[1::-1], *seen.shape[2:]"),
    },
    "LeNet.__init__": {
        "no padding": (", padding=2", ""),
        "kernels of 3": ("nn.Conv2d(6, 16, 5)", "nn.Conv2d(6, 16, 3)"),
        "ReLU at the end": ("nn.Linear(84, 10)", "nn.Linear(84, 10), nn.ReLU()"),
        "a missing ReLU": ("nn.Linear(400, 120), nn.ReLU(),",
                           "nn.Linear(400, 120), nn.Identity(),"),
        "means, not largest": ("nn.MaxPool2d(2),\n    nn.Conv2d",
                               "nn.AvgPool2d(2),\n    nn.Conv2d"),
        "a plain list": ("nn.Sequential(", "list(("),
        "tanh": ("nn.Flatten(),\n    nn.Linear(400, 120), nn.ReLU()",
                 "nn.Flatten(),\n    nn.Linear(400, 120), nn.Tanh()"),
        "padding 1": ("padding=2", "padding=1"),
    },
    "uphill": {
        "down the loss": ("np.sign(", "-np.sign("),
        "the gradient, not its sign": ("np.sign(x.grad.data)", "x.grad.data"),
        "every zero a one": ("np.sign(x.grad.data)", "np.where(x.grad.data < 0, -1, 1)"),
        "the images, moved": ("return ", "images += 0.1\nreturn "),
        "all labels": ("labels[:len(images)]", "labels"),
        "its own answers": ("labels[:len(images)]", "model(x).data.argmax(1)"),
    },
    "nudge": {
        "a small step": ("np.nextafter(a, rng.choice([-1, 1], a.shape).astype(a.dtype))",
                         "a + np.float32(1e-7)"),
        "all upwards": ("rng.choice([-1, 1], a.shape).astype(a.dtype)", "a.dtype.type(1)"),
        "float64": (".astype(a.dtype)", ""),
        "one way for each array": ("rng.choice([-1, 1], a.shape)", "np.full(a.shape, "
                                   "rng.choice([-1, 1]))"),
        "a list": "rng = np.random.default_rng(0)\nreturn [np.nextafter(a, np.float32(1)) "
                  "for a in weights.values()]",
        "nothing": "return dict(weights)",
        "one way for each column": ("a.shape)", "a.shape[-1])"),
    },
    "adagrad": {
        "no root": ('np.sqrt(memory["r"])', 'memory["r"]'),
        "not squared": ("grad**2", "abs(grad)"),
        "no sum": ("+=", "="),
        "only the sign": "return np.sign(grad)",
        "a weight that was never pushed": (" + 1e-10", ""),
        "the sum before this step": "r = memory['r']\nmemory['r'] = r + grad**2\n"
                                    "return grad / (np.sqrt(r) + 1e-10)",
        "an average": ('memory["r"] += grad**2', 'memory["r"] = (memory["r"] + grad**2) / 2'),
        "one sum for all weights": ("grad**2", "np.sum(grad**2)"),
    },
    "adam": {
        "never corrected": ("if corrected else (1, 1)", "if not corrected else (1, 1)"),
        "the correction is kept": "n = memory['n'] = memory['n'] + 1\n"
                                  "m = memory['m'] = 0.9 * memory['m'] + 0.1 * grad\n"
                                  "v = memory['v'] = 0.999 * memory['v'] + 0.001 * grad**2\n"
                                  "if corrected:\n    m = memory['m'] = m / (1 - 0.9**n)\n"
                                  "    v = memory['v'] = v / (1 - 0.999**n)\n"
                                  "return m / (np.sqrt(v) + 1e-8)",
        "one correction for both": ("1 - 0.999**n) if", "1 - 0.9**n) if"),
        "steps counted from 0": ("(1 - 0.9**n, 1 - 0.999**n)", "(1 - 0.9**(n - 1) + 1e-30, "
                                 "1 - 0.999**(n - 1) + 1e-30)"),
        "the tiny number in the root": ("(np.sqrt(v / filled[1]) + 1e-8)",
                                        "np.sqrt(v / filled[1] + 1e-8)"),
        "sums that fade": ("0.1 * grad", "grad"),
        "keeps exchanged": ('0.9 * memory["m"] + 0.1 * grad',
                            '0.1 * memory["m"] + 0.9 * grad'),
        "no momentum": ("return m / filled[0]", "return grad"),
        "the square of the average": ("grad**2", "m**2"),
        "no root": ("np.sqrt(v / filled[1])", "(v / filled[1])"),
        "one number for all weights": ("0.001 * grad**2", "0.001 * np.mean(grad**2)"),
        "nothing remembered": ('m = memory["m"] = ', "m = "),
    },
    "CosineAnnealingLR.__init__": slips("CosineAnnealingLR.__init__", {
        "ends at 0": ("(eta_min + (first - eta_min) *", "(first *"),
        "eta_min above the cosine": ("(first - eta_min)", "first"),
        "a whole cosine": ("T_max / 2)", "T_max)"),
        "a quarter, not squared": (" ** 2) / first", ") / first"),
        "upwards": ("math.cos", "math.sin"),
        "rates, not factors": (" ** 2) / first", " ** 2)"),
        "a straight line": ("math.cos(math.pi * n / T_max / 2) ** 2", "(1 - n / T_max)"),
        "the first group's rate": ("factor(first) for first", "factor(firsts[0]) for first"),
        "the rate of now": ('group.get("initial_lr", group["lr"])', 'group["lr"]'),
        "always from the start": (", last_epoch)", ")"),
        "the last group's rate": ("[factor(first) for first in firsts]",
                                  "[lambda n: (eta_min + (first - eta_min) * math.cos("
                                  "math.pi * n / T_max / 2) ** 2) / first "
                                  "for first in firsts]"),
    }),
    "clip_grad_norm_": slips("clip_grad_norm_", {
        "each by itself": ("g *= max_norm / norm", "g *= max_norm / np.linalg.norm(g)"),
        "always to max_norm": ("if norm > max_norm:", "if norm > 0:"),
        "each number cut": ("g *= max_norm / norm", "np.clip(g, -max_norm, max_norm, out=g)"),
        "into new arrays": ("g *= max_norm / norm", "g = g * max_norm / norm"),
        "the norm afterwards": ("asarray(norm,", "asarray(min(norm, max_norm),"),
        "nothing returned": ("return Tensor(np.asarray(norm, grads[0].dtype))", "return None"),
        "a sum of norms": ("np.linalg.norm(np.concatenate([g.reshape(-1) for g in grads]), "
                           "norm_type)", "sum(np.linalg.norm(g.ravel()) for g in grads)"),
        "always the length": (", norm_type)", ")"),
        "squared": ("g *= max_norm / norm", "g *= (max_norm / norm) ** 2"),
        "no gradient, no end": (" if p.grad is not None", ""),
        "a generator is used up": ("list(parameters)", "parameters\nsum(p.numel() for p in "
                                   "parameters)"),
        "the weights are clipped": ("[p.grad.data for", "[p.data for"),
        "negative, and silent": ("max_norm < 0", "max_norm < -9"),
        "a plain number": ("Tensor(np.asarray(norm, grads[0].dtype))", "float(norm)"),
    }),
    "FirstNorm.forward": {
        "the variance, not its root": (".sqrt()", ""),
        "divided by n - 1": (", correction=0", ""),
        "over the features": "return (x - x.mean(1, True)) / (x.var(1, correction=0, keepdim=True) "
                             "+ 1e-5).sqrt()",
        "over all numbers": "return (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt()",
        "the tiny number beside the root": ("(x.var(0, correction=0) + 1e-5).sqrt()",
                                            "(x.var(0, correction=0).sqrt() + 1e-5)"),
        "not centered": ("(x - x.mean(0))", "x"),
        "constants for the gradient": ("return (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5)",
                                       "return (x - x.mean(0).detach()) / (x.var(0, correction=0)"
                                       ".detach() + 1e-5)"),
        "another tiny number": ("1e-5", "1e-8"),
    },
    "_normalize": slips("_normalize", {
        "divided by n - 1": ("x.var(-1, keepdims=True)", "x.var(-1, keepdims=True, ddof=1)"),
        "mean and spread are constants": ("(g - g.mean(-1, keepdims=True) - normal * along)", "g"),
        "the mean is a constant": ("g - g.mean(-1, keepdims=True) - ", "g - "),
        "the spread is a constant": (" - normal * along", ""),
        "g's mean": ("(g * normal).mean", "g.mean"),
        "normal forgotten": ("normal * along", "along"),
        "spread forgotten on the way back": ("- normal * along) / spread", "- normal * along)"),
        "the weight on the way back": ("g = g * weight", "pass"),
        "the g of others, changed": ("g = g * weight", "g *= weight"),
        "over the columns": ("center, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)",
                             "center, var = x.mean(0, keepdims=True), x.var(0, keepdims=True)"),
        "spread in stats": ("stats[:] = center, var", "stats[:] = center, var**0.5"),
        "stats bound anew": ("stats[:] =", "stats ="),
        "eps forgotten": ("np.sqrt(var + eps)", "np.sqrt(var)"),
        "the weight's gradient by x": ("lambda g: g * normal,", "lambda g: g * x,"),
        "the bias's gradient times weight": ("lambda g: g\n", "lambda g: g * weight\n"),
        "the input, changed": ("normal = (x - center) / spread",
                               "x -= center\nx /= spread\nnormal = x"),
    }),
    "batch_norm": slips("batch_norm", {
        "over all numbers": ("(0, *range(2, input.ndim))", "tuple(range(input.ndim))"),
        "over the batch alone": ("(0, *range(2, input.ndim))", "(0,)"),
        "divided by n": (" * n / (n - 1)", ""),
        "n images": ("n = input.numel() // input.shape[1]", "n = len(input)"),
        "the momentum of 05": ("(1 - momentum) * kept.data + momentum * new",
                               "momentum * kept.data + (1 - momentum) * new"),
        "a sum that grows": ("(1 - momentum) * kept.data", "kept.data"),
        "only the last batch": ("(1 - momentum) * kept.data + momentum * new", "new"),
        "the variance's bias everywhere": ("var = ((input - mean) ** 2).mean(dims, keepdim=True)",
                                           "var = ((input - mean) ** 2).mean(dims, keepdim=True) "
                                           "* n / (n - 1)\n    n = 10**9"),
        "in both modes by the batch": ("if training:", "if True:"),
        "in both modes by what runs": ("value = (input - mean)",
                                       "mean, var = (kept.reshape(shape) for kept in "
                                       "(running_mean, running_var))\nvalue = (input - mean)"),
        "constants for the gradient": ("mean = input.mean(dims, keepdim=True)",
                                       "mean = input.detach().mean(dims, keepdim=True)"),
        "no root": (".sqrt()", ""),
        "eps beside the root": ("(var + eps).sqrt()", "(var.sqrt() + eps)"),
        "eps fixed": ("(var + eps)", "(var + 1e-5)"),
        "bias forgotten": ("value if bias is None else value + bias.reshape(shape)", "value"),
        "a batch of one": ("n < 2", "n < 1"),
        "roots run": ("var.data.reshape(-1) * n", "var.data.reshape(-1) ** 0.5 * n"),
    }),
    "layer_norm": slips("layer_norm", {
        "over the batch": ("tuple(range(-len(size), 0))", "(0,)"),
        "the last dimension alone": ("tuple(range(-len(size), 0))", "(-1,)"),
        "over all numbers": ("tuple(range(-len(size), 0))", "tuple(range(input.ndim))"),
        "not centered": ("value = apart /", "value = input /"),
        "no root": (").sqrt()", ")"),
        "eps fixed": ("+ eps)", "+ 1e-5)"),
        "divided by n - 1": ("(apart * apart).mean(dims, keepdim=True)",
                             "input.var(dims, keepdim=True)"),
        "weight forgotten": ("value if weight is None else value * weight", "value"),
        "no bias, no weight": ("value if weight is None else", "value if bias is None else"),
        "any size will do": ("!= size", "!= size and False"),
        "the first dimensions": ("[-len(size):]", "[:len(size)]"),
        "3 is no tuple": ("(normalized_shape,) if isinstance(normalized_shape, int) else ", ""),
    }),
    "_rows.back": slips("_rows.back", {
        "the last one wins": ("np.add.at(spread, index, g)", "spread[index] = g"),
        "adds once": ("np.add.at(spread, index, g)", "spread[index] += g"),
        "picks from g": ("return spread", "return g[index]"),
        "as it came": ("return spread", "return g"),
        "ones": ("np.add.at(spread, index, g)", "np.add.at(spread, index, 1)"),
        "to all rows": ("np.add.at(spread, index, g)", "spread += g.sum(tuple(range(index.ndim)))"),
        "a mean": ("return spread", "n = np.bincount(index.ravel(), minlength=len(spread))\n"
                   "return spread / np.maximum(n, 1)[:, None]"),
        "float64": (", g.dtype", ""),
        "rows that were taken": ("return spread", "return spread[np.unique(index)]"),
    }),
    "generate": slips("generate", {
        "always the likeliest": ("int(np.searchsorted(sums, rng.random() * sums[-1]))",
                                 "int(logits.argmax())"),
        "multiplied": ("/ temperature", "* temperature"),
        "no temperature": (" / temperature", ""),
        "the first place's answer": ("[0, -1]", "[0, 0]"),
        "the whole text": ("found[-model.context:]", "found"),
        "the first context": ("found[-model.context:]", "found[:model.context]"),
        "one character": ("found[-model.context:]", "found[-1:]"),
        "one too few": ("found[-model.context:]", "found[1 - model.context:]"),
        "only the new ones": ("return found", "return found[-length:]"),
        "the list of others, changed": ("[int(i) for i in ids]", "ids"),
        "a new generator each time": ("for _ in range(length):", "seed = 0\nfor _ in range(length):"
                                      "\n    rng = np.random.default_rng(seed)"),
        "the seed is ignored": ("np.random.default_rng(rng)", "np.random.default_rng()"),
        "always the same seed": ("np.random.default_rng(rng)", "np.random.default_rng(0)"),
        "the temperature outside": ("np.exp((logits - logits.max()) / temperature)",
                                    "np.exp(logits - logits.max()) / temperature"),
        "one too many": ("range(length)", "range(length + 1)"),
    }),
    "attention": {
        "no mask": ("torch.where(np.tri(query.shape[-2], dtype=bool), scores, -math.inf)",
                    "scores"),
        "the other triangle": ("np.tri(query.shape[-2], dtype=bool)",
                               "np.tri(query.shape[-2], dtype=bool).T"),
        "not even itself": ("np.tri(query.shape[-2], dtype=bool)",
                            "np.tri(query.shape[-2], k=-1, dtype=bool)"),
        "one ahead": ("np.tri(query.shape[-2], dtype=bool)",
                      "np.tri(query.shape[-2], k=1, dtype=bool)"),
        "scores of 0": ("-math.inf", "0.0"),
        "masked after the softmax": "weights = nn.functional.softmax(scores, -1)\n"
                                    "return (weights * np.tri(query.shape[-2])) @ value",
        "over the queries": ("softmax(scores, -1)", "softmax(scores, -2)"),
        "no softmax": ("nn.functional.softmax(scores, -1)", "scores.exp()"),
        "a plain mean of the past": "T = query.shape[-2]\n"
                                    "return torch.tensor(np.tri(T) / np.arange(1, T + 1)[:, None])"
                                    " @ value",
        "keys for values": ("weights @ value", "weights @ key"),
        "weights returned": ("return weights @ value", "return weights"),
    },
    "MultiheadAttention.forward": slips("MultiheadAttention.forward", {
        "no root": (" / share**0.5", ""),
        "the root of all numbers": ("share**0.5", "E**0.5"),
        "reshaped, not dealt": ("(part[..., mine] for part in parts)",
                                "(part.reshape(*part.shape[:-2], self.num_heads, -1, share)"
                                "[..., h, :, :] for part in parts)"),
        "every head the first share": ("mine = slice(h * share, (h + 1) * share)",
                                       "mine = slice(0, share)"),
        "the query's map for all": ("rows = slice(i * E, (i + 1) * E)", "rows = slice(0, E)"),
        "maps transposed": ("self.in_proj_weight[rows].T", "self.in_proj_weight[rows]"),
        "the other trap": ("np.where(mask, -np.inf, 0.0)", "np.where(mask, 0.0, -np.inf)"),
        "bools for numbers": ("np.where(mask, -np.inf, 0.0)", "mask.astype(float)"),
        "over the queries": (".softmax(-1)", ".softmax(-2)"),
        "a bias forgotten": ("part + self.in_proj_bias[rows]", "part"),
        "the last bias forgotten": ("output = output + self.out_proj.bias", "pass"),
        "heads are not mixed": ("@ self.out_proj.weight[:, mine].T",
                                "@ self.out_proj.weight[mine, mine].T"),
        "not turned back": ("output.transpose(0, 1) if turned else output", "output"),
        "batch_first is ignored": ("query.ndim == 3 and not self.batch_first", "query.ndim == 3"),
        "always the mean": ("weights.mean(-3) if average_attn_weights else weights",
                            "weights.mean(-3)"),
        "always weights": ("if not need_weights:", "if False:"),
        "the output alone": ("return output, weights.mean", "return output\nreturn weights.mean"),
        "drops while it is used": ("self.training)", "True)"),
        "never drops": ("dropout(w, self.dropout, self.training)", "w"),
    }),
    "GPT.forward": slips("GPT.forward", {
        "no places": (" + self.position.weight[:T]", ""),
        "the same place for all": ("[:T]", "[:1]"),
        "the last places": ("[:T]", "[-T:]"),
        "nothing hidden": ("np.triu(np.ones((T, T), bool), 1)", "np.zeros((T, T), bool)"),
        "the past is hidden": ("np.triu(np.ones((T, T), bool), 1)",
                               "np.tril(np.ones((T, T), bool), -1)"),
        "True where it may look": ("np.triu(np.ones((T, T), bool), 1)",
                                   "np.tri(T, dtype=bool)"),
        "itself is hidden, too": ("(np.ones((T, T), bool), 1)", "(np.ones((T, T), bool), 1 - "
                                  "(T > 1))"),
        "no norm": ("h = self.norm(h)", ""),
        "normed before the blocks": ("for block in", "h = self.norm(h)\nfor block in"),
        "the last block alone": ("    h = block(h, hidden)", "    out = block(h, hidden)\n"
                                 "h = out if len(self.blocks) else h"),
        "the last place alone": ("return self.head(h)", "return self.head(h[:, -1])"),
        "vectors, not logits": ("return self.head(h)", "return h"),
        "probabilities": ("return self.head(h)", "return self.head(h).softmax(-1)"),
    }),
}

# Mutants of the series' lines that no check can reject, each by a part of its text, and why.
HARMLESS = {
    "unbroadcast": {
        "g.ndim >= like.ndim": "a sum over no dimension is g itself",
        "return g.astype(like.dtype) if": "a cast to the same dtype changes no number",
    },
    "sigmoid": {"a > 0": "at 0 both branches are 1/2"},
    "softmax": {"pass\n": "NumPy takes the same dims for its axis; axis() only words the errors"},
    "log_softmax": {"pass\n": "as in softmax"},
    "default_collate": {
        "(list, tuple)": "the order of alternatives",
        "(bytes, str)": "the order of alternatives",
        "len(shapes) > 2": "np.stack refuses them, too, in other words",
        "pass\nreturn Tensor(np.stack(arrays))": "np.stack refuses them, too, in other words",
        "[np.asarray(np.int64(v) if": "np.asarray makes the same array of a Tensor",
        "np.asarray(v if type(v)": "on this platform NumPy's ints are int64 already",
    },
    "dropout": {
        "rand(*input.shape) > p": "a random number equals p once in 16 million times",
        "else 1.0": "with p 1 nothing is kept, whatever it is multiplied by",
    },
    "nudge": {
        "default_rng(1)": "another seed is as good",
        "[-1, 2]": "nextafter only asks for the direction",
        "[-2, 1]": "nextafter only asks for the direction",
    },
    "adagrad": {"- 1e-10": "it only keeps 0 / 0 away, from below as from above"},
    "clip_grad_norm_": {
        "np.asarray(norm)": "a norm of norms has their dtype",
        "norm - 1e-06": "it only keeps 0 / 0 away, from below as from above",
        "not share > 1": "a share of 1 changes nothing",
    },
    "_normalize": {
        "lambda g: g if np.ndim": "the engine sums what was broadcast; this is only faster",
    },
    "_rows.back": {"axis=None)": "in which order equal indices are added is all the same"},
    "generate": {"/ temperature)": "for one dimension softmax needs no dim, as in PyTorch"},
    "GPT.forward": {"x.shape[1]": "only a batch is asked for, as the hole says"},
    "MultiheadAttention.forward": {"[None] * 4": "zip stops where the shortest ends"},
}
