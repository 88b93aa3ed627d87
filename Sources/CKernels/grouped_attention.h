// Grouped-query attention of the vector sets, written once over sixteen lanes. Include after vector.h and spans.h and inside the
// target pragma.
//
// A "unit" is one head of one row. All units of a pass take a block of positions together: first their scores, then
// weights and values. Neither the arithmetic of a unit nor its order knows of the others.
#include "grouped_attention_tiles.h"

/// The working memory of a pass.
typedef struct grouped_work {
  float *sums;         // [units][padded width]
  float *scores;       // [units][FS_ATTENTION_BLOCK], then the weights
  float *totals;       // [units][FS_LANES]
  float *greatest;     // [units]
  float *highest;      // [units], of this block
  float *corrections;  // [units]
  ptrdiff_t width, padded;
  float scale;
} grouped_work;

/// The greatest score of the range; scores of its panels that lie outside it become -infinity.
FS_INLINE float grouped_mask(float *scores, grouped_range range) {
  ptrdiff_t begin = range.begin / FS_LANES * FS_LANES, end = (range.end + FS_LANES - 1) / FS_LANES * FS_LANES;
  for (ptrdiff_t t = begin; t < range.begin; t++) scores[t] = -INFINITY;
  for (ptrdiff_t t = range.end; t < end; t++) scores[t] = -INFINITY;
  lanes maximum = -INFINITY;
  for (ptrdiff_t t = begin; t < end; t += FS_LANES) {
    lanes value = lanes_load(scores + t);
    maximum = value > maximum ? value : maximum;
  }
  return lanes_maximum(maximum);
}

/// Scores become weights relative to `greatest`; the total so far is corrected.
FS_INLINE void grouped_weigh(float *scores, grouped_range range, float greatest, float correction, float *totals) {
  lanes total = lanes_load(totals) * correction;
  for (ptrdiff_t t = range.begin / FS_LANES * FS_LANES; t < range.end; t += FS_LANES) {
    lanes weight = lanes_weight(lanes_load(scores + t) - greatest);
    lanes_store(scores + t, weight);
    total += weight;
  }
  lanes_store(totals, total);
}

/// The values of a tile of units whose ranges differ: what all see goes through the tile, the rest unit by unit, so
/// that no unit meets a value that it does not see.
static void grouped_values_ragged(float *sums, ptrdiff_t padded, const float *values, const grouped_range *ranges,
                                  const float *weights, const float *corrections) {
  grouped_range common = ranges[0];
  for (int u = 1; u < GROUPED_TILE; u++) {
    common.begin = ranges[u].begin > common.begin ? ranges[u].begin : common.begin;
    common.end = ranges[u].end < common.end ? ranges[u].end : common.end;
  }
  if (common.end < common.begin) common.end = common.begin;
  for (int u = 0; u < GROUPED_TILE; u++) {
    grouped_range before = {ranges[u].begin, common.begin < ranges[u].end ? common.begin : ranges[u].end};
    if (before.end < before.begin) before.end = before.begin;
    grouped_values_functions[0][0](sums + u * padded, padded, values, before, weights + u * FS_ATTENTION_BLOCK,
                                   corrections + u, NULL);
  }
  if (common.begin < common.end) grouped_values_functions[1][0](sums, padded, values, common, weights, NULL, NULL);
  for (int u = 0; u < GROUPED_TILE; u++) {
    grouped_range after = {common.end > ranges[u].begin ? common.end : ranges[u].begin, ranges[u].end};
    if (after.begin < after.end)
      grouped_values_functions[0][0](sums + u * padded, padded, values, after, weights + u * FS_ATTENTION_BLOCK, NULL,
                                     NULL);
  }
}

