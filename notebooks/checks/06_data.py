"""Checks for the holes of 06_data.ipynb."""

import struct

import numpy as np
from workbook import Wrong, expect, hole


@hole("default_collate",
      "A dict: a dict with, for each key, the batch of what the samples have there. A tuple or a "
      "list: a list with a batch for each place. Both call default_collate again.",
      "Strings stay a list. Zip with strict=True, so that a sample that is too short is no secret.",
      "Else make an array of each (a Tensor's data; a Python int as np.int64), refuse different "
      "shapes with ValueError, and stack them into a Tensor.")
def _(default_collate, Tensor):
    def is_tensor(case, got, numbers, dtype):
        expect(f"{case}: the result is a", type(got).__name__, "Tensor")
        expect(case, got, np.array(numbers))
        expect(f"{case}: its dtype", str(got.dtype), dtype)

    for case, batch, numbers, dtype in [
        ("two ints, 3 and 5", [3, 5], [3, 5], "int64"),
        ("two floats", [0.5, 2.0], [0.5, 2.0], "float64"),
        ("two bools", [True, False], [True, False], "bool"),
        ("float32 arrays", [np.float32([1, 2]), np.float32([3, 4])], [[1, 2], [3, 4]], "float32"),
        ("uint8 numbers of NumPy", [np.uint8(1), np.uint8(2)], [1, 2], "uint8"),
        ("Tensors", [Tensor(np.float32([1])), Tensor(np.float32([2]))], [[1], [2]], "float32"),
        ("one sample, 7", [7], [7], "int64"),
    ]:
        is_tensor(case, default_collate(batch), numbers, dtype)
    for kind in tuple, list:
        x = default_collate([kind((1, 0.5)), kind((2, 1.5)), kind((3, 2.5))])
        case = f"three {kind.__name__}s (int, float)"
        expect(f"{case}: the result is a", type(x).__name__, "list")
        expect(f"{case}: its length", len(x), 2)
        is_tensor(f"{case}: the first entry", x[0], [1, 2, 3], "int64")
        is_tensor(f"{case}: the second entry", x[1], [0.5, 1.5, 2.5], "float64")
    (a, b), c = default_collate([((1, 2), 3), ((4, 5), 6)])
    is_tensor("((1, 2), 3) and ((4, 5), 6): the very first", a, [1, 4], "int64")
    is_tensor("((1, 2), 3) and ((4, 5), 6): the last", c, [3, 6], "int64")
    x = default_collate([{"image": 1, "name": "one"}, {"image": 2, "name": "two"}])
    expect("two dicts: the keys", sorted(x), ["image", "name"])
    is_tensor("two dicts: under image", x["image"], [1, 2], "int64")
    expect("two dicts: under name", x["name"], ["one", "two"])
    for case, batch in [("arrays of 2 and of 3", [np.zeros(2), np.zeros(3)]),
                        ("tuples of 2 and of 1", [(1, 2), (1,)]),
                        ("a number and a row of one", [np.zeros(()), np.zeros(1)])]:
        try:
            got = default_collate(batch)
        except ValueError:
            continue
        raise Wrong(f"{case}: expected ValueError, got {got!r}")


@hole("DataLoader.__iter__",
      "The order of an epoch: _shuffled(n, self.generator), or 0, 1, 2, ... without shuffle.",
      "Batch i is cut out of the order from i · size to (i + 1) · size; _batch fetches it. There "
      "are len(self) batches.",
      "A generator makes each batch when it is asked for.")
def _(DataLoader):
    from nptorch.creation import manual_seed

    class Seen(list):
        def __getitem__(self, i):
            fetched.append(i)
            return super().__getitem__(i)

    def epoch(loader):
        return [batch.tolist() for batch in loader]

    for n, size, drop, expected in [
        (1, 1, False, [[0]]), (3, 1, False, [[0], [1], [2]]), (4, 2, False, [[0, 1], [2, 3]]),
        (5, 2, False, [[0, 1], [2, 3], [4]]), (5, 2, True, [[0, 1], [2, 3]]),
        (4, 2, True, [[0, 1], [2, 3]]),
        (3, 5, False, [[0, 1, 2]]), (3, 5, True, []),
    ]:
        loader = DataLoader(list(range(n)), batch_size=size, drop_last=drop)
        case = f"{n} samples in batches of {size}" + ", drop_last" * drop
        expect(case, lambda: epoch(loader), expected)
        expect(f"{case}, a second time", lambda: epoch(loader), expected)
    fetched = []
    next(iter(DataLoader(Seen(range(6)), batch_size=2)))
    expect("samples fetched for the first batch of 2", fetched, [0, 1])
    for generator in None, 0:
        manual_seed(0)
        loader = DataLoader(list(range(50)), 8, shuffle=True, generator=generator)
        case = f"50 samples in batches of 8, shuffled, generator {generator}"
        first, second = epoch(loader), epoch(loader)
        expect(f"{case}: the sizes", [len(batch) for batch in first], [8] * 6 + [2])
        for one in first, second:
            samples = sorted(sample for batch in one for sample in batch)
            expect(f"{case}: which samples an epoch has", samples, list(range(50)))
        expect(f"{case}: is the order one of its own", first[0] != list(range(8)), True)
        expect(f"{case}: do two epochs differ", first != second, True)
        manual_seed(0)
        again = DataLoader(list(range(50)), 8, shuffle=True, generator=generator)
        expect(f"{case}: the first batch from the same seed", epoch(again)[0], first[0])
    manual_seed(1)
    same = epoch(DataLoader(list(range(50)), 8, shuffle=True, generator=0))
    expect("generator 0 in spite of another manual_seed: the first batch", same[0], first[0])


@hole("parse_idx",
      "Byte 3 is the number of dimensions.",
      "From byte 4 on, each length has four bytes, the most significant first: np.frombuffer with "
      'the dtype ">u4", a count and an offset.',
      "The elements follow, one byte each; reshape them. If the lengths don't fit, reshape "
      "raises ValueError.")
def _(parse_idx):
    for shape in (2,), (2, 3), (2, 1, 4), (300,), (0, 3), (1, 1, 2, 2):
        size = int(np.prod(shape))
        elements = (7 * np.arange(size) + 5) % 256
        content = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        content += bytes(elements.tolist())
        expect(f"a file of shape {shape}", lambda: parse_idx(content), elements.reshape(shape))
        expect(f"a file of shape {shape}: the dtype", str(parse_idx(content).dtype), "uint8")
    for case, wrong in (("one byte too many", content + b"x"), ("one too few", content[:-1])):
        try:
            parse_idx(wrong)
        except ValueError:
            continue
        raise Wrong(f"a file of shape {shape} with {case}: expected ValueError, got an array")


