// The register tiles of grouped-query attention in the vector sets. Included by grouped_attention.h.

enum { GROUPED_PANELS = FS_ATTENTION_BLOCK / FS_LANES, GROUPED_TILE = FS_ATTENTION_HEADS };

/// Positions [begin, end) of a block, counted from the block's first.
typedef struct grouped_range {
  int32_t begin, end;
} grouped_range;

/// Scores of a few units against the positions of `panels` vectors: scores[u][t] = scale * query[u] . key[t].
/// Meanwhile `ahead` lines for each element of the width are asked for at `next`.
FS_INLINE void grouped_scores(const float *const *query, int units, int panels, ptrdiff_t width, const float *keys,
                              float scale, float *scores, int ahead, const float *next) {
  lanes sum[GROUPED_TILE][GROUPED_PANELS];
  FS_UNROLL for (int u = 0; u < units; u++) FS_UNROLL for (int p = 0; p < panels; p++) sum[u][p] = 0.0f;
  for (ptrdiff_t d = 0; d < width; d++) {
    lanes key[GROUPED_PANELS];
    FS_UNROLL for (int p = 0; p < panels; p++) key[p] = lanes_load(keys + d * FS_ATTENTION_BLOCK + p * FS_LANES);
    FS_UNROLL for (int l = 0; l < ahead; l++) __builtin_prefetch(next + (d * ahead + l) * FS_LANES);
    FS_UNROLL for (int u = 0; u < units; u++) {
      lanes value = query[u][d];
      FS_UNROLL for (int p = 0; p < panels; p++) sum[u][p] = lanes_fma(value, key[p], sum[u][p]);
    }
  }
  FS_UNROLL for (int u = 0; u < units; u++)
    FS_UNROLL for (int p = 0; p < panels; p++)
      lanes_store(scores + u * FS_ATTENTION_BLOCK + p * FS_LANES, sum[u][p] * scale);
}

/// sums[u] = sums[u] * corrections[u] + the sum over t of weights[u][t] * values[t], t ascending, for a few units and
/// vectors of 16 columns. `corrections` may be NULL for 1.
FS_INLINE void grouped_values(float *sums, int units, int vectors, ptrdiff_t padded, const float *values,
                              grouped_range range, const float *weights, const float *corrections, int ahead,
                              const float *next) {
  lanes sum[GROUPED_TILE][FS_ATTENTION_VECTORS];
  FS_UNROLL for (int u = 0; u < units; u++)
    FS_UNROLL for (int v = 0; v < vectors; v++) {
      sum[u][v] = lanes_load(sums + u * padded + v * FS_LANES);
      if (corrections) sum[u][v] *= corrections[u];
    }
  for (ptrdiff_t t = range.begin; t < range.end; t++) {
    lanes value[FS_ATTENTION_VECTORS];
    FS_UNROLL for (int v = 0; v < vectors; v++) value[v] = lanes_load(values + t * padded + v * FS_LANES);
    FS_UNROLL for (int l = 0; l < ahead; l++) __builtin_prefetch(next + (t * ahead + l) * FS_LANES);
    FS_UNROLL for (int u = 0; u < units; u++) {
      lanes weight = weights[u * FS_ATTENTION_BLOCK + t];
      FS_UNROLL for (int v = 0; v < vectors; v++) sum[u][v] = lanes_fma(weight, value[v], sum[u][v]);
    }
  }
  FS_UNROLL for (int u = 0; u < units; u++)
    FS_UNROLL for (int v = 0; v < vectors; v++) lanes_store(sums + u * padded + v * FS_LANES, sum[u][v]);
}

// Each tile is a function of its own, which leaves it the general registers. `ahead` lines of 64 bytes are asked for at
// `next` in each step of an inner loop.
typedef void grouped_scores_function(const float *const *query, ptrdiff_t panels, ptrdiff_t width, const float *keys,
                                     float scale, float *scores, const float *next);
typedef void grouped_values_function(float *sums, ptrdiff_t padded, const float *values, grouped_range range,
                                     const float *weights, const float *corrections, const float *next);

#define GROUPED_TILE_FUNCTIONS(units, ahead)                                                                        \
  __attribute__((noinline)) static void grouped_scores_##units##_##ahead(                                          \
      const float *const *query, ptrdiff_t panels, ptrdiff_t width, const float *keys, float scale, float *scores,  \
      const float *next) {                                                                                         \
    for (; panels >= FS_ATTENTION_VECTORS; panels -= FS_ATTENTION_VECTORS) {                                        \
      grouped_scores(query, units, FS_ATTENTION_VECTORS, width, keys, scale, scores, ahead, next);                  \
      keys += FS_ATTENTION_VECTORS * FS_LANES, scores += FS_ATTENTION_VECTORS * FS_LANES;                           \
      next += ahead * width * FS_LANES;                                                                            \
    }                                                                                                              \
    if (FS_ATTENTION_VECTORS > 3 && panels == 3) grouped_scores(query, units, 3, width, keys, scale, scores, 0, NULL); \
    if (FS_ATTENTION_VECTORS > 2 && panels == 2) grouped_scores(query, units, 2, width, keys, scale, scores, 0, NULL); \
    if (panels == 1) grouped_scores(query, units, 1, width, keys, scale, scores, 0, NULL);                          \
  }                                                                                                                \
  __attribute__((noinline)) static void grouped_values_##units##_##ahead(                                          \
      float *sums, ptrdiff_t padded, const float *values, grouped_range range, const float *weights,                \
      const float *corrections, const float *next) {                                                               \
    ptrdiff_t d = 0;                                                                                               \
    for (; d + FS_ATTENTION_VECTORS * FS_LANES <= padded; d += FS_ATTENTION_VECTORS * FS_LANES) {                   \
      grouped_values(sums + d, units, FS_ATTENTION_VECTORS, padded, values + d, range, weights, corrections, ahead, \
                     next);                                                                                         \
      next += ahead * FS_ATTENTION_BLOCK * FS_LANES;                                                               \
    }                                                                                                              \
    for (; d < padded; d += FS_LANES)                                                                              \
      grouped_values(sums + d, units, 1, padded, values + d, range, weights, corrections, 0, NULL);                 \
  }

// The table of a function's variants: [one unit, a tile][ahead].
#define GROUPED_VARIANTS(what, units) \
  {what##_##units##_0, what##_##units##_1, what##_##units##_2, NULL, what##_##units##_4}
#define GROUPED_ALL_FUNCTIONS(units) \
  GROUPED_TILE_FUNCTIONS(units, 0)   \
  GROUPED_TILE_FUNCTIONS(units, 1)   \
  GROUPED_TILE_FUNCTIONS(units, 2)   \
  GROUPED_TILE_FUNCTIONS(units, 4)

GROUPED_ALL_FUNCTIONS(1)
#if FS_ATTENTION_HEADS == 4
GROUPED_ALL_FUNCTIONS(4)
#define GROUPED_TABLE(what) {GROUPED_VARIANTS(what, 1), GROUPED_VARIANTS(what, 4)}
#elif FS_ATTENTION_HEADS == 2
GROUPED_ALL_FUNCTIONS(2)
#define GROUPED_TABLE(what) {GROUPED_VARIANTS(what, 1), GROUPED_VARIANTS(what, 2)}
#else
#error "name the tile's functions"
#endif
static grouped_scores_function *const grouped_scores_functions[2][5] = GROUPED_TABLE(grouped_scores);
static grouped_values_function *const grouped_values_functions[2][5] = GROUPED_TABLE(grouped_values);
