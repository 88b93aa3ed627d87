// What attention over a cache of tiles has in common, whatever multiplies: where things stand, and how scores become
// weights. Include after prepare.h and attention_ahead.h and inside the target pragma.
//
// Queries and weights are rounded to bf16, or are integers (attention_integers.h). Products of pairs take them as such; sets that multiply floats keep them as floats.
#if defined(FS_BF16_PAIRS) || defined(FS_BF16_TILES)
typedef uint16_t tiled_number;
#else
typedef float tiled_number;
#endif
enum {
  TILED_UNIT_BYTES = 32 * sizeof(tiled_number),  // 32 inputs of a unit
  TILED_STEP_BYTES = FS_TILED_UNITS * TILED_UNIT_BYTES,
};

/// Where things stand in a worker's scratch.
typedef struct tiled_work {
  char *queries;    // [steps of 32 columns][units][32]
  float *scores;    // [units][FS_TILED_CHUNK]
  char *weights;    // [FS_TILED_CHUNK / 32][units][32]
  float *sums;      // [columns of 16][units][16]
  float greatest[FS_TILED_UNITS], totals[FS_TILED_UNITS];
  // Where queries and weights are integers:
  float *query_scales;    // [groups of 64 columns][units]
  int32_t *query_starts;  // [groups][units], what sums of products with keys start from
  float weight_scales[FS_TILED_CHUNK / 32][FS_TILED_UNITS];
  ptrdiff_t end;    // of the positions that any unit sees
} tiled_work;

#if defined(FS_BF16_PAIRS) || defined(FS_BF16_TILES)
typedef lanes_u16 tiled_numbers;
/// Floats rounded to bf16 as products of pairs know them, without denormals.
FS_INLINE tiled_numbers tiled_rounded(lanes x) { return (lanes_u16)_mm512_cvtneps_pbh((__m512)x); }
FS_INLINE lanes tiled_floats(tiled_numbers x) {
  return __builtin_bit_cast(lanes, __builtin_convertvector(x, lanes_i32) << 16);
}
#else
typedef lanes tiled_numbers;
FS_INLINE tiled_numbers tiled_rounded(lanes x) {
  lanes_u32 bits = __builtin_bit_cast(lanes_u32, x);
  bits = (bits & 0x7f800000u) == 0 ? bits & 0x80000000u : lanes_round_bf16(x);
  return __builtin_bit_cast(lanes, bits);
}
FS_INLINE lanes tiled_floats(tiled_numbers x) { return x; }
#endif

/// Stores sixteen numbers of a unit, from `at` of its inputs on.
FS_INLINE void tiled_put(char *to, ptrdiff_t at, tiled_numbers numbers) {
  memcpy(to + at / 32 * TILED_STEP_BYTES + at % 32 * (ptrdiff_t)sizeof(tiled_number), &numbers, sizeof numbers);
}

/// A unit's query: floats rounded, zeros from n on.
FS_INLINE void tiled_round(const float *x, ptrdiff_t n, char *to) {
  for (ptrdiff_t i = 0; i < (n + 31) / 32 * 32; i += FS_LANES) tiled_put(to, i, tiled_rounded(lanes_load_within(x, i, n)));
}

/// Positions [begin, end) of a chunk, counted from the chunk's first.
typedef struct tiled_range {
  ptrdiff_t begin, end;
} tiled_range;

/// The greatest scaled score of the range; scores of its vectors that lie outside become -infinity.
FS_INLINE float tiled_highest(float *scores, tiled_range range, float scale) {
  const lanes_i32 place = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  ptrdiff_t first = range.begin / FS_LANES * FS_LANES, last = (range.end - 1) / FS_LANES * FS_LANES;
  if (range.begin > first) {
    lanes value = lanes_load(scores + first);
    lanes_store(scores + first, place < (lanes_i32)(int32_t)(range.begin - first) ? (lanes)-INFINITY : value);
  }
  if (range.end < last + FS_LANES) {
    lanes value = lanes_load(scores + last);
    lanes_store(scores + last, place < (lanes_i32)(int32_t)(range.end - last) ? value : (lanes)-INFINITY);
  }
  lanes maximum = -INFINITY;
  for (ptrdiff_t t = first; t <= last; t += FS_LANES) {
    lanes value = lanes_load(scores + t) * scale;
    maximum = value > maximum ? value : maximum;
  }
  return lanes_maximum(maximum);
}

