// What the files of CKernels share: the table a kernel set fills in, and the constants that fix the arithmetic.
//
// Sums are taken in "lanes": element i of a sum belongs to lane i % n, each lane is one chain of fused multiply-adds,
// and the lanes are folded in halves (lane l + lane l + n/2, and so on). Every set follows this, whatever the width of
// its registers, so all sets give identical bits.
#ifndef FUSIONSPEC_KERNELS_H
#define FUSIONSPEC_KERNELS_H

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF  // a fused multiply-add stands only where it is written

enum {
  FS_FORMATS = FS_FORMAT_INT8 + 1,
  FS_LANES = FS_PANEL_COLUMNS,
  FS_MAX_TILE_ROWS = 12,
  FS_MAX_TILE_PANELS = 8,
  FS_NORM_LANES = 64,
  FS_PREFETCH_LINES = 16,  // how many lines ahead of its use a weight line is asked for
};

/// tile[r][p][lane] = sum over i < k of x[r][i] * panel p's column `lane`, one chain of fused multiply-adds each. int8
/// columns count as the integers they hold; `scale` follows.
typedef void fs_tile_kernel(const void *panels, size_t panel_bytes, ptrdiff_t k, const float *const *x, float *tile);

struct fs_kernels {
  const char *name;
  ptrdiff_t tile_rows;                            // the most rows of a tile
  ptrdiff_t tile_panels[FS_MAX_TILE_ROWS + 1];    // the most panels of a tile of r rows
  fs_tile_kernel *tile[FS_FORMATS][FS_MAX_TILE_ROWS + 1][FS_MAX_TILE_PANELS + 1];  // [format][rows][panels] or NULL
  /// y[i] = sums[i] * scales[i], or fma(sums[i], scales[i], base[i]) where base is not NULL; 16 columns, all may be y.
  void (*scale)(const float *sums, const float *scales, const float *base, float *y);
  /// y[i] = scale * silu(gate[i]) * up[i], 16 columns.
  void (*gate)(const float *gate, const float *up, float scale, float *y);
  void (*rms_norm)(const float *x, const float *weight, float epsilon, ptrdiff_t n, float *y);
  void (*latent_attention)(const float *query, ptrdiff_t query_stride, ptrdiff_t heads, ptrdiff_t rank, ptrdiff_t rope,
                           const float *cache, ptrdiff_t cache_stride, ptrdiff_t length, float scale, float *output,
                           ptrdiff_t output_stride, float *scratch);
  void (*grouped_attention)(const float *query, ptrdiff_t query_stride, ptrdiff_t heads, ptrdiff_t width,
                            const float *keys, const float *values, ptrdiff_t stride, ptrdiff_t begin, ptrdiff_t length,
                            float scale, float *output, ptrdiff_t output_stride, float *scratch);
  ptrdiff_t (*argmax)(const float *x, ptrdiff_t n);
  void (*exp)(const float *x, float offset, ptrdiff_t n, float *y);
};

extern const fs_kernels fs_kernels_scalar;
#if defined(__x86_64__)
extern const fs_kernels fs_kernels_avx2;
extern const fs_kernels fs_kernels_avx512;
#endif

// exp(x) = 2^n * p(r), with n = round(x / ln 2) and r = x - n ln 2 in [-ln 2 / 2, ln 2 / 2].
// p(r) = 1 + r + r^2 (C2 + C3 r + C4 r^2 + C5 r^3 + C6 r^4), relative error 4e-9 before rounding.
// 2^n is applied as two factors, so that results below the normal range and overflow come out right.
#define FS_EXP_LOWEST -104.0f          // exp is 0 from here down
#define FS_EXP_HIGHEST 89.0f           // exp is infinite from here up
#define FS_EXP_LOG2E 0x1.715476p0f
#define FS_EXP_ROUND 0x1.8p23f         // adding it rounds to an integer, held in the low bits
#define FS_EXP_ROUND_BITS 0x4b400000
#define FS_EXP_LN2_HIGH 0x1.62e43p-1f  // ln 2 as a float
#define FS_EXP_LN2_LOW -0x1.05c61p-29f // ln 2 - FS_EXP_LN2_HIGH
#define FS_EXP_C2 0x1.fffffcp-2f
#define FS_EXP_C3 0x1.555492p-3f
#define FS_EXP_C4 0x1.5558f2p-5f
#define FS_EXP_C5 0x1.1239e4p-7f
#define FS_EXP_C6 0x1.6a242ap-10f

#endif
