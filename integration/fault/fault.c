/* fault: a library for LD_PRELOAD that breaks a server's disk at a chosen moment.
 *
 * It sits before the calls that change files, counts them, and when the countdown in the shared control file
 * (FAULT_CONTROL, see fault.py) reaches zero either kills the process, half of the bytes of a write already on the
 * page, or makes this and the next `length - 1` calls fail with `error`. Sockets and pipes are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF = 0, KILL = 1, FAIL = 2 };
enum { WRITES = 1, SYNCS = 2, NAMES = 4, OPENS = 8 };

struct control {
  _Atomic int64_t mode, countdown, error, length, kinds, seen, hit;
};

static struct control* control;

__attribute__((constructor)) static void start(void) {
  const char* path = getenv("FAULT_CONTROL");
  int fd = path ? open(path, O_RDWR) : -1;
  if (fd < 0) return;
  void* map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED) control = map;
}

/* 0: go on; 1: fail with errno set; never returns when the process is to die, except to let half a write through. */
static int strikes(int kind, int* die) {
  *die = 0;
  if (!control || control->mode == OFF || !(control->kinds & kind)) return 0;
  control->seen++;
  int64_t left = control->countdown--;
  if (left > 0) return 0;
  if (control->mode == KILL) {
    if (left == 0) *die = 1;
    return 0;
  }
  if (-left >= control->length) return 0;
  control->hit++;
  errno = (int)control->error;
  return 1;
}

static void die_now(void) {
  control->hit++;
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int is_file(int fd) {
  int keep = errno;
  struct stat about;
  int yes = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  errno = keep;
  return yes;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define WRITE_LIKE(name, offset_type)                                                       \
  ssize_t name(int fd, const void* bytes, size_t count, offset_type offset) {               \
    REAL(name);                                                                             \
    int die;                                                                                \
    if (is_file(fd)) {                                                                      \
      if (strikes(WRITES, &die)) return -1;                                                 \
      if (die) {                                                                            \
        ssize_t half = real(fd, bytes, count / 2, offset);                                  \
        (void)half;                                                                         \
        die_now();                                                                          \
      }                                                                                     \
    }                                                                                       \
    return real(fd, bytes, count, offset);                                                  \
  }
WRITE_LIKE(pwrite, off_t)
WRITE_LIKE(pwrite64, off64_t)

ssize_t write(int fd, const void* bytes, size_t count) {
  REAL(write);
  int die;
  if (is_file(fd)) {
    if (strikes(WRITES, &die)) return -1;
    if (die) {
      ssize_t half = real(fd, bytes, count / 2);
      (void)half;
      die_now();
    }
  }
  return real(fd, bytes, count);
}

#define SIMPLE(kind, name, params, args, regular)  \
  int name params {                                \
    REAL(name);                                    \
    int die;                                       \
    if (regular) {                                 \
      if (strikes(kind, &die)) return -1;          \
      if (die) die_now();                          \
    }                                              \
    return real args;                              \
  }
SIMPLE(SYNCS, fsync, (int fd), (fd), 1)
SIMPLE(SYNCS, fdatasync, (int fd), (fd), 1)
SIMPLE(WRITES, ftruncate, (int fd, off_t size), (fd, size), is_file(fd))
SIMPLE(WRITES, ftruncate64, (int fd, off64_t size), (fd, size), is_file(fd))
SIMPLE(NAMES, rename, (const char* from, const char* to), (from, to), 1)
SIMPLE(NAMES, link, (const char* from, const char* to), (from, to), 1)
SIMPLE(NAMES, unlink, (const char* path), (path), 1)

#define OPEN_LIKE(name)                                     \
  int name(const char* path, int flags, ...) {              \
    REAL(name);                                             \
    va_list rest;                                           \
    va_start(rest, flags);                                  \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                           \
    int die;                                                \
    if (strncmp(path, "/dev", 4) != 0 && strncmp(path, "/proc", 5) != 0) { \
      if (strikes(OPENS, &die)) return -1;                  \
      if (die) die_now();                                   \
    }                                                       \
    return real(path, flags, mode);                         \
  }
OPEN_LIKE(open)
OPEN_LIKE(open64)
