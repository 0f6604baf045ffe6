#include "CSandbox.h"

#include <string.h>
#include <sys/syscall.h>

// The calls that the filter's lists and the drills name; one that is not here is refused like every call not listed.
#define CALL(name) {#name, __NR_##name},

static const struct {
  const char *name;
  long number;
} system_calls[] = {
    // On both architectures.
    CALL(accept) CALL(accept4) CALL(acct) CALL(add_key) CALL(bind) CALL(bpf) CALL(brk) CALL(chdir) CALL(chroot)
    CALL(clock_getres) CALL(clock_gettime) CALL(clock_nanosleep) CALL(clock_settime) CALL(clone) CALL(close)
    CALL(connect) CALL(copy_file_range) CALL(delete_module) CALL(dup) CALL(dup3) CALL(epoll_create1) CALL(epoll_ctl)
    CALL(epoll_pwait) CALL(eventfd2) CALL(execve) CALL(execveat) CALL(exit) CALL(exit_group) CALL(faccessat)
    CALL(fadvise64) CALL(fallocate) CALL(fanotify_init) CALL(fchdir) CALL(fchmod) CALL(fchmodat) CALL(fchown)
    CALL(fchownat) CALL(fcntl) CALL(fdatasync) CALL(finit_module) CALL(flock) CALL(fstat) CALL(fstatfs) CALL(fsync)
    CALL(ftruncate) CALL(futex) CALL(getcwd) CALL(getdents64) CALL(getegid) CALL(geteuid) CALL(getgid)
    CALL(getitimer) CALL(getpeername) CALL(getpid) CALL(getppid) CALL(getpriority) CALL(getrandom) CALL(getresgid)
    CALL(getresuid) CALL(getrlimit) CALL(getrusage) CALL(getsockname) CALL(getsockopt) CALL(gettid)
    CALL(gettimeofday) CALL(getuid) CALL(getxattr) CALL(init_module) CALL(inotify_init1) CALL(ioctl)
    CALL(kexec_load) CALL(keyctl) CALL(kill) CALL(linkat) CALL(listen) CALL(listxattr) CALL(lseek) CALL(madvise)
    CALL(mbind) CALL(membarrier) CALL(memfd_create) CALL(mincore) CALL(mkdirat) CALL(mlock) CALL(mlockall)
    CALL(mmap) CALL(mount) CALL(mprotect) CALL(mremap) CALL(munmap) CALL(name_to_handle_at) CALL(nanosleep)
    CALL(newfstatat) CALL(open_by_handle_at) CALL(openat) CALL(perf_event_open) CALL(personality) CALL(pipe2)
    CALL(pivot_root) CALL(pkey_mprotect) CALL(ppoll) CALL(prctl) CALL(pread64) CALL(preadv) CALL(prlimit64)
    CALL(process_vm_readv) CALL(process_vm_writev) CALL(pselect6) CALL(ptrace) CALL(pwrite64) CALL(pwritev)
    CALL(quotactl) CALL(read) CALL(readlinkat) CALL(readv) CALL(reboot) CALL(recvfrom) CALL(recvmmsg) CALL(recvmsg)
    CALL(renameat) CALL(renameat2) CALL(request_key) CALL(restart_syscall) CALL(rseq) CALL(rt_sigaction)
    CALL(rt_sigprocmask) CALL(rt_sigreturn) CALL(rt_sigsuspend) CALL(sched_get_priority_max)
    CALL(sched_get_priority_min) CALL(sched_getaffinity) CALL(sched_getparam) CALL(sched_getscheduler)
    CALL(sched_setaffinity) CALL(sched_yield) CALL(seccomp) CALL(sendmmsg) CALL(sendmsg) CALL(sendto)
    CALL(set_robust_list) CALL(set_tid_address) CALL(setgroups) CALL(sethostname) CALL(setns) CALL(setpriority)
    CALL(setresgid) CALL(setresuid) CALL(setsockopt) CALL(settimeofday) CALL(setxattr) CALL(shutdown)
    CALL(sigaltstack) CALL(signalfd4) CALL(socket) CALL(socketpair) CALL(splice) CALL(statfs) CALL(statx)
    CALL(swapoff) CALL(swapon) CALL(symlinkat) CALL(sysinfo) CALL(syslog) CALL(tee) CALL(tgkill)
    CALL(timerfd_create) CALL(timerfd_gettime) CALL(timerfd_settime) CALL(times) CALL(tkill) CALL(umask)
    CALL(umount2) CALL(uname) CALL(unlinkat) CALL(unshare) CALL(userfaultfd) CALL(utimensat) CALL(vmsplice)
    CALL(wait4) CALL(waitid) CALL(write) CALL(writev)
    // Younger than the kernel headers of some distributions; such numbers are the same everywhere.
    {"pidfd_send_signal", 424}, {"io_uring_setup", 425}, {"io_uring_enter", 426}, {"io_uring_register", 427},
    {"pidfd_open", 434}, {"clone3", 435}, {"close_range", 436}, {"openat2", 437}, {"pidfd_getfd", 438},
    {"faccessat2", 439}, {"process_madvise", 440}, {"epoll_pwait2", 441},
#if defined(__x86_64__)
    // Older spellings, which aarch64 never had.
    CALL(access) CALL(alarm) CALL(arch_prctl) CALL(chmod) CALL(chown) CALL(dup2) CALL(epoll_create) CALL(epoll_wait)
    CALL(eventfd) CALL(fork) CALL(getdents) CALL(ioperm) CALL(iopl) CALL(kexec_file_load) CALL(lchown) CALL(link)
    CALL(lstat) CALL(mkdir) CALL(modify_ldt) CALL(open) CALL(pipe) CALL(poll) CALL(readlink) CALL(rename)
    CALL(rmdir) CALL(select) CALL(signalfd) CALL(stat) CALL(symlink) CALL(time) CALL(unlink) CALL(vfork)
#endif
};

long csandbox_system_call(const char *name) {
  for (size_t index = 0; index < sizeof system_calls / sizeof system_calls[0]; index++) {
    if (strcmp(system_calls[index].name, name) == 0) return system_calls[index].number;
  }
  return -1;
}
