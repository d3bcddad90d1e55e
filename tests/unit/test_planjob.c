/* Plans: figures in words, limits of the arithmetic, the same plan for the same inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "op/planjob.h"
#include "op/planwords.h"

#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static void words(void **state)
{
    (void)state;
    assert_string_equal(gn_plan_size(0).t, "0 bytes");
    assert_string_equal(gn_plan_size(1023).t, "1023 bytes");
    assert_string_equal(gn_plan_size(1024).t, "1 KiB");
    assert_string_equal(gn_plan_size(1025).t, "1.0 KiB");
    assert_string_equal(gn_plan_size(1536).t, "1.5 KiB");
    assert_string_equal(gn_plan_size(128 * MIB).t, "128 MiB");
    assert_string_equal(gn_plan_size(UINT64_MAX).t, "16.0 EiB");
    assert_string_equal(gn_plan_duration(0).t, "0.00 s");
    assert_string_equal(gn_plan_duration(1).t, "0.01 s");
    assert_string_equal(gn_plan_duration(9990000).t, "9.99 s");
    assert_string_equal(gn_plan_duration(9990001).t, "10 s");
    assert_string_equal(gn_plan_duration(UINT64_C(119000001)).t, "2 min 0 s");
    assert_string_equal(gn_plan_duration(UINT64_C(3600000000)).t, "1 h 0 min");
    assert_string_equal(gn_plan_duration(UINT64_C(7199000001)).t, "2 h 0 min");
    assert_string_equal(gn_plan_seconds(99900000).t, "99.9 CPU s");
    assert_string_equal(gn_plan_seconds(99900001).t, "100 CPU s");
    assert_string_equal(gn_plan_bits(UINT64_C(10000000000)).t, "10 Gbit/s");
    assert_string_equal(gn_plan_bits(1500).t, "1500 bit/s");
}

static gn_planin usual(const gn_planrates *r, const uint64_t *cores)
{
    return (gn_planin){.events = {.bytes = GIB, .disk = GIB},
                       .nhosts = 1,
                       .cores = cores,
                       .memory = 8 * GIB,
                       .temp = UINT64_MAX,
                       .network = UINT64_C(10000000000),
                       .disk = 500 * MIB,
                       .target = 128 * MIB,
                       .rates = r};
}

static void one_plan(void **state)
{
    (void)state;
    static const uint64_t cores[] = {4};
    gn_planrates r;
    gn_planjob a = {0}, b = {0};
    gn_err e = {0};
    gn_planrates_builtin(&r);
    gn_planin in = usual(&r, cores);
    assert_int_equal(gn_planjob_compute(&a, &in, &e), 0);
    assert_int_equal(gn_planjob_compute(&b, &in, &e), 0);
    assert_int_equal(a.partitions, 8);
    assert_int_equal(a.jobs, 4);
    assert_int_equal(a.wall, b.wall);
    gn_planjob_release(&a);
    gn_planjob_release(&b);
    gn_planjob_release(&b);
}

/* What is beyond 64 bits is said, never a small figure. */
static void limits(void **state)
{
    (void)state;
    static const uint64_t one[] = {1}, cores[] = {UINT64_MAX, UINT64_MAX};
    static const gn_planpart parts[] = {{.path = (char *)"a", .bytes = UINT64_MAX / 2},
                                        {.path = (char *)"b", .bytes = UINT64_MAX / 2}};
    gn_planrates r;
    gn_planrates_builtin(&r);
    for (int i = 0; i < 6; i++) {
        gn_planjob p = {0};
        gn_err e = {0};
        gn_planin in = usual(&r, one);
        switch (i) {
        case 0:
            in.events.bytes = UINT64_MAX;
            break;
        case 1:
            in.metadata.bytes = UINT64_MAX - 10;
            break;
        case 2:
            in.cores = cores;
            in.nhosts = 2;
            break;
        case 3:
            in.part = parts;
            in.nparts = 2;
            break;
        case 4:
            in.filter = UINT64_MAX / 2;
            break;
        default:
            in.disk = 1;
            in.events.bytes = UINT64_MAX / 8;
        }
        assert_int_equal(gn_planjob_compute(&p, &in, &e), -1);
        assert_int_equal(e.status, GN_USAGE);
        gn_planjob_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(one_plan),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests_name("planjob", tests, NULL, NULL);
}
