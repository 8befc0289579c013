import { createReadStream } from 'node:fs';
import { JsonElements, type JsonLimits, NO_JSON_LIMITS } from './json_elements.js';

const CHUNK_BYTES = 256 * 1024;

/** A JSON file that holds something else than a list of documents. */
export class NoJsonList extends SyntaxError {
  override name = 'NoJsonList';
}

/**
 * The documents of a file that holds one list of them as JSON, parsed one at a time: a whole file of results would hold up every other
 * request for as long as it takes. A file from outside gets limits.
 *
 * @throws NoJsonList, SyntaxError when it is no JSON or cut short; JsonTooLarge when it passes a limit; the error of `node:fs` when it
 * cannot be read.
 */
export async function* readJsonList(path: string, limits: JsonLimits = NO_JSON_LIMITS): AsyncGenerator<unknown> {
  const elements = new JsonElements(limits);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    const complete: Buffer[] = [];
    elements.push(chunk, (element) => complete.push(element));
    for (const element of complete) {
      const value: unknown = JSON.parse(element.toString('utf8'));
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new NoJsonList(`${path} does not hold a list of documents`);
      yield value;
    }
  }
  if (!Array.isArray(elements.end())) throw new NoJsonList(`${path} does not hold a list of documents`);
}
