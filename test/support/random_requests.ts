/** A number below `limit`, the same ones for the same seed. */
export type Random = (limit: number) => number;

/** Linear congruences with the constants of Numerical Recipes. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a schema of any form
type Schema = any;

/** What nobody should send, and somebody will. */
const HOSTILE: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e308, -0, 2 ** 53, [], {}, [[]], [null], [{}]],
  ...[
    '',
    ' ',
    '\u0000',
    '\u0007\u001b[31m',
    '\ud800',
    '\u202e',
    'ÿ'.repeat(300),
    'a'.repeat(70_000),
    '<img onerror=alert(1)>',
  ],
  ...['$', '$$ROOT', '$name', '$where', '.', '..', '../../etc/passwd', 'a.b', '__proto__', 'constructor', 'toString'],
  ...['%00', '%2e%2e%2f', 'NaN', '-1', '1e9', '99999999999999999999', '(', '[', '\\', '*', '.*', '(a+)+$', "'; --"],
  ...[
    { $gt: '' },
    { $where: '1' },
    { $ne: null },
    { __proto__: { administrator: true } },
    { 'a.b': 1 },
    { $set: { administrator: true } },
  ],
];
const HOSTILE_KEYS = [
  '$set',
  '$where',
  '__proto__',
  'constructor',
  'a.b',
  '',
  'administrator',
  '_id',
  'id',
  '\u0000',
  'user',
  'ready',
];
const HOSTILE_BODIES = [
  '',
  '{',
  '{"a":',
  'null',
  '[]',
  '"text"',
  '42',
  '\u0000',
  '{"a":1}}',
  '{"__proto__":{"x":1}}',
  '[[[[',
  '{"a":NaN}',
  'ÿþ',
];
const HOSTILE_QUERIES = [
  'page',
  'per_page',
  'find',
  'state',
  'verified',
  'names',
  'sort',
  'filter',
  'type',
  'reads',
  '$where',
  '__proto__',
];

/** Draws requests that follow the document of the interface, and such that break it in one place or several. */
export function createRequests(document: Schema, random: Random, ids: (parameter: string) => readonly string[]) {
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const operations = Object.entries<Schema>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Schema>(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

  const draw = (schema: Schema, depth = 0): unknown => {
    if (random(12) === 0) return pick(HOSTILE);
    if (schema === undefined || depth > 6) return pick(HOSTILE);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return pick(schema.enum);
    const options = schema.anyOf ?? schema.oneOf;
    if (options) return draw(pick(options), depth + 1);
    if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part: Schema) => draw(part, depth + 1)));
    switch (schema.type) {
      case 'object':
        return objectOf(schema, depth);
      case 'array':
        return Array.from({ length: random(4) }, () => draw(schema.items, depth + 1));
      case 'string':
        return pick([...ids(''), 'Some name', 'user', 'ACGT', 'isolate', 'm', `n${random(1e6)}`]);
      case 'integer':
      case 'number':
        return random(100);
      case 'boolean':
        return random(2) === 0;
      default:
        return pick(HOSTILE);
    }
  };

  const objectOf = (schema: Schema, depth: number): Record<string, unknown> => {
    const value: [string, unknown][] = [];
    for (const [key, part] of Object.entries<Schema>(schema.properties ?? {})) {
      const isRequired = schema.required?.includes(key);
      if (isRequired ? random(15) === 0 : random(2) === 0) continue;
      value.push([key, key.endsWith('_id') && random(3) > 0 ? pick(ids(key)) : draw(part, depth + 1)]);
    }
    if (random(6) === 0) value.push([pick(HOSTILE_KEYS), pick(HOSTILE)]);
    return Object.fromEntries(value);
  };

  const bodyOf = (operation: Schema): string | undefined => {
    const schema = operation.requestBody?.content?.['application/json']?.schema;
    if (!schema) return random(4) === 0 ? pick(HOSTILE_BODIES) : undefined;
    const kind = random(20);
    if (kind === 0) return pick(HOSTILE_BODIES);
    if (kind === 1) return `{"name":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    if (kind === 2) return JSON.stringify({ name: 'a'.repeat(2_000_000) });
    return JSON.stringify(draw(schema));
  };

  const queryOf = (operation: Schema): string => {
    const known = (operation.parameters ?? [])
      .filter((one: Schema) => one.in === 'query')
      .map((one: Schema) => one.name);
    const pairs = Array.from({ length: random(3) }, () => {
      const key = random(4) === 0 || known.length === 0 ? pick(HOSTILE_QUERIES) : pick<string>(known);
      return [key, random(2) === 0 ? String(random(30)) : textOf(pick(HOSTILE))];
    });
    return pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.map(encode).join('=')).join('&')}`;
  };

  return () => {
    const { path, method, operation } = pick(operations);
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encode(random(4) === 0 ? textOf(pick(HOSTILE)) || '-' : pick(ids(name))),
    );
    return {
      route: `${method} ${path}`,
      method,
      path: `${filled}${queryOf(operation)}`,
      body: method === 'GET' ? undefined : bodyOf(operation),
    };
  };
}

function textOf(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 2_000);
}

function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}
