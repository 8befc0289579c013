import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isGzipped } from './folders.js';

const BLOCK_BYTES = 1 << 20;
const HEAD_BYTES = 1024;
const FIRST_TAIL_BYTES = 64 * 1024;
/** A record that is longer is not looked at. */
const LONGEST_TAIL_BYTES = 64 << 20;
/** A record, the end of the one before, and some empty lines behind. */
const LINES_KEPT = 12;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

const CUT_RECORD = 'its last FASTQ record is not complete';
const CUT_GZIP = 'its gzip data end too early';
const DAMAGED_GZIP = 'its gzip data are damaged';

/**
 * Why a file of reads is not whole, or undefined: gzip data must go to their end, FASTQ to the end of its last record. Content of other
 * kinds is not judged: what reads the file names it. Of plain text only the end is read, gzip is read through once.
 *
 * @throws what the disk throws, and the signal's reason.
 */
export async function findFlaw(path: string, signal: AbortSignal): Promise<string | undefined> {
  const ends = (await isGzipped(path)) ? await endsOfGzip(path, signal) : await endsOfText(path);
  return typeof ends === 'string' ? ends : flawOfEnds(ends);
}

/** Beginning and end of a text; `isCut` when there is more before the end. */
type Ends = { head: Buffer; tail: Buffer; isCut: boolean };

async function endsOfGzip(path: string, signal: AbortSignal): Promise<Ends | string> {
  const ends: Ends = { head: Buffer.alloc(0), tail: Buffer.alloc(0), isCut: false };
  try {
    await pipeline(
      createReadStream(path, { highWaterMark: BLOCK_BYTES }),
      createGunzip({ chunkSize: BLOCK_BYTES }),
      async (blocks: AsyncIterable<Buffer>) => {
        for await (const block of blocks) append(ends, block);
      },
      { signal },
    );
    return ends;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') return CUT_GZIP;
    if (code?.startsWith('Z_')) return DAMAGED_GZIP;
    // Behind the zeros that may follow gzip data zlib reads no more, which ends the pipeline early.
    if (code === 'ABORT_ERR' && !signal.aborted) return ends;
    throw error;
  }
}

function append(ends: Ends, block: Buffer): void {
  if (ends.head.length < HEAD_BYTES) ends.head = Buffer.concat([ends.head, block.subarray(0, HEAD_BYTES)]);
  const from = startOfLastLines(block);
  if (from > 0) {
    ends.tail = block.subarray(from);
    ends.isCut = true;
    return;
  }
  const tail = Buffer.concat([ends.tail, block]);
  const start = Math.max(startOfLastLines(tail), tail.length - LONGEST_TAIL_BYTES);
  ends.tail = tail.subarray(start);
  ends.isCut ||= start > 0;
}

/** Where the last lines of a text begin; 0 when it has fewer. */
function startOfLastLines(text: Buffer): number {
  const mark = text.includes(LINE_FEED) ? LINE_FEED : CARRIAGE_RETURN;
  let at = text.length;
  for (let lines = 0; lines < LINES_KEPT && at > 0; lines += 1) at = text.lastIndexOf(mark, at - 1);
  return Math.max(at, 0);
}

async function endsOfText(path: string): Promise<Ends> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const read = async (from: number, length: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
      return buffer.subarray(0, bytesRead);
    };
    const head = await read(0, Math.min(size, HEAD_BYTES));
    for (let length = FIRST_TAIL_BYTES; ; length *= 4) {
      const tail = await read(Math.max(0, size - length), Math.min(size, length));
      if (length >= Math.min(size, LONGEST_TAIL_BYTES) || startOfLastLines(tail) > 0)
        return { head, tail, isCut: length < size };
    }
  } finally {
    await file.close();
  }
}

function flawOfEnds({ head, tail, isCut }: Ends): string | undefined {
  if (!isFastq(head)) return undefined;
  const text = tail.toString('latin1');
  const lines = (isCut ? text : text.slice(text.indexOf('@'))).split(/\r\n|\n|\r/).map((line) => line.trimEnd());
  // The first line may lack its beginning.
  const whole = isCut ? lines.slice(1) : lines;
  if (isCut && whole.length < 4) return undefined;
  // A read without bases ends with an empty line, too.
  for (let end = whole.length; end >= 4; end -= 1) {
    if (isRecord(whole.slice(end - 4, end))) return undefined;
    if (whole[end - 1] !== '') break;
  }
  return CUT_RECORD;
}

function isFastq(head: Buffer): boolean {
  return head.toString('utf8').trimStart().startsWith('@');
}

function isRecord([name = '', bases = '', plus = '', qualities = '']: string[]): boolean {
  return name.startsWith('@') && plus.startsWith('+') && bases.length === qualities.length;
}
