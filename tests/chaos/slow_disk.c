/* Loaded before a program: every wait for the disk takes longer by ORRERY_DISK_DELAY_MS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void linger(void) {
  const char* text = getenv("ORRERY_DISK_DELAY_MS");
  long ms = text ? atol(text) : 0;
  struct timespec length = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&length, NULL);
}

int fsync(int file) {
  linger();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
  linger();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
