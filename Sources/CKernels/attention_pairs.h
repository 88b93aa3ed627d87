// Attention over a cache of tiles with vectors: pairs of bf16 are multiplied at once or, by sets that cannot, one after the other
// in the same order, so that all vector sets give the same bits. Include after attention_softmax.h and inside the target pragma.
//
// A score is one chain over the pairs of columns, a result one over the pairs of positions, the second of each pair first. A
// position that a unit does not see has the weight 0, and adding 0 changes no bit of a sum, but for the sign of a zero that a
// negative sum has shrunk to: company asks for nothing. Sums below the normal range, which products of pairs take for 0, are
// the one place where sets may differ.

#if defined(FS_BF16_PAIRS)
typedef lanes_i32 pair_line;
FS_INLINE pair_line pair_load(const char *line) {
  return __builtin_bit_cast(lanes_i32, lanes_load((const float *)(const void *)line));
}
/// Adds the products of a line's pairs with pair i of a unit's numbers.
FS_INLINE lanes pair_multiply(lanes sum, pair_line line, const char *numbers, ptrdiff_t i) {
  return lanes_multiply_pairs(sum, line, (lanes_i32)((const int32_t *)(const void *)numbers)[i]);
}
#else
typedef struct pair_line {
  lanes first, second;
} pair_line;
FS_INLINE pair_line pair_load(const char *line) {
  lanes_i32 both = __builtin_bit_cast(lanes_i32, lanes_load((const float *)(const void *)line));
  return (pair_line){__builtin_bit_cast(lanes, both << 16), __builtin_bit_cast(lanes, both & (int32_t)0xffff0000)};
}
FS_INLINE lanes pair_multiply(lanes sum, pair_line line, const char *numbers, ptrdiff_t i) {
  const float *pair = (const float *)(const void *)numbers + 2 * i;
  sum = lanes_fma((lanes)pair[1], line.second, sum);
  return lanes_fma((lanes)pair[0], line.first, sum);
}
#endif

// The register tiles: units by vectors of sixteen positions or columns.
#if defined(FS_WIDE)
#define PAIR_TILES(entry)                                                                                      \
  entry(8, 2) entry(8, 1) entry(4, 4) entry(4, 2) entry(4, 1) entry(2, 4) entry(2, 2) entry(2, 1) entry(1, 4) \
  entry(1, 2) entry(1, 1)
enum { PAIR_UNITS = 8, PAIR_SUMS = 16, PAIR_VECTORS = 4 };
#else
#define PAIR_TILES(entry) entry(4, 1) entry(2, 2) entry(2, 1) entry(1, 2) entry(1, 1)
enum { PAIR_UNITS = 4, PAIR_SUMS = 4, PAIR_VECTORS = 2 };
#endif

/// `vectors` vectors of sums for each of `units` units, `next` floats from vector to vector and `stride` from unit to unit: adds
/// the products of `steps` times sixteen lines of each vector, `line_step` bytes from step to step, with the units' numbers.
/// What is due of the plan is asked for, a line for each that is read; where nothing is due, the line at hand once more, which saves a
/// branch.
FS_INLINE void pair_tile(float *sums, ptrdiff_t stride, ptrdiff_t next, const char *const *lines, ptrdiff_t line_step,
                         const char *numbers, ptrdiff_t steps, ahead_plan *plan, bool asks, bool clears, int units,
                         int vectors) {
  lanes sum[PAIR_UNITS][PAIR_VECTORS];
  FS_UNROLL for (int u = 0; u < units; u++)
    FS_UNROLL for (int v = 0; v < vectors; v++) sum[u][v] = clears ? (lanes)0.0f : lanes_load(sums + u * stride + v * next);
  const char *line[PAIR_VECTORS];
  FS_UNROLL for (int v = 0; v < vectors; v++) line[v] = lines[v];
  ptrdiff_t due = asks ? plan->rate * AHEAD_LINES * units * vectors : 0;
  for (ptrdiff_t step = 0; step < steps; step++) {
    const char *asked[PAIR_VECTORS];
    if (asks) {
      plan->due += due;
      FS_UNROLL for (int v = 0; v < vectors; v++) asked[v] = ahead_group(plan, line[v]);
    }
    for (ptrdiff_t i = 0; i < AHEAD_LINES; i++) {
      pair_line pairs[PAIR_VECTORS];
      FS_UNROLL for (int v = 0; v < vectors; v++) {
        if (asks) __builtin_prefetch(asked[v] + i * 64, 0, 2);
        pairs[v] = pair_load(line[v] + i * 64);
      }
      FS_UNROLL for (int u = 0; u < units; u++)
        FS_UNROLL for (int v = 0; v < vectors; v++)
          sum[u][v] = pair_multiply(sum[u][v], pairs[v], numbers + u * TILED_UNIT_BYTES, i);
    }
    FS_UNROLL for (int v = 0; v < vectors; v++) line[v] += line_step;
    numbers += TILED_STEP_BYTES;
  }
  FS_UNROLL for (int u = 0; u < units; u++)
    FS_UNROLL for (int v = 0; v < vectors; v++) lanes_store(sums + u * stride + v * next, sum[u][v]);
}

// Each tile is a function of its own, which leaves it the general registers.
typedef void pair_function(float *sums, const char *const *lines, ptrdiff_t line_step, const char *numbers, ptrdiff_t steps,
                           ahead_plan *plan);
