// What attention asks for while it computes a chunk of positions: the lines of the next one, or after the last what follows, in the
// order of use and in proportion to the work, softmax included. Include after lanes.h.
//
// Asked for by the tiles as they read the same lines of the chunk before, lines were asked for faster than memory brings them, and none
// during the softmax: from memory a unit took up to 1.4 times as long.

/// Asks for a line of the cache: into the second-level cache, but where the first takes as many at a time (Zen 5: 0.75 of the time of
/// a token's attention from memory).
FS_INLINE void ahead_line(const void *line) {
#if defined(FS_STREAMING)
  __builtin_prefetch(line, 0, 3);
#else
  __builtin_prefetch(line, 0, 2);
#endif
}

/// Sixteen lines are asked for at a time.
enum { AHEAD_GROUP_BYTES = 1024, AHEAD_LINES = 16 };

enum { AHEAD_ONE = 1 << 16 };         // groups are counted in such parts
enum { AHEAD_WEIGHT_WORK = 15 };      // what sixteen weights count as, in products of sixteen pairs: half the time they take is best

/// Groups of lines to be asked for: of each block first the keys, then of each the values.
typedef struct ahead_plan {
  ptrdiff_t rate;    // groups for a product of sixteen pairs or a step of integers, in parts; 0 if nothing is asked for
  ptrdiff_t due;     // groups that should have been asked for by now but have not, in parts
  const char *part;  // this part of the first block
  ptrdiff_t groups, later_groups;  // of this part, and of the part after it
  ptrdiff_t block_bytes, block_count, block;
  const char *at;    // the next group
  ptrdiff_t left;    // groups left of this block's part
} ahead_plan;

/// Keys with their scales and whole blocks of integers are counted up to whole groups, so a few lines are asked for twice.
/// A plan for `block_count` blocks of a cache, the first at `blocks`, or as many bytes of weights, over so many products; for none where
/// that is NULL.
FS_INLINE ahead_plan ahead_of(const fs_tiled_units *units, const char *blocks, ptrdiff_t block_count, ptrdiff_t work) {
  if (!blocks || block_count < 1 || work < 1) return (ahead_plan){0};
  ptrdiff_t bytes = (ptrdiff_t)fs_tiled_block_bytes(units->shape), key_bytes = (ptrdiff_t)fs_tiled_key_bytes(units->shape);
  ptrdiff_t groups = (bytes + AHEAD_GROUP_BYTES - 1) / AHEAD_GROUP_BYTES;
  ptrdiff_t key_groups = (key_bytes + AHEAD_GROUP_BYTES - 1) / AHEAD_GROUP_BYTES;
  return (ahead_plan){.rate = block_count * groups * AHEAD_ONE / work,
                      .due = AHEAD_ONE / 2,
                      .part = blocks,
                      .groups = key_groups,
                      .later_groups = groups - key_groups,
                      .block_bytes = bytes,
                      .block_count = block_count,
                      .block = -1};
}

/// What is asked for during a chunk of `count` positions from `begin` on, of those up to `end`: the next one, or behind the last what
/// follows; over so much work.
FS_INLINE ahead_plan ahead_of_chunk(const fs_tiled_units *units, ptrdiff_t end, const char *cache, ptrdiff_t begin,
                                    ptrdiff_t count, ptrdiff_t work) {
  ptrdiff_t next = begin + count, left = (end - next + 31) / 32, most = FS_TILED_CHUNK / 32;
  // As much as this chunk had: a head that follows has as many positions, and more could not be asked for in that time.
  if (left <= 0) return ahead_of(units, units->following, count / 32, work);
  if (!units->cold) return (ahead_plan){0};
  const char *blocks = cache + next / 32 * (ptrdiff_t)fs_tiled_block_bytes(units->shape);
  return ahead_of(units, blocks, left < most ? left : most, work);
}

/// The next group if one is due, else `other`.
FS_INLINE const char *ahead_group(ahead_plan *plan, const char *other) {
  if (__builtin_expect(plan->due < AHEAD_ONE, 1)) return other;
  if (plan->left == 0) {
    if (++plan->block == plan->block_count) {
      plan->part += plan->groups * AHEAD_GROUP_BYTES;
      plan->groups = plan->later_groups;
      plan->later_groups = 0;
      plan->block = 0;
    }
    if (plan->groups == 0) {
      plan->rate = plan->due = 0;
      return other;
    }
    plan->at = plan->part + plan->block * plan->block_bytes;
    plan->left = plan->groups;
  }
  plan->left--;
  plan->due -= AHEAD_ONE;
  plan->at += AHEAD_GROUP_BYTES;
  return plan->at - AHEAD_GROUP_BYTES;
}

/// Asks for what is due after so much work.
FS_INLINE void ahead_ask(ahead_plan *plan, ptrdiff_t work) {
  plan->due += plan->rate * work;
  for (const char *group; (group = ahead_group(plan, NULL));)
    FS_UNROLL for (ptrdiff_t i = 0; i < AHEAD_LINES; i++) ahead_line(group + i * 64);
}
