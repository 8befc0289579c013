import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { type Import, importReads } from '../../../src/activities/reads/import.js';
import type { ReadFileFindings } from '../../../src/activities/reads/read_file.js';
import type { JobLog } from '../../../src/files/job_log.js';

const NO_LOG = { stage() {}, command() {}, line() {}, flush: async () => {} } as unknown as JobLog;

/** What steps of reads work with. */
export function context(signal = new AbortController().signal, report: (fraction: number) => void = () => {}) {
  return { threads: 1, signal, log: NO_LOG, report, attempt: '1-a' };
}

/** Writes uploads into a folder and imports them; gives what was found and what the files hold. */
export async function importInto(
  folder: string,
  contents: readonly (Buffer | string)[],
  pairing: Import['pairing'] = 'by_name',
  threads = 1,
): Promise<{ findings: ReadFileFindings[]; files: Buffer[]; texts: string[]; paths: string[] }> {
  const uploads = contents.map((_, index) => ({
    ...{ name: ['left.fq', 'right.fq'][index] as string, path: join(folder, `upload_${index}`) },
    to: join(folder, `reads_${index + 1}.fq.gz`),
  }));
  for (const [index, content] of contents.entries()) await writeFile(uploads[index]?.path as string, content);
  const findings = await importReads({ ...context(), threads }, { uploads, pairing });
  const paths = uploads.map(({ to }) => to);
  const files = await Promise.all(paths.map((path) => readFile(path)));
  return { findings, files, paths, texts: files.map((file) => gunzipSync(file).toString('latin1')) };
}

/** Blocks of BGZF: gzip members that tell their size in an extra field, and an empty one at the end. */
export function bgzf(text: string, blockBytes = 5_000): Buffer {
  const blocks = [];
  for (let i = 0; i < text.length; i += blockBytes) blocks.push(bgzfBlock(text.slice(i, i + blockBytes)));
  return Buffer.concat([...blocks, bgzfBlock('')]);
}

function bgzfBlock(text: string): Buffer {
  const plain = Buffer.from(text, 'latin1');
  const packed = deflateRawSync(plain);
  const head = Buffer.from([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 0, 0]);
  head.writeUInt16LE(packed.length + 25, 16);
  // The checksum and the length stand at the end of any gzip member.
  const tail = gzipSync(plain).subarray(-8);
  return Buffer.concat([head, packed, tail]);
}
