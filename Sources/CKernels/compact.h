// Compact bf16 panels in the vector sets: compact.c says how they are laid out. Include after tile.h and inside the target
// pragma.
#include "compact_lines.h"

// By how much the place of a listed weight is shifted to tell its step, or its unit among all of the chunk.
enum { COMPACT_STEP_SHIFT = 25, COMPACT_UNIT_SHIFT = 23 };

/// Whether the next weight of the list belongs to a step or unit of the chunk. Behind a full list this reads of the steps: no
/// harm.
FS_INLINE bool compact_has_others(const uint32_t *others, int shift, ptrdiff_t place) { return others[0] >> shift == place; }

/// Writes the four plain lines of a unit.
FS_INLINE void compact_unit(const char *unit, compact_table table, char *to) {
  FS_UNROLL for (int half = 0; half < 2; half++) {
    lanes_i32 lines[2];
    compact_lines(unit, table, half, lines);
    FS_UNROLL for (int j = 0; j < 2; j++) *(lanes_i32 *)(to + (2 * half + j) * 64) = lines[j];
  }
}

/// Puts the weights of the list into the plain lines of their step or unit; returns the rest of the list.
FS_INLINE const uint32_t *compact_patch(const uint32_t *others, const uint32_t *end, int shift, ptrdiff_t place, char *to) {
  for (; others < end && compact_has_others(others, shift, place); others++) {
    uint16_t word = (uint16_t)*others;
    memcpy(to + (*others >> 16 & ((1u << (shift - 16)) - 1)) * 2, &word, sizeof word);
  }
  return others;
}

/// Writes the plain lines of a step, but for those of the list.
FS_INLINE void compact_all_units(const char *units, compact_table table, char *to) {
  for (ptrdiff_t u = 0; u < FS_COMPACT_STEP_LINES / 4; u++)
    compact_unit(units + u * FS_COMPACT_UNIT, table, to + u * 256);
}

enum { COMPACT_AHEAD = 3072 };  // bytes ahead of its use that a line is asked for

/// Where unpacking has come to in a panel.
typedef struct compact_place {
  const char *chunk;
  const uint32_t *others;
  ptrdiff_t step, count;  // of the chunk
  ptrdiff_t left;         // steps, those of the chunk among them
} compact_place;

FS_INLINE compact_place compact_enter(const char *chunk, ptrdiff_t left) {
  ptrdiff_t count = left < FS_COMPACT_CHUNK ? left : FS_COMPACT_CHUNK;
  return (compact_place){chunk, (const uint32_t *)(chunk + 16), 0, count, left};
}

/// Goes on to the next chunk where one has ended; returns the units of the next step.
FS_INLINE const char *compact_units(compact_place *at) {
  if (at->step == at->count) *at = compact_enter(at->chunk + fs_compact_chunk_bytes(at->count), at->left - at->count);
  return at->chunk + fs_compact_head(at->count) + at->step * FS_COMPACT_STEP;
}

/// Ends a step whose units have been written.
FS_INLINE void compact_end_step(compact_place *at, char *to) {
  const uint32_t *end = (const uint32_t *)(at->chunk + fs_compact_head(at->count));
  at->others = compact_patch(at->others, end, COMPACT_STEP_SHIFT, at->step, to);
  at->step++;
}

/// Writes the plain lines of the next step.
FS_INLINE void compact_next(compact_place *at, char *to) {
  compact_all_units(compact_units(at), compact_load_table(at->chunk), to);
  compact_end_step(at, to);
}

static void compact_expand_panel(const void *compact, ptrdiff_t k, void *panel) {
  ptrdiff_t steps = (k + 31) / 32;
  compact_place at = compact_enter(compact, steps);
  for (ptrdiff_t step = 0; step < steps; step++) {
    const char *units = at.chunk + fs_compact_head(at.count) + at.step * FS_COMPACT_STEP;
    for (ptrdiff_t line = 0; line < FS_COMPACT_STEP; line += 64) ask_near(units + COMPACT_AHEAD + line);
    compact_next(&at, (char *)panel + step * FS_COMPACT_STEP_LINES * 64);
  }
}

