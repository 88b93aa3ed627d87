// Runs every kernel of every set that this processor has, compares the sets with the scalar one bit by bit, and prints a digest
// for each kernel. Built for two processors, the digests must be equal: results do not depend on the machine.
// scripts/test-processors runs it natively and, as other processors, in an emulator.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

enum { MOST_ROWS = 14, MOST_SETS = 8, MOST_FLOATS = 1 << 16, SCRATCH_BYTES = 1 << 20 };

static const fs_kernels *sets[MOST_SETS];
static int set_count;
static int failures;

static uint64_t state;
static uint32_t next_bits(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (uint32_t)(state >> 32);
}

/// Numbers in (-1, 1), some of them zero, none so small that it counts as zero.
static void fill(float *x, ptrdiff_t n, uint64_t seed) {
  state = seed * 0x9e3779b97f4a7c15u + 1;
  for (ptrdiff_t i = 0; i < n; i++) {
    uint32_t bits = next_bits();
    x[i] = bits % 61 == 0 ? 0 : ((float)(int32_t)(bits >> 8) - 0x1p23f) * 0x1p-23f;
  }
}

static uint64_t digest;
static void digest_bytes(const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) digest = (digest ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
}

static float results[MOST_SETS][MOST_FLOATS];
static _Alignas(64) char scratch[SCRATCH_BYTES];

/// Compares what the sets have left in `results`, and takes it into the digest.
static void compare(const char *what, ptrdiff_t count) {
  for (int s = 1; s < set_count; s++)
    if (memcmp(results[0], results[s], (size_t)count * sizeof(float)) != 0) {
      if (failures++ < 20) fprintf(stderr, "%s: %s differs from scalar\n", what, fs_kernels_name(sets[s]));
    }
  digest_bytes(results[0], (size_t)count * sizeof(float));
}

static void report(const char *what) {
  printf("%-12s %016llx\n", what, (unsigned long long)digest);
  digest = 0xcbf29ce484222325u;
}

static void *aligned(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!memory) abort();
  return memory;
}

static const fs_reading memory_reads = {.from_memory = true};

/// Packs panels of k inputs. Weights are cut to bf16 for compact f32.
static void pack_panels(fs_format format, float *weights, ptrdiff_t count, ptrdiff_t k, char *memory) {
  size_t bytes = fs_panel_bytes(format, k);
  bool halves = format == FS_FORMAT_F32_COMPACT;
  char *plain = aligned(fs_panel_bytes(FS_FORMAT_F32, k));
  for (ptrdiff_t i = 0; halves && i < count * 16 * k; i++) {
    uint32_t bits;
    memcpy(&bits, weights + i, sizeof bits);
    bits &= 0xffff0000u;
    memcpy(weights + i, &bits, sizeof bits);
  }
  for (ptrdiff_t p = 0; p < count; p++) {
    const float *from = weights + p * 16 * k;
    fs_pack_panel(halves ? FS_FORMAT_F32 : format, from, k, 16, k, halves ? plain : memory + (size_t)p * bytes);
    if (halves && !fs_compact_panel(FS_FORMAT_F32, plain, k, memory + (size_t)p * bytes)) failures++;
  }
  free(plain);
}

static void products_of(fs_format format, ptrdiff_t k, ptrdiff_t columns, ptrdiff_t rows) {
  enum { PADDING = 3 };
  ptrdiff_t panels = (columns + 15) / 16, packed = 2 * panels;
  size_t panel_bytes = fs_panel_bytes(format, k);
  float *weights = aligned((size_t)(packed * 16 * k) * sizeof(float));
  float *x = aligned((size_t)(rows * (k + PADDING)) * sizeof(float));
  char *memory = aligned((size_t)packed * panel_bytes);
  fill(weights, packed * 16 * k, (uint64_t)(k * 100 + columns));
  fill(x, rows * (k + PADDING), (uint64_t)(k * 100 + rows + 7));
  pack_panels(format, weights, packed, k, memory);
  float row_scales[MOST_ROWS];
  fill(row_scales, MOST_ROWS, 5);
  char what[64];
  snprintf(what, sizeof what, "format %d, %td rows, %td by %td", format, rows, columns, k);
  for (int kind = 0; kind < 3; kind++) {  // product, product added, gated unit
    for (int s = 0; s < set_count; s++) {
      fill(results[s], rows * columns, 11);
      fs_rows from = {x, k + PADDING, NULL}, to = {results[s], columns, NULL};
      if (kind == 2)
        fs_gated_matmul(sets[s], format, memory, k, columns, 0, panels, from, to, rows, row_scales, memory_reads, scratch,
                        sizeof scratch);
      else
        fs_matmul(sets[s], format, memory, k, columns, 0, panels, from, to, rows, kind == 1, memory_reads, scratch,
                  sizeof scratch);
    }
    compare(what, rows * columns);
  }
  free(weights), free(x), free(memory);
}

