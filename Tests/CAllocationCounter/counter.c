#include "CAllocationCounter.h"

#include <stdbool.h>
#include <stddef.h>

// The C library's own functions, which stay reachable under these names when a program defines the usual ones.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

// Of this thread alone: other tests run beside the one that counts. The model keeps the access from allocating.
#define OF_THREAD static _Thread_local __attribute__((tls_model("initial-exec")))
OF_THREAD bool counting;
OF_THREAD long allocations;

static void count(void) {
  if (counting) allocations++;
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void allocation_counter_start(void) {
  allocations = 0;
  counting = true;
}

long allocation_counter_stop(void) {
  counting = false;
  return allocations;
}
