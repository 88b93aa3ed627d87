// Latent attention in the tiles of AMX: keys, queries, weights and values as bf16. Include after lanes.h, prepare.h and
// block_amx.h and inside the target pragma.
//
// Sixteen units (a row's head) are the sixteen rows of a tile. What a unit gets depends on its own row of each tile and on the
// cache alone: positions that it does not see have the weight 0, whatever company asks for them, and adding 0 changes no
// bit of a sum that a tile has made, because tiles flush denormals.

enum { LATENT_CHUNK = 128, LATENT_UNITS = FS_LATENT_UNITS };

/// Where things stand in a worker's scratch.
typedef struct latent_work {
  char *queries;    // tiles [steps][2][16 units][32]
  float *scores;    // [units][LATENT_CHUNK]
  char *weights;    // tiles [LATENT_CHUNK / 32][2][16 units][32]
  float *sums;      // tiles [columns of 16][2][16 units][16]
  float greatest[LATENT_UNITS], totals[LATENT_UNITS];
} latent_work;

/// Tiles for `first` units in the first sixteen and `second` in the others.
static void latent_configure(ptrdiff_t first, ptrdiff_t second) {
  tile_configuration shape = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    shape.line_bytes[i] = 64;
    shape.lines[i] = 16;
  }
  shape.lines[0] = shape.lines[1] = shape.lines[4] = (uint8_t)first;
  if (second > 0) shape.lines[2] = shape.lines[3] = shape.lines[5] = (uint8_t)second;
  _tile_loadconfig(&shape);
}

/// Floats rounded to bf16, zeros from n on, in pieces of 32 to tiles that stand `stride` bytes apart.
FS_INLINE void latent_round(const float *x, ptrdiff_t n, char *to, ptrdiff_t stride) {
  for (ptrdiff_t i = 0; i < (n + 31) / 32 * 32; i += FS_LANES) {
    lanes_u16 halves = __builtin_convertvector(lanes_round_bf16(lanes_load_within(x, i, n)) >> 16, lanes_u16);
    memcpy(to + i / 32 * stride + i % 32 * 2, &halves, sizeof halves);
  }
}

/// Scores of all units against the 32 positions of a block, to columns `at` on.
FS_INLINE void latent_scores(const latent_work *work, const char *block, ptrdiff_t steps, ptrdiff_t at, bool many) {
  tiles_clear(many, true);
  for (ptrdiff_t step = 0; step < steps; step++) {
    _tile_loadd(4, work->queries + step * 2048, 64);
    if (many) _tile_loadd(5, work->queries + step * 2048 + 1024, 64);
    _tile_loadd(6, block + step * 1024, 64);
    _tile_loadd(7, block + (steps + step) * 1024, 64);
    tiles_multiply_bf16(many, true);
  }
  float *scores = work->scores + at;
  _tile_stored(0, scores, LATENT_CHUNK * 4);
  _tile_stored(1, scores + 16, LATENT_CHUNK * 4);
  if (many) _tile_stored(2, scores + 16 * LATENT_CHUNK, LATENT_CHUNK * 4);
  if (many) _tile_stored(3, scores + 16 * LATENT_CHUNK + 16, LATENT_CHUNK * 4);
}

/// Turns the scores of a unit into weights; returns the factor for its sums so far. It sees the first `seen` of `count`
/// positions.
FS_INLINE float latent_weigh(latent_work *work, ptrdiff_t unit, ptrdiff_t seen, ptrdiff_t count, float scale) {
  char *weights = work->weights + unit / 16 * 1024 + unit % 16 * 64;
  if (seen <= 0) {
    for (ptrdiff_t t = 0; t < count; t += 32) memset(weights + t / 32 * 2048, 0, 64);
    return 1;
  }
  float *scores = work->scores + unit * LATENT_CHUNK;
  for (ptrdiff_t t = seen; t < count; t++) scores[t] = -INFINITY;
  lanes maximum = -INFINITY;
  for (ptrdiff_t t = 0; t < count; t += FS_LANES) {
    lanes value = lanes_load(scores + t) * scale;
    lanes_store(scores + t, value);
    maximum = value > maximum ? value : maximum;
  }
  float previous = work->greatest[unit], highest = lanes_maximum(maximum);
  float greatest = highest > previous ? highest : previous;
  lanes sum = 0.0f;
  for (ptrdiff_t t = 0; t < count; t += FS_LANES) {
    lanes_u32 rounded = lanes_round_bf16(lanes_exp(lanes_load(scores + t) - greatest));
    sum += __builtin_bit_cast(lanes, rounded);
    lanes_u16 halves = __builtin_convertvector(rounded >> 16, lanes_u16);
    memcpy(weights + t / 32 * 2048 + t % 32 * 2, &halves, sizeof halves);
  }
  float correction = lanes_exp((lanes)(previous - greatest))[0];
  work->greatest[unit] = greatest;
  work->totals[unit] = fmaf(work->totals[unit], correction, lanes_sum(sum));
  return correction;
}

