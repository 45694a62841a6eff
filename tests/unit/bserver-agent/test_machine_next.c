#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "bserver-agent/machine.h"

#define RUN_A "11111111-1111-4111-8111-111111111111"
#define RUN_B "22222222-2222-4222-8222-222222222222"
#define DISK_A "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define DISK_B "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"

enum { NOW = 1000000 };

/* One row: what is wanted, seen, intended; what must be done. Empty text is "none". */
struct row {
    const char *name;
    const char *run, *overlay; /* wanted */
    bool deleting, destroy;
    enum machine_power power; /* seen */
    const char *seen_run, *disk;
    bool image, foreign;
    int power_age, shutdown_age, again_age, not_before; /* ms; shutdown_age 0 = not asked */
    const char *last;                                   /* intent */
    enum intent_state state;
    bool used, suspect;
    const char *order_run; /* an order for this run; NULL = none */
    enum intent_order_state order;
    bool no_disks;
    enum machine_action must;
};

static const struct row rows[] = {
    /* off and to be off */
    { .name = "nothing wanted, nothing there", .must = MACHINE_REST },
    { .name = "disk there, run null", .overlay = DISK_A, .disk = DISK_A, .must = MACHINE_REST },
    { .name = "defined, never ran",
      .power = MACHINE_OFF,
      .seen_run = RUN_A,
      .disk = DISK_A,
      .power_age = 5000,
      .must = MACHINE_FINISH },
    /* disks */
    { .name = "no disk, no image", .overlay = DISK_A, .run = RUN_A, .must = MACHINE_WAIT_IMAGE },
    { .name = "no disk, image here",
      .overlay = DISK_A,
      .run = RUN_A,
      .image = true,
      .must = MACHINE_MAKE_DISK },
    { .name = "rebuild while off",
      .overlay = DISK_B,
      .disk = DISK_A,
      .image = true,
      .must = MACHINE_MAKE_DISK },
    { .name = "rebuild while the wanted run runs waits",
      .overlay = DISK_B,
      .disk = DISK_A,
      .image = true,
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .must = MACHINE_REST },
    { .name = "rebuild stops first",
      .overlay = DISK_B,
      .disk = DISK_A,
      .image = true,
      .destroy = true,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .must = MACHINE_DESTROY },
    { .name = "no overlay wanted, none there: nothing to start",
      .run = RUN_A,
      .must = MACHINE_REST },
    { .name = "simulated: the disk is made without an image",
      .overlay = DISK_A,
      .no_disks = true,
      .must = MACHINE_MAKE_DISK },
    { .name = "simulated: starts without a disk",
      .run = RUN_A,
      .no_disks = true,
      .must = MACHINE_START },
    /* starting */
    { .name = "image gone: wait, a failed start would use the run up",
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .must = MACHINE_WAIT_IMAGE },
    { .name = "new run",
      .image = true,
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .must = MACHINE_START },
    { .name = "new run after an old one",
      .image = true,
      .run = RUN_B,
      .overlay = DISK_A,
      .disk = DISK_A,
      .last = RUN_A,
      .state = INTENT_ENDED,
      .must = MACHINE_START },
    { .name = "used run",
      .image = true,
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .last = RUN_A,
      .state = INTENT_ENDED,
      .used = true,
      .must = MACHINE_REST },
    { .name = "used long ago",
      .image = true,
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .last = RUN_B,
      .state = INTENT_ENDED,
      .used = true,
      .must = MACHINE_REST },
    { .name = "state file lost",
      .image = true,
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .suspect = true,
      .must = MACHINE_SUSPECT },
    { .name = "state file lost, but its disk is new",
      .run = RUN_A,
      .overlay = DISK_B,
      .disk = DISK_A,
      .image = true,
      .suspect = true,
      .must = MACHINE_MAKE_DISK },
    { .name = "start intended, nothing there",
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .last = RUN_A,
      .state = INTENT_STARTING,
      .used = true,
      .must = MACHINE_FINISH },
    { .name = "was running, machine rebooted",
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .must = MACHINE_FINISH },
    { .name = "another is wanted, the old one's end not written",
      .run = RUN_B,
      .overlay = DISK_A,
      .disk = DISK_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .must = MACHINE_FINISH },
    { .name = "a foreign QEMU blocks",
      .image = true,
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .foreign = true,
      .must = MACHINE_REST },
    { .name = "after a failure: not yet",
      .image = true,
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .not_before = 1000,
      .must = MACHINE_REST },
    { .name = "unknown is not off",
      .image = true,
      .run = RUN_A,
      .overlay = DISK_A,
      .disk = DISK_A,
      .power = MACHINE_UNKNOWN,
      .must = MACHINE_REST },
    /* paused (starting up), and the first listing after a restart */
    { .name = "starting up is provisional",
      .run = RUN_A,
      .power = MACHINE_STARTING,
      .seen_run = RUN_A,
      .power_age = 500,
      .last = RUN_A,
      .state = INTENT_STARTING,
      .used = true,
      .must = MACHINE_REST },
    { .name = "starting up, unwanted: also",
      .power = MACHINE_STARTING,
      .seen_run = RUN_A,
      .power_age = 500,
      .must = MACHINE_REST },
    { .name = "starting up for ever",
      .run = RUN_A,
      .power = MACHINE_STARTING,
      .seen_run = RUN_A,
      .power_age = MACHINE_STUCK_MS,
      .last = RUN_A,
      .state = INTENT_STARTING,
      .used = true,
      .must = MACHINE_DESTROY },
    { .name = "off a moment after a start",
      .run = RUN_A,
      .power = MACHINE_OFF,
      .seen_run = RUN_A,
      .power_age = 100,
      .last = RUN_A,
      .state = INTENT_STARTING,
      .used = true,
      .must = MACHINE_REST },
    { .name = "off for long after a start",
      .run = RUN_A,
      .power = MACHINE_OFF,
      .seen_run = RUN_A,
      .power_age = MACHINE_SETTLE_MS,
      .last = RUN_A,
      .state = INTENT_STARTING,
      .used = true,
      .must = MACHINE_FINISH },
    /* running */
    { .name = "runs and is written down",
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .must = MACHINE_REST },
    { .name = "found running: adopt",
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_STARTING,
      .used = true,
      .must = MACHINE_ADOPT },
    { .name = "found running after the file was lost: adopt",
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .suspect = true,
      .must = MACHINE_ADOPT },
    { .name = "paused is running too",
      .run = RUN_A,
      .power = MACHINE_PAUSED,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .must = MACHINE_REST },
    { .name = "crashed",
      .run = RUN_A,
      .power = MACHINE_CRASHED,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .must = MACHINE_FINISH },
    /* stopping */
    { .name = "shut down: the button",
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .must = MACHINE_SHUTDOWN },
    { .name = "shut down: wait",
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .shutdown_age = 5000,
      .again_age = 5000,
      .must = MACHINE_REST },
    { .name = "shut down: the button again",
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .shutdown_age = 25000,
      .again_age = MACHINE_AGAIN_MS,
      .must = MACHINE_SHUTDOWN },
    { .name = "shut down: enough",
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .shutdown_age = MACHINE_SHUTDOWN_MS,
      .again_age = 100,
      .must = MACHINE_DESTROY },
    { .name = "a paused one cannot hear the button",
      .power = MACHINE_PAUSED,
      .seen_run = RUN_A,
      .must = MACHINE_DESTROY },
    { .name = "destroy",
      .destroy = true,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .must = MACHINE_DESTROY },
    { .name = "another run: the old one first",
      .run = RUN_B,
      .destroy = true,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .must = MACHINE_DESTROY },
    { .name = "another run, gently",
      .run = RUN_B,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .must = MACHINE_SHUTDOWN },
    /* deleting */
    { .name = "deleting: stop",
      .deleting = true,
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .must = MACHINE_DESTROY },
    { .name = "deleting: end",
      .deleting = true,
      .power = MACHINE_OFF,
      .seen_run = RUN_A,
      .power_age = 9000,
      .disk = DISK_A,
      .must = MACHINE_FINISH },
    { .name = "deleting: disk",
      .deleting = true,
      .overlay = DISK_A,
      .disk = DISK_A,
      .must = MACHINE_RECYCLE },
    { .name = "deleting: no new disk",
      .deleting = true,
      .overlay = DISK_A,
      .image = true,
      .must = MACHINE_REST },
    { .name = "deleting: no start", .deleting = true, .run = RUN_A, .must = MACHINE_REST },
    /* orders */
    { .name = "order for the run",
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .order_run = RUN_A,
      .must = MACHINE_ORDER },
    { .name = "order done",
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .order_run = RUN_A,
      .order = INTENT_ORDER_DONE,
      .must = MACHINE_REST },
    { .name = "order begun: nobody knows, nobody repeats",
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .order_run = RUN_A,
      .order = INTENT_ORDER_UNKNOWN,
      .must = MACHINE_REST },
    { .name = "order for another run",
      .run = RUN_A,
      .power = MACHINE_RUNNING,
      .seen_run = RUN_A,
      .last = RUN_A,
      .state = INTENT_RUNNING,
      .used = true,
      .order_run = RUN_B,
      .must = MACHINE_REST },
    { .name = "order while off", .order_run = RUN_A, .must = MACHINE_REST },
};

