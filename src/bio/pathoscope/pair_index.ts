import { Column } from './column.js';
import { doubled } from './name_table.js';

/**
 * Knows which reads and references have met. Costs eight bytes per distinct pair and four per read, and no time that grows with the number
 * of references as long as the lines of a read follow each other.
 */
export class PairIndex {
  /** Per read its newest pair, as number + 1; 0 for none. That of the current read is in `#newest`. */
  readonly #newestOf = new Column();
  readonly #reference = new Column();
  /** Per pair the one of the same read before it, as number + 1. */
  readonly #before = new Column();
  /** Per reference the visit in which it met the current read. */
  #visitOf = new Uint32Array(1 << 8);
  #visit = 0;
  #read = -1;
  #newest = 0;

  /** Whether this pair is met for the first time. New reads and references come in the order of their numbers. */
  add(read: number, reference: number): boolean {
    if (read !== this.#read) this.#enter(read);
    if (reference >= this.#visitOf.length) this.#visitOf = doubled(this.#visitOf);
    if (this.#visitOf[reference] === this.#visit) return false;
    this.#visitOf[reference] = this.#visit;
    this.#reference.push(reference);
    this.#before.push(this.#newest);
    this.#newest = this.#reference.length;
    return true;
  }

  // The mates of a pair come in two runs of lines, so a read may be entered again.
  #enter(read: number): void {
    if (this.#read >= 0) this.#newestOf.set(this.#read, this.#newest);
    if (read === this.#newestOf.length) this.#newestOf.push(0);
    this.#read = read;
    this.#newest = this.#newestOf.get(read);
    this.#visit++;
    for (let pair = this.#newest; pair !== 0; pair = this.#before.get(pair - 1)) {
      this.#visitOf[this.#reference.get(pair - 1)] = this.#visit;
    }
  }
}
