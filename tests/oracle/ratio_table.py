"""Print quotients that Python's Fraction rounds, for tests/unit/test_num.c: num den hexfloat."""
import random
from fractions import Fraction


def main():
    rnd = random.Random(7)
    top = 1 << 127
    edges = [0, 1, 2, 3, 7, 10, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, (1 << 54) - 1, (1 << 54) + 1,
             (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, top - 1, (1 << 126) + 1]
    pairs = [(n, d) for n in edges for d in edges + [2 * top - 1, top, top + 1] if d]
    pairs += [(-top, d) for d in (1, 3, top, 2 * top - 1)]
    for _ in range(6000):
        n = rnd.getrandbits(rnd.randrange(1, 128))
        d = rnd.getrandbits(rnd.randrange(1, 129)) or 1
        pairs.append((n, d))
        # exactly half way between two floats, and one unit to either side of it
        m = ((1 << 53) | rnd.getrandbits(53)) * 2 + 1
        d = rnd.randrange(1, 1 << 60)
        for off in (-1, 0, 1):
            pairs.append((m * d + off, d << rnd.randrange(0, 60)))
            pairs.append(((m << rnd.randrange(0, 72)) + off, 1 << rnd.randrange(0, 9)))
    for n, d in pairs:
        if n < top and d < 2 * top:
            n = -n if n > 0 and rnd.random() < 0.5 else n
            print(n, d, float(Fraction(n, d)).hex())


main()
