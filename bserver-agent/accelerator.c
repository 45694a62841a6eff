#include "bserver-agent/accelerator.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bserver-agent/program.h"

enum { PROBE_MS = 5000, PROBE_WORD = 0x2A, SECTOR = 512 };

/*
 * The probe's boot sector: real mode → page tables (identity 2 MiB, and the local APIC's page) →
 * long mode → timer interrupts → the word on isa-debug-exit. Loaded at 0x7C00.
 */
__asm__(".pushsection .rodata\n"
        ".globl accelerator_sector\n"
        ".balign 16\n"
        "accelerator_sector:\n"
        ".code16\n"
        "  cli\n"
        "  cld\n"
        "  xorw %ax, %ax\n"
        "  movw %ax, %ds\n"
        "  movw %ax, %es\n"
        "  movw %ax, %ss\n"
        "  movw $0x7c00, %sp\n"
        "  movw $0x1000, %di\n"
        "  movw $0x2800, %cx\n"
        "  rep stosw\n"
        "  movw $0x2003, 0x1000\n"     /* PML4[0] → PDPT */
        "  movw $0x3003, 0x2000\n"     /* PDPT[0] → first PD */
        "  movw $0x4003, 0x2018\n"     /* PDPT[3] → PD of the APIC's page */
        "  movw $0x0083, 0x3000\n"     /* 0 … 2 MiB */
        "  movl $0xfee00093, 0x4fb8\n" /* 0xFEE00000, uncached */
        "  movw $(0x7c00 + accelerator_isr - accelerator_sector), 0x5200\n" /* vector 32 */
        "  movw $0x0008, 0x5202\n"
        "  movw $0x8e00, 0x5204\n"
        "  lgdtw 0x7c00 + accelerator_gdtr - accelerator_sector\n"
        "  lidtw 0x7c00 + accelerator_idtr - accelerator_sector\n"
        "  movl $0xa0, %eax\n"
        "  movl %eax, %cr4\n"
        "  movl $0x1000, %eax\n"
        "  movl %eax, %cr3\n"
        "  movl $0xc0000080, %ecx\n"
        "  rdmsr\n"
        "  orl $0x100, %eax\n"
        "  wrmsr\n"
        "  movl %cr0, %eax\n"
        "  orl $0x80000001, %eax\n"
        "  movl %eax, %cr0\n"
        "  ljmpw $0x08, $(0x7c00 + accelerator_long - accelerator_sector)\n"
        ".code64\n"
        "accelerator_long:\n"
        "  movl $0x7c00, %esp\n"
        "  movb $0xff, %al\n"
        "  outb %al, $0x21\n"
        "  outb %al, $0xa1\n"
        "  movl $0xfee00000, %edi\n"
        "  movl $0x1ff, 0xf0(%rdi)\n"
        "  movl $3, 0x3e0(%rdi)\n"
        "  movl $0x20020, 0x320(%rdi)\n"
        "  movl $10000, 0x380(%rdi)\n"
        "  xorl %ebx, %ebx\n"
        "1: sti\n"
        "  hlt\n"
        "  cmpl $20, %ebx\n"
        "  jb 1b\n"
        "  movb $0x2a, %al\n"
        "  outb %al, $0xf4\n"
        "2: hlt\n"
        "  jmp 2b\n"
        "accelerator_isr:\n"
        "  incl %ebx\n"
        "  movl $0, 0xb0(%rdi)\n"
        "  iretq\n"
        ".balign 8\n"
        "accelerator_gdt:\n"
        "  .quad 0, 0x00209a0000000000, 0x0000920000000000\n"
        "accelerator_gdtr:\n"
        "  .word 23\n"
        "  .long 0x7c00 + accelerator_gdt - accelerator_sector\n"
        "accelerator_idtr:\n"
        "  .word 0x20f\n"
        "  .long 0x5000\n"
        "  .org accelerator_sector + 510\n"
        "  .word 0xaa55\n"
        ".popsection\n");
extern const unsigned char accelerator_sector[SECTOR];

/* The sector as a file in memory; QEMU gets it as its standard input. */
static int sector_file(void)
{
    int fd = memfd_create("probe", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, accelerator_sector, SECTOR) != SECTOR) {
        close(fd);
        return -1;
    }
    return fd;
}

int accelerator_probe(const char *emulator, const char *accel, struct err *e)
{
    char said[256];
    const char *const argv[] = {
        emulator[0] ? emulator : "qemu-system-x86_64",
        "-accel",
        accel,
        "-machine",
        "pc",
        "-cpu",
        "max",
        "-m",
        "16",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-drive",
        "if=ide,format=raw,snapshot=off,read-only=off,file=/proc/self/fd/0",
        "-device",
        "isa-debug-exit,iobase=0xf4,iosize=1",
        NULL
    };
    int fd = sector_file(), status, rc;
    const struct program p = { .argv = argv, .deadline_ms = PROBE_MS, .input = fd };

    if (fd < 0)
        return err_set(e, ERR_INTERNAL, "no memory file for the probe machine");
    rc = program_run(&p, &status, said, sizeof said, e);
    close(fd);
    if (rc < 0)
        return -1;
    if (status != (PROBE_WORD << 1 | 1)) {
        err_set(e, ERR_VM_FAILED, "the probe machine did not boot");
        return err_cause(e, "exit %d: %s", status, said);
    }
    return 0;
}

/* One of the first processor's flags. */
static bool cpu_virtualises(void)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[8192];
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f)) {
        if (strncmp(line, "flags", 5) != 0)
            continue;
        found = strstr(line, " vmx") || strstr(line, " svm");
        break;
    }
    if (f)
        fclose(f);
    return found;
}

static bool kvm_works(struct hypervisor_abilities *can)
{
    struct err e = { 0 };
    const char *why = NULL;
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        why = "/dev/kvm cannot be opened";
    else
        close(fd);
    if (!why && !cpu_virtualises())
        why = "the processor shows no virtualisation (vmx, svm)";
    if (!why && accelerator_probe(can->emulator, "kvm", &e) < 0)
        why = e.detail;
    snprintf(can->why, sizeof can->why, "%.90s", why ? why : "");
    return !why;
}

int accelerator_choose(const char *word, struct hypervisor_abilities *can, struct err *e)
{
    if (can->kind == HYPERVISOR_SIMULATED) {
        snprintf(can->accelerator, sizeof can->accelerator, "none");
        return 0;
    }
    if (strcmp(word, "kvm") != 0 && strcmp(word, "tcg") != 0 && strcmp(word, "auto") != 0)
        return err_set(e, ERR_PRECONDITION, "accelerator must be auto, kvm or tcg");
    can->kvm = strcmp(word, "kvm") == 0 || (strcmp(word, "auto") == 0 && kvm_works(can));
    if (!can->why[0] && !can->kvm)
        snprintf(can->why, sizeof can->why, "configured");
    snprintf(can->accelerator, sizeof can->accelerator, "%s", can->kvm ? "kvm" : "tcg");
    return 0;
}