/// Turns the scores of unit u into weights relative to the greatest, 0 for what it does not see; returns their sum.
typedef float tiled_weigh_function(const fs_tiled_units *units, tiled_work *work, ptrdiff_t u, tiled_range range,
                                   ptrdiff_t count, const char *blocks, ahead_plan *plan);

/// As bf16.
FS_INLINE float tiled_weigh(const fs_tiled_units *units, tiled_work *work, ptrdiff_t u, tiled_range range,
                            ptrdiff_t count, const char *blocks, ahead_plan *plan) {
  (void)blocks;
  const float *scores = work->scores + u * FS_TILED_CHUNK;
  char *weights = work->weights + u * TILED_UNIT_BYTES;
  float scale = units->scale, greatest = work->greatest[u];
  ptrdiff_t first = range.begin / FS_LANES * FS_LANES, last = (range.end + FS_LANES - 1) / FS_LANES * FS_LANES;
  if (range.end <= range.begin) first = last = 0;
  const tiled_numbers none = 0;
  for (ptrdiff_t t = 0; t < first; t += FS_LANES) tiled_put(weights, t, none);
  lanes sum = 0.0f;
  for (ptrdiff_t t = first; t < last; t += FS_LANES) {
    ahead_ask(plan, AHEAD_WEIGHT_WORK);
    lanes weight = lanes_weight(lanes_fma(lanes_load(scores + t), (lanes)scale, (lanes)-greatest));
    tiled_numbers rounded = tiled_rounded(weight);
    tiled_put(weights, t, rounded);
    sum += tiled_floats(rounded);
  }
  for (ptrdiff_t t = last; t < count; t += FS_LANES) tiled_put(weights, t, none);
  return lanes_sum(sum);
}

/// From scores to weights for all units, their sums so far corrected. What is due of the plan is asked for.
FS_INLINE void tiled_softmax(const fs_tiled_units *units, tiled_work *work, ptrdiff_t begin, ptrdiff_t count,
                             tiled_weigh_function *weigh, const char *blocks, ahead_plan *plan) {
  ptrdiff_t columns = (units->shape.value_width + 15) / 16;
  tiled_range ranges[FS_TILED_UNITS];
  float highest[FS_TILED_UNITS], corrections[FS_TILED_UNITS];
  for (ptrdiff_t u = 0; u < FS_TILED_UNITS; u++) highest[u] = -INFINITY;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    ptrdiff_t from = units->begin[u] - begin, to = units->end[u] - begin;
    ranges[u] = (tiled_range){from > 0 ? from : 0, to < count ? to : count};
    if (ranges[u].begin < ranges[u].end)
      highest[u] = tiled_highest(work->scores + u * FS_TILED_CHUNK, ranges[u], units->scale);
  }
  for (ptrdiff_t u = 0; u < units->count; u += FS_LANES) {
    lanes previous = lanes_load(work->greatest + u), value = lanes_load(highest + u);
    value = value > previous ? value : previous;
    lanes_store(work->greatest + u, value);
    // What has seen nothing yet keeps its zeros.
    lanes factor = previous == value ? (lanes)1.0f : lanes_weight(previous - value);
    lanes_store(corrections + u, previous == (lanes)-INFINITY ? (lanes)1.0f : factor);
  }
  for (ptrdiff_t u = 0; u < units->count; u++) {
    float total = weigh(units, work, u, ranges[u], count, blocks, plan);
    work->totals[u] = fmaf(work->totals[u], corrections[u], total);
    if (corrections[u] == 1) continue;
    float *sums = work->sums + u * 16;
    for (ptrdiff_t c = 0; c < columns; c++) lanes_store(sums + c * 512, lanes_load(sums + c * 512) * corrections[u]);
  }
}
