import { Column } from './column.js';

/**
 * Knows which reads and references have met. Costs eight bytes per distinct pair and four per read, and no time that grows with the number
 * of references as long as the lines of a read follow each other.
 */
export class PairIndex {
  /** Per read its newest pair, as number + 1; 0 for none. */
  readonly #newest = new Column();
  readonly #reference = new Column();
  /** Per pair the one of the same read before it, as number + 1. */
  readonly #before = new Column();
  /** Per reference the visit in which it met the current read. */
  readonly #visitOf = new Column();
  #visit = 0;
  #read = -1;

  /** Whether this pair is met for the first time. New reads and references come in the order of their numbers. */
  add(read: number, reference: number): boolean {
    if (read !== this.#read) this.#enter(read);
    while (this.#visitOf.length <= reference) this.#visitOf.push(0);
    if (this.#visitOf.get(reference) === this.#visit) return false;
    this.#visitOf.set(reference, this.#visit);
    this.#reference.push(reference);
    this.#before.push(this.#newest.get(read));
    this.#newest.set(read, this.#reference.length);
    return true;
  }

  // The mates of a pair come in two runs of lines, so a read may be entered again.
  #enter(read: number): void {
    this.#read = read;
    this.#visit++;
    while (this.#newest.length <= read) this.#newest.push(0);
    for (let pair = this.#newest.get(read); pair !== 0; pair = this.#before.get(pair - 1)) {
      this.#visitOf.set(this.#reference.get(pair - 1), this.#visit);
    }
  }
}
