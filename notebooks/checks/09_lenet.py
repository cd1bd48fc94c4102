"""Checks for the holes of 09_lenet.ipynb."""

import numpy as np
from workbook import expect, hole


@hole("LeNet.__init__",
      "self.layers is an nn.Sequential: convolution to 6 maps, ReLU, pooling; convolution to 16 "
      "maps, ReLU, pooling; Flatten; then Linear layers with ReLU between them.",
      "Kernels are 5 by 5, the first convolution has padding 2; poolings halve.",
      "16 maps of 5 by 5 are 400 numbers: 400, 120, 84, 10. No ReLU after the last.")
def _(LeNet):
    from nptorch import Tensor, nn

    F, net = nn.functional, LeNet()
    shapes = {"layers.0.weight": (6, 1, 5, 5), "layers.0.bias": (6,),
              "layers.3.weight": (16, 6, 5, 5), "layers.3.bias": (16,),
              "layers.7.weight": (120, 400), "layers.7.bias": (120,),
              "layers.9.weight": (84, 120), "layers.9.bias": (84,),
              "layers.11.weight": (10, 84), "layers.11.bias": (10,)}
    expect("the first layers", [type(layer).__name__ for layer in list(net.layers)[:3]],
           ["Conv2d", "ReLU", "MaxPool2d"])
    found = {path: p.shape for path, p in net.named_parameters()}
    for path, shape in shapes.items():
        expect(f"the shape of {path}", found.get(path, "no such parameter"), shape)
    expect("how many parameters there are", len(found), len(shapes))
    x = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    weights = [Tensor(p.data) for p in net.parameters()]
    h = Tensor((x - np.float32(0.13)) / np.float32(0.31))
    for i, padding in (0, 2), (2, 0):
        h = F.conv2d(h, weights[i], weights[i + 1], padding=padding)
        h = F.max_pool2d(Tensor(np.maximum(h.data, 0)), 2)
    h = h.data.reshape(2, -1)
    for i in 4, 6, 8:
        h = h @ weights[i].data.T + weights[i + 1].data
        h = np.maximum(h, 0) if i < 8 else h
    expect("the logits of two pictures, by the weights of the net", lambda: net(Tensor(x)), h,
           1e-4, 1e-3)


@hole("uphill",
      "Make a Tensor of the images that requires grad, and send the loss of its answers back.",
      "labels[:len(images)] are the right answers.",
      "np.sign of the gradient's array says where the loss rises.",
      given=("model", "labels", "cross_entropy"))
def _(uphill, Tensor):
    from nptorch import nn

    rng = np.random.default_rng(0)
    weight, targets = rng.normal(size=(3, 4)).astype(np.float32), np.array([2, 0, 1, 1])
    weight[:, 3] = 0  # a pixel that nothing hangs on
    images = rng.choice(np.float32([0, 0.05, 0.5, 1]), (3, 1, 2, 2))
    kept = images.copy()

    def model(x):
        return nn.functional.linear(x.reshape(-1, 4), Tensor(weight))

    place, names = uphill.__globals__, ("model", "labels", "cross_entropy")
    before = {name: place[name] for name in names if name in place}
    place.update(model=model, labels=targets, cross_entropy=nn.CrossEntropyLoss())
    try:
        for n in 1, 3:
            powers = np.exp(images[:n].reshape(n, 4) @ weight.T)
            rise = (powers / powers.sum(1, keepdims=True) - np.eye(3)[targets[:n]]) @ weight
            expect(f"the signs for {n} pictures of four pixels, "
                   f"{kept[:n].reshape(n, 4).tolist()}", lambda: uphill(images[:n]),
                   np.sign(rise).reshape(n, 1, 2, 2), 1e-5)
            expect("the pictures themselves, afterwards", images, kept)
    finally:
        for name in names:
            place.pop(name)
        place.update(before)
