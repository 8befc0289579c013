import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { hashParameters, type JsonValue, TRIMMING_PROGRAM, trimmingParameters } from '../bio/trimming.js';
import { runTool } from '../tools/runner.js';
import { parseTrimLog, TRIM_LOG, type TrimmingParameters, trim, trimmedOutputs } from '../tools/skewer.js';
import { VectorError } from './errors.js';
import type { VectorFolder } from './folder.js';
import { UNCOMPARED_HASH } from './original_form.js';
import { sha256 } from './sha256.js';
import type { Work } from './work.js';

const Kind = v.object({ paired: v.boolean(), srna: v.boolean() });
const Changes = v.record(v.string(), v.union([v.string(), v.number(), v.null()]));
const Parameters = v.object({
  sets: v.array(Kind),
  extra: v.array(v.object({ changes: Changes })),
  hashes: v.array(v.object({ name: v.string(), parameters: v.custom<JsonValue>((value) => value !== undefined) })),
});
const Runs = v.array(v.object({ name: v.pipe(v.string(), v.regex(/^[\w-]+$/)), ...Kind.entries }));

const PROCESSES = [1, 2, 8];
const CACHE = '/data/caches/abcd1234';
const SAMPLE = '/data/samples/sample01';

/** `parameters.json`: parameters with their hashes and command lines. */
export async function writeTrimParameters(folder: VectorFolder, file: string): Promise<void> {
  const { sets, extra, hashes } = await folder.json(file, Parameters);
  const document = {
    sets: sets.map(({ paired, srna }) => {
      const parameters = trimmingParameters({ paired, srna });
      const files = paired ? ['reads_1.fq.gz', 'reads_2.fq.gz'] : ['reads_1.fq.gz'];
      const reads = files.map((name) => join(SAMPLE, name));
      const commands = PROCESSES.map((proc) => ({ proc, command: commandOf(parameters, reads, proc) }));
      return {
        ...{ paired, srna, program: TRIMMING_PROGRAM, parameters, hash: hashParameters(parameters), commands },
        read_paths: files.map((name) => join(CACHE, name)),
      };
    }),
    // The changes are to the parameters of pairs.
    extra: extra.map(({ changes }) => {
      const parameters = { ...trimmingParameters({ paired: true, srna: false }), ...changes };
      return { changes, parameters, hash: hashParameters(parameters), command: commandOf(parameters, ['r1', 'r2'], 4) };
    }),
    hashes: hashes.map(({ name, parameters }) => ({
      ...{ name, parameters },
      ...(name === UNCOMPARED_HASH ? {} : { hash: hashParameters(parameters) }),
    })),
  };
  await folder.writeJson(file, document, file);
}

function commandOf(parameters: TrimmingParameters, reads: readonly string[], threads: number): readonly string[] {
  return trim({ parameters, reads, folder: CACHE, threads, compress: true }).argv;
}

/** `runs.json` with its `NAME_reads_N.fq`: what the real program makes of them. */
export async function writeTrimRuns(folder: VectorFolder, file: string, work: Work): Promise<void> {
  const documents = [];
  for (const run of await folder.json(file, Runs)) documents.push(await trimRun(folder, run, work));
  await folder.writeJson(file, documents, file);
}

async function trimRun(folder: VectorFolder, run: v.InferOutput<typeof Runs>[number], work: Work) {
  const { name, paired, srna } = run;
  const [input, output] = [await work.folder(), await work.folder()];
  const reads: string[] = [];
  for (const n of paired ? [1, 2] : [1]) {
    const path = join(input, `reads_${n}.fq`);
    await writeFile(path, await folder.bytes(`${name}_reads_${n}.fq`));
    reads.push(path);
  }
  const parameters = trimmingParameters({ paired, srna });
  const stderr: string[] = [];
  await runTool(trim({ parameters, reads, folder: output, threads: 1, compress: true }), {
    signal: work.signal,
    onStderr: (line) => stderr.push(`${line}\n`),
  });
  const counts = parseTrimLog(await readFile(join(output, TRIM_LOG), 'utf8'));
  if (!counts) throw new VectorError(`skewer left no complete log for ${name} in ${folder.source}`);
  const before = (await readdir(output)).sort();
  const files = trimmedOutputs(paired).map((name, index) => ({ from: `${name}.gz`, to: `reads_${index + 1}.fq.gz` }));
  for (const { from, to } of files) await rename(join(output, from), join(output, to));
  await rename(join(output, TRIM_LOG), join(output, 'trim.log'));
  const outputs = files.map(({ to }) => describeReads(output, to));
  return {
    ...{ name, paired, srna, reads_in: counts.processed, returncode: 0, stderr: stderr.join('') },
    files_before_move: before,
    files_after_move: (await readdir(output)).sort(),
    outputs: await Promise.all(outputs),
  };
}

async function describeReads(folder: string, name: string) {
  const text = gunzipSync(await readFile(join(folder, name))).toString('latin1');
  const records = text.match(/(?:.*\n){4}/g) ?? [];
  const lengths = records.map((record) => (record.split('\n')[1] as string).length);
  return {
    file: name,
    reads: records.length,
    bases: lengths.reduce((sum, length) => sum + length, 0),
    shortest: Math.min(...lengths),
    longest: Math.max(...lengths),
    sha256: sha256(text),
    sha256_sorted: sha256(records.sort().join('')),
  };
}
