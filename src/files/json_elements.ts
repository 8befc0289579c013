const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_DOCUMENT = 0x7b;
const CLOSE_DOCUMENT = 0x7d;
const ZERO = Buffer.from('0');
const START_BYTES = 4096;
const BLANKS: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
/** The list's key, with what may stand between it and the list. */
const KEY_BYTES = 256;
const MIB = 1024 ** 2;

/** What a JSON text from outside may hold, so that memory and time are bounded whatever it is. */
export type JsonLimits = {
  /** Bytes of the whole text. */
  bytes: number;
  /** Values of the whole text: texts, numbers, lists, documents and so on. */
  values: number;
  /** Lists and documents inside each other. */
  depth: number;
  /** Bytes of one element of the list, and of all that is no element. */
  elementBytes: number;
  /** Values of one element. */
  elementValues: number;
};

/** For texts that this server has written itself. */
export const NO_JSON_LIMITS: JsonLimits = {
  bytes: Number.POSITIVE_INFINITY,
  values: Number.POSITIVE_INFINITY,
  depth: Number.POSITIVE_INFINITY,
  elementBytes: Number.POSITIVE_INFINITY,
  elementValues: Number.POSITIVE_INFINITY,
};

/** A JSON text that passes one of its limits; the message is a predicate ("holds more than ..."). */
export class JsonTooLarge extends Error {
  override name = 'JsonTooLarge';
}

/**
 * Cuts the elements out of one list of a JSON text that streams by: of the list that is the whole text, or of the one under a key of the
 * document that is the whole text. Only brackets and texts are told here; the parser checks the elements, and the rest, in which each
 * element is a `0`, so that together they are right exactly when the whole text is.
 */
export class JsonElements {
  readonly #limits: JsonLimits;
  readonly #key: string | undefined;
  /** Brackets around an element. */
  readonly #listDepth: number;
  #list: 'before' | 'inside' | 'after' = 'before';
  #depth = 0;
  #bytes = 0;
  #values = 0;
  #isText = false;
  #isEscaped = false;
  #isElement = false;
  #isKept = false;
  #element: Buffer[] = [];
  #elementBytes = 0;
  #elementValues = 0;
  /** What is no element, in memory that grows: a list of millions of elements leaves as many small pieces. */
  #rest = Buffer.alloc(START_BYTES);
  #restBytes = 0;

  /** `key` names the list in the document; without it the text itself is the list. */
  constructor(limits: JsonLimits, key?: string) {
    this.#limits = limits;
    this.#key = key;
    this.#listDepth = key === undefined ? 1 : 2;
  }

  /**
   * Takes the next bytes, and hands on the elements that end in them; without `take` no element is kept.
   *
   * @throws JsonTooLarge, and SyntaxError when the key has two lists.
   */
  push(chunk: Buffer, take?: (element: Buffer) => void): void {
    this.#isKept = take !== undefined;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.bytes) throw new JsonTooLarge(`unpacks to more than ${mib(this.#limits.bytes)}`);
    // What is kept of the chunk begins here.
    let start = 0;
    let backslash = -1;
    for (let at = 0; at < chunk.length; ) {
      if (this.#isText) {
        if (backslash < at) backslash = positionOf(BACKSLASH, chunk, at);
        at = this.#passText(chunk, at, backslash);
        continue;
      }
      const byte = chunk[at] as number;
      if (this.#list === 'inside' && this.#depth === this.#listDepth) {
        const isEnd = byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_DOCUMENT;
        if (isEnd && this.#isElement) {
          this.#keep(chunk, start, at);
          this.#endElement(take);
          start = at;
        } else if (!isEnd && !this.#isElement) {
          // Blanks between elements are not kept, or they would fill the rest.
          this.#keep(chunk, start, at);
          start = BLANKS.includes(byte) ? at + 1 : at;
          this.#isElement = start === at;
        }
      }
      at += 1;
      this.#take(byte);
      if (byte === OPEN_LIST && this.#beginsList(chunk, start, at - 1)) {
        this.#keep(chunk, start, at);
        start = at;
        this.#list = 'inside';
      }
    }
    this.#keep(chunk, start, chunk.length);
  }

