import * as v from 'valibot';

/** The installed HMM data. */
export const HmmStatusAnswer = v.object({
  process: v.nullable(v.object({ id: v.string() })),
  installed: v.optional(v.nullable(v.object({ name: v.string() })), null),
});

/** An HMM with the proteins that its profile is made of. */
export const HmmAnswer = v.object({
  id: v.string(),
  cluster: v.number(),
  names: v.array(v.string()),
  entries: v.array(v.object({ organism: v.string() })),
});
export type HmmAnswer = v.InferOutput<typeof HmmAnswer>;

/** A ready NuVs analysis. */
export const NuvsAnswer = v.object({
  id: v.string(),
  ready: v.literal(true),
  results: v.array(
    v.object({
      index: v.number(),
      sequence: v.string(),
      orfs: v.array(
        v.object({
          pro: v.string(),
          frame: v.number(),
          strand: v.picklist([1, -1]),
          pos: v.tuple([v.number(), v.number()]),
          hits: v.array(v.object({ hit: v.string(), full_e: v.number(), full_score: v.number() })),
        }),
      ),
    }),
  ),
});
export type NuvsAnswer = v.InferOutput<typeof NuvsAnswer>;
