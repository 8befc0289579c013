import * as v from 'valibot';
import { ALGORITHMS } from '../../store/analyses.js';
import { filled, listOf, oneOf, text, withDefault } from '../http/fields.js';

/** Body of POST /api/samples/:sample_id/analyses. */
export const CreateAnalysis = v.object({ algorithm: oneOf(ALGORITHMS), ref_id: text() });

/** Most analyses that one batch may start: a plate of 96 libraries with both workflows. */
export const LARGEST_BATCH = 200;

const distinct = <T extends v.GenericSchema<string, string>>(item: T) =>
  v.pipe(
    listOf(item),
    v.minLength(1, 'empty values not allowed'),
    v.maxLength(LARGEST_BATCH, `max length is ${LARGEST_BATCH}`),
    v.check((items) => new Set(items).size === items.length, 'must not name anything twice'),
  );

/** Body of POST /api/analyses/batch. */
export const CreateBatch = v.pipe(
  v.object({ samples: distinct(filled()), references: distinct(filled()), workflows: distinct(oneOf(ALGORITHMS)) }),
  v.check(
    ({ samples, references, workflows }) => samples.length * references.length * workflows.length <= LARGEST_BATCH,
    `at most ${LARGEST_BATCH} analyses may be started at once`,
  ),
);

/** Which index a rerun may use. */
export const INDEX_CHOICES = ['same', 'latest'] as const;

/** Body of POST /api/analyses/:analysis_id/rerun. */
export const RerunAnalysis = v.object({ index: withDefault(oneOf(INDEX_CHOICES), 'same') });