static void products(void) {
  static const char *const names[] = {"f32", "bf16", "int8", "int4", NULL, "compact f32"};
  static const ptrdiff_t depths[] = {1, 7, 33, 64, 129, 200}, widths[] = {1, 17, 70};
  for (int format = FS_FORMAT_F32; format <= FS_FORMAT_F32_COMPACT; format++) {
    if (!names[format]) continue;  // has a test of its own
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
      for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (ptrdiff_t rows = 1; rows <= MOST_ROWS; rows += rows < 7 ? 1 : 3)
          products_of(format, depths[d], widths[w], rows);
    for (ptrdiff_t rows = 1; rows <= 12; rows++) products_of(format, 200, 600, rows);  // a long run of panels
    report(names[format]);
  }
}

static void compact_products_of(ptrdiff_t k, bool zeros) {
  const ptrdiff_t columns = 64, panels = columns / 16;
  size_t plain_bytes = fs_panel_bytes(FS_FORMAT_BF16, k), bytes = fs_panel_bytes(FS_FORMAT_BF16_COMPACT, k);
  float *weights = aligned((size_t)(columns * k) * sizeof(float)), *x = aligned((size_t)(MOST_ROWS * k) * sizeof(float));
  char *plain = aligned(plain_bytes), *memory = aligned((size_t)panels * bytes);
  fill(weights, columns * k, 3);
  // Zeros are too many for the list, so that they need a place in the table; without them neighbours do.
  for (ptrdiff_t i = 0; !zeros && i < columns * k; i++)
    if (weights[i] == 0) weights[i] = 0.01f;
  for (ptrdiff_t i = 100; i < columns * k; i += 1777) weights[i] *= 0x1p-60f;  // an exponent for the list
  fill(x, MOST_ROWS * k, 4);
  for (ptrdiff_t p = 0; p < panels; p++) {
    fs_pack_panel(FS_FORMAT_BF16, weights + p * 16 * k, k, 16, k, plain);
    if (!fs_compact_panel(FS_FORMAT_BF16, plain, k, memory + (size_t)p * bytes)) failures++;
    digest_bytes(memory + (size_t)p * bytes, bytes);
  }
  fs_rows from = {x, k, NULL};
  for (ptrdiff_t count = 1; count <= MOST_ROWS; count += count < 7 ? 1 : 6) {
    for (int s = 0; s < set_count; s++)
      fs_matmul(sets[s], FS_FORMAT_BF16_COMPACT, memory, k, columns, 0, panels, from,
                (fs_rows){results[s], columns, NULL}, count, false, memory_reads, scratch, sizeof scratch);
    compare("compact", count * columns);
    for (int s = 0; s < set_count; s++)
      fs_gated_matmul(sets[s], FS_FORMAT_BF16_COMPACT, memory, k, columns / 2, 0, panels / 2, from,
                      (fs_rows){results[s], columns / 2, NULL}, count, NULL, memory_reads, scratch,
                      sizeof scratch);
    compare("compact, gated", count * columns / 2);
  }
  free(weights), free(x), free(plain), free(memory);
}

static void compact_products(void) {
  static const ptrdiff_t depths[] = {31, 32, 200, 1056};
  for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
    compact_products_of(depths[d], true);
    compact_products_of(depths[d], false);
  }
  report("compact");
}

/// Panels of anything that a checkpoint may hold.
static void panels(void) {
  static const ptrdiff_t depths[] = {1, 31, 64, 100, 128, 200, 257};
  static float weights[16 * 257];
  for (int kind = 0; kind < 3; kind++)  // numbers, numbers and what is none, any bits
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
      for (ptrdiff_t columns = 1; columns <= 16; columns += 5) {
        ptrdiff_t k = depths[d];
        fill(weights, 16 * k, (uint64_t)(71 + kind));
        for (ptrdiff_t i = 0; kind == 1 && i < 16 * k; i += 97) weights[i] = i % 2 ? INFINITY : NAN;
        for (ptrdiff_t i = 0; kind == 2 && i < 16 * k; i++) {
          uint32_t bits = next_bits();
          memcpy(weights + i, &bits, sizeof bits);
        }
        for (int format = FS_FORMAT_F32; format <= FS_FORMAT_INT4; format++) {
          size_t bytes = fs_panel_bytes(format, k);
          char *panel = aligned(bytes);
          memset(panel, 0x55, bytes);
          fs_pack_panel(format, weights, k, columns, k, panel);
          digest_bytes(panel, bytes);
          free(panel);
        }
      }
  report("panels");
}

