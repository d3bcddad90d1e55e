#!/usr/bin/python3
"""Recompute tables of the insights job from its CSV inputs and compare.

    insights_tables.py EVENTS METADATA TABLES

Written from the definitions of the tables, with plain lists and fractions; zone UTC, all days. Prints the
first differences and ends with status 1 when there are any.
"""
import csv
import datetime
import math
import sys
from collections import defaultdict
from fractions import Fraction

ANY = object()  # not compared
UNKNOWN = "(unknown)"
ATTRIBUTES = ("join_date", "country", "device_type", "subscription_type")
DAY = datetime.timedelta(days=1)


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def monday(day):
    return day - DAY * day.weekday()


def percentile(values, percent):
    """Type 7, of a sorted list."""
    place = Fraction(percent * (len(values) - 1), 100)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


def root(x):
    """The square root of a fraction, also where it is beyond a float."""
    return math.sqrt(x) if x else 0.0


def preference(row):
    """Rows of a user, the one that has the attributes last: the latest join date, then the greatest record.

    A text's bytes begin with its length; nil comes after texts of less than 32 bytes.
    """
    return row["join_date"], [(row[c] == "", len(row[c]), row[c]) for c in ATTRIBUTES[1:]]


def squares(values):
    """The sum of squares about the mean, exactly."""
    return sum(x * x for x in values) - Fraction(sum(values)) ** 2 / len(values)


class Event:
    def __init__(self, row):
        self.user = row["user_id"]
        self.time = datetime.datetime.fromisoformat(row["timestamp"])
        self.day = self.time.date()
        self.page = row["page_id"]
        self.ms = int(row["duration_ms"]) if row["duration_ms"] else None
        self.valid = self.ms is not None and self.ms >= 0
        self.version = row["app_version"] or UNKNOWN


def measures(events):
    """users, total_interactions, p50, p95, p99, avg, stddev, min, max"""
    values = sorted(e.ms for e in events if e.valid)
    n = len(values)
    figures = [len({e.user for e in events}), len(events)]
    if not n:
        return figures + [None] * 7
    mean = Fraction(sum(values), n)
    spread = root(squares(values) / (n - 1)) if n > 1 else None
    return figures + [percentile(values, p) for p in (50, 95, 99)] + [mean, spread, values[0], values[-1]]


def performance(events):
    """Keys with level, release, period_type and period."""
    groups = defaultdict(list)
    for e in events:
        for depth, level in enumerate(("major", "major.minor", "major.minor.patch"), 1):
            release = ".".join(e.version.split(".")[:depth])
            for period in (("day", str(e.day)), ("week", str(monday(e.day))), ("whole", "all")):
                groups[level, release, *period].append(e)
    return [[*key, *measures(of)] for key, of in sorted(groups.items())]


def performance_by_version(data):
    return [row[1:] for row in performance(data.events) if row[0] == "major.minor.patch"]


def performance_by_release(data):
    return [row for row in performance(data.events) if row[0] != "major.minor.patch"]


def ranks(figures):
    """Of each user the share of the others who have less, as a fraction."""
    lowest = {}
    for rank, figure in enumerate(sorted(figures.values())):
        lowest.setdefault(figure, rank)
    others = max(len(figures) - 1, 1)
    return {user: Fraction(lowest[figure], others) for user, figure in figures.items()}


def power_users(data):
    total, interactions, days, pages = (data.engagement[m] for m in data.ENGAGEMENT)
    rank = ranks(total)
    top = sorted(total, key=lambda u: (-total[u], u))[: math.ceil(len(total) / 100)]
    return [
        [
            u,
            top.index(u) + 1,
            interactions[u],
            total[u],
            Fraction(total[u], 3600000),
            Fraction(total[u], interactions[u]),
            pages[u],
            days[u],
            rank[u],
            data.engagement["engagement_score"][u],
            *(data.latest.get(u, {}).get(c) or None for c in ATTRIBUTES),
        ]
        for u in sorted(top)
    ]


def user_engagement_percentiles(data):
    table = []
    for metric in sorted(data.ENGAGEMENT):
        values = sorted(data.engagement[metric].values())
        table.append([metric, len(values), *(percentile(values, p) for p in (50, 90, 95, 99)), values[-1]])
    return table


def engagement_histogram(data):
    """Buckets 0, 1, 2 to 3, 4 to 7 ...; scores by ten."""
    table = []
    for metric, figures in sorted(data.engagement.items()):
        if metric == "engagement_score":
            bounds = [(lower, lower + 10) for lower in range(0, 100, 10)]
            places = [min(int(x / 10), 9) for x in figures.values()]
        else:
            bounds = [(0, 1)] + [(2**i, 2 ** (i + 1)) for i in range(max(figures.values()).bit_length())]
            places = [x.bit_length() for x in figures.values()]
        table += [[metric, i, *b, places.count(i)] for i, b in enumerate(bounds)]
    return table


