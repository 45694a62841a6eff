/*
 * kill -9 of the agent at random moments: QEMU goes on, the next process finds out what is true,
 * and no run id is ever started twice. The embedded driver allows one root a process, so each life
 * of the agent is a child process here.
 */
#include "tests/virt/host_fixture.h"

#include <poll.h>
#include <sys/prctl.h>

#include "bserver-agent/embedded.h"

/* As many rounds as LIVES says: a few with the other tests, many with `make test-fault`. */
static int lives(void)
{
    const char *said = getenv("LIVES");

    return said ? (int)strtol(said, NULL, 10) : 4;
}

static struct fixture f;
static struct id desktop, overlay, run;
static int told[2]; /* a life writes here once when it reports the run */

/* What the agent says of the run: whether it knows it, and whether that is true now. */
static void look(struct fixture *mine, bool *known, bool *true_now)
{
    json_auto_t *o = fx_seen(mine, "desktop", &desktop);
    const char *runs = json_str(o, "run"), *ended = json_str(o, "last_run");

    if (!*known && runs && strcmp(runs, run.s) == 0)
        assert_int_equal(write(told[1], "r", 1), 1);
    *known = (runs && strcmp(runs, run.s) == 0) || (ended && strcmp(ended, run.s) == 0);
    *true_now = (runs != NULL) == (embedded_find_qemu(&desktop) > 0);
}

/* One life: wants the run, lives until it is killed. Or: checks until it knows, then ends well. */
static void live(bool check)
{
    struct fixture mine = f;
    bool known = false, true_now = false;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* what fails here must not go on as the parent */
    fx_open(&mine);
    sync_set_put(mine.bcenter, mine.bserver.s, "desktop", &desktop,
                 fx_desktop(&mine, &desktop, &overlay, &run, "destroy"));
    fx_sync(&mine);
    /* What is reported is what is there, as soon as it was looked at again. */
    for (int i = 0; i < 2400 && !(known && true_now && check); i++) {
        look(&mine, &known, &true_now);
        usleep(50000);
    }
    if (check && known && !true_now) {
        json_auto_t *o = fx_seen(&mine, "desktop", &desktop);

        json_dumpf(o, stderr, 0);
        _exit(3);
    }
    if (check) {
        fx_put(&mine, &desktop, fx_desktop(&mine, &desktop, &overlay, NULL, "destroy"));
        known = known && fx_wait(&mine, "desktop", &desktop, "last_run", run.s) &&
                embedded_find_qemu(&desktop) == 0;
        fx_close(&mine);
    }
    _exit(known ? 0 : 2);
}

static pid_t spawn(bool check)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        live(check);
    return pid;
}

/* libvirt writes each QEMU's command line into the machine's log. */
static int starts_of(const struct id *which)
{
    char path[160], line[16384], word[64];
    FILE *log;
    int n = 0;

    snprintf(path, sizeof path, "%s/v/log/qemu/bic-%s.log", f.dir, desktop.s);
    snprintf(word, sizeof word, "bic.run=%s", which->s);
    log = fopen(path, "re");
    while (log && fgets(line, sizeof line, log))
        n += strstr(line, word) != NULL;
    if (log)
        fclose(log);
    return n;
}

/* Half of the time anywhere, half of the time while libvirt talks to a QEMU that has just begun. */
static void wait_for_a_moment(unsigned *seed)
{
    if (rand_r(seed) % 2) {
        usleep((useconds_t)(200000 + rand_r(seed) % 3000000));
        return;
    }
    for (int i = 0; i < 2500 && embedded_find_qemu(&desktop) == 0; i++)
        usleep(2000);
    usleep((useconds_t)(rand_r(seed) % 400000));
}

/* Until a life has reported the run. */
static void wait_for_word(void)
{
    struct pollfd word = { .fd = told[0], .events = POLLIN };
    char c;

    assert_int_equal(poll(&word, 1, 300000), 1);
    assert_int_equal(read(told[0], &c, 1), 1);
}

static void end_life(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* The next life tells what is true, and the run has been started once at most. */
static void look_again(void)
{
    pid_t pid = spawn(true);
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(starts_of(&run) <= 1);
}

static void no_run_is_started_twice(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    int alive = 0;

    (void)state;
    print_message("seed %u\n", seed);
    for (int i = 0; i < lives(); i++) {
        run = id_new();
        for (int kills = 0; kills < 2; kills++) {
            pid_t pid = spawn(false);

            wait_for_a_moment(&seed);
            end_life(pid);
        }
        alive += embedded_find_qemu(&desktop) > 0;
        look_again();
    }
    print_message("machines that outlived their agent: %d of %d\n", alive, lives());
}

/* Killed twice while it runs: it goes on, is found again both times, and was started once. */
static void what_runs_is_adopted(void **state)
{
    int qemu = 0;

    (void)state;
    while (poll(&(struct pollfd){ .fd = told[0], .events = POLLIN }, 1, 0) == 1)
        wait_for_word(); /* of the lives before */
    run = id_new();
    for (int kills = 0; kills < 2; kills++) {
        pid_t pid = spawn(false);

        wait_for_word();
        end_life(pid);
        assert_true(embedded_find_qemu(&desktop) > 0);
        assert_true(kills == 0 || embedded_find_qemu(&desktop) == qemu);
        qemu = embedded_find_qemu(&desktop);
    }
    look_again();
    assert_int_equal(starts_of(&run), 1);
}

static int clean(void **state)
{
    int pid;

    (void)state;
    while ((pid = embedded_find_qemu(&desktop)) != 0) {
        kill(pid, SIGKILL);
        usleep(50000);
    }
    fx_remove(&f);
    return 0;
}

/* The intent file is lost while a machine with a disk is off: its run may have been started before.
 */
static void after_a_lost_file_a_run_is_suspect(void **state)
{
    char path[128];
    int status;
    pid_t pid;

    (void)state;
    snprintf(path, sizeof path, "%s/state.json", f.dir);
    assert_int_equal(truncate(path, 20), 0);
    run = id_new();
    pid = spawn(true);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(starts_of(&run), 0);
    run = id_new();
    pid = spawn(true);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(starts_of(&run), 1);
}

static int setup(void **state)
{
    (void)state;
    fx_make(&f, true);
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    desktop = id_new();
    overlay = id_new();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_run_is_started_twice),
                                        cmocka_unit_test(what_runs_is_adopted),
                                        cmocka_unit_test(after_a_lost_file_a_run_is_suspect) };

    return cmocka_run_group_tests(tests, setup, clean);
}
