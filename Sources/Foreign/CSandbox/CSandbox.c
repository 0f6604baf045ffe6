#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Landlock's numbers are the same on every architecture; the structures are written out here, because the headers of
// an older distribution know neither ports nor scopes.
#define CALL_LANDLOCK_CREATE_RULESET 444
#define CALL_LANDLOCK_ADD_RULE 445
#define CALL_LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_VERSION_FLAG 1U
#define LANDLOCK_PATH_BENEATH 1
#define LANDLOCK_PORT 2

struct ruleset {
  uint64_t files;
  uint64_t network;
  uint64_t scopes;
};
struct path_rule {
  uint64_t rights;
  int32_t descriptor;
} __attribute__((packed));
struct port_rule {
  uint64_t rights;
  uint64_t port;
};

int csandbox_landlock_abi(void) {
  return (int)syscall(CALL_LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION_FLAG);
}

int csandbox_landlock_create(uint64_t files, uint64_t network, uint64_t scopes) {
  struct ruleset rules = {files, network, scopes};
  // An older kernel takes the longer structure as long as what it does not know is zero.
  return (int)syscall(CALL_LANDLOCK_CREATE_RULESET, &rules, sizeof rules, 0);
}

int csandbox_landlock_allow_path(int ruleset, int path_descriptor, uint64_t rights) {
  struct path_rule rule = {rights, path_descriptor};
  return (int)syscall(CALL_LANDLOCK_ADD_RULE, ruleset, LANDLOCK_PATH_BENEATH, &rule, 0);
}

int csandbox_landlock_allow_port(int ruleset, uint64_t port, uint64_t rights) {
  struct port_rule rule = {rights, port};
  return (int)syscall(CALL_LANDLOCK_ADD_RULE, ruleset, LANDLOCK_PORT, &rule, 0);
}

int csandbox_landlock_enter(int ruleset) {
  return (int)syscall(CALL_LANDLOCK_RESTRICT_SELF, ruleset, 0);
}

int csandbox_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int csandbox_seccomp_install(const struct sock_filter *program, unsigned short count) {
  struct sock_fprog whole = {count, (struct sock_filter *)program};
  long result = syscall(
      SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG, &whole);
  // With TSYNC a positive result is the thread that could not follow.
  if (result > 0) errno = ESRCH;
  return result == 0 ? 0 : -1;
}

int csandbox_seccomp_has_action(uint32_t action) {
  return (int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

uint32_t csandbox_architecture(void) {
#if defined(__x86_64__)
  return AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  return AUDIT_ARCH_AARCH64;
#else
#error "the system call filter knows x86-64 and aarch64"
#endif
}

int csandbox_become(uint32_t user, uint32_t group, const uint32_t *also, size_t also_count) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return -1;
  if (setgroups(also_count, also) != 0 || setresgid(group, group, group) != 0) return -1;
  return setresuid(user, user, user);
}

int csandbox_bound_capabilities(int keep_bind) {
  // EINVAL is the end of the capabilities that this kernel knows; EPERM is one who has none to drop.
  for (int number = 0; number < 64; number++) {
    if (keep_bind && number == CAP_NET_BIND_SERVICE) continue;
    if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
      if (errno == EINVAL || errno == EPERM) break;
      return -1;
    }
  }
  return 0;
}

int csandbox_drop_capabilities(int keep_bind) {
  uint32_t kept = keep_bind ? 1U << CAP_NET_BIND_SERVICE : 0;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {{kept, kept, kept}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, sets) != 0) return -1;
  if (!keep_bind) return 0;
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
}

static int taken(int result, const struct stat *from, struct csandbox_file_facts *facts) {
    if (result != 0) return -1;
    *facts = (struct csandbox_file_facts){
        .device = from->st_dev, .inode = from->st_ino, .size = from->st_size,
        .changed_seconds = from->st_ctim.tv_sec, .changed_nanoseconds = from->st_ctim.tv_nsec,
        .mode = from->st_mode, .user = from->st_uid, .group = from->st_gid};
    return 0;
}

int csandbox_facts_of(int descriptor, struct csandbox_file_facts *facts) {
    struct stat found;
    return taken(fstat(descriptor, &found), &found, facts);
}

int csandbox_facts_at(const char *path, struct csandbox_file_facts *facts) {
    struct stat found;
    return taken(lstat(path, &found), &found, facts);
}

// PTRACE_SEIZE, not PTRACE_ATTACH: the process is not stopped, and runs on when the tracer ends.
int csandbox_ptrace_attach(int pid) { return (int)ptrace(PTRACE_SEIZE, pid, NULL, NULL); }

long csandbox_call(long number, long a, long b, long c, long d, long e, long f) {
  return syscall(number, a, b, c, d, e, f);
}

int csandbox_allocator_limits(int mapping_threshold, int kept) {
  // mallopt(3) says 1 where it took the value.
  if (mallopt(M_MMAP_THRESHOLD, mapping_threshold) == 1 && mallopt(M_TRIM_THRESHOLD, kept) == 1) return 0;
  errno = EINVAL;
  return -1;
}
