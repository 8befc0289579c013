import binary from '#read-kernel';

const PAGE_BYTES = 65_536;
const ALIGNMENT = 64;
/** The kernel reads so many bytes behind the end of a line at most. */
export const SPARE_BYTES = 16;

/** The functions of kernel.wat. */
type Kernel = {
  countByPosition(start: number, end: number, cell: number): number;
  countTogether(start: number, end: number, cell: number): number;
  countGc(start: number, end: number): number;
  findPair(at: number, end: number, map: number): number;
  countRepeat(start: number, length: number, slots: number, mask: number, room: number): number;
};

const kernel = new WebAssembly.Module(binary);

/** The memory in which reads are counted: text and tables, by address. */
export class CountingMemory {
  readonly run: Kernel;
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  /** Address 0 stands for nothing. */
  #used = ALIGNMENT;

  constructor() {
    const { exports } = new WebAssembly.Instance(kernel, { reads: { memory: this.#memory } });
    this.run = exports as Kernel;
  }

  /** The address of so many bytes of zeros. What is never written takes no memory. Views that were made before may not be used any more. */
  reserve(bytes: number): number {
    const address = this.#used;
    this.#used = Math.ceil((address + bytes + SPARE_BYTES) / ALIGNMENT) * ALIGNMENT;
    const missing = this.#used - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    return address;
  }

  /** Bytes from an address on; good until the next `reserve`. */
  bytes(address: number, length: number): Buffer<ArrayBuffer> {
    return Buffer.from(this.#memory.buffer, address, length);
  }

  /** Numbers of 32 bits from an address on; good until the next `reserve`. */
  words(address: number, length: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.#memory.buffer, address, length);
  }

  /** All bytes, as numbers of any size; good until the next `reserve`. */
  view(): DataView<ArrayBuffer> {
    return new DataView(this.#memory.buffer);
  }
}
