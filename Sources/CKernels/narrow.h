// The sets whose registers are narrower than sixteen lanes: AVX2 (16 registers of eight floats) and NEON (32 of four). Either
// holds as many lanes, so the tiles are the same. Included with FS_SET naming the table, FS_NAME the set and FS_TARGET its
// features.
#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

#include "kernels.h"

#pragma clang attribute push(__attribute__((target(FS_TARGET))), apply_to = function)

// Sixteen floats have no calling convention without AVX-512. None is needed: all functions that take them are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define FS_ATTENTION_HEADS 2
#define FS_ATTENTION_VECTORS 2
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
#include "attention_pairs.h"
#include "attention_pass.h"
#include "finish.h"
#include "vector.h"
#include "grouped_attention.h"

#define FS_TILES(entry)                                                                                       \
  entry(1, 1) entry(1, 2) entry(1, 4) entry(2, 1) entry(2, 2) entry(3, 1) entry(3, 2) entry(4, 1) entry(5, 1) \
  entry(6, 1)

FS_TILES(FS_TILE)

const fs_kernels FS_SET = {
    .name = FS_NAME,
    .tile_rows = {6, 6, 6, 6, 6, 6},
    .form = {FS_FORM_FLOATS, FS_FORM_ROUNDED, FS_FORM_INTEGERS, FS_FORM_INTEGERS, FS_FORM_ROUNDED, FS_FORM_FLOATS},
    .tile_panels = {{0, 4, 2, 2, 1, 1, 1}, {0, 4, 2, 2, 1, 1, 1}, {0, 4, 2, 2, 1, 1, 1}, {0, 4, 2, 2, 1, 1, 1}, {0, 2, 1, 1, 1}, {0, 4, 2, 2, 1, 1, 1}},
#if defined(__x86_64__)
    .compact_from = 128 << 20,  // not for ARM: nobody has measured whether it pays there
#endif
    .expanding_panels = FS_EXPANDING_PANELS,
#define FS_EXPANDING_ENTRY(rows) [rows] = tile_expanding_##rows,
    .expanding = {FS_EXPANDING_TILES(FS_EXPANDING_ENTRY)},
    FS_VECTOR_KERNELS,
};

#pragma clang attribute pop
