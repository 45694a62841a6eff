#include "bserver-agent/screen_rfb.h"

#include <string.h>

enum state { VERSION, SECURITY, INIT, MESSAGE, ENCODINGS, BODY };

enum type {
    SET_PIXEL_FORMAT = 0,
    SET_ENCODINGS = 2,
    UPDATE_REQUEST = 3,
    KEY = 4,
    POINTER = 5,
    CUT_TEXT = 6,
    CONTINUOUS_UPDATES = 150,
    FENCE = 248,
    SET_DESKTOP_SIZE = 251,
    QEMU = 255,
};

enum {
    ENCODINGS_MAX = 1024, /* in one SetEncodings; noVNC sends about 30 */
    FENCE_MAX = 64,
    SCREENS_MAX = 16,
    SECURITY_NONE = 1,
    QEMU_KEY = 0, /* the other sub-message is audio */
    EXTENDED_CLIPBOARD = (int32_t)0xC0A1E5CE,
};

static const char PROTOCOL[12] = { 'R', 'F', 'B', ' ', '0', '0', '3', '.', '0', '0', '8', '\n' };

/* How many bytes must be there before a message is judged; 0 = not allowed. input: not if
 * view-only. */
static const struct {
    uint8_t head;
    bool input;
} messages[256] = {
    [SET_PIXEL_FORMAT] = { 20, false },
    [SET_ENCODINGS] = { 4, false },
    [UPDATE_REQUEST] = { 10, false },
    [KEY] = { 8, true },
    [POINTER] = { 6, true },
    [CUT_TEXT] = { 8, true },
    [CONTINUOUS_UPDATES] = { 10, false },
    [FENCE] = { 9, false },
    [SET_DESKTOP_SIZE] = { 8, true },
    [QEMU] = { 12, true },
};

/* Quality and compression levels belong to tight and zlib. */
static const struct {
    int32_t from, to;
} allowed[] = {
    { 0, 2 },       /* raw, copyrect, rre */
    { 5, 7 },       /* hextile, zlib, tight */
    { 16, 16 },     /* zrle */
    { -32, -23 },   /* JPEG quality */
    { -224, -223 }, /* last rect, desktop size */
    { -239, -239 }, /* cursor */
    { -258, -247 }, /* extended key event, pointer type, compression */
    { -261, -261 }, /* LED state */
    { -308, -308 }, /* extended desktop size */
    { -314, -312 }, /* cursor with alpha, continuous updates, fence */
};

static uint16_t u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void screen_rfb_init(struct screen_rfb *f, bool view_only, bool cut_text)
{
    *f = (struct screen_rfb){
        .view_only = view_only,
        .cut_text = cut_text && !view_only,
        .state = VERSION,
        .need = sizeof PROTOCOL,
    };
}

struct sink {
    uint8_t *to;
    size_t n;
};

static void put(struct sink *s, const uint8_t *p, size_t n)
{
    memcpy(s->to + s->n, p, n);
    s->n += n;
}

static void expect(struct screen_rfb *f, enum state state, uint8_t need)
{
    f->state = (uint8_t)state;
    f->have = 0;
    f->need = need;
}

/* What follows the head: n bytes that go where the head went. */
static void body(struct screen_rfb *f, uint32_t n)
{
    f->body = n;
    expect(f, n ? BODY : MESSAGE, 1);
}

static void keep(struct screen_rfb *f, int32_t encoding)
{
    bool good = encoding == EXTENDED_CLIPBOARD && f->cut_text;

    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        good = good || (encoding >= allowed[i].from && encoding <= allowed[i].to);
    for (size_t i = 0; i < f->kept; i++)
        good = good && f->keep[i] != encoding;
    if (good && f->kept < SCREEN_RFB_KEEP)
        f->keep[f->kept++] = encoding;
}

static void put_encodings(const struct screen_rfb *f, struct sink *s)
{
    const uint8_t head[4] = { SET_ENCODINGS, 0, 0, f->kept };

    put(s, head, sizeof head);
    for (size_t i = 0; i < f->kept; i++) {
        uint32_t v = (uint32_t)f->keep[i];
        const uint8_t one[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
                                 (uint8_t)v };

        put(s, one, sizeof one);
    }
}

/* The order of preference stays; what is left out and what is said twice goes. */
static int encodings(struct screen_rfb *f, struct sink *s, struct err *e)
{
    f->encodings_left = u16(f->head + 2);
    f->kept = 0;
    if (f->encodings_left > ENCODINGS_MAX)
        return err_set(e, ERR_INVALID_REQUEST, "rfb: %d encodings", (int)f->encodings_left);
    if (f->encodings_left > 0) {
        expect(f, ENCODINGS, 4);
        return 0;
    }
    put_encodings(f, s);
    expect(f, MESSAGE, 1);
    return 0;
}

