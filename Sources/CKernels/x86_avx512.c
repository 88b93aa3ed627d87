// AVX-512 with VNNI; bf16 weights become floats in the register.
#if defined(__x86_64__)
#define FS_SET fs_kernels_avx512
#define FS_NAME "avx512"
#define FS_TARGET "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni"
#include "x86_avx512.h"
#endif
