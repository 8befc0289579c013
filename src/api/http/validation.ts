import * as v from 'valibot';
import { type FieldErrors, invalidInput, invalidQuery } from './refusals.js';

type Issue = v.BaseIssue<unknown>;

/**
 * Checks a body against its schema.
 *
 * @throws Refusal 422 `invalid_input` with the messages per field.
 */
export function checkBody<T extends v.GenericSchema>(schema: T, body: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  throw invalidInput(fieldErrors(result.issues));
}

/**
 * Checks a URL query against its schema.
 *
 * @throws Refusal 422 `invalid_query` with the messages per field.
 */
export function checkQuery<T extends v.GenericSchema>(schema: T, query: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, query);
  if (result.success) return result.output;
  throw invalidQuery(fieldErrors(result.issues));
}

/** The issues of a schema as the wire's `errors`: field to messages, nested documents one map deeper. */
function fieldErrors(issues: readonly Issue[]): FieldErrors {
  const errors: FieldErrors = {};
  for (const issue of issues) {
    const path = (issue.path ?? []).map((item) => String(item.key));
    add(errors, path.length > 0 ? path : ['body'], message(issue));
  }
  return errors;
}

function message(issue: Issue): string {
  if (issue.kind === 'schema' && issue.input === undefined) return 'required field';
  if (issue.kind === 'schema' && issue.input === null) return 'null value not allowed';
  return issue.message;
}

function add(errors: FieldErrors, path: string[], text: string): void {
  const [field, ...rest] = path as [string, ...string[]];
  errors[field] ??= [];
  const list = errors[field];
  if (rest.length === 0) {
    // What is said about a list itself stands before what is said about its items.
    const place = list.findIndex((entry) => typeof entry === 'object');
    if (!list.includes(text)) list.splice(place < 0 ? list.length : place, 0, text);
    return;
  }
  let nested = list.find((entry): entry is FieldErrors => typeof entry === 'object');
  if (!nested) {
    nested = {};
    list.push(nested);
  }
  add(nested, rest, text);
}
