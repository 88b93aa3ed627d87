// AVX-512: sixteen lanes are one register, 32 registers hold a tile.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw"))), \
                             apply_to = function)

#define FS_MASKED_LANES
#define FS_ATTENTION_HEADS 4
#define FS_ATTENTION_VECTORS 4
#include "lanes.h"
#include "tile.h"
#include "vector.h"
#include "grouped_attention.h"

// (rows, panels); 8 chains hide the latency of the multiply-adds, more rows or panels save loads.
#define FS_TILES(entry)                                                                                       \
  entry(1, 1) entry(1, 2) entry(1, 3) entry(1, 4) entry(1, 8) entry(2, 1) entry(2, 2) entry(2, 3) entry(2, 4) \
  entry(2, 8) entry(3, 1) entry(3, 2) entry(3, 3) entry(3, 4) entry(4, 1) entry(4, 2) entry(4, 3) entry(4, 4) \
  entry(5, 1) entry(5, 2) entry(5, 3) entry(5, 4) entry(6, 1) entry(6, 2) entry(6, 3) entry(7, 1) entry(7, 2) \
  entry(7, 3) entry(8, 1) entry(8, 2) entry(8, 3) entry(9, 1) entry(9, 2) entry(10, 1) entry(10, 2)           \
  entry(11, 1) entry(11, 2) entry(12, 1) entry(12, 2)

FS_TILES(FS_TILE)

const fs_kernels fs_kernels_avx512 = {
    .name = "avx512",
    .tile_rows = 12,
    .tile_panels = {0, 8, 8, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2},
#define FS_ENTRY(rows, panels) FS_TILE_ENTRY(f32, rows, panels),
    .tile[FS_FORMAT_F32] = {FS_TILES(FS_ENTRY)},
#undef FS_ENTRY
#define FS_ENTRY(rows, panels) FS_TILE_ENTRY(bf16, rows, panels),
    .tile[FS_FORMAT_BF16] = {FS_TILES(FS_ENTRY)},
#undef FS_ENTRY
#define FS_ENTRY(rows, panels) FS_TILE_ENTRY(int8, rows, panels),
    .tile[FS_FORMAT_INT8] = {FS_TILES(FS_ENTRY)},
    .scale = scale,
    .gate = gate,
    .rms_norm = rms_norm,
    .latent_attention = latent_attention,
    .grouped_attention = grouped_attention,
    .argmax = argmax,
    .exp = exponentials,
};

#pragma clang attribute pop
#endif
