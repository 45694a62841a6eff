/*
 * supervisor — what a daemon tells whoever started it: sd_notify(3)'s protocol, one datagram to the
 * socket that NOTIFY_SOCKET names. Spoken here, because libsystemd brings a tenth of a megabyte of
 * libraries into each daemon for it. Without a supervisor nothing is told; nothing here fails.
 */
#ifndef COMMON_DAEMON_SUPERVISOR_H
#define COMMON_DAEMON_SUPERVISOR_H

void supervisor_tell(const char *state); /* "READY=1", "STOPPING=1" */

#endif
