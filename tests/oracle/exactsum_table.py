"""Print sums and what follows from them in exact arithmetic, for tests/unit/test_exactsum.c.

A line: kind, count, the values, then what is wanted; "-" is undefined or out of range.
F x...      wire of the sum, of the sum of squares; sum, mean, variance, deviation
P x y...    wire of the sum of products; it, covariance, correlation
I x...      wire; mean, variance, deviation
J x y...    wire; covariance, correlation
"""
import random
import struct
from fractions import Fraction
from math import isqrt

rnd = random.Random(11)
ONE = 1 << 1074


def real(q):
    """A Fraction to the nearest double; out of range is -."""
    if q is None:
        return "-"
    try:
        return float(q).hex()
    except OverflowError:
        return "-"


def root(q):
    """The square root of a Fraction, to some 200 bits."""
    if q == 0:
        return Fraction(0)
    shift = 2 * max(0, 400 + q.denominator.bit_length() - q.numerator.bit_length())
    return Fraction(isqrt((q.numerator << shift) // q.denominator), 1 << shift // 2)


def wire(n, total, unit):
    """The wire form of a sum of Fractions in units of 2^-unit."""
    v = total * (1 << unit)
    assert v.denominator == 1
    v = v.numerator
    out = struct.pack(">Q", n)
    if v:
        words, a = [], abs(v)
        while a:
            words.append(a & 0xffffffff)
            a >>= 32
        low = next(i for i, w in enumerate(words) if w)
        out += bytes([v < 0, low]) + b"".join(struct.pack(">I", w) for w in reversed(words[low:]))
    return out.hex()


def degrees(xs, ys):
    """Sample covariance, or None."""
    n = len(xs)
    if n < 2:
        return None
    c = n * sum(x * y for x, y in zip(xs, ys)) - sum(xs) * sum(ys)
    return Fraction(c) / (n * (n - 1))


def correlation(xs, ys):
    a, b, c = degrees(xs, xs), degrees(ys, ys), degrees(xs, ys)
    if not a or not b:
        return None
    return (1 if c > 0 else -1) * root(c * c / (a * b))


def floats(xs):
    q = [Fraction(x) for x in xs]
    n, total = len(q), sum(q, Fraction(0))
    var = degrees(q, q)
    print("F", n, *(x.hex() for x in xs), wire(n, total, 1074), wire(n, sum(x * x for x in q) +
          Fraction(0), 2148), real(total), real(total / n if n else None), real(var),
          real(None if var is None else root(var)))


def pairs(xs, ys):
    p, q = [Fraction(x) for x in xs], [Fraction(y) for y in ys]
    total = sum((x * y for x, y in zip(p, q)), Fraction(0))
    print("P", len(p), *(v.hex() for xy in zip(xs, ys) for v in xy), wire(len(p), total, 2148),
          real(total), real(degrees(p, q)), real(correlation(p, q)))


def be(v, size):
    return v.to_bytes(size, "big", signed=True).hex()


def ints(xs):
    n = len(xs)
    var = degrees(xs, xs)
    print("I", n, *xs, f"{n:016x}" + be(sum(xs), 16) + be(sum(x * x for x in xs), 24),
          real(Fraction(sum(xs), n) if n else None), real(var),
          real(None if var is None else root(var)))


def int_pairs(xs, ys):
    n = len(xs)
    print("J", n, *(v for xy in zip(xs, ys) for v in xy),
          f"{n:016x}" + be(sum(xs), 16) + be(sum(ys), 16) +
          "".join(be(sum(x * y for x, y in zip(a, b)), 24)
                  for a, b in ((xs, xs), (ys, ys), (xs, ys))),
          real(degrees(xs, ys)), real(correlation(xs, ys)))


def any_float(kind):
    if kind == 0:
        return rnd.uniform(-1, 1) * 10.0 ** rnd.randrange(-300, 301)
    if kind == 1:  # subnormal, and just above
        return rnd.choice((-1, 1)) * struct.unpack("<d", struct.pack("<Q", rnd.getrandbits(
            rnd.randrange(1, 54))))[0]
    if kind == 2:
        return float(rnd.randrange(-1000, 1000)) / 8
    if kind == 3:
        return rnd.gauss(1e6, 1)
    if kind == 4:
        return rnd.choice((1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -5e-324, 0.0,
                           -0.0, 1.0, 2.2250738585072014e-308))
    while True:  # any bits
        x = struct.unpack("<d", struct.pack("<Q", rnd.getrandbits(64)))[0]
        if x - x == 0:
            return x


def any_int(kind):
    if kind == 0:
        return rnd.randrange(-(1 << 63), 1 << 63)
    if kind == 1:
        return rnd.choice((-(1 << 63), (1 << 63) - 1))
    if kind == 2:
        return rnd.randrange(0, 1000)
    return (1 << 62) + rnd.randrange(0, 3)


def half_ways(n):
    """Sums that lie on, or a hair beside, the middle between two doubles."""
    for _ in range(n):
        x = rnd.uniform(1, 2) * 2.0 ** rnd.randrange(-900, 900)
        ulp = (x - struct.unpack("<d", struct.pack("<Q", struct.unpack(
            "<Q", struct.pack("<d", x))[0] - 1))[0])
        floats([x, ulp / 2])
        floats([x, ulp / 2, rnd.choice((1, -1)) * 5e-324])
        floats([-x, -ulp / 2, rnd.choice((1, -1)) * 1e-300])


def main():
    floats([])
    ints([])
    for a in ([1e300, 1.0, -1e300], [1e16, 1.0, -1e16], [0.1] * 10, [5e-324, 5e-324], [-0.0], [0.0],
              [1.7976931348623157e308] * 2, [1.7976931348623157e308] * 2 + [-1.7976931348623157e308],
              [5e-324] * 3 + [-5e-324], [1e-170, 3e-170], [5e-324, 0.0], [1e308, -1e308]):
        floats(a)
    half_ways(100)
    for a in ([0], [-1], [1, 1], [1, 2], [-(1 << 63)] * 3, [(1 << 63) - 1, -(1 << 63)]):
        ints(a)
    for _ in range(300):
        kinds = [rnd.randrange(6) for _ in range(rnd.randrange(1, 4))]
        n = rnd.randrange(1, 40)
        xs = [any_float(rnd.choice(kinds)) for _ in range(n)]
        ys = [any_float(rnd.choice(kinds)) for _ in range(n)]
        floats(xs)
        floats(xs + [-x for x in xs] + ys[:1])
        pairs(xs, ys)
        pairs(xs, xs if rnd.random() < 0.5 else [-x for x in xs])
        kinds = [rnd.randrange(4) for _ in range(rnd.randrange(1, 3))]
        xs = [any_int(rnd.choice(kinds)) for _ in range(n)]
        ys = [any_int(rnd.choice(kinds)) for _ in range(n)]
        ints(xs)
        int_pairs(xs, ys)
        int_pairs(xs, xs)


main()
