// What a span of positions leaves of a unit of attention, and how spans join. Include after lanes.h and inside the target
// pragma.
//
// A record is the sums over the values [padded width], then the greatest score and the sum of the weights relative to it.

/// Adds a span's record to that of the spans before it.
static void span_join(float *record, const float *span, ptrdiff_t padded) {
  float before = record[padded], own = span[padded], greatest = own > before ? own : before;
  float factor = lanes_exp((lanes)(before - greatest))[0], own_factor = lanes_exp((lanes)(own - greatest))[0];
  for (ptrdiff_t d = 0; d < padded; d += FS_LANES)
    lanes_store(record + d, lanes_fma(lanes_load(span + d), (lanes)own_factor, lanes_load(record + d) * factor));
  record[padded] = greatest;
  record[padded + 1] = fmaf(span[padded + 1], own_factor, record[padded + 1] * factor);
}

/// The result that a record stands for: sums divided by the sum of the weights.
static void span_divide(const float *record, ptrdiff_t width, float *output) {
  float inverse = 1 / record[fs_padded_width(width) + 1];
  for (ptrdiff_t d = 0; d < width; d += FS_LANES) {
    lanes value = lanes_load(record + d) * inverse;
    if (d + FS_LANES <= width) lanes_store(output + d, value);
    else lanes_store_part(output + d, value, width - d);
  }
}

static void join_spans(const float *records, ptrdiff_t count, ptrdiff_t width, float *scratch, float *output) {
  ptrdiff_t padded = fs_padded_width(width);
  memcpy(scratch, records, (size_t)fs_span_record_floats(width) * sizeof(float));
  for (ptrdiff_t span = 1; span < count; span++)
    span_join(scratch, records + span * fs_span_record_floats(width), padded);
  span_divide(scratch, width, output);
}
