"""Print tails of distributions in decimal arithmetic, for tests/unit/test_dist.c.

A line: kind, argument, degrees of freedom (two numbers), the tail as a hexadecimal float.
By other ways than lib/kernel/dist.c goes: finite sums and power series to 345 digits or more, gamma
functions of whole and half numbers by their products.
"""
import random
from decimal import Decimal as D, getcontext

DIGITS = 345
getcontext().prec = DIGITS + 30
getcontext().Emin, getcontext().Emax = -10 ** 9, 10 ** 9


def pi():
    """Machin's formula."""
    def arctan_of_inverse(n):
        term = total = D(1) / n
        k, sign = 1, 1
        while abs(term) > D(10) ** -(DIGITS + 28):
            term /= n * n
            k, sign = k + 2, -sign
            total += sign * term / k
        return total
    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


ROOT_PI = pi().sqrt()


def gamma(twice):
    """gamma(twice / 2)"""
    value, at = (D(1), 2) if twice % 2 == 0 else (ROOT_PI, 1)
    while at < twice:
        value, at = value * at / 2, at + 2
    return value


def chi2(x, df):
    """1 - P(df / 2, x / 2), P by its power series."""
    a, x = D(df) / 2, D(x) / 2
    if x == 0:
        return D(1)
    term = total = 1 / a
    k = 0
    while term > total * D(10) ** -DIGITS:
        k += 1
        term *= x / (a + k)
        total += term
    return 1 - total * (-x).exp() * x ** a / gamma(df)


def whole_beta(x, a, b):
    """I_x(a, b) for a whole b: as many failures at most before the a-th success."""
    term = total = D(1)
    for j in range(1, b):
        term *= (a + j - 1) / j * (1 - x)
        total += term
    return x ** a * total


def half_beta(x, df2, df1):
    """I_x(df2 / 2, df1 / 2) by the power series around 0."""
    a, b = D(df2) / 2, D(df1) / 2
    term, total, n = D(1), 1 / a, 0
    while abs(term) > abs(total) * D(10) ** -DIGITS:
        n += 1
        term *= (n - b) / n * x
        total += term / (a + n)
    return total * x ** a * gamma(df1 + df2) / gamma(df1) / gamma(df2)


def f(value, df1, df2):
    x = D(df2) / (D(df2) + df1 * D(value))
    if df1 % 2 == 0:
        return whole_beta(x, D(df2) / 2, df1 // 2)
    if df2 % 2 == 0 and df2 <= 400:
        return 1 - whole_beta(1 - x, D(df1) / 2, df2 // 2)
    if x > D("0.9"):  # the series is slow there
        return 1 - half_beta(1 - x, df1, df2)
    return half_beta(x, df2, df1)


def show(kind, value, df1, df2, tail):
    print(kind, value.hex(), df1, df2, float(tail).hex())


def main():
    rng = random.Random(5)
    for df in (1, 2, 3, 5, 10, 31, 100, 501):
        for x in [0.0, 1e-9, 0.3, 1.0, float(df), df * 1.1, df * 2.0, df + 40.0, 300.0, 1300.0,
                  rng.uniform(0, 3 * df)]:
            show("C", x, df, 0, chi2(x, df))
    for z in (0.0, 1e-8, 0.5, 1.0, 1.6448536269514722, 3.0, 8.0, 20.0, 37.0, -0.7, -6.0):
        q = chi2(D(z) * D(z), 1) / 2
        show("N", z, 0, 0, 1 - q if z < 0 else q)
    for df1 in (1, 2, 3, 5, 9, 20, 101):
        for df2 in (1, 2, 7, 30, 121):
            for x in (1e-6, 0.2, 1.0, 1.7, 4.0, 30.0, 1e4, rng.lognormvariate(0, 2)):
                if df1 * x < 60 * df2 or df1 % 2 == 0 or x >= 1e4:
                    show("F", x, df1, df2, f(x, df1, df2))
    getcontext().prec = 60
    for df1 in (2, 4, 6, 12, 50):  # events by the million
        for df2 in (10 ** 4 + 1, 10 ** 6 + 1, 10 ** 9 + 7, 10 ** 12):
            for x in (0.01, 0.5, 1.0, 1.1, 3.0, 20.0, 100.0, rng.lognormvariate(0, 1)):
                show("F", x, df1, df2, f(x, df1, df2))


if __name__ == "__main__":
    main()