/// One block of positions for all units. `whole`: every unit sees all of it. `next`: the block after it, or NULL. The
/// first units pull the block's values towards the core while they are scored, and the next block's keys as they take
/// these in; together they ask for each line once.
FS_INLINE void grouped_block(const fs_grouped_units *units, const grouped_work *work, const float *keys,
                             const float *next, bool whole, const grouped_range *ranges) {
  const grouped_range all = {0, FS_ATTENTION_BLOCK};
  const float *values = keys + FS_ATTENTION_BLOCK * work->width;
  ptrdiff_t count = units->count, step;
  ptrdiff_t ahead = count < 2 * GROUPED_TILE ? 4 : count < 4 * GROUPED_TILE ? 2 : 1;
  for (ptrdiff_t u = 0; u < count; u += step) {
    step = count - u < GROUPED_TILE ? 1 : GROUPED_TILE;
    grouped_range any = whole ? all : ranges[u];
    for (ptrdiff_t other = u + 1; !whole && other < u + step; other++) {
      any.begin = ranges[other].begin < any.begin ? ranges[other].begin : any.begin;
      any.end = ranges[other].end > any.end ? ranges[other].end : any.end;
    }
    ptrdiff_t begin = any.begin / FS_LANES, end = (any.end + FS_LANES - 1) / FS_LANES;
    ptrdiff_t lines = u / GROUPED_TILE * ahead;  // of four for each element of the width
    float *scores = work->scores + u * FS_ATTENTION_BLOCK;
    grouped_scores_function *score = grouped_scores_functions[step > 1][lines < 4 ? ahead : 0];
    score(units->query + u, end - begin, work->width, keys + begin * FS_LANES, work->scale, scores + begin * FS_LANES,
          values + lines * work->width * FS_LANES);
    for (ptrdiff_t v = u; v < u + step; v++)
      work->highest[v] = grouped_mask(work->scores + v * FS_ATTENTION_BLOCK, whole ? all : ranges[v]);
  }
  for (ptrdiff_t u = 0; u < count; u += FS_LANES) {
    lanes previous = lanes_load(work->greatest + u), value = lanes_load(work->highest + u);
    value = value > previous ? value : previous;
    lanes_store(work->greatest + u, value);
    lanes correction = lanes_weight(previous - value);
    // What has seen nothing yet keeps its zeros; where both are a number the exponential is 1 as well.
    lanes_store(work->corrections + u, previous == value ? (lanes)1.0f : correction);
  }
  for (ptrdiff_t u = 0; u < count; u += step) {
    step = count - u < GROUPED_TILE ? 1 : GROUPED_TILE;
    float *sums = work->sums + u * work->padded, *weights = work->scores + u * FS_ATTENTION_BLOCK;
    const float *corrections = work->corrections + u;
    bool is_ragged = false;
    for (ptrdiff_t v = u; v < u + step; v++) {
      grouped_weigh(work->scores + v * FS_ATTENTION_BLOCK, whole ? all : ranges[v], work->greatest[v],
                    work->corrections[v], work->totals + v * FS_LANES);
      if (!whole) is_ragged |= ranges[v].begin != ranges[u].begin || ranges[v].end != ranges[u].end;
    }
    if (is_ragged) {
      grouped_values_ragged(sums, work->padded, values, ranges + u, weights, corrections);
      continue;
    }
    ptrdiff_t lines = u / GROUPED_TILE * ahead;
    grouped_values_function *add = grouped_values_functions[step > 1][next && lines < 4 ? ahead : 0];
    add(sums, work->padded, values, whole ? all : ranges[u], weights, corrections,
        next ? next + lines * work->padded * FS_LANES : values);
  }
}

