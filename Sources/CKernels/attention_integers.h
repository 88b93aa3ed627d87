// Attention over a cache of integers with vectors: products of four bytes are summed exactly, so all sets give the same bits in
// whatever order they sum. Include after attention_shapes.h, attention_softmax.h and fours.h and inside the target pragma.
//
// Queries stand by steps of 32 columns, weights by blocks of 32 positions, [step][units][32] bytes. A position that a unit does not
// see has the weight 0, and a block of which it sees none the scale 0: company changes no bit, but for the sign of a zero.

enum {
  INTEGER_UNIT_BYTES = 32,
  INTEGER_STEP_BYTES = FS_TILED_UNITS * INTEGER_UNIT_BYTES,
  INTEGER_STEP_LINES = 8,  // lines of four columns of sixteen positions, or of four positions of sixteen columns
  INTEGER_GROUP_STEPS = FS_TILED_GROUP / 32,
  INTEGER_VALUE_UNITS = SHAPE_UNITS / 2,  // tiles of values have sums of integers and sums of floats in registers
  // What sixteen weights count as, in steps of products with a vector: half the time they take, as with pairs.
  INTEGER_WEIGHT_WORK = 40,
};

/// Stores sixteen numbers times `inverse` as bytes and returns them.
FS_INLINE lanes_i32 integer_put(lanes numbers, float inverse, char *to) {
  lanes_i32 integers = __builtin_bit_cast(lanes_i32, numbers * inverse + FS_INTEGER_ROUND) - FS_INTEGER_ROUND_BITS;
  if (inverse == 0) integers = 0;
  lanes_i8 bytes = __builtin_convertvector(integers, lanes_i8);
  memcpy(to, &bytes, sizeof bytes);
  return integers;
}

/// Unit u's query of n floats as integers, zeros behind them up to the end of its last group.
FS_INLINE void integer_query(const float *x, ptrdiff_t n, ptrdiff_t u, tiled_work *work) {
  enum { VECTORS = FS_TILED_GROUP / FS_LANES };
  for (ptrdiff_t g = 0; g < fs_tiled_groups(n); g++) {
    lanes value[VECTORS];
    lanes_i32 magnitude = 0;
    FS_UNROLL for (int v = 0; v < VECTORS; v++) {
      value[v] = lanes_load_within(x, g * FS_TILED_GROUP + v * FS_LANES, n);
      lanes_i32 bits = __builtin_bit_cast(lanes_i32, value[v]) & 0x7fffffff;
      magnitude = bits > magnitude ? bits : magnitude;
    }
    float scale, inverse = fs_integer_scale(__builtin_reduce_max(magnitude), &scale);
    char *to = work->queries + g * INTEGER_GROUP_STEPS * INTEGER_STEP_BYTES + u * INTEGER_UNIT_BYTES;
    lanes_i32 start = 0;
    FS_UNROLL for (int v = 0; v < VECTORS; v++) {
      lanes_i32 integers = integer_put(value[v], inverse, to + v / 2 * INTEGER_STEP_BYTES + v % 2 * FS_LANES);
      start -= FS_BYTES_OFFSET * integers;
    }
    work->query_scales[g * FS_TILED_UNITS + u] = scale;
    work->query_starts[g * FS_TILED_UNITS + u] = __builtin_reduce_add(start);
  }
}

enum { INTEGER_BLOCKS = FS_TILED_CHUNK / 32 };
typedef int32_t integer_blocks __attribute__((ext_vector_type(INTEGER_BLOCKS)));
typedef float integer_block_scales __attribute__((ext_vector_type(INTEGER_BLOCKS)));

/// fs_integer_scale for the blocks of a chunk, none of whose numbers is negative.
FS_INLINE integer_block_scales integer_scales(integer_blocks greatest, integer_block_scales *scales) {
  integer_block_scales value = __builtin_bit_cast(integer_block_scales, greatest);
  integer_blocks is_small = value < 0x1p-100f;
  *scales = greatest >= 0x7f800000 ? (integer_block_scales)__builtin_nanf("") : is_small ? (integer_block_scales)0.0f : value / 127;
  return greatest >= 0x7f800000 || is_small ? (integer_block_scales)0.0f : 127 / value;
}

