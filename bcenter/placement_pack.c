#include "bcenter/placement_pack.h"

#include <stdio.h>
#include <string.h>

#include <uuid/uuid.h>

enum { VERSION = 2, BEFORE_IO = 1, UP = 1, FORMAT = 2, USER_NET = 4, NEEDS_VF = 1 };
enum { LANE_BITS = 6, IO_BYTES = 5 };

struct bytes {
    unsigned char *at;
    const unsigned char *from, *end;
    bool bad;
};

static void put(struct bytes *b, int64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *b->at++ = (unsigned char)(value >> (8 * i));
}

static int64_t within(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

static void put_id(struct bytes *b, const struct id *id)
{
    uuid_t raw = { 0 };

    (void)uuid_parse(id->s, raw);
    memcpy(b->at, raw, sizeof raw);
    b->at += sizeof raw;
}

/* Twelve bits a lane: free and used slots. */
static void put_lanes(struct bytes *b, const struct candidate *c)
{
    uint32_t held = 0;
    int bits = 0;

    put(b, c->lanes, 1);
    for (int i = 0; i < c->lanes; i++) {
        held = held << 2 * LANE_BITS |
               (uint32_t)within(c->free_slots[i], 0, PLACEMENT_LANE_MOST) << LANE_BITS |
               (uint32_t)within(c->used_slots[i], 0, PLACEMENT_LANE_MOST);
        for (bits += 2 * LANE_BITS; bits >= 8; bits -= 8)
            put(b, held >> (bits - 8) & 0xff, 1);
    }
    if (bits > 0)
        put(b, held << (8 - bits) & 0xff, 1);
}

static void put_candidate(struct bytes *b, const struct candidate *c)
{
    put_id(b, &c->bserver);
    put(b, (c->up ? UP : 0) | (c->format ? FORMAT : 0) | (c->user_net ? USER_NET : 0), 1);
    put_lanes(b, c);
    put(b, within(c->memory_free_mib, INT32_MIN, INT32_MAX), 4);
    put(b, within(c->store_free_gib, INT32_MIN, INT32_MAX), 4);
    put(b, within(c->free_vfs, 0, 65535), 2);
    put(b, within(c->io_total, 0, PLACEMENT_IO_MOST), IO_BYTES);
    put(b, within(c->io_limit, 0, PLACEMENT_IO_MOST), IO_BYTES);
}

size_t placement_pack(const struct candidate *c, int n, const struct demand *d,
                      unsigned char to[PLACEMENT_INPUTS])
{
    struct bytes b = { .at = to };

    put(&b, VERSION, 1);
    put_id(&b, &d->desktop);
    put(&b, within(d->memory_mib, 0, INT32_MAX), 4);
    put(&b, within(d->store_gib, 0, INT32_MAX), 4);
    put(&b, d->needs_vf ? NEEDS_VF : 0, 1);
    put(&b, n, 1);
    for (int i = 0; i < n; i++)
        put_candidate(&b, &c[i]);
    return (size_t)(b.at - to);
}

static uint32_t get(struct bytes *b, int bytes)
{
    uint32_t v = 0;

    if (b->end - b->from < bytes) {
        b->bad = true;
        return 0;
    }
    for (int i = 0; i < bytes; i++)
        v = v << 8 | *b->from++;
    return v;
}

static void get_id(struct bytes *b, struct id *id)
{
    uuid_t raw;

    if (b->end - b->from < (ptrdiff_t)sizeof raw) {
        b->bad = true;
        return;
    }
    memcpy(raw, b->from, sizeof raw);
    b->from += sizeof raw;
    uuid_unparse_lower(raw, id->s);
}

static void get_lanes(struct bytes *b, struct candidate *c)
{
    const uint32_t mask = PLACEMENT_LANE_MOST;
    uint32_t held = 0;
    int bits = 0;

    for (int i = 0; i < c->lanes && !b->bad; i++) {
        for (; bits < 2 * LANE_BITS; bits += 8)
            held = held << 8 | get(b, 1);
        bits -= 2 * LANE_BITS;
        c->free_slots[i] = (int)(held >> (bits + LANE_BITS) & mask);
        c->used_slots[i] = (int)(held >> bits & mask);
    }
}

/* Version 1: a byte each. */
static void get_lanes_before(struct bytes *b, struct candidate *c)
{
    for (int i = 0; i < c->lanes && !b->bad; i++) {
        c->free_slots[i] = (int)get(b, 1);
        c->used_slots[i] = (int)get(b, 1);
    }
}

static int64_t get_io(struct bytes *b)
{
    int64_t high = get(b, 1);

    return high << 32 | get(b, 4);
}

static void get_candidate(struct bytes *b, struct candidate *c, uint32_t version)
{
    uint32_t flags;

    memset(c, 0, sizeof *c);
    get_id(b, &c->bserver);
    flags = get(b, 1);
    c->up = flags & UP;
    c->format = flags & FORMAT;
    c->user_net = flags & USER_NET;
    c->lanes = (int)get(b, 1);
    if (c->lanes > PLACEMENT_LANES)
        b->bad = true;
    if (version == BEFORE_IO)
        get_lanes_before(b, c);
    else
        get_lanes(b, c);
    c->memory_free_mib = (int32_t)get(b, 4);
    c->store_free_gib = (int32_t)get(b, 4);
    c->free_vfs = (int)get(b, 2);
    c->io_limit = -1;
    if (version == BEFORE_IO)
        return;
    c->io_total = get_io(b);
    c->io_limit = get_io(b);
}

int placement_unpack(const unsigned char *from, size_t size, struct candidate c[PLACEMENT_HOSTS],
                     struct demand *d, struct err *e)
{
    struct bytes b = { .from = from, .end = from + size };
    struct demand want = { .needs_vf = false };
    uint32_t version = get(&b, 1);
    int n;

    b.bad = version != VERSION && version != BEFORE_IO;
    get_id(&b, &want.desktop);
    want.memory_mib = get(&b, 4);
    want.store_gib = get(&b, 4);
    want.needs_vf = get(&b, 1) & NEEDS_VF;
    n = (int)get(&b, 1);
    if (n > PLACEMENT_HOSTS)
        b.bad = true;
    for (int i = 0; i < n && !b.bad; i++)
        get_candidate(&b, &c[i], version);
    if (b.bad || b.from != b.end)
        return err_set(e, ERR_INTERNAL, "stored inputs of a placement cannot be read");
    *d = want;
    return n;
}
