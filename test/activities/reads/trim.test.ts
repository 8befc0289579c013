import { createHash } from 'node:crypto';
import { openSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { InvalidInput } from '../../../src/activities/errors.js';
import { trimReads } from '../../../src/activities/reads/trim.js';
import { parseFastqc } from '../../../src/bio/fastqc.js';
import { trimmingParameters } from '../../../src/bio/trimming.js';
import type { JobLog } from '../../../src/files/job_log.js';
import { explain } from '../../../src/tools/classify.js';
import { compressStream } from '../../../src/tools/igzip.js';
import { findProgram } from '../../../src/tools/programs.js';
import { readChunks, runTool } from '../../../src/tools/runner.js';
import { trim, trimmedOutputs } from '../../../src/tools/skewer.js';
import { dataFile, tempFolder } from '../../tools/support.js';

const NO_LOG = { stage() {}, command() {}, line() {}, flush: async () => {} } as unknown as JobLog;
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function context(threads: number) {
  return { threads, signal: new AbortController().signal, log: NO_LOG, report() {}, attempt: '1' };
}

// What the 3.7.3 server ran, compressed by skewer, decides on the records and their order.
test.each([false, true])(
  'the records and their order are those of skewer alone, the bytes the same for every number of threads (paired: %s)',
  async (paired) => {
    await using temp = await tempFolder();
    const parameters = trimmingParameters({ paired, srna: false });
    const reads = Array.from({ length: paired ? 2 : 1 }, () => dataFile('bad/pair_count_1.fq.gz'));
    await runTool(trim({ parameters, reads, folder: temp.path, threads: 1, compress: true }));
    const alone = trimmedOutputs(paired).map((name) => `${name}.gz`);
    const expected = await Promise.all(alone.map(async (name) => gunzipSync(await readFile(join(temp.path, name)))));
    const packed: string[][] = [];
    for (const threads of [1, 2, 5]) {
      const folder = join(temp.path, String(threads));
      await mkdir(folder);
      await trimReads(context(threads), { parameters, reads, folder, expected: 400 });
      const made = paired
        ? ['fastqc_1.txt', 'fastqc_2.txt', 'reads_1.fq.gz', 'reads_2.fq.gz', 'trim.log']
        : ['fastqc_1.txt', 'reads_1.fq.gz', 'trim.log'];
      expect((await readdir(folder)).sort()).toEqual(made);
      const files = await Promise.all(alone.map((_, i) => readFile(join(folder, `reads_${i + 1}.fq.gz`))));
      expect(files.map((bytes) => gunzipSync(bytes).equals(expected[files.indexOf(bytes)] as Buffer))).toEqual(
        alone.map(() => true),
      );
      packed.push(files.map(digest));
      const quality = parseFastqc(await readFile(join(folder, 'fastqc_1.txt'), 'utf8'));
      expect(quality.count).toBe((expected[0]?.toString().split('\n').length ?? 0) >> 2);
    }
    // Few reads, so the compressed files are those of skewer too.
    const asSkewer = await Promise.all(alone.map(async (name) => digest(await readFile(join(temp.path, name)))));
    expect(packed).toEqual([asSkewer, asSkewer, asSkewer]);
  },
);

test('malformed, cut and damaged files are refused although skewer ends with 0, and nothing has its final name', async () => {
  await using temp = await tempFolder();
  const parameters = trimmingParameters({ paired: false, srna: false });
  for (const name of ['reads_quality_length', 'reads_truncated', 'reads_damaged']) {
    const reads = [dataFile(`bad/${name}.fq.gz`)];
    const trimming = trimReads(context(1), { parameters, reads, folder: temp.path, expected: 400 });
    const error = await trimming.catch((reason) => reason);
    if (!(error instanceof InvalidInput))
      expect(explain(error)).toMatchObject({ class: 'invalid_input', tool: 'skewer' });
    expect(await readdir(temp.path)).toEqual(['trim.1.partial']);
  }
});

const hasProgram = findProgram('igzip') !== undefined;
test.each(hasProgram ? [true, false] : [false])(
  'what is compressed as it comes can be read again (igzip: %s)',
  async (hasIgzip) => {
    await using temp = await tempFolder();
    const plain = join(temp.path, 'plain.txt');
    await writeFile(plain, 'ACGTTGCA'.repeat(50_000));
    const whole = async (chunks: AsyncIterable<Buffer>) => {
      const parts: Buffer[] = [];
      for await (const chunk of chunks) parts.push(chunk);
      return Buffer.concat(parts);
    };
    const runs = [1, 2].map(() =>
      runTool(compressStream(hasIgzip), { stdin: openSync(plain, 'r'), stdout: readChunks(whole) }),
    );
    const [first, second] = (await Promise.all(runs)).map(({ output }) => output);
    expect(gunzipSync(first as Buffer)).toEqual(Buffer.from('ACGTTGCA'.repeat(50_000)));
    expect(second).toEqual(first);
  },
);