/// As integers: each weight times the scale of its value, with one scale for the positions of a block.
FS_INLINE float integer_weigh(const fs_tiled_units *units, tiled_work *work, ptrdiff_t u, tiled_range range,
                              ptrdiff_t count, const char *blocks, ahead_plan *plan) {
  ptrdiff_t first = range.begin / FS_LANES * FS_LANES, last = (range.end + FS_LANES - 1) / FS_LANES * FS_LANES;
  if (range.end <= range.begin) first = last = 0;
  const float *scores = work->scores + u * FS_TILED_CHUNK;
  ptrdiff_t block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->shape);
  lanes sum = 0.0f, part[INTEGER_BLOCKS][2];
  integer_blocks greatest;
  FS_UNROLL for (int block = 0; block < INTEGER_BLOCKS; block++) {
    const float *scales = (const float *)(const void *)(blocks + block * block_bytes);
    FS_UNROLL for (int half = 0; half < 2; half++) {
      ptrdiff_t t = 32 * block + FS_LANES * half;
      part[block][half] = 0.0f;
      if (t < first || t >= last) continue;
      ahead_ask(plan, INTEGER_WEIGHT_WORK);
      lanes above = lanes_fma(lanes_load(scores + t), (lanes)units->scale, (lanes)-work->greatest[u]);
      lanes weight = lanes_weight(above > 0.0f ? (lanes)0.0f : above);  // the greatest has been rounded
      sum += weight;
      part[block][half] = weight * lanes_load(scales + FS_LANES * half);
    }
    // None is negative, so they compare as their bits do.
    lanes_i32 low = __builtin_bit_cast(lanes_i32, part[block][0]), high = __builtin_bit_cast(lanes_i32, part[block][1]);
    greatest[block] = __builtin_reduce_max(low > high ? low : high);
  }
  integer_block_scales scale, inverse = integer_scales(greatest, &scale);
  FS_UNROLL for (int block = 0; block < INTEGER_BLOCKS; block++) {
    if (32 * block >= count) break;
    work->weight_scales[block][u] = scale[block];
    char *to = work->weights + block * INTEGER_STEP_BYTES + u * INTEGER_UNIT_BYTES;
    integer_put(part[block][0], inverse[block], to);
    integer_put(part[block][1], inverse[block], to + FS_LANES);
  }
  return lanes_sum(sum);
}

/// What the tiles of a chunk work on.
typedef struct integer_job {
  tiled_work *work;
  const char *keys[SHAPE_VECTORS];     // of a vector of positions
  const float *scales[SHAPE_VECTORS];  // theirs
  ptrdiff_t steps;                     // of columns of keys
  const char *values;                  // of the first vector of columns, in the first block
  ptrdiff_t columns;                   // vectors of them
  ptrdiff_t blocks, block_bytes;
  ahead_plan plan;
} integer_job;

/// Products of a step: eight lines of each vector with 32 numbers of each unit. Meanwhile the lines of a group are asked for, if there
/// is one, two for each step's line.
FS_INLINE void integer_products(lanes_i32 sum[SHAPE_UNITS][SHAPE_VECTORS], const char *const *lines, const char *numbers,
                                const char *asked, bool are_keys, int units, int vectors) {
  for (int i = 0; i < INTEGER_STEP_LINES; i++) {
    lanes_i32 fours[SHAPE_VECTORS];
    FS_UNROLL for (int l = 0; asked && l < AHEAD_LINES / INTEGER_STEP_LINES; l++)
      ahead_line(asked + (i * (AHEAD_LINES / INTEGER_STEP_LINES) + l) * 64);
    FS_UNROLL for (int v = 0; v < vectors; v++) {
      fours[v] = __builtin_bit_cast(lanes_i32, lanes_load((const float *)(const void *)(lines[v] + i * 64)));
      if (are_keys) fours[v] = fours_of_int8(fours[v]);
    }
    FS_UNROLL for (int u = 0; u < units; u++) {
      lanes_i32 number = ((const int32_t *)(const void *)(numbers + u * INTEGER_UNIT_BYTES))[i];
      FS_UNROLL for (int v = 0; v < vectors; v++)
        sum[u][v] = are_keys ? lanes_multiply_fours(sum[u][v], fours[v], number)
                             : lanes_multiply_shares(sum[u][v], number, fours[v]);
    }
  }
}

