#include "bserver-agent/embedded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/log.h"

#define X(s) ((const xmlChar *)(s))

enum { ROOT_MAX = 52, ARGS_MAX = 64 * 1024 };

static const char qemu_conf[] = "# Written once by bserver-agent; it is yours to change.\n"
                                "stdio_handler = \"file\"\n"
                                "security_driver = \"none\"\n"
                                "cgroup_controllers = [ ]\n"
                                "namespaces = [ ]\n"
                                "remember_owner = 0\n"
                                "max_core = 0\n";

static int make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0711) < 0 && errno != EEXIST) {
        err_set(e, ERR_STORAGE_FAILED, "a directory of the hypervisor cannot be made");
        return err_cause(e, "mkdir %s: errno %d", path, errno);
    }
    return 0;
}

/*
 * libvirt, as root, sees a usable /dev/kvm; if QEMU's user may not open it, libvirt throws its
 * knowledge of QEMU away and asks again at every call, which takes seconds each time.
 */
static int kvm_for_qemu(const struct passwd *user, struct err *e)
{
    gid_t groups[64];
    int n = 64;
    struct stat st;

    if (stat("/dev/kvm", &st) < 0 || (st.st_mode & 0006) == 0006)
        return 0;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
        return 0;
    for (int i = 0; i < n; i++)
        if (groups[i] == st.st_gid)
            return 0;
    return err_set(e, ERR_PRECONDITION,
                   "the system user libvirt-qemu may not open /dev/kvm; put it into its group");
}

/* visit is called with the pid and the arguments (NUL-separated) of every QEMU. */
static void each_process(void (*visit)(void *arg, int pid, const char *args, size_t n), void *arg)
{
    DIR *proc = opendir("/proc");
    char *args = malloc(ARGS_MAX), path[64];
    struct dirent *d;

    while (proc && args && (d = readdir(proc)) != NULL) {
        ssize_t n = -1;
        int fd;

        if (d->d_name[0] < '1' || d->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%.16s/cmdline", d->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            n = read(fd, args, ARGS_MAX - 1);
            close(fd);
        }
        if (n <= 0)
            continue;
        args[n] = '\0';
        if (strstr(args, "qemu"))
            visit(arg, (int)strtol(d->d_name, NULL, 10), args, (size_t)n);
    }
    free(args);
    if (proc)
        closedir(proc);
}

struct probes {
    char mark[ROOT_MAX + 32];
    int pid; /* only this one, and whether it is one; 0: end them all */
    bool found;
};

