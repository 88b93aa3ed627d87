// AMX: tiles of sixteen rows by sixteen columns are multiplied as a whole. Integers give the bits of every other set. A
// product of bf16 has an order of its own, that of the tiles, which few rows follow with vectors.
#if defined(__x86_64__)
#define FS_SET fs_kernels_amx
#define FS_NAME "amx"
#define FS_TARGET \
  "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx512bf16,avx512vbmi2,amx-tile,amx-int8,amx-bf16"
#define FS_BF16_TILES
#define FS_BLOCKS                                                                                                       \
  .block = {NULL, block_bf16, block_int8, block_int4, block_compact}, .block_rows = {0, 3, 7, 8, 3},                   \
  .block_span = {0, FS_BLOCK_ROWS, BLOCK_TILE_ROWS, BLOCK_TILE_ROWS, FS_BLOCK_ROWS}, .block_ahead = {0, 2, 0, 0, 2},     \
  .begin_blocks = begin_blocks, .end_blocks = end_blocks,
#include "x86_avx512.h"
#endif