#if defined(FS_BF16_TILES)
/// A row's inputs of a chunk as floats: for each step the even ones, then the odd ones.
typedef float compact_inputs[FS_COMPACT_CHUNK * 32];

FS_INLINE void compact_split(const void *row, ptrdiff_t first, ptrdiff_t count, float *to) {
  for (ptrdiff_t step = 0; step < count; step++) {
    lanes_i32 pairs = *(const lanes_i32 *)((const char *)row + (first + step) * 64);
    lanes_store(to + step * 32, __builtin_bit_cast(lanes, pairs << 16));
    lanes_store(to + step * 32 + 16, __builtin_bit_cast(lanes, pairs & (int32_t)0xffff0000));
  }
}
#endif

/// What the sums of a tile need beside the weights: inputs by row, and where a step has sums of its own those.
typedef struct compact_sums {
  tile_sums sum;
#if defined(FS_BF16_TILES)
  tile_sums even, odd;
#endif
} compact_sums;

/// Adds line `i` of a step, of panel p.
FS_INLINE void compact_add(compact_sums *sums, lanes_i32 line, const void *const *x, ptrdiff_t i, int p, int rows) {
#if defined(FS_BF16_PAIRS)
  FS_UNROLL for (int r = 0; r < rows; r++)
    sums->sum[r][p] = lanes_multiply_pairs(sums->sum[r][p], line, (lanes_i32)((const int32_t *)x[r])[i]);
#else
  lanes even = __builtin_bit_cast(lanes, line << 16), odd = __builtin_bit_cast(lanes, line & (int32_t)0xffff0000);
#if defined(FS_BF16_TILES)
  FS_UNROLL for (int r = 0; r < rows; r++)
    sums->even[r][p] = lanes_fma((lanes)((const float *)x[r])[i], even, sums->even[r][p]);
  FS_UNROLL for (int r = 0; r < rows; r++)
    sums->odd[r][p] = lanes_fma((lanes)((const float *)x[r])[16 + i], odd, sums->odd[r][p]);
#else
  FS_UNROLL for (int r = 0; r < rows; r++)
    sums->sum[r][p] = lanes_fma((lanes)((const float *)x[r])[2 * i + 1], odd, sums->sum[r][p]);
  FS_UNROLL for (int r = 0; r < rows; r++)
    sums->sum[r][p] = lanes_fma((lanes)((const float *)x[r])[2 * i], even, sums->sum[r][p]);
#endif
#endif
}