/// Adds weights times values of `blocks` blocks to sixteen columns, or to 32.
FS_INLINE void latent_values(const latent_work *work, const char *values, ptrdiff_t block_bytes, ptrdiff_t blocks,
                             ptrdiff_t column, bool many, bool both) {
  float *sums = work->sums + column * 512;
  _tile_loadd(0, sums, 64);
  if (both) _tile_loadd(1, sums + 512, 64);
  if (many) _tile_loadd(2, sums + 256, 64);
  if (many && both) _tile_loadd(3, sums + 768, 64);
  for (ptrdiff_t b = 0; b < blocks; b++) {
    _tile_loadd(4, work->weights + b * 2048, 64);
    if (many) _tile_loadd(5, work->weights + b * 2048 + 1024, 64);
    _tile_loadd(6, values + b * block_bytes + column * 1024, 64);
    if (both) _tile_loadd(7, values + b * block_bytes + column * 1024 + 1024, 64);
    tiles_multiply_bf16(many, both);
  }
  _tile_stored(0, sums, 64);
  if (both) _tile_stored(1, sums + 512, 64);
  if (many) _tile_stored(2, sums + 256, 64);
  if (many && both) _tile_stored(3, sums + 768, 64);
}

FS_INLINE void latent_chunk(const fs_latent_units *units, latent_work *work, const char *cache, ptrdiff_t begin,
                            ptrdiff_t count, bool many) {
  ptrdiff_t steps = fs_latent_steps(units->rank + units->rope), columns = (units->rank + 15) / 16;
  ptrdiff_t block_bytes = (ptrdiff_t)fs_latent_block_bytes(units->rank, units->rope);
  const char *first = cache + begin / 32 * block_bytes;
  for (ptrdiff_t at = 0; at < count; at += 32) latent_scores(work, first + at / 32 * block_bytes, steps, at, many);
  for (ptrdiff_t u = 0; u < units->count; u++) {
    ptrdiff_t seen = units->length[u] - begin;
    float correction = latent_weigh(work, u, seen < count ? seen : count, count, units->scale);
    if (correction == 1) continue;
    float *sums = work->sums + u / 16 * 256 + u % 16 * 16;
    for (ptrdiff_t c = 0; c < columns; c++) lanes_store(sums + c * 512, lanes_load(sums + c * 512) * correction);
  }
  const char *values = first + 2 * steps * 1024;
  ptrdiff_t c = 0;
  for (; c + 2 <= columns; c += 2) latent_values(work, values, block_bytes, count / 32, c, many, true);
  if (c < columns) latent_values(work, values, block_bytes, count / 32, c, many, false);
}

static void latent_tiles(const fs_latent_units *units, const char *cache, char *scratch) {
  ptrdiff_t width = units->rank + units->rope, steps = fs_latent_steps(width), columns = (units->rank + 15) / 16;
  bool many = units->count > 16;
  latent_work work = {.queries = scratch};
  work.scores = (float *)(work.queries + steps * 2048);
  work.weights = (char *)(work.scores + LATENT_UNITS * LATENT_CHUNK);
  work.sums = (float *)(work.weights + LATENT_CHUNK / 32 * 2048);
  memset(work.sums, 0, (size_t)columns * 2048);
  ptrdiff_t longest = 0;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    latent_round(units->query[u], width, work.queries + u / 16 * 1024 + u % 16 * 64, 2048);
    work.greatest[u] = -INFINITY;
    work.totals[u] = 0;
    longest = units->length[u] > longest ? units->length[u] : longest;
  }
  latent_configure(many ? 16 : units->count, many ? units->count - 16 : 0);
  for (ptrdiff_t begin = 0; begin < longest; begin += LATENT_CHUNK) {
    ptrdiff_t left = (longest - begin + 31) / 32 * 32, count = left < LATENT_CHUNK ? left : LATENT_CHUNK;
    if (many) latent_chunk(units, &work, cache, begin, count, true);
    else latent_chunk(units, &work, cache, begin, count, false);
  }
  _tile_release();
  for (ptrdiff_t u = 0; u < units->count; u++) {
    float inverse = 1 / work.totals[u];
    const float *sums = work.sums + u / 16 * 256 + u % 16 * 16;
    for (ptrdiff_t d = 0; d < units->rank; d += FS_LANES) {
      lanes value = lanes_load(sums + d / 16 * 512) * inverse;
      if (d + FS_LANES <= units->rank) lanes_store(units->output[u] + d, value);
      else lanes_store_part(units->output[u] + d, value, units->rank - d);
    }
  }
}
