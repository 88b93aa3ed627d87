// The loops around the tile kernels: panel groups outside, row tiles inside, so that a group's weights come from memory
// once and stay in cache for further rows.
#include <string.h>

#include "inputs.h"

/// One call: what stays the same for all its tiles.
typedef struct product {
  const fs_kernels *kernels;
  fs_format format;        // that the kernels multiply with
  const char *panels;
  size_t panel_bytes;      // of that format
  size_t stored_bytes;     // of a panel as it is held
  char *expanded;          // room for panels that are made plain, or NULL
  ptrdiff_t k;
  const char *input;       // rows in the form of the format
  ptrdiff_t input_stride;  // in bytes
  const int32_t *index;    // of rows, or NULL
  ptrdiff_t row_count;
  bool uses_blocks;
  char *scratch;
  size_t scratch_bytes;
  fs_reading reading;
  bool streams;            // whether panels are read one after the other where the set has a kernel for that
} product;

enum { STREAM_BYTES = 64 << 10 };  // short runs of panels are over before the processor has seen that they are one stream

enum { MOST_SLICED_BYTES = 256 << 10 };  // of panels that are asked for while others are multiplied

enum { CACHED_BYTES = 640 << 10, CACHED_BLOCK_BYTES = 1280 << 10 };  // of prepared rows, for tiles and for blocks

// What a tile and a block need.
enum {
  FS_TILE_FLOATS = (FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS > FS_BLOCK_ROWS * FS_BLOCK_PANELS
                        ? FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS
                        : FS_BLOCK_ROWS * FS_BLOCK_PANELS) *
                   FS_LANES
};

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// The input rows of a call: floats, or rows that are prepared already.
typedef struct input_rows {
  fs_rows floats;
  const char *prepared;  // or NULL
  const int32_t *index;  // of prepared rows, or NULL
} input_rows;

/// Rows that are taken at a time.
static ptrdiff_t rows_at_once(product *job, input_rows x, ptrdiff_t row_count) {
  const fs_kernels *kernels = job->kernels;
  fs_form form = kernels->form[job->format];
  if (form == FS_FORM_FLOATS && !x.prepared) return row_count;
  size_t row_bytes = fs_form_bytes(form, job->k);
  // Rows beyond what the second-level cache holds beside the weights would be read from further away for every panel.
  ptrdiff_t cached = (ptrdiff_t)((kernels->block[job->format] ? CACHED_BLOCK_BYTES : CACHED_BYTES) / row_bytes);
  ptrdiff_t capacity = cached > 2 * FS_BLOCK_GROUP ? cached : 2 * FS_BLOCK_GROUP;
  bool has_blocks = kernels->block[job->format] && smaller(row_count, capacity) >= kernels->block_rows[job->format];
  // Blocks read rows that follow each other; rows of an index are copied.
  if (!x.prepared || (has_blocks && x.index)) capacity = smaller(capacity, (ptrdiff_t)(job->scratch_bytes / row_bytes));
  // Blocks read that many rows at once.
  if (capacity >= FS_BLOCK_GROUP) capacity = capacity / FS_BLOCK_GROUP * FS_BLOCK_GROUP;
  ptrdiff_t count = smaller(row_count, capacity);
  job->uses_blocks = has_blocks && capacity >= FS_BLOCK_GROUP && count >= kernels->block_rows[job->format];
  return count;
}

/// Makes rows [first, first + count) of x the input of the job.
static void take(product *job, input_rows x, ptrdiff_t first, ptrdiff_t count) {
  fs_form form = job->kernels->form[job->format];
  job->row_count = count;
  job->index = NULL;
  job->input_stride = (ptrdiff_t)fs_form_bytes(form, job->k);
  if (x.prepared && !x.index) {
    job->input = x.prepared + first * job->input_stride;
  } else if (x.prepared && !job->uses_blocks) {
    job->input = x.prepared;
    job->index = x.index + first;
  } else if (x.prepared) {
    job->input = job->scratch;
    for (ptrdiff_t r = 0; r < count; r++)
      memcpy(job->scratch + r * job->input_stride, x.prepared + x.index[first + r] * job->input_stride,
             (size_t)job->input_stride);
  } else if (form == FS_FORM_FLOATS) {
    job->input = (const char *)(x.floats.index ? x.floats.base : x.floats.base + first * x.floats.stride);
    job->input_stride = x.floats.stride * (ptrdiff_t)sizeof(float);
    job->index = x.floats.index ? x.floats.index + first : NULL;
  } else {
    job->input = job->scratch;
    for (ptrdiff_t r = 0; r < count; r++)
      job->kernels->prepare[form](fs_row(x.floats, first + r), job->k, job->scratch + r * job->input_stride);
  }
}

