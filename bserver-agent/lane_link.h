/*
 * lane_link — whether the network of a display lane can carry anything (design §2: two display
 * NICs, 50 desktops each). Looks at the interface that has the lane's address; no packet is sent.
 */
#ifndef BSERVER_AGENT_LANE_LINK_H
#define BSERVER_AGENT_LANE_LINK_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * True: an interface with this address is up and has its carrier; or the address is a wildcard, or
 * the interfaces cannot be listed (then nothing is known against it). False: its interface is down,
 * or none has the address any more.
 */
bool lane_link_up(const struct sockaddr *address);

#endif