  /**
   * What is no element, parsed; the list holds a `0` for each of its elements.
   *
   * @throws SyntaxError, also when the text ends inside of an element, and TypeError when it is not UTF-8.
   */
  end(): unknown {
    if (this.#isElement) throw new SyntaxError('Unexpected end of JSON input');
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(this.#rest.subarray(0, this.#restBytes)));
  }

  /** Goes on behind the text, or to the end of the chunk. */
  #passText(chunk: Buffer, at: number, backslash: number): number {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      return at + 1;
    }
    const quote = positionOf(QUOTE, chunk, at);
    if (backslash < quote) {
      this.#isEscaped = true;
      return backslash + 1;
    }
    this.#isText = quote === chunk.length;
    return quote + 1;
  }

  /** A byte outside of texts. */
  #take(byte: number): void {
    if (byte === QUOTE) this.#isText = true;
    else if (byte === COMMA) this.#countValue();
    else if (byte === OPEN_LIST || byte === OPEN_DOCUMENT) {
      this.#depth += 1;
      if (this.#depth > this.#limits.depth)
        throw new JsonTooLarge(`is nested deeper than ${this.#limits.depth} levels`);
      this.#countValue();
    } else if (byte === CLOSE_LIST || byte === CLOSE_DOCUMENT) {
      if (this.#list === 'inside' && this.#depth === this.#listDepth) this.#list = 'after';
      this.#depth -= 1;
    }
  }

  // The first value of a list or document comes with its bracket, each other one with a comma.
  #countValue(): void {
    this.#values += 1;
    if (this.#values > this.#limits.values)
      throw new JsonTooLarge(`holds more than ${count(this.#limits.values)} values`);
    if (this.#isElement) this.#elementValues += 1;
    if (this.#elementValues > this.#limits.elementValues) {
      throw new JsonTooLarge(`holds a list element with more than ${count(this.#limits.elementValues)} values`);
    }
  }

  /** Whether the bracket behind these bytes of the chunk begins the list whose elements are cut out. */
  #beginsList(chunk: Buffer, start: number, end: number): boolean {
    if (this.#depth !== this.#listDepth || this.#isElement) return false;
    if (this.#key === undefined) return this.#list === 'before';
    const before = Buffer.concat([
      this.#rest.subarray(Math.max(0, this.#restBytes - KEY_BYTES), this.#restBytes),
      chunk.subarray(start, end),
    ]).subarray(-KEY_BYTES);
    const text = /("(?:[^"\\]|\\.)*")[ \t\n\r]*:[ \t\n\r]*$/.exec(before.toString('latin1'))?.[1];
    if (text === undefined || parseText(text) !== this.#key) return false;
    if (this.#list !== 'before') throw new SyntaxError(`The JSON text has two lists "${this.#key}"`);
    return true;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    if (start >= end) return;
    const part = chunk.subarray(start, end);
    if (!this.#isElement) {
      this.#keepRest(part);
      return;
    }
    if (this.#isKept) this.#element.push(part);
    this.#elementBytes += part.length;
    const { elementBytes } = this.#limits;
    if (this.#elementBytes > elementBytes) {
      throw new JsonTooLarge(`holds a list element of more than ${mib(elementBytes)}`);
    }
  }

  #keepRest(part: Buffer): void {
    const used = this.#restBytes + part.length;
    const { elementBytes } = this.#limits;
    if (used > elementBytes) throw new JsonTooLarge(`holds more than ${mib(elementBytes)} outside of its list`);
    if (used > this.#rest.length) {
      this.#rest = Buffer.concat([this.#rest], Math.max(used, 2 * this.#rest.length));
    }
    this.#rest.set(part, this.#restBytes);
    this.#restBytes = used;
  }

  #endElement(take: ((element: Buffer) => void) | undefined): void {
    const element = this.#element;
    this.#element = [];
    this.#elementBytes = 0;
    this.#elementValues = 0;
    this.#isElement = false;
    this.#keepRest(ZERO);
    take?.(element.length === 1 ? (element[0] as Buffer) : Buffer.concat(element));
  }
}

function positionOf(byte: number, chunk: Buffer, from: number): number {
  const found = chunk.indexOf(byte, from);
  return found < 0 ? chunk.length : found;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}

function count(values: number): string {
  return values.toLocaleString('en-US');
}