/// Rows of the next tile when `left` rows remain: tiles share the rows evenly, the larger ones first.
static ptrdiff_t tile_rows(const product *job, ptrdiff_t left) {
  ptrdiff_t most = job->kernels->tile_rows[job->format], tiles = (left + most - 1) / most;
  return (left + tiles - 1) / tiles;
}

/// Panels of the next group when `left` panels remain: what the largest tile's kernel takes, a multiple of `step`.
static ptrdiff_t group_panels(const product *job, ptrdiff_t left, ptrdiff_t step) {
  ptrdiff_t rows = tile_rows(job, job->row_count);
  ptrdiff_t panels = smaller(job->kernels->tile_panels[job->format][rows], left) / step * step;
  while (panels > step && !job->kernels->tile[job->format][rows][panels]) panels -= step;
  return panels < step ? step : panels;
}

/// Rows of the next tile or block when `left` rows remain.
static ptrdiff_t next_rows(const product *job, ptrdiff_t left) {
  return job->uses_blocks ? smaller(left, job->kernels->block_span[job->format]) : tile_rows(job, left);
}

/// Panels of the next group when `left` panels remain.
static ptrdiff_t next_panels(const product *job, ptrdiff_t left, ptrdiff_t step) {
  ptrdiff_t panels = job->expanded ? smaller(left, FS_EXPANDED_PANELS) : left;
  return job->uses_blocks ? smaller(panels, FS_BLOCK_PANELS) : group_panels(job, panels, step);
}

/// Decides whether compact weights are made plain, panels at a time, for `row_count` rows. Blocks take them as they are.
static void take_format(product *job, ptrdiff_t row_count) {
  job->stored_bytes = fs_panel_bytes(job->format, job->k);
  if (job->format == FS_FORMAT_BF16_COMPACT && row_count > job->kernels->compact_rows &&
      !job->kernels->block[FS_FORMAT_BF16_COMPACT]) {
    size_t bytes = fs_expanded_bytes(job->k);
    job->format = FS_FORMAT_BF16;
    job->expanded = job->scratch;
    job->scratch += bytes;
    job->scratch_bytes -= bytes;
  }
  job->panel_bytes = fs_panel_bytes(job->format, job->k);
}

/// Fills the block of sums of `ending`, whose panels begin at `weights` and whose rows are those from first_row on. While the
/// rows go by, as much of what follows is brought in: each block of rows asks for its part, and leaves a little of that to the
/// end of its sums.
static void compute_block(const product *job, const char *weights, ptrdiff_t first_row, const char *following,
                          fs_finish *ending, float *tile) {
  const fs_kernels *kernels = job->kernels;
  ptrdiff_t span = kernels->block_span[job->format], each = kernels->block_ahead[job->format];
  // Panels that follow themselves are there already.
  ptrdiff_t lines = following == weights ? 0 : ending->panels * (ptrdiff_t)job->panel_bytes / 64;
  ptrdiff_t block = first_row / span, blocks = (job->row_count + span - 1) / span;
  fs_prefetch prefetch = {following, lines * block / blocks, lines * (block + 1) / blocks};
  if (each > 0 && each * ending->rows <= (prefetch.end - prefetch.begin) / 2) {
    prefetch.end -= each * ending->rows;
    ending->next = prefetch.next + prefetch.end * 64;
    ending->lines = each;
  }
  kernels->block[job->format](weights, job->panel_bytes, job->k, job->input + first_row * job->input_stride,
                              job->input_stride, ending->rows, ending->panels, &prefetch, tile);
}

/// Puts sums [rows][count][16] into tile [rows][panels][16], from panel `first` on.
static void place(const float *sums, ptrdiff_t rows, ptrdiff_t count, float *tile, ptrdiff_t panels, ptrdiff_t first) {
  for (ptrdiff_t r = 0; r < rows; r++)
    memcpy(tile + (r * panels + first) * FS_LANES, sums + r * count * FS_LANES, (size_t)(count * FS_LANES) * sizeof(float));
}

/// Fills tile [rows][panels][16] from weights in the format of the job. A set without a kernel of this shape goes panel by
/// panel.
static void multiply_tile(const product *job, const char *weights, ptrdiff_t panels, const void *const *x, ptrdiff_t rows,
                          const char *following, float *tile) {
  fs_stream_kernel *stream = job->streams && rows == job->row_count ? job->kernels->stream[job->format][rows] : NULL;
  if (stream) {
    stream(weights, job->panel_bytes, panels, job->k, x, tile, following);
    return;
  }
  fs_tile_kernel *const(*kernels)[FS_MAX_TILE_PANELS + 1] = job->kernels->tile[job->format];
  if (kernels[rows][panels]) {
    kernels[rows][panels](weights, job->panel_bytes, job->k, x, tile, following);
    return;
  }
  ptrdiff_t each = kernels[rows][1] ? rows : 1;
  for (ptrdiff_t p = 0; p < panels; p++, weights += job->panel_bytes) {
    float sums[FS_MAX_TILE_ROWS * FS_LANES];
    const char *next = p + 1 < panels ? weights + job->panel_bytes : following;
    for (ptrdiff_t r = 0; r < rows; r += each)
      kernels[each][1](weights, job->panel_bytes, job->k, x + r, sums + r * FS_LANES, next);
    place(sums, rows, 1, tile, panels, p);
  }
}

