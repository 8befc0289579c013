const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
/** Of more ends of lines than this in a row nothing follows that depends on their number. */
const MAX_HELD = 8;

/**
 * Makes line feeds of all ends of lines: CR LF, CR alone, and CRs before a CR LF, as programs leave them that convert twice. The text comes
 * in chunks of any size.
 */
export class LineEnds {
  #out = Buffer.alloc(0);
  /** CRs that end the text so far: what they mean depends on what follows. */
  #held = 0;
  #isChanged = false;

  /** Whether any end of a line was not a line feed alone. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Takes the next bytes and gives them with line feeds, good until the next call; the same memory when nothing has to be changed. */
  push(chunk: Buffer): Buffer {
    if (this.#held === 0 && chunk.indexOf(CARRIAGE_RETURN) < 0) return chunk;
    this.#isChanged = true;
    const room = chunk.length + MAX_HELD;
    if (this.#out.length < room) this.#out = Buffer.alloc(room);
    const out = this.#out;
    let used = 0;
    let held = this.#held;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (byte === CARRIAGE_RETURN) {
        held++;
        continue;
      }
      if (held > 0) {
        if (byte !== LINE_FEED) for (let left = Math.min(held, MAX_HELD); left > 0; left--) out[used++] = LINE_FEED;
        held = 0;
      }
      out[used++] = byte;
    }
    this.#held = held;
    return out.subarray(0, used);
  }

  /** What the CRs at the very end mean. */
  end(): Buffer {
    const feeds = Buffer.alloc(Math.min(this.#held, MAX_HELD), LINE_FEED);
    this.#held = 0;
    return feeds;
  }
}
