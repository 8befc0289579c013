const BLOCK = 512;
const MAXIMUM_HEADER_BYTES = 1 << 20;

/** A tar archive that is cut or is none. */
export class DamagedTar extends Error {
  override name = 'DamagedTar';
}

/** An entry of an archive as its header describes it. The name is what the archive says: never use it as a path unchecked. */
export type TarEntry = {
  name: string;
  /** Anything that is neither a plain file nor a folder (links, devices) is `other`. */
  type: 'file' | 'folder' | 'other';
  /** Bytes of a file. */
  size: number;
  /** The bytes of a file, once; what is not read is passed over. */
  body: AsyncIterable<Buffer>;
};

/**
 * The entries of a tar archive (ustar, with the long names of pax and GNU) in their order; nothing is written anywhere.
 * Reads on to the end of the data, so that a source that checks itself finds its own end.
 *
 * @throws DamagedTar, and whatever the source throws.
 */
export async function* readTar(chunks: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const bytes = new ByteReader(chunks);
  let longName: string | undefined;
  let longSize: number | undefined;
  for (;;) {
    const header = await bytes.exactly(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const { name, type, size } = parseHeader(header);
    if (type === 'L' || type === 'x' || type === 'g') {
      if (size > MAXIMUM_HEADER_BYTES) throw new DamagedTar('A header of the archive is too long');
      const text = (await bytes.exactly(size)).toString('utf8');
      await bytes.skip(padding(size));
      const pax = type === 'x' ? parsePax(text) : undefined;
      if (type === 'L') longName = text.replace(/\0.*$/s, '');
      longName = pax?.get('path') ?? longName;
      longSize = pax?.has('size') ? wholeNumber(pax.get('size') ?? '', 10) : longSize;
      continue;
    }
    const isFile = type === '0' || type === '\0' || type === '7';
    const entrySize = longSize ?? size;
    const body = bytes.part(entrySize);
    const kind = isFile ? 'file' : type === '5' ? 'folder' : 'other';
    yield { name: longName ?? name, type: kind, size: entrySize, body };
    for await (const _ of body);
    await bytes.skip(padding(entrySize));
    longName = undefined;
    longSize = undefined;
  }
  await bytes.drain();
}

function parseHeader(header: Buffer): { name: string; type: string; size: number } {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (wholeNumber(textAt(header, 148, 8), 8) !== sum) throw new DamagedTar('The archive is not a tar archive');
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? textAt(header, 345, 155) : '';
  const name = textAt(header, 0, 100);
  return {
    name: prefix ? `${prefix}/${name}` : name,
    type: String.fromCharCode(header[156] ?? 0),
    size: sizeOf(header),
  };
}

// Sizes of 8 GiB and more are binary, with the first bit set.
function sizeOf(header: Buffer): number {
  if ((header[124] ?? 0) < 0x80) return wholeNumber(textAt(header, 124, 12), 8);
  const size = header.readBigUInt64BE(128);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new DamagedTar('The archive holds an impossible size');
  return Number(size);
}

/** Records of a pax header: `<length> <key>=<value>\n`, the length in bytes and that of the whole record. */
function parsePax(text: string): Map<string, string> {
  const records = new Map<string, string>();
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    const length = wholeNumber(/^\d+(?= )/.exec(rest.toString('latin1', 0, 20))?.[0] ?? '', 10);
    const record = rest.toString('utf8', 0, length);
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/s.exec(record) ?? [];
    if (key === undefined || value === undefined) throw new DamagedTar('A header of the archive cannot be read');
    records.set(key, value);
    rest = rest.subarray(length);
  }
  return records;
}

function textAt(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return (end < 0 ? field : field.subarray(0, end)).toString('utf8');
}

function wholeNumber(text: string, base: 8 | 10): number {
  const digits = text.trim();
  const isNumber = base === 8 ? /^[0-7]+$/.test(digits) : /^\d+$/.test(digits);
  const value = isNumber ? Number.parseInt(digits, base) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new DamagedTar('The archive is not a tar archive');
  return value;
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

class ByteReader {
  private readonly source: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  async exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.part(length)) parts.push(part);
    return Buffer.concat(parts);
  }

  async skip(length: number): Promise<void> {
    for await (const _ of this.part(length));
  }

  /** The next bytes as they come. May be left and gone on with later. */
  part(length: number): AsyncIterable<Buffer> {
    let wanted = length;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (wanted === 0) return { done: true, value: undefined };
      if (this.rest.length === 0 && !(await this.fill())) throw new DamagedTar('The archive is cut');
      const taken = this.rest.subarray(0, wanted);
      this.rest = this.rest.subarray(taken.length);
      wanted -= taken.length;
      return { done: false, value: taken };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async drain(): Promise<void> {
    while (await this.fill());
  }

  private async fill(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.source.next();
      if (done) return false;
      this.rest = value;
      if (value.length > 0) return true;
    }
  }
}