static void end_probe(void *arg, int pid, const char *args, size_t n)
{
    struct probes *p = arg;
    bool bare = false, ours = false;
    struct probes again = *p;
    int fd;

    for (size_t i = 0; i < n; i += strlen(args + i) + 1) {
        bare = bare || strncmp(args + i, "none", 4) == 0;
        ours = ours || strncmp(args + i, p->mark, strlen(p->mark)) == 0;
    }
    if (!bare || !ours || (p->pid && p->pid != pid))
        return;
    p->found = true;
    if (p->pid || (fd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0)
        return;
    again.pid = pid; /* the number may be somebody else's by now: asked again with fd at hand */
    each_process(end_probe, &again);
    if (again.found && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0)
        log_notice("event=qemu-probe-ended pid=%d", pid);
    close(fd);
}

/*
 * To learn what QEMU can do, libvirt runs one without a machine and ends it; one whose agent was
 * killed meanwhile would stay for ever.
 */
static void end_probes(const char *root)
{
    struct probes p = { .pid = 0 };

    snprintf(p.mark, sizeof p.mark, "unix:%s/lib/qemu/qmp-", root);
    each_process(end_probe, &p);
}

static int write_conf(const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool whole;

    if (fd < 0 && errno == EEXIST)
        return 0;
    whole = fd >= 0 && write(fd, qemu_conf, sizeof qemu_conf - 1) == (ssize_t)sizeof qemu_conf - 1;
    if (fd >= 0)
        close(fd);
    if (!whole) {
        err_set(e, ERR_STORAGE_FAILED, "the hypervisor's configuration cannot be written");
        return err_cause(e, "%s: errno %d", path, errno);
    }
    return 0;
}

int embedded_prepare(const char *uri, struct err *e)
{
    char root[256], path[300];
    const struct passwd *user;

    hypervisor_root(uri, root, sizeof root);
    if (root[0] != '/')
        return err_set(e, ERR_PRECONDITION, "uri must be qemu:///embed?root=DIR");
    /* DIR/lib/qemu/domain-1-bic-…/monitor.sock is a socket's address: 107 bytes. */
    if (strlen(root) > ROOT_MAX)
        return err_set(e, ERR_PRECONDITION, "DIR of qemu:///embed?root=DIR has more than %d bytes",
                       ROOT_MAX);
    if (geteuid() == 0) {
        user = getpwnam("libvirt-qemu");
        if (!user || !getgrnam("libvirt-qemu"))
            return err_set(e, ERR_PRECONDITION,
                           "started as root, but the system user and group libvirt-qemu are "
                           "missing (package libvirt-daemon-system makes them); or start as an "
                           "ordinary user");
        if (kvm_for_qemu(user, e) < 0)
            return -1;
    }
    if (make_dir(root, e) < 0)
        return -1;
    end_probes(root);
    snprintf(path, sizeof path, "%s/etc", root);
    if (make_dir(path, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/etc/qemu.conf", root);
    return write_conf(path, e);
}

static bool xpath_true(xmlXPathContextPtr x, const char *expression)
{
    xmlXPathObjectPtr o = xmlXPathEvalExpression(X(expression), x);
    bool found = o && o->nodesetval && o->nodesetval->nodeNr > 0;

    xmlXPathFreeObject(o);
    return found;
}

void embedded_read_capabilities(const char *xml, struct hypervisor_abilities *can)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlXPathContextPtr x = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr path;

    if (x) {
        can->uefi = xpath_true(x, "/domainCapabilities/os/enum[@name='firmware']/value[.='efi']");
        can->tpm = xpath_true(x, "/domainCapabilities/devices/tpm[@supported='yes']/"
                                 "enum[@name='backendModel']/value[.='emulator']") &&
                   access("/usr/bin/swtpm", X_OK) == 0;
        path = xmlXPathEvalExpression(X("string(/domainCapabilities/path)"), x);
        if (path && path->stringval)
            snprintf(can->emulator, sizeof can->emulator, "%s", (const char *)path->stringval);
        xmlXPathFreeObject(path);
    }
    xmlXPathFreeContext(x);
    xmlFreeDoc(doc);
}

int embedded_boot_id(struct id *out, struct err *e)
{
    char text[ID_LEN + 1] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (read(fd, text, ID_LEN) != ID_LEN)
            text[0] = '\0';
        close(fd);
    }
    return id_parse(text, out) ? 0 : err_set(e, ERR_PRECONDITION, "the kernel has no boot id");
}

/* The uuid in a QEMU's arguments (NUL-separated). */
static bool qemu_uuid(const char *args, size_t n, struct id *out)
{
    bool next = false;

    for (size_t i = 0; i < n; i += strlen(args + i) + 1) {
        if (next)
            return id_parse(args + i, out);
        next = strcmp(args + i, "-uuid") == 0;
    }
    return false;
}

struct visitor {
    void (*visit)(void *arg, const struct id *desktop, int pid);
    void *arg;
};

static void visit_desktop(void *arg, int pid, const char *args, size_t n)
{
    const struct visitor *v = arg;
    struct id id;

    if (qemu_uuid(args, n, &id))
        v->visit(v->arg, &id, pid);
}

void embedded_each_qemu(void (*visit)(void *arg, const struct id *desktop, int pid), void *arg)
{
    struct visitor v = { visit, arg };

    each_process(visit_desktop, &v);
}

struct pci_visitor {
    void (*visit)(void *arg, const char *address, const struct id *desktop);
    void *arg;
};

static bool pci_shaped(const char *s)
{
    static const char shape[] = "xxxx:xx:xx.x";

    for (int i = 0; shape[i]; i++)
        if (shape[i] == 'x' ? !s[i] || !strchr("0123456789abcdef", s[i]) : s[i] != shape[i])
            return false;
    return true;
}

/* -device {"driver":"vfio-pci","host":"0000:01:10.0",…} or vfio-pci,host=0000:01:10.0: the address
 * is looked for in the arguments that name the driver. */
static void visit_pci(void *arg, int pid, const char *args, size_t n)
{
    const struct pci_visitor *v = arg;
    struct id id = { "" };
    char address[16];

    (void)pid;
    qemu_uuid(args, n, &id);
    for (size_t i = 0; i < n; i += strlen(args + i) + 1) {
        if (!strstr(args + i, "vfio-pci"))
            continue;
        for (const char *s = args + i; *s; s++)
            if (pci_shaped(s)) {
                snprintf(address, sizeof address, "%.12s", s);
                v->visit(v->arg, address, &id);
            }
    }
}

void embedded_each_pci(void (*visit)(void *arg, const char *address, const struct id *desktop),
                       void *arg)
{
    struct pci_visitor v = { visit, arg };

    each_process(visit_pci, &v);
}

struct one {
    struct id id;
    int pid;
};

static void match(void *arg, const struct id *desktop, int pid)
{
    struct one *o = arg;

    if (id_eq(&o->id, desktop))
        o->pid = pid;
}

int embedded_find_qemu(const struct id *desktop)
{
    struct one o = { .id = *desktop };

    embedded_each_qemu(match, &o);
    return o.pid;
}

/* The letter after the name in /proc/<pid>/stat. */
static char process_state(int pid)
{
    char path[64], text[512] = "";
    const char *end;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (f && !fgets(text, sizeof text, f))
        text[0] = '\0';
    if (f)
        fclose(f);
    end = strrchr(text, ')');
    return end && end[1] == ' ' ? end[2] : '?';
}

bool embedded_kill_stopped(const struct id *desktop)
{
    int pid = embedded_find_qemu(desktop), fd;
    bool killed = false;
    char state;

    if (!pid)
        return false;
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return false;
    /* Looked at again with the descriptor at hand: the number may belong to somebody else by now.
     */
    state = embedded_find_qemu(desktop) == pid ? process_state(pid) : '?';
    if (state == 'T' || state == 't')
        killed = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
    close(fd);
    return killed;
}