/// The same; what is due of the plan is asked for.
FS_INLINE void integer_step(lanes_i32 sum[SHAPE_UNITS][SHAPE_VECTORS], const char *const *lines, const char *numbers,
                            ahead_plan *plan, ptrdiff_t due, bool are_keys, int units, int vectors) {
  plan->due += due;
  const char *asked = ahead_group(plan, NULL);
  if (asked) integer_products(sum, lines, numbers, asked, are_keys, units, vectors);
  else integer_products(sum, lines, numbers, NULL, are_keys, units, vectors);
}

/// Scores of `units` units from `unit` on against `vectors` times sixteen positions.
FS_INLINE void integer_scores(integer_job *job, float *scores, ptrdiff_t unit, int units, int vectors) {
  const tiled_work *work = job->work;
  const char *lines[SHAPE_VECTORS], *numbers = work->queries + unit * INTEGER_UNIT_BYTES;
  FS_UNROLL for (int v = 0; v < vectors; v++) lines[v] = job->keys[v];
  ptrdiff_t due = job->plan.rate * units * vectors;
  for (ptrdiff_t g = 0; g * INTEGER_GROUP_STEPS < job->steps; g++) {
    const int32_t *starts = work->query_starts + g * FS_TILED_UNITS + unit;
    const float *query_scales = work->query_scales + g * FS_TILED_UNITS + unit;
    lanes_i32 sum[SHAPE_UNITS][SHAPE_VECTORS];
    FS_UNROLL for (int u = 0; u < units; u++) FS_UNROLL for (int v = 0; v < vectors; v++) sum[u][v] = starts[u];
    ptrdiff_t left = job->steps - g * INTEGER_GROUP_STEPS, count = left < INTEGER_GROUP_STEPS ? left : INTEGER_GROUP_STEPS;
    for (ptrdiff_t step = 0; step < count; step++) {
      integer_step(sum, lines, numbers, &job->plan, due, true, units, vectors);
      FS_UNROLL for (int v = 0; v < vectors; v++) lines[v] += INTEGER_STEP_LINES * 64;
      numbers += INTEGER_STEP_BYTES;
    }
    FS_UNROLL for (int v = 0; v < vectors; v++) {
      lanes scale = lanes_load(job->scales[v] + g * FS_LANES);
      FS_UNROLL for (int u = 0; u < units; u++) {
        float *to = scores + u * FS_TILED_CHUNK + v * FS_LANES;
        lanes before = g == 0 ? (lanes)0.0f : lanes_load(to);
        lanes_store(to, lanes_fma(__builtin_convertvector(sum[u][v], lanes) * scale, (lanes)query_scales[u], before));
      }
    }
  }
}

/// Adds weights times values to `vectors` vectors of sixteen columns at a time for `units` units from `unit` on, as often as there are
/// so many. With a call for each tile they took 1.15 times as long.
FS_INLINE void integer_values(integer_job *job, float *sums, ptrdiff_t unit, int units, int vectors) {
  const tiled_work *work = job->work;
  ptrdiff_t due = job->plan.rate * units * vectors, columns = job->columns;
  const char *first = job->values;
  for (; columns >= vectors; columns -= vectors) {
    const char *lines[SHAPE_VECTORS], *numbers = work->weights + unit * INTEGER_UNIT_BYTES;
    FS_UNROLL for (int v = 0; v < vectors; v++) lines[v] = first + v * 512;
    lanes whole[SHAPE_UNITS][SHAPE_VECTORS];
    FS_UNROLL for (int u = 0; u < units; u++)
      FS_UNROLL for (int v = 0; v < vectors; v++) whole[u][v] = lanes_load(sums + u * 16 + v * 512);
    for (ptrdiff_t block = 0; block < job->blocks; block++) {
      lanes_i32 sum[SHAPE_UNITS][SHAPE_VECTORS];
      FS_UNROLL for (int u = 0; u < units; u++) FS_UNROLL for (int v = 0; v < vectors; v++) sum[u][v] = 0;
      integer_step(sum, lines, numbers, &job->plan, due, false, units, vectors);
      FS_UNROLL for (int u = 0; u < units; u++) {
        lanes scale = work->weight_scales[block][unit + u];
        FS_UNROLL for (int v = 0; v < vectors; v++)
          whole[u][v] = lanes_fma(__builtin_convertvector(sum[u][v], lanes), scale, whole[u][v]);
      }
      FS_UNROLL for (int v = 0; v < vectors; v++) lines[v] += job->block_bytes;
      numbers += INTEGER_STEP_BYTES;
    }
    FS_UNROLL for (int u = 0; u < units; u++)
      FS_UNROLL for (int v = 0; v < vectors; v++) lanes_store(sums + u * 16 + v * 512, whole[u][v]);
    first += vectors * 512;
    sums += vectors * 512;
  }
}

