// What becomes of a tile of sums: the scales of int8 columns, the sum with what is there, the gated unit. Include after
// lanes.h and inside the target pragma.

/// Sixteen sums of an int8 panel times the scales of its columns; `scales` is NULL for other formats.
FS_INLINE lanes scaled(const float *sums, const char *scales) {
  return scales ? lanes_load(sums) * lanes_load((const float *)(const void *)scales) : lanes_load(sums);
}

FS_INLINE lanes added(const float *sums, const char *scales, lanes base) {
  return scales ? lanes_fma(lanes_load(sums), lanes_load((const float *)(const void *)scales), base)
                : base + lanes_load(sums);
}

/// Asks for lines of the weights to come: ending rows leaves the way from memory free.
FS_INLINE void finish_ahead(const fs_finish *job, ptrdiff_t row) {
  const char *next = job->next + row * job->lines * 64;
  _Pragma("clang loop unroll(disable)") for (ptrdiff_t line = 0; line < job->lines; line++)
      __builtin_prefetch(next + line * 64, 0, 2);
}

FS_INLINE void finish_of(const fs_finish *job, bool accumulate, bool has_scales, bool ahead) {
  for (ptrdiff_t r = 0; r < job->rows; r++) {
    if (ahead) finish_ahead(job, r);
    float *to = fs_row(job->y, job->row + r) + job->column;
    const float *sums = job->tile + r * job->panels * FS_LANES;
    const char *scales = has_scales ? job->scales : NULL;
    ptrdiff_t left = job->count;
    for (; left >= FS_LANES; left -= FS_LANES, to += FS_LANES, sums += FS_LANES) {
      lanes_store(to, accumulate ? added(sums, scales, lanes_load(to)) : scaled(sums, scales));
      if (has_scales) scales += job->panel_bytes;
    }
    if (left > 0)
      lanes_store_part(to, accumulate ? added(sums, scales, lanes_load_part(to, left)) : scaled(sums, scales), left);
  }
}

// Constants for the kinds of jobs leave straight code. Only formats without scales ask for lines ahead.
static void finish(const fs_finish *job) {
  if (job->accumulate) {
    job->scales ? finish_of(job, true, true, false) : job->lines ? finish_of(job, true, false, true)
                                                                 : finish_of(job, true, false, false);
  } else {
    job->scales ? finish_of(job, false, true, false) : job->lines ? finish_of(job, false, false, true)
                                                                  : finish_of(job, false, false, false);
  }
}

FS_INLINE void finish_gated_of(const fs_finish *job, const float *row_scale, bool has_scales, bool ahead) {
  for (ptrdiff_t r = 0; r < job->rows; r++) {
    if (ahead) finish_ahead(job, r);
    float *to = fs_row(job->y, job->row + r) + job->column;
    const float *sums = job->tile + r * job->panels * FS_LANES;
    const char *scales = has_scales ? job->scales : NULL;
    lanes factor = row_scale ? row_scale[job->row + r] : 1.0f;
    for (ptrdiff_t left = job->count; left > 0; left -= FS_LANES, to += FS_LANES, sums += 2 * FS_LANES) {
      lanes value = scaled(sums, scales), up = scaled(sums + FS_LANES, has_scales ? scales + job->panel_bytes : NULL);
      lanes result = factor * (value / (1.0f + lanes_exp(-value)) * up);
      if (left >= FS_LANES) {
        lanes_store(to, result);
      } else {
        lanes_store_part(to, result, left);  // the last panel may be wider than the row
      }
      if (has_scales) scales += 2 * job->panel_bytes;
    }
  }
}

static void finish_gated(const fs_finish *job, const float *row_scale) {
  job->scales ? finish_gated_of(job, row_scale, true, false) : job->lines ? finish_gated_of(job, row_scale, false, true)
                                                                          : finish_gated_of(job, row_scale, false, false);
}
