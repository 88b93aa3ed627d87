// AVX-512 with VNNI, and pairs of bf16 multiplied at once.
#if defined(__x86_64__)
#define FS_SET fs_kernels_avx512_pairs
#define FS_NAME "avx512"
#define FS_TARGET "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512bf16,avx512vbmi2"
#define FS_BF16_PAIRS
#include "x86_avx512.h"
#endif
