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
        "only w moves": ("for p in w, b:", "for p in (w,):"),
        "a plus for the minus": ("(-y)", "y"),
        "the sum, not the mean": ("1 / len(x)", "1.0"),
        "one step": ("range(200)", "range(1)"),
        "the error itself": ("(error * error)", "error"),
    },
    "yours": {
        "as it was": ("return d * c", "return c * d"),
        "another value": ("return d * c", "return d * c + a"),
        "another value here and there": ("return d * c", "return d * d"),
        "nothing returned": ("return d * c", "d * c"),
    },
}

HARMLESS = {
    "line": {"range(201)": "a step too many, at the bottom", "(b, w)": "either may move first",
             "2 / len(x)": "twice the rate arrives, too"},
}
