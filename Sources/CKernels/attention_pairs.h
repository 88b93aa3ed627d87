// Attention over a cache of tiles with vectors: pairs of bf16 are multiplied at once or, by sets that cannot, one after the other
// in the same order, so that all vector sets give the same bits. Include after attention_shapes.h and attention_softmax.h and inside the target pragma.
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

/// `vectors` vectors of sums for each of `units` units, `next` floats from vector to vector and `stride` from unit to unit: adds
/// the products of `steps` times sixteen lines of each vector, `line_step` bytes from step to step, with the units' numbers.
/// What is due of the plan is asked for, a line for each that is read; where nothing is due, the line at hand once more, which saves a
/// branch.
FS_INLINE void pair_tile(float *sums, ptrdiff_t stride, ptrdiff_t next, const char *const *lines, ptrdiff_t line_step,
                         const char *numbers, ptrdiff_t steps, ahead_plan *plan, bool asks, bool clears, int units,
                         int vectors) {
  lanes sum[SHAPE_UNITS][SHAPE_VECTORS];
  FS_UNROLL for (int u = 0; u < units; u++)
    FS_UNROLL for (int v = 0; v < vectors; v++) sum[u][v] = clears ? (lanes)0.0f : lanes_load(sums + u * stride + v * next);
  const char *line[SHAPE_VECTORS];
  FS_UNROLL for (int v = 0; v < vectors; v++) line[v] = lines[v];
  ptrdiff_t due = asks ? plan->rate * AHEAD_LINES * units * vectors : 0;
  for (ptrdiff_t step = 0; step < steps; step++) {
    const char *asked[SHAPE_VECTORS];
    if (asks) {
      plan->due += due;
      FS_UNROLL for (int v = 0; v < vectors; v++) asked[v] = ahead_group(plan, line[v]);
    }
    for (ptrdiff_t i = 0; i < AHEAD_LINES; i++) {
      pair_line pairs[SHAPE_VECTORS];
      FS_UNROLL for (int v = 0; v < vectors; v++) {
        if (asks) ahead_line(asked[v] + i * 64);
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

/// What the tiles of a chunk work on.
typedef struct pair_job {
  const char *lines[SHAPE_VECTORS];  // of a vector's keys, or the first vector's values
  ptrdiff_t steps;                   // of columns of keys, or blocks of positions
  ptrdiff_t columns;                 // vectors of columns of values
  ptrdiff_t block_bytes;
  ahead_plan plan;
} pair_job;

/// Scores of `units` units against `vectors` times sixteen positions.
FS_INLINE void pair_scores(pair_job *job, float *scores, const char *numbers, bool asks, int units, int vectors) {
  pair_tile(scores, FS_TILED_CHUNK, 16, job->lines, 1024, numbers, job->steps, &job->plan, asks, true, units, vectors);
}

/// Adds weights times values to `vectors` vectors of sixteen columns at a time for `units` units, as often as there are so many. Branches
/// between tiles are hard to foresee, so a call has several.
FS_INLINE void pair_values(pair_job *job, float *sums, const char *numbers, bool asks, int units, int vectors) {
  const char *first = job->lines[0];
  for (ptrdiff_t columns = job->columns; columns >= vectors; columns -= vectors) {
    const char *lines[SHAPE_VECTORS];
    FS_UNROLL for (int v = 0; v < vectors; v++) lines[v] = first + v * 1024;
    pair_tile(sums, 16, 512, lines, job->block_bytes, numbers, job->steps, &job->plan, asks, false, units, vectors);
    first += vectors * 1024;
    sums += vectors * 512;
  }
}

// Each tile is a function of its own, which leaves it the general registers.
typedef void pair_function(pair_job *job, float *sums, const char *numbers);
#define PAIR_FUNCTION(name, units, vectors)                                                                   \
  __attribute__((noinline)) static void pair_##name##_##units##x##vectors(pair_job *job, float *sums,        \
                                                                          const char *numbers) {             \
    if (job->plan.rate > 0) pair_##name(job, sums, numbers, true, units, vectors);                            \
    else pair_##name(job, sums, numbers, false, units, vectors);                                              \
  }
#define PAIR_FUNCTIONS(units, vectors)  \
  PAIR_FUNCTION(scores, units, vectors) \
  PAIR_FUNCTION(values, units, vectors)
ATTENTION_SHAPES(PAIR_FUNCTIONS)
#define PAIR_SCORES_ENTRY(units, vectors) [units][vectors] = pair_scores_##units##x##vectors,
#define PAIR_VALUES_ENTRY(units, vectors) [units][vectors] = pair_values_##units##x##vectors,
static pair_function *const pair_scores_of[SHAPE_UNITS + 1][SHAPE_VECTORS + 1] = {ATTENTION_SHAPES(PAIR_SCORES_ENTRY)};
static pair_function *const pair_values_of[SHAPE_UNITS + 1][SHAPE_VECTORS + 1] = {ATTENTION_SHAPES(PAIR_VALUES_ENTRY)};

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
  ptrdiff_t steps = fs_tiled_steps(units->shape.key_width), columns = (units->shape.value_width + 15) / 16;
  ptrdiff_t block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->shape);
  const char *first = cache + begin / 32 * block_bytes;
  ptrdiff_t products = units->count * (steps * count + columns * count / 2 + count / FS_LANES * AHEAD_WEIGHT_WORK);
  pair_job job = {.steps = steps,
                  .block_bytes = block_bytes,
                  .plan = ahead_of_chunk(units, work->end, cache, begin, count, products)};
  // Two blocks of keys stay in the first cache while all units pass.
  for (ptrdiff_t at = 0, wide; at < count; at += wide) {
    wide = count - at < 64 ? 32 : 64;
    for (ptrdiff_t u = 0, tile; u < units->count; u += tile) {
      tile = shape_units(units->count - u, SHAPE_UNITS);
      for (ptrdiff_t p = 0, vectors; p < wide / 16; p += vectors) {
        vectors = shape_vectors(tile, wide / 16 - p, SHAPE_SUMS);
        for (ptrdiff_t v = 0; v < vectors; v++)
          job.lines[v] = first + (at + 16 * (p + v)) / 32 * block_bytes + (p + v) % 2 * steps * 1024;
        pair_scores_of[tile][vectors](&job, work->scores + u * FS_TILED_CHUNK + at + 16 * p,
                                      work->queries + u * TILED_UNIT_BYTES);
      }
    }
  }
  tiled_softmax(units, work, begin, count, tiled_weigh, NULL, &job.plan);
  const char *values = first + 2 * steps * 1024;
  job.steps = count / 32;
  for (ptrdiff_t c = 0, group; c < columns; c += group) {
    group = columns - c < SHAPE_COLUMNS ? columns - c : SHAPE_COLUMNS;
    for (ptrdiff_t u = 0, tile; u < units->count; u += tile) {
      tile = shape_units(units->count - u, SHAPE_UNITS);
      for (ptrdiff_t d = 0, vectors; d < group; d += (group - d) / vectors * vectors) {
        vectors = shape_vectors(tile, group - d, SHAPE_SUMS);
        job.lines[0] = values + (c + d) * 1024;
        job.columns = group - d;
        pair_values_of[tile][vectors](&job, work->sums + (c + d) * 512 + u * 16, work->weights + u * TILED_UNIT_BYTES);
      }
    }
  }
}
