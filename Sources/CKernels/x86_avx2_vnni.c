// AVX2 with products of four bytes at once (AVX-VNNI: Intel's processors without AVX-512 from 2021 on).
#if defined(__x86_64__)
#define FS_SET fs_kernels_avx2_vnni
#define FS_NAME "avx2"
#define FS_TARGET "avx2,fma,avxvnni"
#define FS_DOT_PRODUCT
#include "narrow.h"
#endif
