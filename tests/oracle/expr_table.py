"""Print random data, random expressions over them, and what sqlite3 makes of each, for
tests/unit/test_expr.c to compare. Only what means the same in both languages is generated.

Lines, tab-separated:   D value...              a record: i j f g s u
                        E type expression value...    values in the order of the records
Values: N null, T true, F false, decimal ints, floats as C99 hex, texts behind a quote.
"""
import datetime
import decimal
import math
import random
import sqlite3
import sys

ROWS = 120
TEXTS = ["", "a", "b", "ab", "AB", "aB", "abc", "page_view", "edit", "é", "éa", "aé", "zz", "a%", "_"]
PATTERNS = ["%", "a%", "%b", "%a%", "a_", "_", "__", "%_%", "a%c", "page%", "", "é%", "_a", "%é", "ab"]
CMP = ["=", "<>", "<", "<=", ">", ">="]
rnd = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)


def quote(s):
    return "'" + s.replace("'", "''") + "'"


def value(kind):
    if rnd.random() < 0.2:
        return None
    if kind == "i":
        if rnd.random() < 0.05:  # where an int is no longer exact as a float
            return rnd.choice([2**53 + 1, 2**53, -(2**53) - 1, 2**62])
        return rnd.choice([0, 1, -1, 2, 3, 7, 10, -5, 100, rnd.randrange(-1000, 1000)])
    if kind == "f":
        return rnd.choice([0.0, 0.5, -0.5, 1.0, 2.0, 2.5, -3.25, 9007199254740992.0,
                           rnd.uniform(-100, 100), float(rnd.randrange(-10, 10))])
    return rnd.choice(TEXTS)


def literal(kind):
    """gn text, sqlite text"""
    v = None
    while v is None:
        v = value(kind)
    text = quote(v) if kind == "s" else repr(v)
    return text, text


def number(depth):
    return rnd.choice([integer, floating])(depth)


def call2(fmt_gn, fmt_sql, a, b):
    return fmt_gn % (a[0], b[0]), fmt_sql % (a[1], b[1])


def integer(depth):
    k = rnd.randrange(14 if depth > 0 else 2)
    if k == 0:
        return literal("i")
    if k == 1:
        name = rnd.choice("ij")
        return name, name
    if k == 2:
        op = rnd.choice("+-")
        # large ints would leave int64: sqlite then goes on in floats
        return call2(f"(%s {op} %s)", f"(%s {op} %s)", bounded(depth - 1), bounded(depth - 1))
    if k == 3:
        return call2("(%s %% %s)", "(%s %% %s)", bounded(depth - 1), bounded(depth - 1))
    if k == 4:
        a = bounded(depth - 1)
        return f"- {a[0]}", f"(- {a[1]})"
    if k == 5:
        a = bounded(depth - 1)
        return f"abs({a[0]})", f"abs({a[1]})"
    if k == 6:
        return call2("coalesce(%s, %s)", "coalesce(%s, %s)", integer(depth - 1), integer(depth - 1))
    if k == 7:
        c = boolean(depth - 1)
        a, b = integer(depth - 1), integer(depth - 1)
        return f"if({c[0]}, {a[0]}, {b[0]})", f"iif({c[1]}, {a[1]}, {b[1]})"
    if k == 8:
        a = text(depth - 1)
        return f"len({a[0]})", f"length({a[1]})"
    if k == 9:  # min() of several is null when one is, as least() is
        f, g = rnd.choice([("least", "min"), ("greatest", "max")])
        return call2(f"{f}(%s, %s)", f"{g}(%s, %s)", integer(depth - 1), integer(depth - 1))
    if k == 10:
        a = floating(depth - 1)
        f = rnd.choice(["floor", "ceil", "round"])
        return f"{f}({a[0]})", f"gn_{f}({a[1]})"
    if k == 11:
        a = rnd.choice([floating, boolean])(depth - 1)
        return f"int({a[0]})", f"gn_int({a[1]})"
    if k == 12:
        a = integer(depth - 1)
        return f"int(str({a[0]}))", a[1]
    part = rnd.choice(["year", "day", "weekday", "hour", "minute"])
    a = bounded(depth - 1)
    return f"{part}(1970-01-01T00:00:00 + {a[0]} * 100000s)", f"gn_{part}({a[1]} * 100000)"