static int pixel_format(const uint8_t *p, struct err *e)
{
    bool good = (p[0] == 8 || p[0] == 16 || p[0] == 32) && p[1] <= 32 && p[10] < 32 && p[11] < 32 &&
                p[12] < 32;

    return good ? 0 : err_set(e, ERR_INVALID_REQUEST, "rfb: pixel format");
}

/* A negative length is an extended clipboard message; QEMU parses it only if that was negotiated.
 */
static int cut_text(struct screen_rfb *f, uint32_t *n, struct err *e)
{
    uint32_t length = u32(f->head + 4);

    f->pass = f->cut_text;
    *n = length & 0x80000000U ? ~length + 1U : length;
    if (*n > SCREEN_RFB_CUT_MAX)
        return err_set(e, ERR_INVALID_REQUEST, "rfb: cut text of %u bytes", *n);
    return 0;
}

static int message(struct screen_rfb *f, struct sink *s, struct err *e)
{
    uint8_t type = f->head[0];
    uint32_t rest = 0;

    f->pass = !(f->view_only && messages[type].input);
    if (type == SET_ENCODINGS)
        return encodings(f, s, e);
    if (type == SET_PIXEL_FORMAT && pixel_format(f->head + 4, e) < 0)
        return -1;
    if (type == CUT_TEXT && cut_text(f, &rest, e) < 0)
        return -1;
    if (type == QEMU && f->head[1] != QEMU_KEY)
        return err_set(e, ERR_INVALID_REQUEST, "rfb: QEMU message %d", f->head[1]);
    if (type == FENCE && (rest = f->head[8]) > FENCE_MAX)
        return err_set(e, ERR_INVALID_REQUEST, "rfb: fence of %u bytes", rest);
    if (type == SET_DESKTOP_SIZE) {
        if (f->head[6] > SCREENS_MAX)
            return err_set(e, ERR_INVALID_REQUEST, "rfb: %d screens", f->head[6]);
        rest = 16U * f->head[6];
    }
    if (f->pass)
        put(s, f->head, f->have);
    body(f, rest);
    return 0;
}

/* have == need: the head is complete, or enough of it to know how long it is. */
static int complete(struct screen_rfb *f, struct sink *s, struct err *e)
{
    static const uint8_t shared = 1;

    switch ((enum state)f->state) {
    case VERSION:
        if (memcmp(f->head, PROTOCOL, sizeof PROTOCOL) != 0)
            return err_set(e, ERR_INVALID_REQUEST, "rfb: protocol version");
        put(s, f->head, sizeof PROTOCOL);
        expect(f, SECURITY, 1);
        return 0;
    case SECURITY:
        if (f->head[0] != SECURITY_NONE)
            return err_set(e, ERR_INVALID_REQUEST, "rfb: security type %d", f->head[0]);
        put(s, f->head, 1);
        expect(f, INIT, 1);
        return 0;
    case INIT:
        put(s, &shared, 1);
        expect(f, MESSAGE, 1);
        return 0;
    case ENCODINGS:
        keep(f, (int32_t)u32(f->head));
        expect(f, ENCODINGS, 4);
        if (--f->encodings_left == 0) {
            put_encodings(f, s);
            expect(f, MESSAGE, 1);
        }
        return 0;
    case MESSAGE:
        if (f->have > 1)
            return message(f, s, e);
        f->need = messages[f->head[0]].head;
        return f->need ? 0 : err_set(e, ERR_INVALID_REQUEST, "rfb: message %d", f->head[0]);
    case BODY: break;
    }
    return 0;
}

int screen_rfb_feed(struct screen_rfb *f, const uint8_t *from, size_t n, uint8_t *to, size_t *out,
                    struct err *e)
{
    struct sink s = { to, 0 };

    while (n > 0) {
        size_t want = f->state == BODY ? f->body : (size_t)(f->need - f->have);
        size_t k = n < want ? n : want;

        if (f->state == BODY) {
            if (f->pass)
                put(&s, from, k);
            body(f, f->body - (uint32_t)k);
        } else {
            memcpy(f->head + f->have, from, k);
            f->have = (uint8_t)(f->have + k);
            if (f->have == f->need && complete(f, &s, e) < 0)
                return -1;
        }
        from += k;
        n -= k;
    }
    *out = s.n;
    return 0;
}
