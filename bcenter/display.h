/*
 * display — at which lanes of its bServer a desktop's screen can be opened, best first (design §2,
 * §5.7; docs/display.md). A ticket is good at each lane of its bServer, so a lane that dies costs a
 * new connection and nothing else.
 */
#ifndef BCENTER_DISPLAY_H
#define BCENTER_DISPLAY_H

#include "bcenter/module.h"

enum { DISPLAY_LANES = 4 };

struct display {
    int n;
    struct {
        int no;
        char url[300];
    } lane[DISPLAY_LANES];
};

/*
 * Pure. The desktop's own lane while its network is up, then the others that are, those with fewer
 * desktops first; then those that are down, for that word may be old. Lanes without a screen are
 * left out.
 */
void display_of(const struct bserver *b, int lane, struct display *out);
/* {url,lane,protocols,others:[{lane,url}]}; n is at least 1. */
json_t *display_json(const struct display *d, const char *ticket);

#endif
