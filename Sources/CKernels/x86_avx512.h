// The AVX-512 sets: sixteen lanes are one register, 32 registers hold a tile. Included once for each way to multiply
// bf16, with FS_SET naming the table, FS_NAME the set and FS_TARGET its features.
#include <immintrin.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target(FS_TARGET))), apply_to = function)

#define FS_WIDE
#define FS_ATTENTION_HEADS 4
#define FS_ATTENTION_VECTORS 4
#include "lanes.h"
#include "fours.h"
#include "spans.h"
#include "prepare.h"
#include "tile.h"
#include "compact.h"
#include "attention_ahead.h"
#include "attention_shapes.h"
#include "attention_softmax.h"
#include "attention_integers.h"
#if defined(FS_BLOCKS)
#include "block_amx.h"
#include "attention_tiles.h"
#else
#include "attention_pairs.h"
#endif
#include "attention_pass.h"
#include "finish.h"
#include "vector.h"
#include "grouped_attention.h"

// (rows, panels); 8 chains hide the latency of the multiply-adds, more rows or panels save loads.
#define FS_TILES(entry)                                                                                       \
  entry(1, 1) entry(1, 2) entry(1, 3) entry(1, 4) entry(1, 8) entry(2, 1) entry(2, 2) entry(2, 3) entry(2, 4) \
  entry(2, 8) entry(3, 1) entry(3, 2) entry(3, 3) entry(3, 4) entry(4, 1) entry(4, 2) entry(4, 3) entry(4, 4) \
  entry(5, 1) entry(5, 2) entry(5, 3) entry(5, 4) entry(6, 1) entry(6, 2) entry(6, 3) entry(6, 4) entry(7, 1) \
  entry(7, 2) entry(7, 3) entry(8, 1) entry(8, 2) entry(8, 3) entry(9, 1) entry(9, 2) entry(10, 1)            \
  entry(10, 2) entry(11, 1) entry(11, 2) entry(12, 1) entry(12, 2)

FS_TILES(FS_TILE)
#if defined(FS_STREAMING)
#include "slicing.h"
#endif
#if defined(FS_BF16_PAIRS)
#include "stream.h"
#endif

const fs_kernels FS_SET = {
    .name = FS_NAME,
#if defined(FS_BF16_PAIRS) || defined(FS_BF16_TILES)
    .form = {FS_FORM_FLOATS, FS_FORM_PAIRS, FS_FORM_INTEGERS, FS_FORM_INTEGERS, FS_FORM_PAIRS, FS_FORM_FLOATS},
#else
    .form = {FS_FORM_FLOATS, FS_FORM_ROUNDED, FS_FORM_INTEGERS, FS_FORM_INTEGERS, FS_FORM_ROUNDED, FS_FORM_FLOATS},
#endif
    .tile_rows = {12, 12, 10, 12, 12, 12},  // more sums of integers would leave no registers to end a group while the next begins
#if defined(FS_STREAMING)
#define FS_MOST_PANELS 4  // at once, for one or two rows: what reads lines best counts, not the number of chains
#else
#define FS_MOST_PANELS 8
#endif
    .tile_panels = {{0, FS_MOST_PANELS, FS_MOST_PANELS, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2},
#if defined(FS_BF16_TILES)
                    {0, 4, 4, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1},  // three registers for each output
#else
                    {0, FS_MOST_PANELS, FS_MOST_PANELS, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2},
#endif
                    {0, FS_MOST_PANELS, FS_MOST_PANELS, 4, 4, 4, 4, 3, 3, 2, 2, 2, 2},
                    {0, 4, 4, 4, 4, 4, 4, 3, 3, 2, 2, 2, 2},
#if defined(FS_BF16_PAIRS)
                    {0, 8, 8, 4, 4},
#else
                    {0, 4, 4, 2, 2},
#endif
                    {0, FS_MOST_PANELS, FS_MOST_PANELS, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2}},
#if defined(FS_BF16_PAIRS)
    .stream = {FS_STREAMS},
#endif
#if defined(FS_STREAMING)
    .slicing = {FS_SLICINGS},
#endif
#if defined(FS_BF16_TILES) || defined(FS_BF16_PAIRS)
    .compact_from = 32 << 20,
#else
    .compact_from = 128 << 20,
#endif
#if !defined(FS_BF16_TILES)
    .expanding_panels = FS_EXPANDING_PANELS,
#define FS_EXPANDING_ENTRY(rows) [rows] = tile_expanding_##rows,
    .expanding = {FS_EXPANDING_TILES(FS_EXPANDING_ENTRY)},
#endif
#if defined(FS_BLOCKS)
    FS_BLOCKS
#endif
    FS_VECTOR_KERNELS,
};

#pragma clang attribute pop