typedef void integer_function(integer_job *job, float *sums, ptrdiff_t unit);
#define INTEGER_FUNCTION(name, units, vectors)                                                              \
  __attribute__((noinline)) static void integer_##name##_##units##x##vectors(integer_job *job, float *sums, \
                                                                             ptrdiff_t unit) {              \
    integer_##name(job, sums, unit, units, vectors);                                                        \
  }
#define INTEGER_FUNCTIONS(units, vectors)  \
  INTEGER_FUNCTION(scores, units, vectors) \
  INTEGER_FUNCTION(values, units, vectors)
ATTENTION_SHAPES(INTEGER_FUNCTIONS)
#define INTEGER_SCORES_ENTRY(units, vectors) [units][vectors] = integer_scores_##units##x##vectors,
#define INTEGER_VALUES_ENTRY(units, vectors) [units][vectors] = integer_values_##units##x##vectors,
static integer_function *const integer_scores_of[SHAPE_UNITS + 1][SHAPE_VECTORS + 1] = {ATTENTION_SHAPES(INTEGER_SCORES_ENTRY)};
static integer_function *const integer_values_of[SHAPE_UNITS + 1][SHAPE_VECTORS + 1] = {ATTENTION_SHAPES(INTEGER_VALUES_ENTRY)};

/// What a chunk of `count` positions adds to the units.
static void integer_chunk(const fs_tiled_units *units, tiled_work *work, const char *cache, ptrdiff_t begin,
                          ptrdiff_t count) {
  ptrdiff_t steps = fs_tiled_steps(units->shape.key_width), groups = fs_tiled_groups(units->shape.key_width);
  ptrdiff_t columns = (units->shape.value_width + 15) / 16, block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->shape);
  const char *first = cache + begin / 32 * block_bytes;
  const char *keys = first + fs_tiled_scale_bytes(units->shape), *values = first + fs_tiled_key_bytes(units->shape);
  const float *scales = (const float *)(const void *)first + 32;
  ptrdiff_t products = units->count * (steps * count / 16 + columns * count / 32 + count / 16 * INTEGER_WEIGHT_WORK);
  integer_job job = {.work = work,
                     .steps = steps,
                     .blocks = count / 32,
                     .block_bytes = block_bytes,
                     .plan = ahead_of_chunk(units, work->end, cache, begin, count, products)};
  // Two blocks of keys stay in the first cache while all units pass.
  for (ptrdiff_t at = 0, wide; at < count; at += wide) {
    wide = count - at < 64 ? 32 : 64;
    for (ptrdiff_t u = 0, tile; u < units->count; u += tile) {
      tile = shape_units(units->count - u, SHAPE_UNITS);
      for (ptrdiff_t p = 0, vectors; p < wide / 16; p += vectors) {
        vectors = shape_vectors(tile, wide / 16 - p, SHAPE_SUMS);
        for (ptrdiff_t v = 0; v < vectors; v++) {
          ptrdiff_t block = (at + 16 * (p + v)) / 32, half = (p + v) % 2;
          job.keys[v] = keys + block * block_bytes + half * steps * 512;
          job.scales[v] = scales + block * block_bytes / (ptrdiff_t)sizeof(float) + half * groups * FS_LANES;
        }
        integer_scores_of[tile][vectors](&job, work->scores + u * FS_TILED_CHUNK + at + 16 * p, u);
      }
    }
  }
  tiled_softmax(units, work, begin, count, integer_weigh, first, &job.plan);
  for (ptrdiff_t c = 0, group; c < columns; c += group) {
    group = columns - c < SHAPE_COLUMNS ? columns - c : SHAPE_COLUMNS;
    for (ptrdiff_t u = 0, tile; u < units->count; u += tile) {
      tile = shape_units(units->count - u, INTEGER_VALUE_UNITS);
      for (ptrdiff_t d = 0, vectors; d < group; d += (group - d) / vectors * vectors) {
        vectors = shape_vectors(tile, group - d, SHAPE_SUMS / 2);
        job.values = values + (c + d) * 512;
        job.columns = group - d;
        integer_values_of[tile][vectors](&job, work->sums + (c + d) * 512 + u * 16, u);
      }
    }
  }
}