/// Follows the order of tile_bf16.
FS_INLINE void tile_compact(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                            tile_asking asking, int rows, int panels) {
  compact_sums sums;
  tile_clear(sums.sum, rows, panels);
  ptrdiff_t steps = (k + 31) / 32;
  const char *chunk = base;
  for (ptrdiff_t first = 0, count; first < steps; first += count, chunk += fs_compact_chunk_bytes(count)) {
    count = steps - first < FS_COMPACT_CHUNK ? steps - first : FS_COMPACT_CHUNK;
    ptrdiff_t head = fs_compact_head(count);
    const uint32_t *others[FS_MAX_TILE_PANELS];
    compact_table table[FS_MAX_TILE_PANELS];
    FS_UNROLL for (int p = 0; p < panels; p++) {
      const char *start = chunk + (size_t)p * panel_bytes;
      table[p] = compact_load_table(start);
      others[p] = (const uint32_t *)(start + 16);
      for (ptrdiff_t line = 0; line < head; line += 64) ask_near(start + COMPACT_AHEAD + line);
    }
#if defined(FS_BF16_TILES)
    _Alignas(64) compact_inputs inputs[FS_COMPACT_ROWS];
    FS_UNROLL for (int r = 0; r < rows; r++) compact_split(x[r], first, count, inputs[r]);
#endif
    for (ptrdiff_t step = 0; step < count; step++) {
      const char *units = chunk + head + step * FS_COMPACT_STEP;
      bool inside = units - base + FS_COMPACT_STEP + COMPACT_AHEAD <= (ptrdiff_t)panel_bytes;
      ptrdiff_t ahead = COMPACT_AHEAD + (inside ? 0 : asking.following - base - (ptrdiff_t)panel_bytes);
      const void *from[FS_COMPACT_ROWS];
#if defined(FS_BF16_TILES)
      FS_UNROLL for (int r = 0; r < rows; r++) from[r] = inputs[r] + step * 32;
      tile_clear(sums.even, rows, panels);
      tile_clear(sums.odd, rows, panels);
#elif defined(FS_BF16_PAIRS)
      FS_UNROLL for (int r = 0; r < rows; r++) from[r] = (const char *)x[r] + (first + step) * 64;
#else
      FS_UNROLL for (int r = 0; r < rows; r++) from[r] = (const float *)x[r] + (first + step) * 32;
#endif
      ptrdiff_t pairs = (k + 1) / 2 - (first + step) * 16;
      bool special = pairs < 16;
      FS_UNROLL for (int p = 0; p < panels; p++) special |= compact_has_others(others[p], COMPACT_STEP_SHIFT, step);
      for (ptrdiff_t u = 0; u < FS_COMPACT_STEP_LINES / 4; u++) {
        bool here = false;
        if (__builtin_expect(special, false)) {
          here = pairs < 4 * u + 4;
          FS_UNROLL for (int p = 0; p < panels; p++)
            here |= compact_has_others(others[p], COMPACT_UNIT_SHIFT, 4 * step + u);
        }
        if (__builtin_expect(here, false)) {
          _Alignas(64) char lines[FS_COMPACT_PANELS][4 * 64];
          FS_UNROLL for (int p = 0; p < panels; p++) {
            const char *unit = units + (size_t)p * panel_bytes + u * FS_COMPACT_UNIT;
            const uint32_t *end = (const uint32_t *)(chunk + (size_t)p * panel_bytes + head);
            FS_UNROLL for (int j = 0; j < 3; j++) ask_near(unit + ahead + 64 * j);
            compact_unit(unit, table[p], lines[p]);
            others[p] = compact_patch(others[p], end, COMPACT_UNIT_SHIFT, 4 * step + u, lines[p]);
          }
          for (ptrdiff_t i = 0; i < 4 && i < pairs - 4 * u; i++)
            FS_UNROLL for (int p = 0; p < panels; p++)
              compact_add(&sums, *(const lanes_i32 *)(lines[p] + i * 64), from, 4 * u + i, p, rows);
        } else {
          FS_UNROLL for (int p = 0; p < panels; p++) {
            const char *unit = units + (size_t)p * panel_bytes + u * FS_COMPACT_UNIT;
            FS_UNROLL for (int j = 0; j < 3; j++) ask_near(unit + ahead + 64 * j);
            FS_UNROLL for (int half = 0; half < 2; half++) {
              lanes_i32 lines[2];
              compact_lines(unit, table[p], half, lines);
              FS_UNROLL for (int j = 0; j < 2; j++) compact_add(&sums, lines[j], from, 4 * u + 2 * half + j, p, rows);
            }
          }
        }
      }
#if defined(FS_BF16_TILES)
      FS_UNROLL for (int r = 0; r < rows; r++)
        FS_UNROLL for (int p = 0; p < panels; p++) sums.sum[r][p] += sums.even[r][p] + sums.odd[r][p];
#endif
    }
  }
  tile_store(sums.sum, tile, rows, panels);
}