def retention(data, segment_of):
    """segment_of gives the (type, value) of a user's segments; rows as keys and figures."""
    first, last = (f(e.day for e in data.events) for f in (min, max))
    weeks = defaultdict(set)
    for e in data.events:
        weeks[e.user].add(monday(e.day))
    cells = defaultdict(set)
    for user, day in data.joined.items():
        for segment in segment_of(user):
            cells[monday(day), segment].add(user)
    table = []
    for (cohort, segment), users in cells.items():
        for k in range(27):
            week = cohort + 7 * k * DAY
            covered = week <= last and week + 6 * DAY >= first
            retained = sum(week in weeks[u] for u in users) if covered else None
            rate = Fraction(retained, len(users)) if covered else None
            complete = first <= week and week + 6 * DAY <= last
            table.append([str(cohort), k, *segment, len(users), retained, rate, complete])
    return sorted(table, key=lambda row: row[: 2 + len(segment)])


def cohort_retention(data):
    return retention(data, lambda user: [()])


def cohort_retention_by_segment(data):
    return retention(data, lambda user: [(c, data.latest[user][c] or UNKNOWN) for c in ATTRIBUTES[1:]])


def average_ranks(values):
    places = defaultdict(list)
    for rank, x in enumerate(sorted(values), 1):
        places[x].append(rank)
    return {x: Fraction(sum(of), len(of)) for x, of in places.items()}, [len(of) for of in places.values()]


def device_summary(data):
    devices = defaultdict(list)
    for e in data.events:
        device = data.latest.get(e.user, {}).get("device_type")
        if device:
            devices[device].append(e)
    overall = [e.ms for es in devices.values() for e in es if e.valid]
    mean = Fraction(sum(overall), len(overall))
    table = []
    for device, es in devices.items():
        users, n, p50, p95, p99, avg, stddev, least, most = measures(es)
        difference = 100 * (avg - mean) / mean
        table.append([device, users, n, Fraction(n, users), avg, stddev, p50, p95, p99, least, most, difference])
    return sorted(table, key=lambda row: -row[4])


def device_effect(data):
    """Of each unit; the tails, p_value and kruskal_p, are left to the tests of gn-anova."""
    known = lambda user: data.latest.get(user, {}).get("device_type")
    events, users = defaultdict(list), defaultdict(list)
    of_user = defaultdict(list)
    for e in data.events:
        of_user[e.user] += [e.ms] * e.valid
        if e.valid and known(e.user):
            events[known(e.user)].append(e.ms)
    for user, values in of_user.items():
        if values and known(user):
            users[known(user)].append(Fraction(sum(values) / len(values)))
    excluded = {"events": len(data.events), "users": len(of_user)}
    table = []
    for unit, groups in (("events", events), ("users", users)):
        values = [x for g in groups.values() for x in g]
        n, k = len(values), len(groups)
        within, total = sum(squares(g) for g in groups.values()), squares(values)
        between = total - within
        eta = between / total
        rank, ties = average_ranks(values)
        h = Fraction(12, n * (n + 1)) * sum(sum(rank[x] for x in g) ** 2 / len(g) for g in groups.values())
        h = (h - 3 * (n + 1)) / (1 - Fraction(sum(t**3 - t for t in ties), n**3 - n))
        effect = ["negligible", "small", "medium", "large"][sum(eta >= b for b in (0.01, 0.06, 0.14))]
        f = (between / (k - 1)) / (within / (n - k))
        table.append(["duration_ms", unit, k, n, excluded[unit] - n, k - 1, n - k, f, ANY, eta, effect, h, ANY])
    return table


def metric_correlation(data):
    sums = {m: defaultdict(int) for m in ("duration_ms", "interactions", "days_active", "sessions")}
    days, times = defaultdict(set), defaultdict(list)
    for e in data.events:
        sums["interactions"][e.user] += 1
        sums["duration_ms"][e.user] += e.ms if e.valid else 0
        days[e.user].add(e.day)
        times[e.user].append(e.time)
    for user, of in times.items():
        of.sort()
        sums["days_active"][user] = len(days[user])
        sums["sessions"][user] = 1 + sum((b - a).total_seconds() > 1800 for a, b in zip(of, of[1:]))
    table = []
    metrics = list(sums)
    for i, a in enumerate(metrics):
        for b in metrics[i + 1 :]:
            xs, ys = ([sums[m][u] for u in times] for m in (a, b))
            rx, ry = average_ranks(xs)[0], average_ranks(ys)[0]
            ranked = pearson([rx[x] for x in xs], [ry[y] for y in ys])
            table.append([a, b, len(xs), pearson(xs, ys), ranked])
    return sorted(table, key=lambda row: row[:2])