static void set(struct id *to, const char *text)
{
    memset(to, 0, sizeof *to);
    if (text)
        assert_true(id_parse(text, to));
}

static enum machine_action decide(const struct row *r, int *index)
{
    struct wanted w = { .deleting = r->deleting, .destroy = r->destroy };
    struct machine_seen s = { .power = r->power,
                              .image_here = r->image,
                              .foreign_qemu = r->foreign,
                              .power_since = NOW - r->power_age,
                              .not_before = r->not_before ? NOW + r->not_before : 0 };
    struct machine_intent i = { .used = r->used, .suspect = r->suspect };

    set(&w.run, r->run);
    set(&w.overlay.id, r->overlay);
    set(&s.run, r->seen_run);
    set(&s.overlay, r->disk);
    set(&i.last.run, r->last);
    i.last.state = r->state;
    s.shutdown_since = r->shutdown_age ? NOW - r->shutdown_age : 0;
    s.shutdown_last = r->again_age ? NOW - r->again_age : 0;
    if (r->order_run) {
        w.norders = 1;
        set(&w.orders[0].run, r->order_run);
        i.orders[0] = r->order;
    }
    return machine_next(&w, &s, &i, !r->no_disks, NOW, index);
}

static void every_row(void **state)
{
    int bad = 0, index;

    (void)state;
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        enum machine_action is = decide(&rows[n], &index);

        if (is == rows[n].must && (index == 0) == (is == MACHINE_ORDER))
            continue;
        print_error("%s: %s, must be %s\n", rows[n].name, machine_action_word(is),
                    machine_action_word(rows[n].must));
        bad++;
    }
    assert_int_equal(bad, 0);
}