#define PAIR_FUNCTION(name, stride, next, clears, units, vectors)                                                            \
  __attribute__((noinline)) static void pair_##name##_##units##x##vectors(                                                   \
      float *sums, const char *const *lines, ptrdiff_t line_step, const char *numbers, ptrdiff_t steps, ahead_plan *plan) {  \
    if (plan->rate > 0)                                                                                                      \
      pair_tile(sums, stride, next, lines, line_step, numbers, steps, plan, true, clears, units, vectors);                   \
    else                                                                                                                     \
      pair_tile(sums, stride, next, lines, line_step, numbers, steps, plan, false, clears, units, vectors);                  \
  }
#define PAIR_FUNCTIONS(units, vectors)                              \
  PAIR_FUNCTION(scores, FS_TILED_CHUNK, 16, true, units, vectors)   \
  PAIR_FUNCTION(values, 16, 512, false, units, vectors)
PAIR_TILES(PAIR_FUNCTIONS)
#define PAIR_SCORES_ENTRY(units, vectors) [units][vectors] = pair_scores_##units##x##vectors,
#define PAIR_VALUES_ENTRY(units, vectors) [units][vectors] = pair_values_##units##x##vectors,
static pair_function *const pair_scores[PAIR_UNITS + 1][PAIR_VECTORS + 1] = {PAIR_TILES(PAIR_SCORES_ENTRY)};
static pair_function *const pair_values[PAIR_UNITS + 1][PAIR_VECTORS + 1] = {PAIR_TILES(PAIR_VALUES_ENTRY)};

/// Units of the next tile when `left` remain.
FS_INLINE ptrdiff_t pair_units(ptrdiff_t left) {
  ptrdiff_t units = PAIR_UNITS;
  while (units > left) units /= 2;
  return units;
}

/// Vectors of a tile of so many units when `left` remain, a power of two.
FS_INLINE ptrdiff_t pair_vectors(ptrdiff_t units, ptrdiff_t left) {
  ptrdiff_t vectors = PAIR_SUMS / units < PAIR_VECTORS ? PAIR_SUMS / units : PAIR_VECTORS;
  while (vectors > left) vectors /= 2;
  return vectors;
}

/// What is asked for during a chunk of `count` positions: the next one, or behind the last what follows.
FS_INLINE ahead_plan pair_plan(const fs_tiled_units *units, const tiled_work *work, const char *cache, ptrdiff_t begin,
                               ptrdiff_t count) {
  ptrdiff_t steps = fs_tiled_steps(units->key_width), columns = (units->value_width + 15) / 16;
  ptrdiff_t products = units->count * (steps * count + columns * count / 2 + count / FS_LANES * AHEAD_WEIGHT_WORK);
  ptrdiff_t next = begin + count, left = (work->end - next + 31) / 32, most = FS_TILED_CHUNK / 32;
  // As much as this chunk had: a head that follows has as many positions, and more could not be asked for in that time.
  if (left <= 0) return ahead_of(units, units->following, count / 32, products);
  if (!units->cold) return (ahead_plan){0};
  const char *blocks = cache + next / 32 * (ptrdiff_t)fs_tiled_block_bytes(units->key_width, units->value_width);
  return ahead_of(units, blocks, left < most ? left : most, products);
}

typedef int tiled_way;  // there is but one
FS_INLINE tiled_way tiled_begin_span(const fs_tiled_units *units, ptrdiff_t begin, ptrdiff_t end) {
  (void)units, (void)begin, (void)end;
  return 0;
}
FS_INLINE void tiled_end_span(tiled_way way) { (void)way; }

/// What a chunk of `count` positions adds to the units.
static void tiled_chunk(const fs_tiled_units *units, tiled_work *work, const char *cache, ptrdiff_t begin, ptrdiff_t count,
                        tiled_way way) {
  (void)way;
  ptrdiff_t steps = fs_tiled_steps(units->key_width), columns = (units->value_width + 15) / 16;
  ptrdiff_t block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->key_width, units->value_width);
  const char *first = cache + begin / 32 * block_bytes, *lines[PAIR_VECTORS];
  ahead_plan plan = pair_plan(units, work, cache, begin, count);
  // Two blocks of keys stay in the first cache while all units pass.
  for (ptrdiff_t at = 0, wide; at < count; at += wide) {
    wide = count - at < 64 ? 32 : 64;
    for (ptrdiff_t u = 0, tile; u < units->count; u += tile) {
      tile = pair_units(units->count - u);
      for (ptrdiff_t p = 0, vectors; p < wide / 16; p += vectors) {
        vectors = pair_vectors(tile, wide / 16 - p);
        for (ptrdiff_t v = 0; v < vectors; v++)
          lines[v] = first + (at + 16 * (p + v)) / 32 * block_bytes + (p + v) % 2 * steps * 1024;
        pair_scores[tile][vectors](work->scores + u * FS_TILED_CHUNK + at + 16 * p, lines, 1024,
                                   work->queries + u * TILED_UNIT_BYTES, steps, &plan);
      }
    }
  }
  tiled_softmax(units, work, begin, count, &plan);
  const char *values = first + 2 * steps * 1024;
  for (ptrdiff_t c = 0, group; c < columns; c += group) {
    group = columns - c < PAIR_VECTORS ? columns - c : PAIR_VECTORS;
    for (ptrdiff_t u = 0, tile; u < units->count; u += tile) {
      tile = pair_units(units->count - u);
      for (ptrdiff_t d = 0, vectors; d < group; d += vectors) {
        vectors = pair_vectors(tile, group - d);
        for (ptrdiff_t v = 0; v < vectors; v++) lines[v] = values + (c + d + v) * 1024;
        pair_values[tile][vectors](work->sums + (c + d) * 512 + u * 16, lines, block_bytes,
                                   work->weights + u * TILED_UNIT_BYTES, count / 32, &plan);
      }
    }
  }
}
