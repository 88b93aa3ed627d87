// AVX-512 with VNNI and pairs of bf16 for cores that read one stream of lines as fast as memory brings it, and have products to
// spare for several rows meanwhile (Zen 5).
#if defined(__x86_64__)
#define FS_SET fs_kernels_avx512_streams
#define FS_NAME "avx512"
#define FS_TARGET "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512bf16,avx512vbmi2"
#define FS_BF16_PAIRS
#define FS_STREAMING
#include "x86_avx512.h"
#endif