def bounded(depth):
    a = integer(depth)
    return f"({a[0]} % 1000)", f"({a[1]} % 1000)"


def floating(depth):
    k = rnd.randrange(9 if depth > 0 else 2)
    if k == 0:
        return literal("f")
    if k == 1:
        name = rnd.choice("fg")
        return name, name
    if k == 2:
        op = rnd.choice("+-")
        return call2(f"(%s {op} %s)", f"(%s {op} %s)", floating(depth - 1), number(depth - 1))
    if k == 3:
        a, b = floating(depth - 1), floating(0)
        return call2("(%s * %s)", "(%s * %s)", a, b)
    if k == 4:
        return call2("(%s / %s)", "(cast(%s as real) / %s)", bounded(depth - 1), bounded(depth - 1))
    if k == 5:
        return call2("coalesce(%s, %s)", "coalesce(%s, cast(%s as real))", floating(depth - 1),
                     integer(depth - 1))
    if k == 6:
        a, n = number(depth - 1), rnd.randrange(16)
        return f"round({a[0]}, {n})", f"gn_digits({a[1]}, {n})"
    if k == 7:
        f, g = rnd.choice([("least", "min"), ("greatest", "max")])
        return call2(f"{f}(%s, %s)", f"cast({g}(%s, %s) as real)", floating(depth - 1),
                     floating(depth - 1))
    a = floating(depth - 1)
    return f"float(str({a[0]}))", a[1]


def text(depth):
    k = rnd.randrange(9 if depth > 0 else 2)
    if k == 0:
        return literal("s")
    if k == 1:
        name = rnd.choice("su")
        return name, name
    if k == 2:
        a = text(depth - 1)
        f = rnd.choice(["lower", "upper"])
        return f"{f}({a[0]})", f"{f}({a[1]})"
    if k == 3:
        return call2("coalesce(%s, %s)", "coalesce(%s, %s)", text(depth - 1), text(depth - 1))
    if k == 4:
        c = boolean(depth - 1)
        a, b = text(depth - 1), text(depth - 1)
        return f"if({c[0]}, {a[0]}, {b[0]})", f"iif({c[1]}, {a[1]}, {b[1]})"
    if k == 5:
        return call2("concat(%s, %s)", "(%s || %s)", rnd.choice([text, integer])(depth - 1),
                     text(depth - 1))
    if k == 6:
        a, i = text(depth - 1), bounded(depth - 1)  # sqlite3 takes 32 bits of it
        if rnd.random() < 0.5:
            return f"substr({a[0]}, {i[0]})", f"substr({a[1]}, {i[1]})"
        n = bounded(depth - 1)  # of a negative count sqlite3 makes something else
        return f"substr({a[0]}, {i[0]}, abs({n[0]}))", f"substr({a[1]}, {i[1]}, abs({n[1]}))"
    if k == 7:
        a = text(depth - 1)
        return f"trim(concat('  ', {a[0]}, ' '))", f"trim({a[1]}, ' ')"
    a = integer(depth - 1)
    return f"str({a[0]})", f"cast({a[1]} as text)"


