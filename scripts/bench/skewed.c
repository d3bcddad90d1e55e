/* skewed - an interactions CSV whose users follow a power law, for the benchmark.
 *
 *     skewed ROWS [QUOTED]      to standard output; QUOTED: every so manieth row has a quoted field
 *
 * A user's rank is drawn log-uniformly (density 1/(rank + Q) over a million users), so that the top
 * 1 % of the users that occur own about 63 % of the rows; ranks are scattered over the ids. Rows
 * come in no order of time, over the year 2023. Deterministic: the generator is splitmix64 (Steele,
 * Lea, Flood 2014), a fixed seed. Memory: constant. */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS 1000000
#define Q 2.0
#define YEAR (365 * 86400)

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Uniform in [0, n). */
static unsigned below(uint64_t *state, unsigned n)
{
    return (unsigned)((next(state) >> 32) * n >> 32);
}

static unsigned user(uint64_t *state)
{
    static const double span = USERS;
    double u = (double)(next(state) >> 11) * 0x1p-53;
    unsigned rank = (unsigned)(Q * pow((span + Q) / Q, u) - Q);
    if (rank >= USERS)
        rank = USERS - 1;
    return (unsigned)((uint64_t)rank * 617077 % USERS) + 1; /* 617077 has no factor of 10 */
}

int main(int argc, char **argv)
{
    static const char *const actions[] = {"page_view", "edit", "create", "delete", "share"};
    static const int days_in[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static char buffer[1 << 20];
    uint64_t state = 1, rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    uint64_t quoted = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    if (!rows) {
        fputs("usage: skewed ROWS [QUOTED]\n", stderr);
        return 2;
    }
    (void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    puts("user_id,timestamp,action_type,page_id,duration_ms,app_version");
    for (uint64_t i = 1; i <= rows; i++) {
        unsigned who = user(&state), t = below(&state, YEAR);
        int day = (int)(t / 86400), month = 0;
        while (day >= days_in[month])
            day -= days_in[month++];
        const char *mark = quoted && i % quoted == 0 ? "\"" : "";
        printf("u%06u,2023-%02d-%02d %02u:%02u:%02u,%s,%sp%06u%s,%u,%u.%u.%u\n", who, month + 1,
               day + 1, t / 3600 % 24, t / 60 % 60, t % 60, actions[below(&state, 5)], mark,
               below(&state, 1000000) + 1, mark, 100 + below(&state, 299901), 5 + below(&state, 3),
               below(&state, 10), below(&state, 10));
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "skewed: error: cannot write: %s\n", strerror(errno));
        return 5;
    }
    return 0;
}
