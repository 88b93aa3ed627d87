// The loops around the tile kernels: panel groups outside, row tiles inside, so that a group's weights come from memory
// once and stay in cache for further rows.
#include <string.h>

#include "kernels.h"

/// One call: what stays the same for all its tiles.
typedef struct product {
  const fs_kernels *kernels;
  fs_format format;
  const char *panels;
  size_t panel_bytes;
  ptrdiff_t k;
  const char *input;       // rows in the form of the format
  ptrdiff_t input_stride;  // in bytes
  const int32_t *index;    // of rows of floats, or NULL
  ptrdiff_t row_count;
  bool uses_blocks;
} product;

enum { CACHED_BYTES = 640 << 10, CACHED_BLOCK_BYTES = 1280 << 10 };  // of prepared rows, for tiles and for blocks

// What a tile and a block need.
enum {
  FS_TILE_FLOATS = (FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS > FS_BLOCK_ROWS * FS_BLOCK_PANELS
                        ? FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS
                        : FS_BLOCK_ROWS * FS_BLOCK_PANELS) *
                   FS_LANES
};

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static float *row_of(fs_rows rows, ptrdiff_t r) {
  return rows.base + (rows.index ? rows.index[r] : r) * rows.stride;
}

/// Bytes of the lines of a prepared row.
static size_t line_bytes(fs_form form, ptrdiff_t k) {
  return form == FS_FORM_INTEGERS ? (size_t)fs_groups(k) * FS_GROUP
         : form == FS_FORM_PAIRS  ? (size_t)(k + 31) / 32 * 64
                                  : (size_t)(k + 31) / 16 * 64;
}

/// Bytes of a prepared row. A multiple of 64 that is none of 4096, so that the same columns of many rows find room in a
/// cache side by side.
static size_t prepared_bytes(fs_form form, ptrdiff_t k) {
  size_t tail = form == FS_FORM_INTEGERS ? fs_tail_bytes(k) : 0;
  return (line_bytes(form, k) + tail + 63) / 64 * 64 | 64;
}

size_t fs_scratch_bytes(ptrdiff_t k, ptrdiff_t row_count) {
  return (size_t)row_count * prepared_bytes(FS_FORM_FLOATS, k);
}

/// Rows that are prepared at a time.
static ptrdiff_t prepared_rows(product *job, ptrdiff_t row_count, size_t scratch_bytes) {
  fs_form form = job->kernels->form[job->format];
  if (form == FS_FORM_FLOATS) return row_count;
  size_t row_bytes = prepared_bytes(form, job->k);
  ptrdiff_t capacity = (ptrdiff_t)(scratch_bytes / row_bytes);
  // Rows beyond what the second-level cache holds beside the weights would be read from further away for every panel.
  ptrdiff_t cached = (ptrdiff_t)((job->kernels->block[job->format] ? CACHED_BLOCK_BYTES : CACHED_BYTES) / row_bytes);
  capacity = smaller(capacity, cached > FS_BLOCK_ROWS ? cached : FS_BLOCK_ROWS);
  if (capacity >= FS_BLOCK_GROUP) capacity = capacity / FS_BLOCK_GROUP * FS_BLOCK_GROUP;  // blocks read that many rows at once
  ptrdiff_t count = smaller(row_count, capacity);
  job->uses_blocks = capacity >= FS_BLOCK_GROUP && job->kernels->block[job->format] && count >= job->kernels->block_rows[job->format];
  return count;
}

/// Makes rows [first, first + count) of x the input of the job.
static void prepare(product *job, fs_rows x, ptrdiff_t first, ptrdiff_t count, void *scratch) {
  fs_form form = job->kernels->form[job->format];
  job->row_count = count;
  if (form == FS_FORM_FLOATS) {
    job->input = (const char *)(x.index ? x.base : x.base + first * x.stride);
    job->input_stride = x.stride * (ptrdiff_t)sizeof(float);
    job->index = x.index ? x.index + first : NULL;
    return;
  }
  job->input = scratch;
  job->input_stride = (ptrdiff_t)prepared_bytes(form, job->k);
  job->index = NULL;
  ptrdiff_t lines = (ptrdiff_t)line_bytes(form, job->k);
  for (ptrdiff_t r = 0; r < count; r++) {
    char *row = (char *)scratch + r * job->input_stride;
    fs_prepared to = {row, 64, row + lines};
    if (job->uses_blocks) {
      ptrdiff_t place = r % FS_BLOCK_GROUP;
      char *group = (char *)scratch + (r - place) * job->input_stride;
      ptrdiff_t tail = job->input_stride - lines;
      to = (fs_prepared){group + place * 64, FS_BLOCK_GROUP * 64, group + FS_BLOCK_GROUP * lines + place * tail};
    }
    job->kernels->prepare[form](row_of(x, first + r), job->k, to);
  }
}

