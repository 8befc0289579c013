import * as v from 'valibot';
import { ALGORITHMS } from '../../store/analyses.js';
import { oneOf, text } from '../http/fields.js';

/** Body of POST /api/samples/:sample_id/analyses. */
export const CreateAnalysis = v.object({ algorithm: oneOf(ALGORITHMS), ref_id: text() });
