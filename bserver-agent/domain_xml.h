/*
 * domain_xml — a wanted desktop and the facts of its host → libvirt's <domain>. Pure: no clock, no
 * I/O.
 *
 * Built as a libxml2 tree, so that escaping is libxml2's business alone. Golden files:
 * tests/unit/golden/domain/. Metadata <bic:desktop xmlns:bic="urn:bic:1" id run generation/> is
 * what tells our domains and their runs apart afterwards.
 */
#ifndef BSERVER_AGENT_DOMAIN_XML_H
#define BSERVER_AGENT_DOMAIN_XML_H

#include "bserver-agent/hypervisor.h"
#include "bserver-agent/wanted.h"

#define DOMAIN_XML_NAMESPACE "urn:bic:1"
#define DOMAIN_NAME_PREFIX "bic-"
#define GUEST_CHANNEL "org.bic.guest.0"

struct domain_host {
    enum hypervisor_kind kind;
    bool kvm;                 /* else TCG; no matter with the test driver */
    const char *emulator;     /* path of QEMU; NULL = libvirt's choice */
    const char *disk, *image; /* paths of the overlay and of what it lies on; NULL = no disk */
    const char *nvram;        /* path of the UEFI variables; NULL unless the desktop is uefi */
    const char *channel;      /* path before ".agent" and ".bic" of the channels' sockets; NULL =
                                 libvirt's choice */
};

/* malloc'd text. INTERNAL when out of memory, INVALID_REQUEST for a VF address that is none. */
int domain_xml(const struct wanted *w, const struct domain_host *host, char **out,
               struct err *e) MUSTCHECK;

/* Reads the metadata element back; false if it is not ours. */
bool domain_xml_metadata(const char *xml, struct id *desktop, struct id *run);

#endif