/// Rows of the next tile when `left` rows remain: tiles share the rows evenly, the larger ones first.
static ptrdiff_t tile_rows(const product *job, ptrdiff_t left) {
  ptrdiff_t tiles = (left + job->kernels->tile_rows - 1) / job->kernels->tile_rows;
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
  return job->uses_blocks ? smaller(left, FS_BLOCK_ROWS) : tile_rows(job, left);
}

/// Panels of the next group when `left` panels remain.
static ptrdiff_t next_panels(const product *job, ptrdiff_t left, ptrdiff_t step) {
  return job->uses_blocks ? smaller(left, FS_BLOCK_PANELS) : group_panels(job, left, step);
}

/// Fills tile [rows][panels][16] for the rows from first_row on; a set without a kernel of this shape goes panel by
/// panel.
static void compute_tile(const product *job, ptrdiff_t first_panel, ptrdiff_t panels, ptrdiff_t first_row,
                         ptrdiff_t rows, float *tile) {
  if (job->uses_blocks) {
    const char *base = job->panels + first_panel * (ptrdiff_t)job->panel_bytes;
    // While the rows go by, the panels that follow are brought in, a part for each block.
    ptrdiff_t lines = panels * (ptrdiff_t)job->panel_bytes / 64, block = first_row / FS_BLOCK_ROWS;
    ptrdiff_t blocks = (job->row_count + FS_BLOCK_ROWS - 1) / FS_BLOCK_ROWS;
    fs_prefetch prefetch = {base + lines * 64, lines * block / blocks, lines * (block + 1) / blocks};
    job->kernels->block[job->format](base, job->panel_bytes, job->k, job->input + first_row * job->input_stride,
                                     FS_BLOCK_GROUP * job->input_stride, rows, panels, prefetch, tile);
    return;
  }
  const void *x[FS_MAX_TILE_ROWS];
  for (ptrdiff_t r = 0; r < rows; r++)
    x[r] = job->input + (job->index ? job->index[first_row + r] : first_row + r) * job->input_stride;
  const char *weights = job->panels + first_panel * (ptrdiff_t)job->panel_bytes;
  fs_tile_kernel *kernel = job->kernels->tile[job->format][rows][panels];
  if (kernel) {
    kernel(weights, job->panel_bytes, job->k, x, tile);
    return;
  }
  kernel = job->kernels->tile[job->format][1][1];
  for (ptrdiff_t r = 0; r < rows; r++)
    for (ptrdiff_t p = 0; p < panels; p++)
      kernel(weights + p * (ptrdiff_t)job->panel_bytes, job->panel_bytes, job->k, x + r,
             tile + (r * panels + p) * FS_LANES);
}

/// The scales of an int8 panel.
static const float *scales_of(const product *job, ptrdiff_t panel) {
  return (const float *)(const void *)(job->panels + (panel + 1) * (ptrdiff_t)job->panel_bytes) - FS_LANES;
}

/// Ends `count` int8 sums from `panel` on with their scales.
static void finish_int8(const product *job, ptrdiff_t panel, const float *sums, ptrdiff_t count, bool accumulate,
                        float *to) {
  for (; count > 0; count -= FS_LANES, panel++, sums += FS_LANES, to += FS_LANES) {
    const float *scales = scales_of(job, panel);
    if (count >= FS_LANES) {
      job->kernels->scale(sums, scales, accumulate ? to : NULL, to);
      continue;
    }
    _Alignas(64) float last[FS_LANES] = {0};  // the last panel may be wider than the row
    if (accumulate) memcpy(last, to, (size_t)count * sizeof(float));
    job->kernels->scale(sums, scales, accumulate ? last : NULL, last);
    memcpy(to, last, (size_t)count * sizeof(float));
  }
}