#if !defined(FS_BF16_TILES)
/// A tile of the first rows over compact panels, which it leaves plain for the others. A step is unpacked while the one before
/// it is multiplied: its lines come from memory meanwhile.
FS_INLINE void tile_expanding(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, char *plain,
                              size_t plain_bytes, float *tile, const char *following, int rows, int panels) {
  tile_sums sum;
  tile_clear(sum, rows, panels);
  enum { STEP_BYTES = FS_COMPACT_STEP_LINES * 64 };
  ptrdiff_t steps = (k + 31) / 32, pairs = (k + 1) / 2;
  compact_place at[FS_MAX_TILE_PANELS];
  FS_UNROLL for (int p = 0; p < panels; p++) at[p] = compact_enter(base + (size_t)p * panel_bytes, steps);
  if (steps > 0) FS_UNROLL for (int p = 0; p < panels; p++) compact_next(&at[p], plain + (size_t)p * plain_bytes);
  for (ptrdiff_t step = 0; step < steps; step++) {
    char *next = plain + (step + 1) * STEP_BYTES;
    bool has_next = step + 1 < steps;
    const char *units[FS_MAX_TILE_PANELS];
    ptrdiff_t ahead = COMPACT_AHEAD;
    if (has_next) {
      FS_UNROLL for (int p = 0; p < panels; p++) units[p] = compact_units(&at[p]);
      bool inside = units[0] - base + FS_COMPACT_STEP + COMPACT_AHEAD <= (ptrdiff_t)panel_bytes;
      if (!inside) ahead += following - base - (ptrdiff_t)panel_bytes;
    }
    for (ptrdiff_t u = 0; u < FS_COMPACT_STEP_LINES / 4; u++) {
      if (has_next) {
        FS_UNROLL for (int p = 0; p < panels; p++) {
          const char *unit = units[p] + u * FS_COMPACT_UNIT;
          FS_UNROLL for (int j = 0; j < 3; j++) ask_near(unit + ahead + 64 * j);
          compact_unit(unit, compact_load_table(at[p].chunk), next + (size_t)p * plain_bytes + u * 256);
        }
      }
      ptrdiff_t first = step * FS_COMPACT_STEP_LINES + 4 * u;
      for (ptrdiff_t i = first; i < first + 4 && i < pairs; i++) {
        lanes_i32 pair[FS_MAX_TILE_PANELS];
        FS_UNROLL for (int p = 0; p < panels; p++) pair[p] = *(const lanes_i32 *)(plain + (size_t)p * plain_bytes + i * 64);
        bf16_pair(sum, pair, x, i, rows, panels);
      }
    }
    if (has_next) FS_UNROLL for (int p = 0; p < panels; p++) compact_end_step(&at[p], next + (size_t)p * plain_bytes);
  }
  tile_store(sum, tile, rows, panels);
}

// Fewer rows take compact weights as they are.
#if defined(FS_WIDE)
#define FS_EXPANDING_TILES(entry) entry(5) entry(6) entry(7) entry(8) entry(9) entry(10) entry(11) entry(12)
enum { FS_EXPANDING_PANELS = 2 };
#else
#define FS_EXPANDING_TILES(entry) entry(3) entry(4) entry(5) entry(6)
enum { FS_EXPANDING_PANELS = 1 };
#endif
#define FS_EXPANDING_TILE(rows)                                                                                     \
  static void tile_expanding_##rows(const void *base, size_t panel_bytes, ptrdiff_t k, const void *const *x,        \
                                    void *plain, size_t plain_bytes, float *tile, const char *following) {          \
    tile_expanding(base, panel_bytes, k, x, plain, plain_bytes, tile, following, rows, FS_EXPANDING_PANELS);        \
  }
FS_EXPANDING_TILES(FS_EXPANDING_TILE)
#endif

// Unpacking is work for each panel, so more rows take fewer of them at once; but more panels keep more lines on their way.
#if defined(FS_BF16_PAIRS)
#define FS_COMPACT_TILES(entry)                                                                                      \
  entry(1, 1) entry(1, 2) entry(1, 4) entry(1, 8) entry(2, 1) entry(2, 2) entry(2, 4) entry(2, 8) entry(3, 1) entry(3, 2) \
  entry(3, 4) entry(4, 1) entry(4, 2) entry(4, 4)
#elif defined(FS_WIDE)
#define FS_COMPACT_TILES(entry)                                                                              \
  entry(1, 1) entry(1, 2) entry(1, 4) entry(2, 1) entry(2, 2) entry(2, 4) entry(3, 1) entry(3, 2) entry(4, 1) entry(4, 2)
#else
#define FS_COMPACT_TILES(entry) entry(1, 1) entry(1, 2) entry(2, 1) entry(3, 1) entry(4, 1)
#endif
#define FS_COMPACT_TILE(rows, panels) FS_TILE_OF(compact, rows, panels)
FS_COMPACT_TILES(FS_COMPACT_TILE)
