// Which processors threads run on. Here because Swift's Glibc module leaves out what needs _GNU_SOURCE.
#if defined(__linux__)
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

#include "CKernels.h"

ptrdiff_t fs_allowed_processors(int32_t *numbers, ptrdiff_t capacity) {
  ptrdiff_t count = 0;
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(getpid(), sizeof mask, &mask) != 0) return 0;
  for (int32_t i = 0; i < CPU_SETSIZE && count < capacity; i++)
    if (CPU_ISSET(i, &mask)) numbers[count++] = i;
#else
  (void)numbers, (void)capacity;
#endif
  return count;
}

void fs_bind_thread(const int32_t *numbers, ptrdiff_t count) {
#if defined(__linux__)
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (ptrdiff_t i = 0; i < count; i++) CPU_SET(numbers[i], &mask);
  sched_setaffinity(0, sizeof mask, &mask);
#else
  (void)numbers, (void)count;
#endif
}

void fs_name_thread(const char *name) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), name);
#else
  (void)name;
#endif
}