/// Ends a tile of a plain product.
static void finish(const product *job, ptrdiff_t panel, ptrdiff_t panels, ptrdiff_t columns, const float *tile,
                   fs_rows y, ptrdiff_t row, ptrdiff_t rows, bool accumulate) {
  ptrdiff_t column = panel * FS_LANES, count = smaller(panels * FS_LANES, columns - column);
  for (ptrdiff_t r = 0; r < rows; r++) {
    float *to = row_of(y, row + r) + column;
    const float *from = tile + r * panels * FS_LANES;
    if (job->format == FS_FORMAT_INT8)
      finish_int8(job, panel, from, count, accumulate, to);
    else if (accumulate)
      for (ptrdiff_t n = 0; n < count; n++) to[n] += from[n];
    else
      memcpy(to, from, (size_t)count * sizeof(float));
  }
}

/// Ends a tile of a gated product: `panels` of gate and up in turn, from output panel `panel` on.
static void finish_gated(const product *job, ptrdiff_t panel, ptrdiff_t panels, ptrdiff_t columns, float *tile,
                         fs_rows y, ptrdiff_t row, ptrdiff_t rows, const float *row_scale) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    float scale = row_scale ? row_scale[row + r] : 1;
    for (ptrdiff_t pair = 0; pair < panels / 2; pair++) {
      float *gate = tile + (r * panels + 2 * pair) * FS_LANES;
      if (job->format == FS_FORMAT_INT8) finish_int8(job, 2 * (panel + pair), gate, 2 * FS_LANES, false, gate);
      ptrdiff_t column = (panel + pair) * FS_LANES, count = smaller(FS_LANES, columns - column);
      float *to = row_of(y, row + r) + column;
      _Alignas(64) float last[FS_LANES];  // the last panel may be wider than the row
      job->kernels->gate(gate, gate + FS_LANES, scale, count == FS_LANES ? to : last);
      if (count < FS_LANES) memcpy(to, last, (size_t)count * sizeof(float));
    }
  }
}

void fs_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k, ptrdiff_t columns,
               ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y, ptrdiff_t row_count,
               bool accumulate, void *scratch, size_t scratch_bytes) {
  product job = {.kernels = kernels, .format = format, .panels = panels, .panel_bytes = fs_panel_bytes(format, k), .k = k};
  panel_end = smaller(panel_end, (columns + FS_LANES - 1) / FS_LANES);
  _Alignas(64) float tile[FS_TILE_FLOATS];
  for (ptrdiff_t first = 0, count; first < row_count; first += count) {
    count = prepared_rows(&job, row_count - first, scratch_bytes);
    prepare(&job, x, first, count, scratch);
    if (job.uses_blocks) kernels->begin_blocks();
    for (ptrdiff_t panel = panel_begin, width; panel < panel_end; panel += width) {
      width = next_panels(&job, panel_end - panel, 1);
      for (ptrdiff_t row = 0, rows; row < count; row += rows) {
        rows = next_rows(&job, count - row);
        compute_tile(&job, panel, width, row, rows, tile);
        finish(&job, panel, width, columns, tile, y, first + row, rows, accumulate);
      }
    }
    if (job.uses_blocks) kernels->end_blocks();
  }
}

void fs_gated_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k,
                     ptrdiff_t columns, ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y,
                     ptrdiff_t row_count, const float *row_scale, void *scratch, size_t scratch_bytes) {
  product job = {.kernels = kernels, .format = format, .panels = panels, .panel_bytes = fs_panel_bytes(format, k), .k = k};
  panel_end = smaller(panel_end, (columns + FS_LANES - 1) / FS_LANES);
  _Alignas(64) float tile[FS_TILE_FLOATS];
  for (ptrdiff_t first = 0, count; first < row_count; first += count) {
    count = prepared_rows(&job, row_count - first, scratch_bytes);
    prepare(&job, x, first, count, scratch);
    if (job.uses_blocks) kernels->begin_blocks();
    for (ptrdiff_t panel = panel_begin, width; panel < panel_end; panel += width / 2) {
      width = next_panels(&job, 2 * (panel_end - panel), 2);
      for (ptrdiff_t row = 0, rows; row < count; row += rows) {
        rows = next_rows(&job, count - row);
        compute_tile(&job, 2 * panel, width, row, rows, tile);
        finish_gated(&job, panel, width, columns, tile, y, first + row, rows, row_scale);
      }
    }
    if (job.uses_blocks) kernels->end_blocks();
  }
}
