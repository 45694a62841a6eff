#include "bserver-agent/agent.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/host.h"
#include "bserver-agent/screen.h"
#include "common/base/json.h"
#include "common/daemon/node.h"
#include "common/sync/link.h"

#ifndef BIC_VERSION
#define BIC_VERSION "0.1.0"
#endif

enum { GATHER_MS = 50, LANES_MAX = HOST_LANES, URL_SIZE = 256 };

#define KEY(member) offsetof(struct agent_config, member)
const struct config_key agent_keys[] = {
    { "state_dir", CONFIG_TEXT, NULL, 0, 0, KEY(state_dir),
      "Directory of everything this daemon writes; disks lie there too." },
    { "kind", CONFIG_TEXT, "real", 0, 16, KEY(kind),
      "real (qemu:///system), embedded (qemu:///embed?root=DIR) or simulated (test:///FILE)." },
    { "uri", CONFIG_TEXT, "qemu:///system", 0, 500, KEY(uri), "The libvirt URI." },
    { "name", CONFIG_TEXT, "", 0, 64, KEY(name), "A name for people; empty = the node's." },
    { "hosts", CONFIG_TEXT, "", 0, 200, KEY(hosts),
      "Directory of such files, *.conf, one a host that this process serves; empty = this one." },
    { "module_url", CONFIG_TEXT, "", 0, 0, KEY(module_url),
      "Management addresses of the bCenter, comma separated." },
    { "join_url", CONFIG_TEXT, "", 0, 0, KEY(join_url),
      "A CCC's management address, for the first start." },
    { "join_token_file", CONFIG_TEXT, "", 0, 0, KEY(join_token_file),
      "File with the one-time join token, for the first start." },
    { "management_listen", CONFIG_TEXT, "127.0.0.1:0", 0, 0, KEY(management_listen),
      "Address and port of the management listener; port 0 = any." },
    { "management_url", CONFIG_TEXT, "", 0, 0, KEY(management_url),
      "What others shall call; empty = from the listener." },
    { "display_listen", CONFIG_TEXT, "", 0, 0, KEY(display_listen),
      "Addresses and ports of the display listeners, one a lane, comma separated." },
    { "display_url", CONFIG_TEXT, "", 0, 0, KEY(display_url),
      "What browsers shall open, one a lane, comma separated; empty = from the listeners." },
    { "lanes", CONFIG_INT, "2", 1, LANES_MAX, KEY(lanes),
      "Number of lanes of a host without a display." },
    { "display_cert", CONFIG_TEXT, "", 0, 0, KEY(display_cert),
      "Certificate of the display listeners (PEM); empty = plain, on loopback only." },
    { "display_key", CONFIG_TEXT, "", 0, 0, KEY(display_key), "Its key (PEM)." },
    { "accelerator", CONFIG_TEXT, "auto", 0, 8, KEY(accelerator),
      "auto (KVM if a probe machine boots, else TCG), kvm or tcg." },
    { "store_gib", CONFIG_INT, "0", 0, 1 << 24, KEY(store_gib),
      "Storage for desktops in GiB; 0 = what the file system has." },
    { "memory_reserve_mib", CONFIG_INT, "1024", 0, 1 << 24, KEY(memory_reserve_mib),
      "Memory kept for the host itself in MiB." },
    { "recycle_s", CONFIG_INT, "604800", 0, 1 << 30, KEY(recycle_s),
      "Seconds that deleted disks stay in the recycle bin." },
    { "bulk_mib_per_s", CONFIG_INT, "1", 0, 10240, KEY(bulk_mib_per_s),
      "Most MiB a second at which images come from the bCenter; 0 = no limit." },
    { "io_sample_s", CONFIG_INT, "10", 1, 300, KEY(io_sample_s),
      "Seconds between two samples of the host's I/O." },
    { "io_model_boot", CONFIG_INT, "150", 0, IO_MODEL_RATE_MAX, KEY(io_model_boot),
      "Simulated hosts: requests a second of a desktop when its boot begins." },
    { "io_model_boot_s", CONFIG_INT, "30", 0, IO_MODEL_BOOT_S_MAX, KEY(io_model_boot_s),
      "Simulated hosts: seconds until a boot asks for nothing any more." },
    { "io_model_idle", CONFIG_INT, "1", 0, IO_MODEL_RATE_MAX, KEY(io_model_idle),
      "Simulated hosts: requests a second of a desktop that runs." },
    { "io_model_session", CONFIG_INT, "5", 0, IO_MODEL_RATE_MAX, KEY(io_model_session),
      "Simulated hosts: requests a second that a live session adds." },
    { "io_model_capacity", CONFIG_INT, "4000", 1, IO_MODEL_RATE_MAX, KEY(io_model_capacity),
      "Simulated hosts: most requests a second that the host serves." },
    { "io_model_us", CONFIG_INT, "200", 1, IO_MODEL_US_MAX, KEY(io_model_us),
      "Simulated hosts: microseconds a request takes on an idle host." },
    { 0 },
};