static void may_start(const struct row *r)
{
    assert_false(r->used || r->suspect || r->foreign || r->deleting);
    assert_int_equal(r->power, MACHINE_NONE);
    assert_true(r->state == INTENT_NONE || r->state == INTENT_ENDED);
    assert_true(r->no_disks || (r->image && r->disk && strcmp(r->disk, r->overlay) == 0));
}

/* Whatever else is the case: a used run id is never started, and a machine that runs never again.
 */
static void never_twice(void **state)
{
    static const enum machine_power powers[] = { MACHINE_NONE,     MACHINE_OFF,     MACHINE_CRASHED,
                                                 MACHINE_STARTING, MACHINE_RUNNING, MACHINE_PAUSED,
                                                 MACHINE_UNKNOWN };
    int index;

    (void)state;
    for (unsigned bits = 0; bits < 1u << 9; bits++)
        for (size_t p = 0; p < 7; p++)
            for (int last = 0; last < 4; last++) {
                struct row r = { .run = RUN_A,
                                 .overlay = bits & 1 ? DISK_A : DISK_B,
                                 .disk = bits & 2 ? DISK_A : NULL,
                                 .deleting = bits & 4,
                                 .destroy = bits & 8,
                                 .image = bits & 16,
                                 .foreign = bits & 32,
                                 .no_disks = bits & 64,
                                 .used = bits & 128,
                                 .suspect = bits & 256,
                                 .power = powers[p],
                                 .seen_run = machine_active(powers[p]) ? RUN_A : NULL,
                                 .power_age = 60000,
                                 .last = last ? RUN_A : NULL,
                                 .state = (enum intent_state)last };

                if (decide(&r, &index) == MACHINE_START)
                    may_start(&r);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_row),
                                        cmocka_unit_test(never_twice) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
