// A pass over a cache of tiles, span by span. Include after spans.h, attention_integers.h and one of attention_tiles.h and
// attention_pairs.h, which say what becomes of a chunk of positions, and inside the target pragma.

/// The units over the positions of one span, [begin, end) of them seen by any.
static void tiled_span(const fs_tiled_units *units, tiled_work *work, const char *cache, ptrdiff_t begin,
                       ptrdiff_t end) {
  ptrdiff_t columns = (units->shape.value_width + 15) / 16;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    work->greatest[u] = -INFINITY;
    work->totals[u] = 0;
    for (ptrdiff_t c = 0; c < columns; c++) lanes_store(work->sums + c * 512 + u * 16, 0.0f);
  }
  bool integers = units->shape.format == FS_TILED_INT8;
  tiled_way way = integers ? 0 : tiled_begin_span(units, begin, end);
  for (ptrdiff_t at = begin - begin % FS_TILED_CHUNK; at < end; at += FS_TILED_CHUNK) {
    ptrdiff_t left = (end - at + 31) / 32 * 32, count = left < FS_TILED_CHUNK ? left : FS_TILED_CHUNK;
    if (integers) integer_chunk(units, work, cache, at, count);
    else tiled_chunk(units, work, cache, at, count, way);
  }
  if (!integers) tiled_end_span(way);
}

static void tiled_attention(const fs_tiled_units *units, const char *cache, char *scratch) {
  ptrdiff_t width = units->shape.value_width, padded = fs_padded_width(width), stride = fs_span_record_floats(width);
  ptrdiff_t steps = fs_tiled_steps(units->shape.key_width), groups = fs_tiled_groups(units->shape.key_width);
  bool integers = units->shape.format == FS_TILED_INT8;
  tiled_work work = {.queries = scratch};
  work.query_scales = (float *)(void *)(work.queries + groups * INTEGER_GROUP_STEPS * INTEGER_STEP_BYTES);
  work.query_starts = (int32_t *)(void *)(work.query_scales + groups * FS_TILED_UNITS);
  work.scores = integers ? (float *)(void *)(work.query_starts + groups * FS_TILED_UNITS)
                         : (float *)(void *)(work.queries + steps * TILED_STEP_BYTES);
  work.weights = (char *)(work.scores + FS_TILED_UNITS * FS_TILED_CHUNK);
  work.sums = (float *)(void *)(work.weights + FS_TILED_CHUNK / 32 * TILED_STEP_BYTES);
  float *records = work.sums + padded / 16 * 512, *own = records + FS_TILED_UNITS * stride;
  ptrdiff_t first = PTRDIFF_MAX, last = 0;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    if (integers) integer_query(units->query[u], units->shape.key_width, u, &work);
    else tiled_round(units->query[u], units->shape.key_width, work.queries + u * TILED_UNIT_BYTES);
    first = units->begin[u] < first ? units->begin[u] : first;
    last = units->end[u] > last ? units->end[u] : last;
  }
  work.end = last;
  for (ptrdiff_t span = first / FS_ATTENTION_SPAN * FS_ATTENTION_SPAN; span < last; span += FS_ATTENTION_SPAN) {
    ptrdiff_t end = span + FS_ATTENTION_SPAN < last ? span + FS_ATTENTION_SPAN : last;
    tiled_span(units, &work, cache, first > span ? first : span, end);
    for (ptrdiff_t u = 0; u < units->count; u++) {
      if (units->begin[u] >= end || units->end[u] <= span) continue;
      bool is_first = units->begin[u] >= span;
      float *record = units->records ? units->output[u] : is_first ? records + u * stride : own;
      const float *sums = work.sums + u * 16;
      for (ptrdiff_t d = 0; d < padded; d += FS_LANES) lanes_store(record + d, lanes_load(sums + d / 16 * 512));
      record[padded] = work.greatest[u];
      record[padded + 1] = work.totals[u];
      if (record == own) span_join(records + u * stride, own, padded);
    }
  }
  if (units->records) return;
  for (ptrdiff_t u = 0; u < units->count; u++) span_divide(records + u * stride, width, units->output[u]);
}
