#define _GNU_SOURCE
#include "CPowerCut.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// Descriptors and files beyond these are not recorded; a store has a handful.
#define DESCRIPTORS 4096
#define FILES 4096
#define PATH_BYTES 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_BYTES];
static size_t root_length;
static int trace = -1;
static uint64_t faults, seed, records;
// The number of the file behind a descriptor, and its number in `paths`; 0 where it is none of ours.
static uint16_t file_of[DESCRIPTORS];
static char *paths[FILES];
static uint16_t path_count;

static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_write)(int, const void *, size_t);
static int (*next_fsync)(int);
static int (*next_fdatasync)(int);
static int (*next_ftruncate)(int, off_t);
static int (*next_close)(int);
static int (*next_unlink)(const char *);
static int (*next_rename)(const char *, const char *);
static int (*next_open)(const char *, int, ...);

// SplitMix64: the same seed fails the same calls where the calls come in the same order.
static int fails(void) {
  if (faults == 0) return 0;
  seed += 0x9e3779b97f4a7c15ull;
  uint64_t z = seed;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return (z ^ (z >> 31)) % faults == 0;
}

// With the lock held. A record that cannot be kept makes all of it worthless, so the process ends.
static void note(uint16_t kind, uint16_t file, uint64_t position, const void *bytes, size_t length) {
  struct cpowercut_record record = {cpowercut_magic, kind, file, position, length};
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, length}};
  if (writev(trace, parts, length ? 2 : 1) != (ssize_t)(sizeof record + length)) _exit(70);
  records++;
}

__attribute__((constructor)) static void begin(void) {
  next_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  next_write = dlsym(RTLD_NEXT, "write");
  next_fsync = dlsym(RTLD_NEXT, "fsync");
  next_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  next_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  next_close = dlsym(RTLD_NEXT, "close");
  next_unlink = dlsym(RTLD_NEXT, "unlink");
  next_rename = dlsym(RTLD_NEXT, "rename");
  next_open = dlsym(RTLD_NEXT, "open64");
  const char *folder = getenv("STRONGROOM_POWERCUT_ROOT");
  const char *record = getenv("STRONGROOM_POWERCUT_TRACE");
  const char *rate = getenv("STRONGROOM_POWERCUT_FAULTS");
  const char *chosen = getenv("STRONGROOM_POWERCUT_SEED");
  if (!folder || !record || strlen(folder) >= sizeof root) return;
  strcpy(root, folder);
  root_length = strlen(root);
  faults = rate ? strtoull(rate, NULL, 10) : 0;
  seed = chosen ? strtoull(chosen, NULL, 10) : 1;
  trace = next_open(record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (trace < 0) _exit(70);
  note(cpowercut_began, 0, 0, NULL, 0);
  records = 0;
}

// The number of a path below the root, from 1; 0 for others. With the lock held.
static uint16_t number(const char *path) {
  if (trace < 0 || strncmp(path, root, root_length) != 0) return 0;
  for (uint16_t known = 1; known <= path_count; known++)
    if (strcmp(paths[known], path) == 0) return known;
  if (path_count + 1 >= FILES) _exit(70);
  paths[++path_count] = strdup(path);
  return path_count;
}

static uint16_t file(int descriptor) {
  return descriptor >= 0 && descriptor < DESCRIPTORS ? file_of[descriptor] : 0;
}

static int opened(int descriptor, const char *path, int is_new) {
  if (descriptor < 0 || descriptor >= DESCRIPTORS || trace < 0) return descriptor;
  int reason = errno;
  pthread_mutex_lock(&lock);
  uint16_t known = number(path);
  file_of[descriptor] = known;
  if (known) note(cpowercut_opened, known, is_new, path, strlen(path));
  pthread_mutex_unlock(&lock);
  errno = reason;
  return descriptor;
}

static int open_as(const char *path, int flags, mode_t mode) {
  int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
  return opened(next_open(path, flags, mode), path, is_new);
}

static mode_t mode_of(int flags, va_list list) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_as(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_as(path, flags, mode);
}

int close(int descriptor) {
  if (file(descriptor)) {
    pthread_mutex_lock(&lock);
    file_of[descriptor] = 0;
    pthread_mutex_unlock(&lock);
  }
  return next_close(descriptor);
}

static ssize_t written(uint16_t known, ssize_t count, const void *bytes, uint64_t position) {
  if (count > 0) note(cpowercut_written, known, position, bytes, (size_t)count);
  return count;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t position) {
  uint16_t known = file(descriptor);
  if (!known) return next_pwrite(descriptor, bytes, count, position);
  pthread_mutex_lock(&lock);
  ssize_t done = -1;
  if (fails()) {
    errno = ENOSPC;
  } else {
    done = written(known, next_pwrite(descriptor, bytes, count, position), bytes, (uint64_t)position);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t position) {
  return pwrite64(descriptor, bytes, count, position);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  uint16_t known = file(descriptor);
  if (!known) return next_write(descriptor, bytes, count);
  pthread_mutex_lock(&lock);
  ssize_t done = next_write(descriptor, bytes, count);
  // After the call: a file that is appended to has its place only then.
  uint64_t end = done > 0 ? (uint64_t)lseek(descriptor, 0, SEEK_CUR) : 0;
  written(known, done, bytes, end - (done > 0 ? (uint64_t)done : 0));
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate64(int descriptor, off_t size) {
  uint16_t known = file(descriptor);
  if (!known) return next_ftruncate(descriptor, size);
  pthread_mutex_lock(&lock);
  int done = next_ftruncate(descriptor, size);
  if (done == 0) note(cpowercut_cut, known, (uint64_t)size, NULL, 0);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

// The disk is not waited for with the lock held: what others write meanwhile is not covered by this sync.
static int synced(int descriptor, int (*next)(int)) {
  uint16_t known = file(descriptor);
  if (!known) return next(descriptor);
  pthread_mutex_lock(&lock);
  uint64_t before = records;
  int is_failing = fails();
  if (is_failing) note(cpowercut_sync_failed, known, before, NULL, 0);
  pthread_mutex_unlock(&lock);
  if (is_failing) {
    errno = EIO;
    return -1;
  }
  int done = next(descriptor);
  if (done == 0) {
    pthread_mutex_lock(&lock);
    note(cpowercut_synced, known, before, NULL, 0);
    pthread_mutex_unlock(&lock);
  }
  return done;
}

int fsync(int descriptor) { return synced(descriptor, next_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, next_fdatasync); }

int unlink(const char *path) {
  int done = next_unlink(path);
  if (done == 0 && trace >= 0) {
    pthread_mutex_lock(&lock);
    uint16_t known = number(path);
    if (known) note(cpowercut_removed, known, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
  }
  return done;
}

int rename(const char *from, const char *to) {
  int done = next_rename(from, to);
  if (done == 0 && trace >= 0) {
    pthread_mutex_lock(&lock);
    uint16_t known = number(from);
    if (known) note(cpowercut_renamed, known, 0, to, strlen(to));
    pthread_mutex_unlock(&lock);
  }
  return done;
}
