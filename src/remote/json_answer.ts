const DEPTH_LIMIT = 100;
const VALUES_LIMIT = 500_000;
const OUTSIDE_OF_TEXTS = /"(?:[^"\\]|\\.)*"|[[{\]},]/gs;

/** The value of a JSON text from outside; undefined for what is no JSON, nested deeper than 100 levels, or more than half a million values. */
export function parseJsonAnswer(text: string | undefined): unknown {
  if (text === undefined || !isBounded(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isBounded(text: string): boolean {
  let depth = 0;
  let values = 0;
  for (const [token] of text.matchAll(OUTSIDE_OF_TEXTS)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (token === '[' || token === '{' || token === ',') values += 1;
    if (depth > DEPTH_LIMIT || values > VALUES_LIMIT) return false;
  }
  return true;
}
