// NEON, as every 64-bit ARM processor has it.
#if defined(__aarch64__)
#define FS_SET fs_kernels_neon
#define FS_NAME "neon"
#define FS_TARGET "neon"
#include "narrow.h"
#endif
