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
  fs_rows x;
  ptrdiff_t row_count;
} product;

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static float *row_of(fs_rows rows, ptrdiff_t r) {
  return rows.base + (rows.index ? rows.index[r] : r) * rows.stride;
}

/// Rows of the next tile when `left` rows remain: tiles share the rows evenly, the larger ones first.
static ptrdiff_t tile_rows(const product *job, ptrdiff_t left) {
  ptrdiff_t tiles = (left + job->kernels->tile_rows - 1) / job->kernels->tile_rows;
  return (left + tiles - 1) / tiles;
}

/// Panels of the next group when `left` panels remain: what the largest tile's kernel takes, a multiple of `step`.
static ptrdiff_t group_panels(const product *job, ptrdiff_t left, ptrdiff_t step) {
  ptrdiff_t rows = tile_rows(job, job->row_count);
  ptrdiff_t panels = smaller(job->kernels->tile_panels[rows], left) / step * step;
  while (panels > step && !job->kernels->tile[job->format][rows][panels]) panels -= step;
  return panels < step ? step : panels;
}

/// Fills tile [rows][panels][16] for the rows from first_row on; a set without a kernel of this shape goes panel by
/// panel.
static void compute_tile(const product *job, ptrdiff_t first_panel, ptrdiff_t panels, ptrdiff_t first_row,
                         ptrdiff_t rows, float *tile) {
  const float *x[FS_MAX_TILE_ROWS];
  for (ptrdiff_t r = 0; r < rows; r++) x[r] = row_of(job->x, first_row + r);
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

void fs_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k, ptrdiff_t columns,
               ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y, ptrdiff_t row_count,
               bool accumulate) {
  if (row_count <= 0) return;
  product job = {kernels, format, panels, fs_panel_bytes(format, k), k, x, row_count};
  panel_end = smaller(panel_end, (columns + FS_LANES - 1) / FS_LANES);
  _Alignas(64) float tile[FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS * FS_LANES];
  for (ptrdiff_t panel = panel_begin, width; panel < panel_end; panel += width) {
    width = group_panels(&job, panel_end - panel, 1);
    ptrdiff_t column = panel * FS_LANES, count = smaller(width * FS_LANES, columns - column);
    for (ptrdiff_t row = 0, rows; row < row_count; row += rows) {
      rows = tile_rows(&job, row_count - row);
      compute_tile(&job, panel, width, row, rows, tile);
      for (ptrdiff_t r = 0; r < rows; r++) {
        float *to = row_of(y, row + r) + column;
        const float *from = tile + r * width * FS_LANES;
        if (format == FS_FORMAT_INT8)
          finish_int8(&job, panel, from, count, accumulate, to);
        else if (accumulate)
          for (ptrdiff_t n = 0; n < count; n++) to[n] += from[n];
        else
          memcpy(to, from, (size_t)count * sizeof(float));
      }
    }
  }
}

void fs_gated_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k,
                     ptrdiff_t columns, ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y,
                     ptrdiff_t row_count, const float *row_scale) {
  if (row_count <= 0) return;
  product job = {kernels, format, panels, fs_panel_bytes(format, k), k, x, row_count};
  panel_end = smaller(panel_end, (columns + FS_LANES - 1) / FS_LANES);
  _Alignas(64) float tile[FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS * FS_LANES];
  for (ptrdiff_t panel = panel_begin, width; panel < panel_end; panel += width / 2) {
    width = group_panels(&job, 2 * (panel_end - panel), 2);
    for (ptrdiff_t row = 0, rows; row < row_count; row += rows) {
      rows = tile_rows(&job, row_count - row);
      compute_tile(&job, 2 * panel, width, row, rows, tile);
      for (ptrdiff_t r = 0; r < rows; r++) {
        float scale = row_scale ? row_scale[row + r] : 1;
        for (ptrdiff_t pair = 0; pair < width / 2; pair++) {
          float *gate = tile + (r * width + 2 * pair) * FS_LANES;
          if (format == FS_FORMAT_INT8)
            finish_int8(&job, 2 * (panel + pair), gate, 2 * FS_LANES, false, gate);
          ptrdiff_t column = (panel + pair) * FS_LANES, count = smaller(FS_LANES, columns - column);
          float *to = row_of(y, row + r) + column;
          _Alignas(64) float last[FS_LANES];  // the last panel may be wider than the row
          kernels->gate(gate, gate + FS_LANES, scale, count == FS_LANES ? to : last);
          if (count < FS_LANES) memcpy(to, last, (size_t)count * sizeof(float));
        }
      }
    }
  }
}