/// The same for the first rows of compact panels that are to be made plain.
static void expand_tile(const product *job, const char *stored, ptrdiff_t panels, const void *const *x, ptrdiff_t rows,
                        const char *following, float *tile) {
  const fs_kernels *kernels = job->kernels;
  fs_expanding_kernel *expanding = kernels->expanding[rows];
  ptrdiff_t each = kernels->expanding_panels;
  if (expanding && panels % each == 0) {
    for (ptrdiff_t p = 0; p < panels; p += each, stored += each * (ptrdiff_t)job->stored_bytes) {
      float sums[FS_MAX_TILE_ROWS * FS_EXPANDED_PANELS * FS_LANES];
      const char *next = p + each < panels ? stored + each * (ptrdiff_t)job->stored_bytes : following;
      expanding(stored, job->stored_bytes, job->k, x, job->expanded + p * (ptrdiff_t)job->panel_bytes, job->panel_bytes,
                each == panels ? tile : sums, next);
      if (each < panels) place(sums, rows, each, tile, panels, p);
    }
    return;
  }
  for (ptrdiff_t p = 0; p < panels; p++)
    kernels->expand(stored + p * (ptrdiff_t)job->stored_bytes, job->k, job->expanded + p * (ptrdiff_t)job->panel_bytes);
  multiply_tile(job, job->expanded, panels, x, rows, job->expanded, tile);
}

/// Fills a tile of rows behind the first ones, whose panels are in cache by now, and asks for this tile's part of what follows them,
/// so that the first tile over that need not wait for memory. False where the set has no kernel for it.
static bool slice_tile(const product *job, const char *stored, ptrdiff_t panels, const void *const *x, ptrdiff_t first_row,
                       ptrdiff_t rows, const char *following, float *tile) {
  fs_slicing_kernel *slicing = job->reading.from_memory ? job->kernels->slicing[job->format][rows][panels] : NULL;
  if (!slicing || following == stored) return false;  // nothing is known to follow
  // No more than stays in the second-level cache beside the panels at hand.
  ptrdiff_t bytes = smaller(panels * (ptrdiff_t)job->stored_bytes, MOST_SLICED_BYTES), first = tile_rows(job, job->row_count);
  ptrdiff_t others = job->row_count - first, begin = bytes * (first_row - first) / others;
  slicing(job->expanded ? job->expanded : stored, job->panel_bytes, job->k, x, tile, following + begin,
          bytes * rows / others + 64);
  return true;
}

/// Fills tile [rows][panels][16] for the rows from first_row on.
static void compute_tile(const product *job, const char *stored, ptrdiff_t panels, ptrdiff_t first_row, ptrdiff_t rows,
                         const char *following, float *tile) {
  const void *x[FS_MAX_TILE_ROWS];
  for (ptrdiff_t r = 0; r < rows; r++)
    x[r] = job->input + (job->index ? job->index[first_row + r] : first_row + r) * job->input_stride;
  if (first_row > 0 && slice_tile(job, stored, panels, x, first_row, rows, following, tile)) return;
  if (!job->expanded)
    multiply_tile(job, stored, panels, x, rows, following, tile);
  else if (first_row == 0)
    expand_tile(job, stored, panels, x, rows, following, tile);
  else  // whoever made the panels plain has asked for what follows
    multiply_tile(job, job->expanded, panels, x, rows, job->expanded, tile);
}

/// What is read after `count` panels: the next ones, or after the last ones the first again for rows that are left, or what
/// follows the call, or, where that is not known, the panels themselves, which are there already.
static const char *following_of(const product *job, const char *panels, ptrdiff_t count, bool is_last,
                                const char *first_for_others) {
  if (!is_last) return panels + count * (ptrdiff_t)job->stored_bytes;
  if (first_for_others) return first_for_others;
  return job->reading.following ? job->reading.following : panels;
}

/// Asks for the lines of y where a tile will end: of many rows they are no longer in a near cache.
static void ask_for_output(const fs_finish *ending) {
  for (ptrdiff_t r = 0; r < ending->rows; r++) {
    const float *to = fs_row(ending->y, ending->row + r) + ending->column;
    for (ptrdiff_t n = 0; n < ending->count; n += FS_LANES) __builtin_prefetch(to + n, 1, 3);
  }
}

