// The loops around the tile kernels: panel groups outside, row tiles inside, so that a group's weights come from memory
// once and stay in cache for further rows.
#include <string.h>

#include "kernels.h"

static float *row_of(fs_rows rows, ptrdiff_t r) {
  return rows.base + (rows.index ? rows.index[r] : r) * rows.stride;
}

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// The widest tile of `rows` rows with at most `limit` panels, a multiple of `step`.
static ptrdiff_t tile_width(const fs_kernels *kernels, fs_format format, ptrdiff_t rows, ptrdiff_t limit,
                            ptrdiff_t step) {
  ptrdiff_t width = smaller(kernels->tile_panels[rows], limit) / step * step;
  while (width > step && !kernels->tile[format][rows][width]) width -= step;
  return width;
}

/// Rows in each of the tiles that share row_count evenly: the first ones have one row more.
static ptrdiff_t rows_per_tile(const fs_kernels *kernels, ptrdiff_t rows_left) {
  ptrdiff_t tiles = (rows_left + kernels->tile_rows - 1) / kernels->tile_rows;
  return (rows_left + tiles - 1) / tiles;
}

typedef struct tile_job {
  const fs_kernels *kernels;
  fs_format format;
  size_t panel_bytes;
  ptrdiff_t k;
  fs_rows x;
} tile_job;

/// Fills tile [rows][panels][16]; a set without a kernel for this shape computes it panel by panel.
static void compute_tile(const tile_job *job, const char *panels, ptrdiff_t panel_count, ptrdiff_t first_row,
                         ptrdiff_t rows, float *tile) {
  const float *x[FS_MAX_TILE_ROWS];
  for (ptrdiff_t r = 0; r < rows; r++) x[r] = row_of(job->x, first_row + r);
  fs_tile_kernel *kernel = job->kernels->tile[job->format][rows][panel_count];
  if (kernel) {
    kernel(panels, job->panel_bytes, job->k, x, tile);
    return;
  }
  kernel = job->kernels->tile[job->format][1][1];
  for (ptrdiff_t r = 0; r < rows; r++)
    for (ptrdiff_t p = 0; p < panel_count; p++)
      kernel(panels + p * (ptrdiff_t)job->panel_bytes, job->panel_bytes, job->k, x + r,
             tile + (r * panel_count + p) * FS_LANES);
}

void fs_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k, ptrdiff_t columns,
               ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y, ptrdiff_t row_count,
               bool accumulate) {
  if (row_count <= 0) return;
  tile_job job = {kernels, format, fs_panel_bytes(format, k), k, x};
  panel_end = smaller(panel_end, (columns + FS_LANES - 1) / FS_LANES);
  _Alignas(64) float tile[FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS * FS_LANES];
  ptrdiff_t most_rows = rows_per_tile(kernels, row_count), width;
  for (ptrdiff_t panel = panel_begin; panel < panel_end; panel += width) {
    width = tile_width(kernels, format, most_rows, panel_end - panel, 1);
    ptrdiff_t column = panel * FS_LANES, count = smaller(width * FS_LANES, columns - column);
    ptrdiff_t rows;
    for (ptrdiff_t row = 0; row < row_count; row += rows) {
      rows = rows_per_tile(kernels, row_count - row);
      compute_tile(&job, (const char *)panels + panel * (ptrdiff_t)job.panel_bytes, width, row, rows, tile);
      for (ptrdiff_t r = 0; r < rows; r++) {
        float *to = row_of(y, row + r) + column;
        const float *from = tile + r * width * FS_LANES;
        if (accumulate)
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
  tile_job job = {kernels, format, fs_panel_bytes(format, k), k, x};
  panel_end = smaller(panel_end, (columns + FS_LANES - 1) / FS_LANES);
  _Alignas(64) float tile[FS_MAX_TILE_ROWS * FS_MAX_TILE_PANELS * FS_LANES];
  ptrdiff_t most_rows = rows_per_tile(kernels, row_count), width;
  for (ptrdiff_t panel = panel_begin; panel < panel_end; panel += width / 2) {
    width = tile_width(kernels, format, most_rows, 2 * (panel_end - panel), 2);
    if (width == 0) width = 2;  // a set whose tiles are one panel wide
    ptrdiff_t rows;
    for (ptrdiff_t row = 0; row < row_count; row += rows) {
      rows = rows_per_tile(kernels, row_count - row);
      compute_tile(&job, (const char *)panels + 2 * panel * (ptrdiff_t)job.panel_bytes, width, row, rows, tile);
      for (ptrdiff_t r = 0; r < rows; r++) {
        float scale = row_scale ? row_scale[row + r] : 1;
        for (ptrdiff_t pair = 0; pair < width / 2; pair++) {
          const float *gate = tile + (r * width + 2 * pair) * FS_LANES;
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
