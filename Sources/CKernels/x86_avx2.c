// AVX2 with FMA.
#if defined(__x86_64__)
#define FS_SET fs_kernels_avx2
#define FS_NAME "avx2"
#define FS_TARGET "avx2,fma"
#include "narrow.h"
#endif