def pearson(xs, ys):
    mx, my = Fraction(sum(xs)) / len(xs), Fraction(sum(ys)) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / Fraction(root(squares(xs) * squares(ys)))


def hours(data):
    """From the first hour with events to the last: their events, and those of the hour a week before."""
    of = defaultdict(list)
    for e in data.events:
        of[e.time.replace(minute=0, second=0)].append(e)
    hour, last = min(of), max(of)
    before = {}
    while hour <= last:
        before[hour] = len(of[hour])
        yield hour, of[hour], before.get(hour - 7 * DAY)
        hour += DAY / 24


def hourly_activity(data):
    table = []
    for hour, events, expected in hours(data):
        figures = measures(events)
        table.append([str(hour), len(events), figures[0], *figures[5:7], expected])
    return table


def anomalies(data):
    """The key, what was seen and expected; the rest of a row is left to the tests of gn-anomaly."""
    table = []
    for hour, events, expected in hours(data):
        n = len(events)
        if expected is not None and max(n, expected) >= 30 and 2 * abs(n - expected) > expected:
            score = Fraction(abs(n - expected), expected) if expected else None
            table.append(["temporal", "ALL", str(hour), 1, "hour", None, None, *row_figures(n, expected, score)])
    days = defaultdict(lambda: defaultdict(int))
    for e in data.events:
        days[e.user][e.day] += 1
    for user, of in days.items():
        for day, n in of.items():
            prior = [m for d, m in of.items() if day - 30 * DAY <= d < day]
            if len(prior) >= 3 and n >= 20 and n * len(prior) > 10 * sum(prior):
                mean = Fraction(sum(prior), len(prior))
                row = ["behavioural", user, f"{day} 00:00:00", 1, "user", user, None]
                table.append(row + row_figures(n, mean, n / mean))
    return sorted(table, key=lambda row: row[:4])


def row_figures(seen, expected, score):
    return [ANY, seen, expected, score, ANY, ANY, ANY, ANY]


class Data:
    ENGAGEMENT = ("total_duration_ms", "total_interactions", "days_active", "unique_pages")

    def __init__(self, events, metadata):
        self.events = [Event(row) for row in rows_of(events) if row["user_id"] and row["timestamp"]]
        self.metadata = [row for row in rows_of(metadata) if row["user_id"]]
        self.latest = {}
        for row in sorted(self.metadata, key=preference):
            self.latest[row["user_id"]] = row
        self.joined = {}
        for row in self.metadata:
            if row["join_date"]:
                day = datetime.date.fromisoformat(row["join_date"])
                self.joined[row["user_id"]] = min(day, self.joined.get(row["user_id"], day))
        self.engagement = self.engage()

    def engage(self):
        """Figures of users with a duration up to 8 hours, of such events."""
        of = defaultdict(list)
        for e in self.events:
            if e.valid and e.ms <= 8 * 3600000:
                of[e.user].append(e)
        figures = (
            {u: sum(e.ms for e in es) for u, es in of.items()},
            {u: len(es) for u, es in of.items()},
            {u: len({e.day for e in es}) for u, es in of.items()},
            {u: len({e.page for e in es if e.page}) for u, es in of.items()},
        )
        a, b, c = (ranks(f) for f in figures[:3])
        score = {u: 50 * a[u] + 30 * b[u] + 20 * c[u] for u in of}
        return dict(zip(self.ENGAGEMENT, figures)) | {"engagement_score": score}


def differs(got, want):
    if want is ANY:
        return got == ""
    if want is None:
        return got != ""
    if isinstance(want, bool):
        return got != ("true" if want else "false")
    if isinstance(want, (int, str)):
        return got != str(want)
    return got == "" or not math.isclose(float(got), float(want), rel_tol=1e-9, abs_tol=1e-12)


def compare(name, want, tables):
    with open(f"{tables}/{name}.csv", newline="") as file:
        got = list(csv.reader(file))[1:]
    if len(got) != len(want):
        return [f"{name}: {len(got)} rows, not {len(want)}"]
    return [
        f"{name}: {g}, not {[float(x) if isinstance(x, Fraction) else x for x in w]}"
        for g, w in zip(got, want)
        if len(g) != len(w) or any(map(differs, g, w))
    ]


TABLES = [
    performance_by_version,
    performance_by_release,
    power_users,
    user_engagement_percentiles,
    engagement_histogram,
    cohort_retention,
    cohort_retention_by_segment,
    device_summary,
    device_effect,
    metric_correlation,
    hourly_activity,
    anomalies,
]


def main():
    data = Data(sys.argv[1], sys.argv[2])
    bad = []
    for table in TABLES:
        want = table(data)
        if not want:
            bad.append(f"{table.__name__}: nothing to compare")
        bad += compare(table.__name__, want, sys.argv[3])
    print("\n".join(bad[:10]), end="\n" if bad else "")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