static void rows(void) {
  static float x[2048], weight[2048];
  fill(x, 2048, 21);
  fill(weight, 2048, 22);
  for (ptrdiff_t n = 1; n < 150; n += 1 + n / 20) {
    for (int s = 0; s < set_count; s++) fs_rms_norm(sets[s], x, weight, 1e-6f, n, results[s]);
    compare("norm", n);
    for (int s = 0; s < set_count; s++) results[s][0] = (float)fs_argmax(sets[s], x, n);
    compare("argmax", 1);
  }
  report("norm");
  for (ptrdiff_t i = 0; i < 2048; i++) x[i] *= 130;
  x[3] = INFINITY, x[4] = -INFINITY;
  for (ptrdiff_t n = 2031; n <= 2048; n++) {
    for (int s = 0; s < set_count; s++) fs_exp(sets[s], x, 0.5f, n, results[s]);
    compare("exp", n);
  }
  report("exp");
}

static void latent_attention(void) {
  static const ptrdiff_t ranks[] = {8, 16, 40, 64}, lengths[] = {1, 5, 64, 65, 200};
  const ptrdiff_t rope = 8, heads = 5, stride = 80;
  static float query[5 * 80], cache[200 * 80];
  fill(query, 5 * 80, 31);
  fill(cache, 200 * 80, 32);
  for (size_t r = 0; r < sizeof ranks / sizeof *ranks; r++)
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      for (int s = 0; s < set_count; s++)
        fs_latent_attention(sets[s], query, ranks[r] + rope, heads, ranks[r], rope, cache, stride, lengths[l], 0.3f,
                            results[s], ranks[r], (float *)(void *)scratch);
      compare("latent attention", heads * ranks[r]);
    }
  report("latent");
}

/// The same rows and heads over a cache of tiles.
static fs_tiled_queries tiled_like(const fs_grouped_queries *queries, fs_tiled_format format) {
  return (fs_tiled_queries){
      .query = queries->query, .query_stride = queries->query_stride, .positions = queries->positions,
      .begin = queries->begin, .end = queries->end, .head_begin = queries->head_begin, .head_end = queries->head_end,
      .shape = {format, queries->width, queries->width}, .window = queries->window, .scale = queries->scale,
      .output = queries->output, .output_stride = queries->output_stride,
      .output_head_stride = queries->output_head_stride, .following = queries->query};
}

