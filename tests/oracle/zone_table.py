"""Print what Python's zoneinfo says of many zones, for tests/unit/test_zone.c to compare.

Lines:  zone U <utc seconds> <offset seconds>      offset at a UTC time
        zone W <wall seconds> <utc seconds>        UTC of a wall-clock time, fold 0
Times are random over 1850..9990, denser in 1970..2100, and on both sides of every change of offset
that those find; wall times likewise.
"""
import random
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

NAMES = """Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon Europe/Moscow America/New_York
America/Sao_Paulo America/St_Johns America/Caracas America/Godthab America/Havana America/Santiago
America/Scoresbysund Asia/Tokyo Asia/Kolkata Asia/Kathmandu Asia/Tehran Asia/Gaza Asia/Jerusalem
Asia/Pyongyang Australia/Sydney Australia/Lord_Howe Australia/Eucla Antarctica/Troll
Antarctica/Casey Pacific/Apia Pacific/Auckland Pacific/Chatham Pacific/Kiritimati Pacific/Easter
Africa/Casablanca Africa/Cairo Africa/Monrovia Etc/GMT+12 EST5EDT Europe/Volgograd""".split()
EPOCH = datetime(1970, 1, 1)
UTC = timezone.utc
LO = int((datetime(1850, 1, 1) - EPOCH).total_seconds())
HI = int((datetime(9990, 1, 1) - EPOCH).total_seconds())
MID = int((datetime(2100, 1, 1) - EPOCH).total_seconds())


def offset(zone, t):
    when = (EPOCH + timedelta(seconds=t)).replace(tzinfo=UTC).astimezone(zone)
    return int(when.utcoffset().total_seconds())


def change(zone, a, b):
    """The first second of another offset in (a, b], which must differ at its ends."""
    old = offset(zone, a)
    while b - a > 1:
        mid = (a + b) // 2
        if offset(zone, mid) == old:
            a = mid
        else:
            b = mid
    return b


def main():
    rnd = random.Random(20230701)
    for name in sys.argv[1:] or NAMES:
        try:
            zone = zoneinfo.ZoneInfo(name)
        except zoneinfo.ZoneInfoNotFoundError:
            continue
        times = [rnd.randrange(LO, HI) for _ in range(60)]
        times += [rnd.randrange(0, MID) for _ in range(120)]
        step = 90 * 86400
        for start in (LO, 0, MID, HI - 60 * 365 * 86400):
            for t in range(start, start + 50 * 365 * 86400, step):
                if rnd.random() < 0.3 and offset(zone, t) != offset(zone, t + step):
                    at = change(zone, t, t + step)
                    times += [at - 1, at, at + 1, at - 1800, at + 1800]
        for t in times:
            off = offset(zone, t)
            print(name, "U", t, off)
            for wall in (t + off, t + off + rnd.choice((-5400, -3600, -1800, 1800, 3600, 5400))):
                when = (EPOCH + timedelta(seconds=wall)).replace(tzinfo=zone)
                utc = (when.astimezone(UTC).replace(tzinfo=None) - EPOCH).total_seconds()
                print(name, "W", wall, int(utc))


main()