struct agent {
    const struct agent_config *config;
    struct node node;
    char **module_urls, **listen, **given_urls;
    struct agent_place place;
    const char *management; /* our management URL; the process's */
    char lane_urls[LANES_MAX][URL_SIZE];
    const char *lanes[LANES_MAX + 1];
    int nlanes;
    struct host *host;
    struct screen *screen;
    struct sync_pull *pull; /* set before anything asks for the offset */
    struct sync_push *push;
};

static bool offset_ms(void *arg, int64_t *offset)
{
    struct agent *a = arg;
    struct sync_pull *pull = __atomic_load_n(&a->pull, __ATOMIC_ACQUIRE);

    return pull && sync_pull_offset_ms(pull, offset);
}

static int fail(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID_REQUEST, "%s", what);
}

/* Lanes' URLs: given, or known only after the listeners have their ports. */
static int plan_lanes(struct agent *a, struct err *e)
{
    int given = 0;

    a->listen = daemon_list(a->config->display_listen);
    a->given_urls = daemon_list(a->config->display_url);
    a->module_urls = daemon_list(a->config->module_url);
    if (!a->listen || !a->given_urls || !a->module_urls)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (!a->module_urls[0])
        return fail(e, "module_url names no address");
    while (a->listen[a->nlanes])
        a->nlanes++;
    while (a->given_urls[given])
        given++;
    if (given && given != a->nlanes)
        return fail(e, "display_url and display_listen have different numbers of lanes");
    if (!a->nlanes)
        a->nlanes = (int)a->config->lanes;
    if (a->nlanes > LANES_MAX)
        return fail(e, "there are more lanes than 16");
    for (int i = 0; i < a->nlanes; i++) {
        a->lanes[i] = a->lane_urls[i];
        if (i < given)
            snprintf(a->lane_urls[i], URL_SIZE, "%s", a->given_urls[i]);
    }
    return 0;
}

static void observed_changed(void *arg, const char *scope UNUSED)
{
    struct agent *a = arg;
    struct sync_push *push = __atomic_load_n(&a->push, __ATOMIC_ACQUIRE);

    if (push)
        sync_push_wake(push);
}

static struct io_model io_model_of(const struct agent_config *c)
{
    return (struct io_model){ .boot_per_s = c->io_model_boot,
                              .boot_ms = c->io_model_boot_s * 1000,
                              .idle_per_s = c->io_model_idle,
                              .session_per_s = c->io_model_session,
                              .capacity_per_s = c->io_model_capacity,
                              .us_per_request = c->io_model_us };
}

static int open_host(struct agent *a, struct err *e)
{
    const struct agent_config *c = a->config;
    struct host_spec spec = { .state_dir = c->state_dir,
                              .uri = c->uri,
                              .kind = c->kind,
                              .accelerator = c->accelerator,
                              .bserver = a->node.id,
                              .display_urls = a->lanes,
                              .store_gib = c->store_gib,
                              .memory_reserve_mib = c->memory_reserve_mib,
                              .recycle_s = c->recycle_s,
                              .bulk_mib_per_s = c->bulk_mib_per_s,
                              .display_listen = (const char *const *)a->listen,
                              .io_sample_s = c->io_sample_s,
                              .io_model = io_model_of(c),
                              .alone = a->place.alone,
                              .self = &a->node.identity,
                              .module_urls = (const char *const *)a->module_urls,
                              .offset_ms = offset_ms,
                              .observed_changed = observed_changed,
                              .arg = a };

    return host_open(&spec, &a->host, e);
}

