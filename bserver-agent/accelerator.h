/*
 * accelerator — does KVM work here, or is it TCG?
 *
 * The device node alone says nothing: paravirtual KVM modules exist that run an empty machine and
 * hang a kernel. "auto" believes in KVM only if the CPU has virtualisation (vmx, svm), the node can
 * be opened, and a probe machine does in 5 s what a kernel does first: long mode with paging, and
 * 20 interrupts of the local APIC's timer out of HLT. "kvm" and "tcg" are the owner's word.
 */
#ifndef BSERVER_AGENT_ACCELERATOR_H
#define BSERVER_AGENT_ACCELERATOR_H

#include "bserver-agent/hypervisor.h"

/* Fills can->accelerator, kvm, why. PRECONDITION for a word that is none. */
int accelerator_choose(const char *word, struct hypervisor_abilities *can, struct err *e) MUSTCHECK;
/* Runs the probe machine under "kvm" or "tcg". VM_FAILED, DEADLINE. */
int accelerator_probe(const char *emulator, const char *accel, struct err *e) MUSTCHECK;

#endif
