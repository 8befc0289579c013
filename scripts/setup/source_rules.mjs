const MAX_LINES = 400;
const DATABASE_ROOMS = /^src\/(store|api|activities|workers)\//;

// The trial database answers these wrongly or not at all, without an error.
const DATABASE_RULES = [
  {
    pattern: /\bdb\.collection(<[^>]*>)?\(['"](samples|jobs|files|otus|history|users)['"]/,
    message: 'lists in memory do not learn of writes past database.collection',
  },
  {
    // A literal on which a method is called, as in `/x/.test(text)`, is no filter.
    pattern: /:\s*\[?\s*(\/(?![/*])([^/\\]|\\.)+\/[dgimsuvy]*(?![\w.])|new RegExp\()/,
    message: 'a RegExp in a filter finds nothing on some servers: write { $regex: source, $options } or $expr',
  },
  {
    pattern: /['"`][^'"`]*\.\$(?![[{])(\.[^'"`]*)?['"`]/,
    message: 'positional $ is refused by some servers: use $[name] with arrayFilters',
  },
  {
    pattern: /\bcollation\b/,
    message: 'collations are ignored by some servers: compare a stored lower-case field',
  },
];

/** The faults that simple rules find in source files `{ path, text }`, each as `path:line: message`. */
export function checkSources(files) {
  return files.flatMap(({ path, text }) => {
    const lines = text.split('\n');
    const faults = [];
    const count = text.endsWith('\n') ? lines.length - 1 : lines.length;
    if (count > MAX_LINES) faults.push(`${path}:1: ${count} lines, at most ${MAX_LINES}: it hides two ideas`);
    if (DATABASE_ROOMS.test(path)) faults.push(...lines.flatMap((line, index) => checkLine(path, line, index + 1)));
    return faults;
  });
}

function checkLine(path, line, number) {
  if (/^\s*(\/\/|\*|\/\*)/.test(line)) return [];
  return DATABASE_RULES.filter(({ pattern }) => pattern.test(line)).map(
    ({ message }) => `${path}:${number}: ${message}`,
  );
}
