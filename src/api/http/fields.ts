import * as v from 'valibot';
import { PERMISSIONS } from '../../contracts/permissions.js';

/**
 * Building blocks of body and query schemas. Their messages are those of the wire contract (http-identity-system,
 * section 1.3), which clients show and compare.
 */

/** Text, as it comes. */
export const text = () => v.string('must be of string type');

/** Text without white space at its ends. */
export const trimmed = () => v.pipe(text(), v.trim());

/** Text that must not be empty, as it comes. */
export const filled = () => v.pipe(text(), v.minLength(1, 'empty values not allowed'));

/** Text that must not be empty after the white space at its ends is gone. */
export const trimmedFilled = () => v.pipe(text(), v.trim(), v.minLength(1, 'empty values not allowed'));

/** True or false. */
export const flag = () => v.boolean('must be of boolean type');

/** A whole number. */
export const integer = () => v.pipe(v.number('must be of integer type'), v.integer('must be of integer type'));

/** A number from 0 to 1. */
export const share = () =>
  v.pipe(v.number('must be of number type'), v.minValue(0, 'min value is 0'), v.maxValue(1, 'max value is 1'));

/** One of the given texts. */
export const oneOf = <const T extends readonly string[]>(allowed: T) =>
  v.pipe(
    text(),
    v.rawTransform<string, T[number]>(({ dataset, addIssue, NEVER }) => {
      if (allowed.includes(dataset.value)) return dataset.value as T[number];
      addIssue({ message: `unallowed value ${dataset.value}` });
      return NEVER;
    }),
  );

/** A list whose items follow the schema. */
export const listOf = <T extends v.GenericSchema>(item: T) => v.array(item, 'must be of list type');

/** A nested document. */
export const document = <T extends v.ObjectEntries>(entries: T) => noList(v.object(entries, 'must be of dict type'));

// Valibot takes a list for an object without keys.
function noList<T extends v.GenericSchema>(schema: T): T {
  const run: T['~run'] = (dataset, config) =>
    schema['~run'](Array.isArray(dataset.value) ? { value: 'list' } : dataset, config);
  return { ...schema, '~run': run };
}

/** A field that may be left out. */
export const optional = <T extends v.GenericSchema>(schema: T) => v.optional(schema);

/** A field with a value that is used when it is absent or null. */
export const withDefault = <T extends v.GenericSchema>(schema: T, value: v.InferInput<T>) =>
  v.nullish(schema, () => value);

/** Some of the eight permissions, each true or false. */
export const somePermissions = () =>
  v.pipe(
    noList(v.record(v.string(), v.boolean('must be of boolean type'), 'must be of dict type')),
    v.check(
      (map) => Object.keys(map).every((name) => (PERMISSIONS as readonly string[]).includes(name)),
      'keys must be valid permissions',
    ),
  );
