// NEON with products of four bytes at once (FEAT_DotProd: ARMv8.4, most processors from 2018 on).
#if defined(__aarch64__)
#define FS_SET fs_kernels_neon_dot
#define FS_NAME "neon"
#define FS_TARGET "neon,dotprod"
#define FS_DOT_PRODUCT
#include "narrow.h"
#endif
