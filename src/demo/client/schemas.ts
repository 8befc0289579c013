import * as v from 'valibot';
import { JOB_STATES } from '../../contracts/jobs.js';

/** What the demo reads of the server's answers and messages; everything else in them is ignored. */
const Id = v.object({ id: v.string() });
const Point = v.tuple([v.number(), v.number()]);
const Text = v.optional(v.nullable(v.string()), null);

export const ErrorAnswer = v.object({ id: v.string(), message: v.string() });
export const RootAnswer = v.object({ version: v.string() });
export const FileAnswer = Id;
export const FileList = v.object({ documents: v.array(v.object({ id: v.string(), ready: v.boolean() })) });
export const ReferenceAnswer = v.object({ id: v.string(), process: Id });
export const JobProductAnswer = v.object({ id: v.string(), job: Id });
export const SampleAnswer = Id;
export const Nothing = v.unknown();

/** A process, read or sent as a message. */
export const ProcessState = v.object({
  id: v.string(),
  step: Text,
  progress: v.number(),
  complete: v.boolean(),
  errors: v.optional(v.array(v.union([v.string(), v.object({ message: v.string() })])), []),
});
export type ProcessState = v.InferOutput<typeof ProcessState>;

/** A job as lists and messages show it. */
export const JobState = v.object({
  id: v.string(),
  task: v.string(),
  state: v.picklist(JOB_STATES),
  stage: v.nullable(v.string()),
  progress: v.number(),
});
export type JobState = v.InferOutput<typeof JobState>;
export const JobList = v.object({ documents: v.array(JobState) });

const JobFailure = v.object({
  type: v.string(),
  details: v.optional(v.array(v.string()), []),
  step: Text,
  advice: Text,
});

/** A whole job with its status list. */
export const JobDetail = v.object({
  id: v.string(),
  task: v.string(),
  args: v.record(v.string(), v.unknown()),
  status: v.pipe(
    v.array(
      v.object({
        state: v.picklist(JOB_STATES),
        stage: v.nullable(v.string()),
        progress: v.number(),
        timestamp: v.string(),
        error: v.optional(v.nullable(JobFailure), null),
      }),
    ),
    v.minLength(1),
  ),
});
export type JobDetail = v.InferOutput<typeof JobDetail>;

const SequenceHit = v.object({
  accession: v.optional(v.string(), ''),
  segment: Text,
  length: v.number(),
  pi: v.number(),
  reads: v.number(),
  coverage: v.number(),
  depth: v.optional(v.number(), 0),
  align: v.optional(v.array(Point), []),
});
export type SequenceHit = v.InferOutput<typeof SequenceHit>;

/** A ready Pathoscope analysis. */
export const AnalysisAnswer = v.object({
  id: v.string(),
  algorithm: v.string(),
  ready: v.literal(true),
  reference: Id,
  read_count: v.number(),
  subtracted_count: v.number(),
  results: v.array(
    v.object({
      name: v.string(),
      abbreviation: v.optional(v.string(), ''),
      isolates: v.array(
        v.object({
          id: v.string(),
          source_type: v.string(),
          source_name: v.string(),
          sequences: v.array(SequenceHit),
        }),
      ),
    }),
  ),
});
export type AnalysisAnswer = v.InferOutput<typeof AnalysisAnswer>;

/** A message of the WebSocket, as text. */
export const SocketMessage = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    operation: v.picklist(['insert', 'update', 'delete', 'resync']),
    interface: v.string(),
    data: v.unknown(),
  }),
);

/** A document in a message; whatever else it holds is kept. */
export const WithId = v.looseObject({ id: v.string() });

/** `NAME.truth.json` of the demo data. */
export const TruthFile = v.object({
  name: v.string(),
  count: v.number(),
  components: v.array(
    v.object({
      kind: v.string(),
      role: v.string(),
      reads: v.number(),
      otu_name: v.optional(v.string(), ''),
      abbreviation: v.optional(v.string(), ''),
      isolate: v.optional(v.string(), ''),
      isolate_name: v.optional(v.string(), ''),
      sequences: v.optional(v.array(v.object({ length: v.number() })), []),
    }),
  ),
});
