const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const GREATER_THAN = 62;
const UPPER_U = 85;
const LOWER_U = 117;
/** From U to T, in both cases. */
const U_TO_T = -1;

/** Brings FASTA text that streams by into the form that is kept: T for U in sequences, and lines that end with LF alone. */
export class FastaForm {
  #isLineStart = true;
  #isHeader = false;
  #isAfterReturn = false;

  /** The next bytes in that form, perhaps fewer. */
  push(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(chunk.length);
    let used = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      const isSecondOfPair = byte === LINE_FEED && this.#isAfterReturn;
      this.#isAfterReturn = byte === CARRIAGE_RETURN;
      if (isSecondOfPair) continue;
      if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        this.#isLineStart = true;
        this.#isHeader = false;
        out[used++] = LINE_FEED;
        continue;
      }
      if (this.#isLineStart) this.#isHeader = byte === GREATER_THAN;
      this.#isLineStart = false;
      const isUracil = !this.#isHeader && (byte === UPPER_U || byte === LOWER_U);
      out[used++] = isUracil ? byte + U_TO_T : byte;
    }
    return out.subarray(0, used);
  }
}
