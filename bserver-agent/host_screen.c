#include <string.h>
#include <unistd.h>

#include "bserver-agent/domain_xml.h"
#include "bserver-agent/host_state.h"
#include "common/base/clock.h"
#include "common/base/json.h"

enum { GRAPHICS_MS = 5000 };

bool host_now_ms(void *arg, int64_t *wall_ms)
{
    struct host *h = arg;
    int64_t offset;

    if (!h->spec.offset_ms || !h->spec.offset_ms(h->spec.arg, &offset))
        return false;
    *wall_ms = clock_wall_ms() + offset;
    return true;
}

struct graphics {
    char uuid[ID_LEN + 1], run[ID_LEN + 1];
    int fd; /* + 1; 0 = none, so that a zeroed struct holds nothing */
};

static void release(void *data)
{
    struct graphics *g = data;

    if (g->fd > 0)
        close(g->fd - 1);
}

/* The run is compared in the op, with the domain at hand: what was known a moment ago may be over.
 */
static int run_graphics(virConnectPtr conn, void *data, struct err *e)
{
    struct graphics *g = data;
    auto_domain virDomainPtr dom = virDomainLookupByUUIDString(conn, g->uuid);
    char *xml = dom ? virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, DOMAIN_XML_NAMESPACE,
                                           VIR_DOMAIN_AFFECT_CURRENT)
                    : NULL;
    struct id desktop, run;
    bool same;
    int fd;

    if (!xml)
        return virt_fail(e, "opening the screen");
    same = domain_xml_metadata(xml, &desktop, &run) && strcmp(run.s, g->run) == 0 &&
           virDomainIsActive(dom) == 1;
    free(xml);
    if (!same)
        return err_set(e, ERR_VM_STATE, "this run of the desktop is over");
    fd = virDomainOpenGraphicsFD(dom, 0, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH);
    if (fd < 0)
        return virt_fail(e, "opening the screen");
    g->fd = fd + 1;
    return 0;
}

static int open_graphics(void *arg, const struct id *desktop, const struct id *run, int *fd,
                         struct err *e)
{
    const struct virt_op op = { "opening the screen", GRAPHICS_MS, sizeof(struct graphics),
                                run_graphics, release };
    struct host *h = arg;
    struct graphics g = { 0 };

    memcpy(g.uuid, desktop->s, sizeof g.uuid);
    memcpy(g.run, run->s, sizeof g.run);
    if (hypervisor_do(h->hypervisor, &op, &g, e) < 0)
        return -1;
    *fd = g.fd - 1;
    return 0;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *hex, unsigned char *to, size_t n)
{
    if (!hex || strlen(hex) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int public_key(void *arg, const struct id *kid, unsigned char key[TICKET_PUBLIC],
                      struct err *e)
{
    struct host *h = arg;
    json_auto_t *o = sync_set_get(h->wanted, "", "ticket_key", kid);
    const char *expires = json_str(o, "expires_at");
    int64_t now, until;

    if (!o)
        return err_set(e, ERR_TICKET_REFUSED, "the ticket's key is not known");
    if (expires && (!clock_parse(expires, &until) || !host_now_ms(h, &now) || now > until))
        return err_set(e, ERR_TICKET_REFUSED, "the ticket's key has expired");
    if (!unhex(json_str(o, "public_key"), key, TICKET_PUBLIC))
        return err_set(e, ERR_TICKET_REFUSED, "the ticket's key cannot be read");
    return 0;
}

static bool desktop(void *arg, const struct id *id, struct id *run, int64_t *floor_seq)
{
    struct host *h = arg;

    return reconcile_desktop(h->reconcile, id, run, floor_seq);
}

static void opened(void *arg, const struct id *session, const struct id *id, int64_t seq, int lane)
{
    struct host *h = arg;

    report_screen_opened(h->report, session, id, seq, lane);
}

static void closed(void *arg, const struct id *session, const struct id *id, int64_t seq,
                   int64_t bytes_out)
{
    struct host *h = arg;

    report_screen_closed(h->report, session, id, seq, bytes_out);
}

void host_screen_init(struct host *h)
{
    h->screen_host = (struct screen_host){ .arg = h,
                                           .open_graphics = open_graphics,
                                           .now_ms = host_now_ms,
                                           .public_key = public_key,
                                           .desktop = desktop,
                                           .opened = opened,
                                           .closed = closed };
}

const struct screen_host *host_screen_host(struct host *h)
{
    return &h->screen_host;
}

void host_set_screen(struct host *h, struct screen *s)
{
    pthread_rwlock_wrlock(&h->screen_lock);
    h->screen = s;
    pthread_rwlock_unlock(&h->screen_lock);
}

void host_screen_lanes(struct host *h, bool up[HOST_LANES])
{
    pthread_rwlock_rdlock(&h->screen_lock);
    for (int i = 0; i < HOST_LANES; i++)
        up[i] = !h->screen || screen_lane_up(h->screen, i);
    pthread_rwlock_unlock(&h->screen_lock);
}

void host_screen_floor(struct host *h, const struct wanted *w)
{
    pthread_rwlock_rdlock(&h->screen_lock);
    if (h->screen)
        screen_session_floor(h->screen, &w->id, w->session_floor, &w->live_session);
    pthread_rwlock_unlock(&h->screen_lock);
}

void host_screen_stopped(struct host *h, const struct id *id)
{
    pthread_rwlock_rdlock(&h->screen_lock);
    if (h->screen)
        screen_desktop_stopped(h->screen, id);
    pthread_rwlock_unlock(&h->screen_lock);
}