static void grouped_attention(void) {
  static const ptrdiff_t widths[] = {8, 16, 24, 64};
  enum { LENGTH = 150, HEADS = 3, ROWS = 9 };
  static float query[ROWS * HEADS * 64], numbers[2 * 64];
  fill(query, ROWS * HEADS * 64, 41);
  for (int tiles = 0; tiles < 3; tiles++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
      for (ptrdiff_t window = 0; window <= 20; window += 20)
        for (ptrdiff_t count = 1; count <= ROWS; count += 2) {
          ptrdiff_t width = widths[w];
          fs_tiled_shape shape = {tiles == 2 ? FS_TILED_INT8 : FS_TILED_BF16, width, width};
          size_t bytes = sizeof(float) * (tiles ? fs_tiled_cache_floats(shape, LENGTH) : fs_grouped_cache_floats(width, LENGTH));
          float *cache = aligned(bytes);
          memset(cache, 0, bytes);
          for (ptrdiff_t position = 0; position < LENGTH; position++) {
            fill(numbers, 2 * 64, (uint64_t)(position + 100));
            if (tiles)
              fs_tiled_cache_store(shape, cache, position, numbers, numbers + 64);
            else
              fs_grouped_cache_store(cache, width, position, numbers, numbers + 64);
          }
          int32_t positions[ROWS];
          for (int32_t r = 0; r < ROWS; r++) positions[r] = LENGTH - ROWS + r;
          for (int s = 0; s < set_count; s++) {
            fs_grouped_queries queries = {
                .query = query, .query_stride = HEADS * width, .positions = positions, .begin = 0, .end = count,
                .head_begin = 0, .head_end = HEADS, .width = width, .window = window, .scale = 0.4f,
                .output = results[s], .output_stride = HEADS * width, .output_head_stride = width};
            fs_tiled_queries tiled = tiled_like(&queries, shape.format);
            if (tiles)
              fs_tiled_attention(sets[s], &tiled, cache, (float *)(void *)scratch);
            else
              fs_grouped_attention(sets[s], &queries, cache, (float *)(void *)scratch);
          }
          compare("grouped attention", count * HEADS * width);
          free(cache);
        }
  report("grouped");
}

/// Rows that see several spans, as a whole and span by span.
static void spans(void) {
  enum { LENGTH = 1100, HEADS = 2, ROWS = 4, WIDTH = 24, SPANS = (LENGTH + FS_ATTENTION_SPAN - 1) / FS_ATTENTION_SPAN };
  static const int32_t positions[ROWS] = {511, 512, 1023, 1099};
  static float query[ROWS * HEADS * WIDTH], numbers[2 * WIDTH], joined[ROWS * HEADS * WIDTH];
  ptrdiff_t record = (ptrdiff_t)fs_span_record_size(WIDTH);
  float *records = aligned((size_t)(ROWS * HEADS * SPANS * record) * sizeof(float));
  fill(query, ROWS * HEADS * WIDTH, 61);
  for (int tiles = 0; tiles < 3; tiles++) {
    fs_tiled_shape shape = {tiles == 2 ? FS_TILED_INT8 : FS_TILED_BF16, WIDTH, WIDTH};
    size_t bytes = sizeof(float) * (tiles ? fs_tiled_cache_floats(shape, LENGTH) : fs_grouped_cache_floats(WIDTH, LENGTH));
    float *cache = aligned(bytes);
    memset(cache, 0, bytes);
    for (ptrdiff_t position = 0; position < LENGTH; position++) {
      fill(numbers, 2 * WIDTH, (uint64_t)(position + 300));
      if (tiles)
        fs_tiled_cache_store(shape, cache, position, numbers, numbers + WIDTH);
      else
        fs_grouped_cache_store(cache, WIDTH, position, numbers, numbers + WIDTH);
    }
    for (ptrdiff_t window = 0; window <= 530; window += 530) {
      fs_grouped_queries queries = {
          .query = query, .query_stride = HEADS * WIDTH, .positions = positions, .begin = 0, .end = ROWS,
          .head_begin = 0, .head_end = HEADS, .width = WIDTH, .window = window, .scale = 0.4f};
      for (int s = 0; s < set_count; s++) {
        queries.output = results[s], queries.output_stride = HEADS * WIDTH, queries.output_head_stride = WIDTH;
        fs_tiled_queries tiled = tiled_like(&queries, shape.format);
        if (tiles)
          fs_tiled_attention(sets[s], &tiled, cache, (float *)(void *)scratch);
        else
          fs_grouped_attention(sets[s], &queries, cache, (float *)(void *)scratch);
        queries.output_stride = HEADS * SPANS * record, queries.output_head_stride = SPANS * record;
        for (ptrdiff_t span = SPANS - 1; span >= 0; span--) {
          queries.output = records + span * record;
          tiled = tiled_like(&queries, shape.format);
          if (tiles)
            fs_tiled_attention_span(sets[s], &tiled, span, cache, (float *)(void *)scratch);
          else
            fs_grouped_attention_span(sets[s], &queries, span, cache, (float *)(void *)scratch);
        }
        for (ptrdiff_t r = 0; r < ROWS; r++)
          for (ptrdiff_t h = 0; h < HEADS; h++) {
            ptrdiff_t end = positions[r] + 1, begin = window > 0 && window < end ? end - window : 0;
            ptrdiff_t first = begin / FS_ATTENTION_SPAN, count = (end - 1) / FS_ATTENTION_SPAN + 1 - first;
            fs_join_spans(sets[s], records + ((r * HEADS + h) * SPANS + first) * record, count, WIDTH,
                          (float *)(void *)scratch, joined + (r * HEADS + h) * WIDTH);
          }
        if (memcmp(joined, results[s], sizeof joined) != 0) {
          failures++;
          fprintf(stderr, "%s: spans joined differ from the whole\n", fs_kernels_name(sets[s]));
        }
      }
      compare("several spans", ROWS * HEADS * WIDTH);
    }
    free(cache);
  }
  free(records);
  report("spans");
}

static void draws(void) {
  static float logits[1000];
  fill(logits, 1000, 51);
  ptrdiff_t best = fs_argmax(sets[0], logits, 1000);
  for (uint64_t position = 0; position < 100; position++) {
    ptrdiff_t token = fs_gumbel_argmax(logits, 1000, best, logits[best], 1.25f, -60, 17, 23, position);
    digest_bytes(&token, sizeof token);
  }
  report("draws");
}

int main(void) {
  static const char *const names[] = {"scalar", "avx2-plain", "avx2", "avx512", "avx512-pairs", "avx512-streams", "neon-plain", "neon"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const fs_kernels *set = fs_kernels_named(names[i]);
    if (set) sets[set_count++] = set, fprintf(stderr, "%s ", names[i]);
  }
  fprintf(stderr, "\n");
  digest = 0xcbf29ce484222325u;
  products();
  compact_products();
  panels();
  rows();
  latent_attention();
  grouped_attention();
  spans();
  draws();
  return failures == 0 ? 0 : 1;
}
