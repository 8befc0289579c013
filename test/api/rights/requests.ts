import { toJsonSchema } from '@valibot/to-json-schema';
import type { Route } from '../../../src/api/http/route.js';
import { BUILD_ID, IDS, SECRET } from './fixture.js';

/** A request of a route, about private documents wherever its path has a parameter. */
export type Request = { method: string; path: string; body?: string; job: 'sample' | 'reference' };

const PARAMETERS: Record<string, string> = {
  ...IDS,
  key_id: 'robot_0',
  user_id: 'victim',
  group_id: 'victims',
  member_id: 'members-none',
  subtraction_id: 'Host',
  hmm_id: 'unknown1',
  accession: 'NC_000001',
  file_type: 'reads',
  sequence_index: '0',
  suffix: '1',
  file: 'unknown.js',
};

/** Last part of downloads, where it names the private document. */
const NAMES: Record<string, string> = {
  '/download/samples/:sample_id/:name': 'reads_1.fq.gz',
  '/download/analyses/:name': `${IDS.analysis_id}.csv`,
  '/download/analyses/:analysis_id/depths/:name': `${SECRET}.csv`,
};

/** Values of fields that a schema alone does not tell. */
const FIELDS: Record<string, unknown> = {
  sequence: 'ACGT',
  email: 'a@example.com',
  permissions: {},
  algorithm: 'nuvs',
  workflows: ['nuvs'],
};

/** The requests of a route: one, or one for each kind of job. Throws for a parameter that stands for nothing here. */
export function requestsOf(route: Route): Request[] {
  const first = requestOf(route, PARAMETERS, 'sample');
  const isOfJob = route.path.includes(':job_id');
  return isOfJob ? [first, requestOf(route, { ...PARAMETERS, job_id: BUILD_ID }, 'reference')] : [first];
}

function requestOf(route: Route, values: Record<string, string>, job: Request['job']): Request {
  const path = route.path.replace('*', 'anything').replace(/:(\w+)(\{[^}]*\})?/g, (_, name: string) => {
    const value = name === 'name' ? NAMES[route.path] : values[name];
    if (value === undefined) throw new Error(`${route.path}: no private document stands for :${name}`);
    return encodeURIComponent(value);
  });
  const body =
    route.body && JSON.stringify(exampleOf(toJsonSchema(route.body, { typeMode: 'input', errorMode: 'ignore' })));
  // Of uploads the query tells the name.
  const query = path.startsWith('/upload/') ? '?name=reads.fq' : '';
  return { method: route.method, path: path + query, job, ...(body ? { body } : {}) };
}

// biome-ignore lint/suspicious/noExplicitAny: JSON schemas have many forms
function exampleOf(schema: any, name = ''): unknown {
  if (name in FIELDS) return FIELDS[name];
  if (schema.enum) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices) return exampleOf(choices[0], name);
  if (schema.type === 'object') {
    const required: string[] = schema.required ?? [];
    return Object.fromEntries(required.map((key) => [key, exampleOf(schema.properties?.[key] ?? {}, key)]));
  }
  if (schema.type === 'array') return [exampleOf(schema.items ?? {}, name)];
  if (schema.type === 'boolean') return true;
  if (schema.type === 'number' || schema.type === 'integer') return schema.minimum ?? 1;
  return 'value';
}