static int start_screen(struct agent *a, struct err *e)
{
    const struct agent_config *c = a->config;
    struct screen_spec spec = { .listen = (const char *const *)a->listen,
                                .cert_pem = c->display_cert,
                                .key_pem = c->display_key,
                                .bserver = a->node.id,
                                .host = host_screen_host(a->host) };

    if (!a->listen[0] || !host_has_display(a->host))
        return 0;
    if (screen_start(&spec, &a->screen, e) < 0)
        return -1;
    for (int i = 0; i < a->nlanes; i++) {
        const char *end = strrchr(a->listen[i], ':');

        if (!a->lane_urls[i][0])
            snprintf(a->lane_urls[i], URL_SIZE, "%s://%.*s:%d/display",
                     c->display_cert[0] ? "wss" : "ws",
                     end ? (int)(end - a->listen[i]) : (int)strlen(a->listen[i]), a->listen[i],
                     screen_port(a->screen, i));
    }
    host_set_lanes(a->host, a->lanes);
    host_set_screen(a->host, a->screen);
    return 0;
}

static json_t *about(void *arg)
{
    struct agent *a = arg;
    json_t *o = json_object();

    json_put_str(o, "source", a->node.id.s);
    json_put_str(o, "name", a->config->name);
    json_put_str(o, "boot", host_boot(a->host));
    json_put_str(o, "version", BIC_VERSION);
    json_put_str(o, "url", a->management);
    return o;
}

static int start_links(struct agent *a, struct err *e)
{
    struct sync_link_spec link = { .self = &a->node.identity,
                                   .urls = (const char *const *)a->module_urls,
                                   .kind = "bcenter" };
    struct sync_pull_spec pull = { .link = link,
                                   .set = host_wanted(a->host),
                                   .apply = *host_apply(a->host),
                                   .page = host_page,
                                   .page_arg = a->host };
    struct sync_push_spec push = { .link = link,
                                   .set = host_observed(a->host),
                                   .gather_ms = GATHER_MS,
                                   .about = about,
                                   .arg = a };
    struct sync_pull *p;
    struct sync_push *q;

    if (sync_pull_start(&pull, &p, e) < 0)
        return -1;
    __atomic_store_n(&a->pull, p, __ATOMIC_RELEASE);
    if (sync_push_start(&push, &q, e) < 0)
        return -1;
    __atomic_store_n(&a->push, q, __ATOMIC_RELEASE);
    return 0;
}

json_t *agent_published(const struct agent *a)
{
    json_t *o = json_object(), *display = json_array();

    for (int i = 0; a->screen && i < a->nlanes; i++)
        json_array_append_new(display, json_string(a->lane_urls[i]));
    json_put_str(o, "id", a->node.id.s);
    json_put_str(o, "kind", "bserver");
    json_put_str(o, "management", a->management);
    json_object_set_new(o, "display", display);
    return o;
}

static int start(struct agent *a, struct err *e)
{
    const struct agent_config *c = a->config;
    struct node_spec node = { "bserver", c->state_dir, a->place.management_listen, c->join_url,
                              c->join_token_file };

    if (!a->place.alone && strcmp(c->kind, "embedded") == 0)
        return fail(e, "an embedded host has a process of its own");
    if (plan_lanes(a, e) < 0 || node_open(&node, &a->node, e) < 0 || open_host(a, e) < 0)
        return -1;
    if (a->place.listen(a->place.arg, &a->node, &a->management, e) < 0)
        return -1;
    return start_screen(a, e) < 0 ? -1 : start_links(a, e);
}

int agent_open(const struct agent_config *config, const struct agent_place *place,
               struct agent **out, struct err *e)
{
    struct agent *a = calloc(1, sizeof *a);

    if (!a)
        return err_set(e, ERR_INTERNAL, "out of memory");
    a->config = config;
    a->place = *place;
    if (start(a, e) < 0) {
        agent_close(a);
        return -1;
    }
    *out = a;
    return 0;
}

void agent_close(struct agent *a)
{
    if (!a)
        return;
    if (a->host)
        host_set_screen(a->host, NULL);
    screen_stop(a->screen); /* while its host is there: open screens are reported as closed */
    sync_pull_stop(__atomic_exchange_n(&a->pull, NULL, __ATOMIC_ACQ_REL));
    sync_push_stop(__atomic_exchange_n(&a->push, NULL, __ATOMIC_ACQ_REL));
    host_close(a->host);
    node_close(&a->node);
    free(a->module_urls);
    free(a->listen);
    free(a->given_urls);
    free(a);
}

bool agent_ready(const struct agent *a, char *why, size_t size)
{
    return host_ready(a->host, why, size);
}

json_t *agent_summary(const struct agent *a)
{
    json_t *o = host_summary(a->host);

    json_put_bool(o, "pull_up", a->pull && sync_pull_up(a->pull));
    json_put_bool(o, "push_up", a->push && sync_push_up(a->push));
    json_put_int(o, "screens", a->screen ? screen_count(a->screen) : 0);
    return o;
}