/// The units over the positions of one span, [begin, end) of them seen by any.
FS_INLINE void grouped_span(const fs_grouped_units *units, const grouped_work *work, const float *cache,
                            ptrdiff_t begin, ptrdiff_t end) {
  ptrdiff_t count = units->count, block_floats = fs_grouped_block_floats(work->width);
  memset(work->sums, 0, (size_t)(count * work->padded) * sizeof(float));
  memset(work->totals, 0, (size_t)(count * FS_LANES) * sizeof(float));
  for (ptrdiff_t u = 0; u < FS_GROUPED_UNITS; u++) work->greatest[u] = work->highest[u] = -INFINITY;
  ptrdiff_t latest_begin = 0, earliest_end = PTRDIFF_MAX;
  for (ptrdiff_t u = 0; u < count; u++) {
    latest_begin = units->begin[u] > latest_begin ? units->begin[u] : latest_begin;
    earliest_end = units->end[u] < earliest_end ? units->end[u] : earliest_end;
  }
  for (ptrdiff_t block = begin - begin % FS_ATTENTION_BLOCK; block < end; block += FS_ATTENTION_BLOCK) {
    const float *keys = cache + block / FS_ATTENTION_BLOCK * block_floats;
    const float *next = block + FS_ATTENTION_BLOCK < end ? keys + block_floats : NULL;
    if (block >= latest_begin && block + FS_ATTENTION_BLOCK <= earliest_end) {
      grouped_block(units, work, keys, next, true, NULL);
      continue;
    }
    grouped_range ranges[FS_GROUPED_UNITS];
    for (ptrdiff_t u = 0; u < count; u++) {
      ptrdiff_t first = units->begin[u] - block, last = units->end[u] - block;
      first = first < 0 ? 0 : first > FS_ATTENTION_BLOCK ? FS_ATTENTION_BLOCK : first;
      last = last > FS_ATTENTION_BLOCK ? FS_ATTENTION_BLOCK : last < first ? first : last;
      ranges[u] = (grouped_range){(int32_t)first, (int32_t)last};
    }
    grouped_block(units, work, keys, next, false, ranges);
  }
}

static void grouped_attention(const fs_grouped_units *units, const float *cache, float *scratch) {
  grouped_work work = {.width = units->width, .padded = fs_padded_width(units->width), .scale = units->scale};
  ptrdiff_t count = units->count, stride = fs_span_record_floats(work.width);
  work.sums = scratch;
  work.scores = work.sums + FS_GROUPED_UNITS * work.padded;
  work.totals = work.scores + FS_GROUPED_UNITS * FS_ATTENTION_BLOCK;
  work.greatest = work.totals + FS_GROUPED_UNITS * FS_LANES;
  work.highest = work.greatest + FS_GROUPED_UNITS;
  work.corrections = work.highest + FS_GROUPED_UNITS;
  float *records = work.corrections + FS_GROUPED_UNITS, *own = records + FS_GROUPED_UNITS * stride;
  ptrdiff_t first = PTRDIFF_MAX, last = 0;
  for (ptrdiff_t u = 0; u < count; u++) {
    first = units->begin[u] < first ? units->begin[u] : first;
    last = units->end[u] > last ? units->end[u] : last;
  }
  for (ptrdiff_t span = first / FS_ATTENTION_SPAN * FS_ATTENTION_SPAN; span < last; span += FS_ATTENTION_SPAN) {
    ptrdiff_t end = span + FS_ATTENTION_SPAN < last ? span + FS_ATTENTION_SPAN : last;
    grouped_span(units, &work, cache, first > span ? first : span, end);
    for (ptrdiff_t u = 0; u < count; u++) {
      if (units->begin[u] >= end || units->end[u] <= span) continue;
      bool is_first = units->begin[u] >= span;
      float *record = units->records ? units->output[u] : is_first ? records + u * stride : own;
      memcpy(record, work.sums + u * work.padded, (size_t)work.padded * sizeof(float));
      record[work.padded] = work.greatest[u];
      record[work.padded + 1] = lanes_sum(lanes_load(work.totals + u * FS_LANES));
      if (record == own) span_join(records + u * stride, own, work.padded);
    }
  }
  if (units->records) return;
  for (ptrdiff_t u = 0; u < count; u++) span_divide(records + u * stride, work.width, units->output[u]);
}
