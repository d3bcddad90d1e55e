/* The JSON reader on any bytes: no crash, the counts add up, and each record that it makes is valid
 * and canonical. The first two bytes choose the options. */
#include "stream/jsonin.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static const char *const schemas[] = {
    NULL,
    NULL,
    "a:str",
    "a:int,a.b:str,b:float",
    "a:float,b:bool,c:date,d:bin,e:time,f:str,g:int",
    "a.b.c:str,a.b:int",
    "user_id:str,timestamp:time,action_type:str,page_id:str,duration_ms:int,app_version:str",
    "b:bin,a:time",
};

static int look(void *ctx, const gn_batch *b, uint8_t *keep, size_t *kept, gn_err *e)
{
    uint64_t *seen = ctx;
    (void)e;
    *seen += b->n;
    memset(keep, 0, b->n);
    *kept = 0;
    return 0;
}

static void read_all(const char *path, const gn_jsonin_options *o, bool some)
{
    gn_err err = {0}, *e = &err, none = {0};
    gn_out *out = gn_out_open("/dev/null", 0, &none);
    gn_writer *w = out ? gn_writer_new(out, &none) : NULL;
    REQUIRE(w);
    gn_jsonin *j = gn_jsonin_open(&path, 1, o, e);
    if (j) {
        gn_textin *t = gn_jsonin_text(j);
        const gn_schema *all = gn_textin_schema(t);
        int last = (int)all->n - 1;
        uint64_t seen = 0;
        REQUIRE(all->n > 0 && all->n <= GN_FIELDS_MAX);
        if (some)
            REQUIRE(gn_textin_select(t, &last, 1, NULL, 0, e) == 0);
        gn_decoder *d = gn_textin_filter(t, look, &seen, e);
        REQUIRE(d && gn_decoder_want_all(d, GN_VALUE | GN_RAW, e) == 0);
        int r = gn_jsonin_run(j, w, w, e);
        const gn_textin_counts *n = gn_textin_count(t);
        REQUIRE(r == 0 || (e->status == GN_INPUT && *e->msg));
        REQUIRE(r != 0 || n->read == n->rejected + n->skipped + n->filtered);
        REQUIRE(r != 0 || seen == n->filtered);
        gn_jsonin_close(j);
    } else {
        REQUIRE(e->status == GN_INPUT && *e->msg);
    }
    gn_writer_free(w);
    gn_out_close(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1 << 20)
        return 0;
    /* Compressed input is not what is to be found out here. */
    if (size > 5 && (data[2] == 0x28 || (data[2] & 0xf0) == 0x50))
        return 0;
    const gn_jsonin_options o = {
        .replace_text = data[0] & 1,
        .schema = schemas[data[0] >> 1 & 7],
        .on_error = (enum gn_textin_on_error)(data[1] % 3),
        .max_record = data[1] < 250 ? 0 : 9,
    };
    int fd = memfd_create("json", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, data + 2, size - 2) == (ssize_t)(size - 2));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_all(path, &o, data[0] & 16);
    (void)close(fd);
    return 0;
}