def boolean(depth):
    k = rnd.randrange(10 if depth > 0 else 3)
    no = rnd.choice(["", "not "])
    if k <= 2:
        op = rnd.choice(CMP)
        a, b = (number(depth - 1), number(depth - 1)) if rnd.random() < 0.6 else \
            (text(depth - 1), text(depth - 1))
        if rnd.random() < 0.03:
            b = ("null", "null")
        return call2(f"(%s {op} %s)", f"(%s {op} %s)", a, b)
    if k == 3:
        return call2("(%s and %s)", "(%s and %s)", boolean(depth - 1), boolean(depth - 1))
    if k == 4:
        return call2("(%s or %s)", "(%s or %s)", boolean(depth - 1), boolean(depth - 1))
    if k == 5:
        a = boolean(depth - 1)
        return f"(not {a[0]})", f"(not {a[1]})"
    if k == 6:
        kind = rnd.choice("ifs")
        a = {"i": integer, "f": floating, "s": text}[kind](depth - 1)
        items = [literal(kind) for _ in range(rnd.randrange(1, 14))]
        if rnd.random() < 0.2:
            items.append(("null", "null"))
        if kind != "s" and rnd.random() < 0.2:
            items.append(literal("f" if kind == "i" else "i"))
        if rnd.random() < 0.2:
            items.append({"i": integer, "f": floating, "s": text}[kind](0))
        rnd.shuffle(items)
        return (f"({a[0]} {no}in ({', '.join(x[0] for x in items)}))",
                f"({a[1]} {no}in ({', '.join(x[1] for x in items)}))")
    if k == 7:
        f = rnd.choice([number, text])
        a, b, c = f(depth - 1), f(depth - 1), f(depth - 1)
        return (f"({a[0]} {no}between {b[0]} and {c[0]})",
                f"({a[1]} {no}between {b[1]} and {c[1]})")
    if k == 8:
        a, p = text(depth - 1), quote(rnd.choice(PATTERNS))
        return f"({a[0]} {no}like {p})", f"({a[1]} {no}like {p})"
    a = rnd.choice([number, text, boolean])(depth - 1)
    return f"({a[0]} is {no}null)", f"({a[1]} is {no}null)"


def whole(how):
    def f(x):
        if x is None:
            return None
        v = {"floor": math.floor, "ceil": math.ceil, "int": math.trunc,
             "round": lambda y: int(decimal.Decimal(y).quantize(1, decimal.ROUND_HALF_UP))}[how](x)
        return v if -(2**63) <= v < 2**63 else None
    return f


def digits(x, n):
    return None if x is None else float(decimal.Decimal(float(x)).quantize(
        decimal.Decimal(1).scaleb(-n), decimal.ROUND_HALF_UP))


def clock(part):
    def f(seconds):
        if seconds is None:
            return None
        t = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
        return t.isoweekday() if part == "weekday" else getattr(t, part)
    return f


def add_functions(db):
    decimal.getcontext().prec = 1100
    for how in ("floor", "ceil", "int", "round"):
        db.create_function(f"gn_{how}", 1, whole(how), deterministic=True)
    db.create_function("gn_digits", 2, digits, deterministic=True)
    for part in ("year", "day", "weekday", "hour", "minute"):
        db.create_function(f"gn_{part}", 1, clock(part), deterministic=True)


def show(kind, v):
    if v is None:
        return "N"
    if kind == "bool":
        return "T" if v else "F"
    if kind == "float":
        return (float(v) + 0.0).hex()
    if kind == "str":
        return "'" + v
    return str(v)


def main():
    db = sqlite3.connect(":memory:")
    db.execute("pragma case_sensitive_like = on")
    add_functions(db)
    db.execute("create table t (i integer, j integer, f real, g real, s text, u text)")
    rows = [tuple(value(k) for k in "iiffss") for _ in range(ROWS)]
    db.executemany("insert into t values (?, ?, ?, ?, ?, ?)", rows)
    kinds = ["int", "int", "float", "float", "str", "str"]
    for r in rows:
        print("D", *(show(k, v) for k, v in zip(kinds, r)), sep="\t")
    for _ in range(1200):
        kind, make = rnd.choice([("bool", boolean)] * 4 +
                                [("int", integer), ("float", floating), ("str", text)])
        gn, sql = make(rnd.randrange(1, 5))
        got = [r[0] for r in db.execute(f"select {sql} from t order by rowid")]
        print("E", kind, gn, *(show(kind, v) for v in got), sep="\t")


main()