/// A product, or with `gated` a gated unit: then panels alternate between gate and up, and columns and the range count
/// outputs.
static void multiply(product *job, input_rows x, ptrdiff_t columns, ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows y,
                     ptrdiff_t row_count, bool accumulate, bool gated, const float *row_scale) {
  const fs_kernels *kernels = job->kernels;
  ptrdiff_t each = gated ? 2 : 1;  // panels of sixteen outputs
  panel_end = smaller(panel_end, (columns + FS_LANES - 1) / FS_LANES);
  take_format(job, row_count);
  job->streams = job->reading.from_memory && (panel_end - panel_begin) * each * (ptrdiff_t)job->stored_bytes >= STREAM_BYTES;
  const char *begin = job->panels + panel_begin * each * (ptrdiff_t)job->stored_bytes;
  _Alignas(64) float tile[FS_TILE_FLOATS];
  for (ptrdiff_t first = 0, count; first < row_count; first += count) {
    count = rows_at_once(job, x, row_count - first);
    take(job, x, first, count);
    if (job->uses_blocks) kernels->begin_blocks(count);
    for (ptrdiff_t panel = panel_begin * each, width; panel < panel_end * each; panel += width) {
      width = next_panels(job, panel_end * each - panel, each);
      const char *weights = job->panels + panel * (ptrdiff_t)job->stored_bytes;
      const char *following =
          following_of(job, weights, width, panel + width == panel_end * each, first + count < row_count ? begin : NULL);
      const char *scales = weights + job->panel_bytes - FS_LANES * sizeof(float);
      ptrdiff_t column = panel / each * FS_LANES;
      for (ptrdiff_t row = 0, rows; row < count; row += rows) {
        rows = next_rows(job, count - row);
        fs_finish ending = {.tile = tile, .rows = rows, .panels = width,
                            .scales = job->format == FS_FORMAT_INT8 ? scales : NULL, .panel_bytes = job->panel_bytes,
                            .y = y, .row = first + row, .column = column,
                            .count = smaller(width / each * FS_LANES, columns - column), .accumulate = accumulate};
        if (count > FS_MAX_TILE_ROWS) ask_for_output(&ending);
        if (job->uses_blocks)
          compute_block(job, weights, row, following, &ending, tile);
        else
          compute_tile(job, weights, width, row, rows, following, tile);
        if (gated)
          kernels->finish_gated(&ending, row_scale);
        else
          kernels->finish(&ending);
      }
    }
    if (job->uses_blocks) kernels->end_blocks();
  }
}

void fs_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k, ptrdiff_t columns,
               ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y, ptrdiff_t row_count,
               bool accumulate, fs_reading reading, void *scratch, size_t scratch_bytes) {
  product job = {.kernels = kernels, .format = format, .panels = panels, .k = k, .scratch = scratch,
                 .scratch_bytes = scratch_bytes, .reading = reading};
  input_rows input = {.floats = x};
  multiply(&job, input, columns, panel_begin, panel_end, y, row_count, accumulate, false, NULL);
}

void fs_matmul_prepared(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k, ptrdiff_t columns,
                        ptrdiff_t panel_begin, ptrdiff_t panel_end, const void *x, const int32_t *index, fs_rows y,
                        ptrdiff_t row_count, bool accumulate, fs_reading reading, void *scratch, size_t scratch_bytes) {
  product job = {.kernels = kernels, .format = format, .panels = panels, .k = k, .scratch = scratch,
                 .scratch_bytes = scratch_bytes, .reading = reading};
  input_rows input = {.prepared = x, .index = index};
  multiply(&job, input, columns, panel_begin, panel_end, y, row_count, accumulate, false, NULL);
}

void fs_gated_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k,
                     ptrdiff_t columns, ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y,
                     ptrdiff_t row_count, const float *row_scale, fs_reading reading, void *scratch, size_t scratch_bytes) {
  product job = {.kernels = kernels, .format = format, .panels = panels, .k = k, .scratch = scratch,
                 .scratch_bytes = scratch_bytes, .reading = reading};
  input_rows input = {.floats = x};
  multiply(&job, input, columns, panel_begin, panel_end, y, row_count, false, true, row_scale);
}

void fs_gated_matmul_prepared(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k,
                              ptrdiff_t columns, ptrdiff_t panel_begin, ptrdiff_t panel_end, const void *x,
                              const int32_t *index, fs_rows y, ptrdiff_t row_count, const float *row_scale,
                              fs_reading reading, void *scratch, size_t scratch_bytes) {
  product job = {.kernels = kernels, .format = format, .panels = panels, .k = k, .scratch = scratch,
                 .scratch_bytes = scratch_bytes, .reading = reading};
  input_rows input = {.prepared = x, .index = index};
  multiply(&job, input, columns, panel_begin, panel_end, y, row_count, false, true, row_scale);
}
