/* machine.c - see machine.h. The line "0::/a/b" of /proc/self/cgroup names the group of version 2,
 * "4:memory:/a/b" that of a controller of version 1. A group is bounded by those above it too; in a
 * container the path may not exist below the mount, whose own files then tell. */
#include "machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define GROUPS "/sys/fs/cgroup"
#define PATH_BYTES 4096

/* The first word or two of a file as numbers; "max" is UINT64_MAX. How many there were. */
static int numbers(const char *path, uint64_t v[2])
{
    char line[128];
    int n = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fgets(line, sizeof line, f)) {
        char *s = line;
        for (; n < 2; n++) {
            char *end = s;
            s += strspn(s, " ");
            if (strncmp(s, "max", 3) == 0) {
                v[n] = UINT64_MAX;
                end = s + 3;
            } else if (*s >= '0' && *s <= '9') {
                v[n] = strtoull(s, &end, 10);
            } else {
                break;
            }
            s = end;
        }
    }
    (void)fclose(f);
    return n;
}

/* The directory of this process's group: of `controller` (version 1), of all where NULL. */
static bool group(const char *controller, char *out, size_t size)
{
    char line[PATH_BYTES];
    bool found = false;
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return false;
    while (!found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *names = strchr(line, ':');
        char *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        names++;
        if (!controller)
            found = *names == 0;
        for (char *save, *s = strtok_r(names, ",", &save); controller && s;
             s = strtok_r(NULL, ",", &save))
            found |= strcmp(s, controller) == 0;
        if (found &&
            snprintf(out, size, "%s/%s%s", GROUPS, controller ? controller : "", path) >= (int)size)
            found = false;
    }
    (void)fclose(f);
    return found;
}

/* The least that a file says in this group and those above it: its first number, or, with `base`
 * (the other file of version 1) or a second one, the quotient, rounded up. */
static uint64_t least(const char *controller, const char *name, const char *base)
{
    char dir[PATH_BYTES], path[PATH_BYTES + 64];
    uint64_t v[2], w[2], min = UINT64_MAX;
    if (!group(controller, dir, sizeof dir))
        return min;
    while (strlen(dir) >= strlen(GROUPS)) {
        snprintf(path, sizeof path, "%s/%s", dir, name);
        int n = numbers(path, v);
        if (n && base) {
            snprintf(path, sizeof path, "%s/%s", dir, base);
            n = numbers(path, w) ? 2 : 0;
            v[1] = n ? w[0] : 0;
        }
        if (n == 2 && v[1] && v[0] != UINT64_MAX)
            v[0] = v[0] / v[1] + (v[0] % v[1] != 0);
        if (n && v[0] && v[0] < min)
            min = v[0];
        char *slash = strrchr(dir, '/');
        if (!slash)
            break;
        *slash = 0;
    }
    return min;
}

uint64_t gn_machine_cores(void)
{
    cpu_set_t set;
    uint64_t n = 1, quota;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        n = (uint64_t)CPU_COUNT(&set);
    quota = least(NULL, "cpu.max", NULL);
    n = quota < n ? quota : n;
    quota = least("cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us"); /* -1, no number: none */
    return quota < n ? quota : n;
}

uint64_t gn_machine_memory(void)
{
    char line[256];
    uint64_t bytes = UINT64_MAX, limit;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "MemAvailable:", 13) == 0)
            bytes = strtoull(line + 13, NULL, 10) << 10;
    if (f)
        (void)fclose(f);
    limit = least(NULL, "memory.max", NULL);
    bytes = limit < bytes ? limit : bytes;
    limit = least("memory", "memory.limit_in_bytes", NULL);
    return limit < bytes ? limit : bytes;
}

uint64_t gn_machine_room(const char *dir)
{
    struct statvfs v;
    const char *const name[] = {"GN_TMPDIR", "TMPDIR"};
    for (size_t i = 0; !dir && i < 2; i++) {
        dir = getenv(name[i]);
        dir = dir && *dir ? dir : NULL;
    }
    if (statvfs(dir ? dir : "/tmp", &v) != 0)
        return 0;
    return (uint64_t)v.f_bavail * v.f_frsize;
}
