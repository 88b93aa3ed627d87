// The register tiles of attention over a cache of tiles, units by vectors of sixteen positions or columns. Include after lanes.h.

#if defined(FS_WIDE)
#define ATTENTION_SHAPES(entry)                                                                                      \
  entry(8, 2) entry(8, 1) entry(4, 4) entry(4, 2) entry(4, 1) entry(2, 4) entry(2, 2) entry(2, 1) entry(1, 4) \
  entry(1, 2) entry(1, 1)
enum { SHAPE_UNITS = 8, SHAPE_SUMS = 16, SHAPE_VECTORS = 4 };
#else
#define ATTENTION_SHAPES(entry) entry(4, 1) entry(2, 2) entry(2, 1) entry(1, 2) entry(1, 1)
enum { SHAPE_UNITS = 4, SHAPE_SUMS = 4, SHAPE_VECTORS = 2 };
#endif

enum { SHAPE_COLUMNS = 8 };  // vectors of columns whose values stay near while all units pass, so many tiles in a call

/// Units of the next tile when `left` remain, a power of two up to `most`.
FS_INLINE ptrdiff_t shape_units(ptrdiff_t left, ptrdiff_t most) {
  ptrdiff_t units = most;
  while (units > left) units /= 2;
  return units;
}

/// Vectors of a tile of so many units when `left` remain, a power of two; up to `sums` in the tile.
FS_INLINE ptrdiff_t shape_vectors(ptrdiff_t units, ptrdiff_t left, ptrdiff_t sums) {
  ptrdiff_t vectors = sums / units < SHAPE_VECTORS ? sums / units : SHAPE_VECTORS;
  while (vectors > left) vectors /= 2;
  return vectors;
}
