#ifndef STRONGROOM_CSANDBOX_H
#define STRONGROOM_CSANDBOX_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

// What Swift cannot say: system calls without a libc function, variadic prctl(2), and the kernel's numbers.
// Every function returns -1 and sets errno on failure, and decides nothing.

// landlock(7): the newest ABI of this kernel, from 1.
int csandbox_landlock_abi(void);
// A rule set that handles these rights; its descriptor.
int csandbox_landlock_create(uint64_t files, uint64_t network, uint64_t scopes);
int csandbox_landlock_allow_path(int ruleset, int path_descriptor, uint64_t rights);
int csandbox_landlock_allow_port(int ruleset, uint64_t port, uint64_t rights);
// Confines the calling thread for ever. Needs no_new_privs.
int csandbox_landlock_enter(int ruleset);

// prctl(2), PR_SET_NO_NEW_PRIVS.
int csandbox_no_new_privileges(void);
// seccomp(2), SECCOMP_SET_MODE_FILTER, for all threads of the process. Needs no_new_privs.
int csandbox_seccomp_install(const struct sock_filter *program, unsigned short count);
// Whether the kernel knows the action (SECCOMP_GET_ACTION_AVAIL): 0 or -1.
int csandbox_seccomp_has_action(uint32_t action);
// This machine's AUDIT_ARCH word in struct seccomp_data.
uint32_t csandbox_architecture(void);
// The number of a system call on this machine, or -1 where there is none of this name.
long csandbox_system_call(const char *name);

// Changes user and groups for good (setgroups(2), setresgid(2), setresuid(2)), keeping capabilities for the next call.
// also: the further groups, and no others.
int csandbox_become(uint32_t user, uint32_t group, const uint32_t *also, size_t also_count);
// Takes every capability (capabilities(7)) out of the bounding set, with keep_bind all but CAP_NET_BIND_SERVICE. Before
// csandbox_become: it takes one of them. No error where there is none to drop.
int csandbox_bound_capabilities(int keep_bind);
// Drops every capability; with keep_bind all but CAP_NET_BIND_SERVICE, which then survives execve(2).
int csandbox_drop_capabilities(int keep_bind);

// What stat(2) says of a file, in types of our own: Swift finds `struct stat` in one module or another, as its imports are
// ordered.
struct csandbox_file_facts {
    uint64_t device, inode;
    int64_t size, changed_seconds, changed_nanoseconds;
    uint32_t mode, user, group;
};
// By descriptor, fstat(2); by path without following a link, lstat(2). 0, or -1 with errno.
int csandbox_facts_of(int descriptor, struct csandbox_file_facts *facts);
int csandbox_facts_at(const char *path, struct csandbox_file_facts *facts);

// mallopt(3): the size of a block that gets a mapping of its own, and how much free memory the main heap keeps, in bytes.
int csandbox_allocator_limits(int mapping_threshold, int kept);

// ptrace(2) PTRACE_SEIZE, which is variadic in C; for tests and drills.
int csandbox_ptrace_attach(int pid);
// A raw system call by number, with its arguments; for tests and drills.
long csandbox_call(long number, long a, long b, long c, long d, long e, long f);

#endif
