import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { computeGolden } from '../../src/golden/index.js';
import { testFolder } from '../support/folders.js';

const VECTORS = fileURLToPath(new URL('.', import.meta.url));
const DOCUMENT = /\.jsonl?(\.gz)?$|\.tsv$|reassigned\.vta$|orfs\.fa\.gz$/;

/** Notes of the vectors about themselves. */
const NOTES = new Set(['made_with', 'description', 'sensitivity', 'fragile', 'case', 'vta']);

/** What no document has: errors of the original's language, what workflows decide, and where the original's slips cannot be written. */
const LEFT_OUT = {
  pathoscope:
    /^(error|failed_in|parameters|pipeline(\.(commands|read_count_per_file|isolate_index_order|mapped_reads|truth))?)$|^subtraction\.host_scores$/,
  fastqc: /^(error|failed_in)$/,
  orfs: /\.(error|nuc)$|^\d+\.error$|^read_fastq(_headers)?\.\d+\.result$|^error$/,
  hmm: /^commands$/,
  trim: /^hashes\.3\.hash$/,
  history: /^edit\.(swapped|patched|patch_restores)$|^\d+\.patches\.\d+\.(restores|patched)$/,
} as const;

/** Computes the vectors in a folder; gives the lines that were printed. */
async function compute(vectors: string, out: string) {
  const printed: string[] = [];
  const signal = new AbortController().signal;
  const failed = await computeGolden({ vectors, out, threads: 2, signal, print: (line) => printed.push(line) });
  return { failed, printed };
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length));
}

function read(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

function readDocument(path: string): unknown {
  if (/\.jsonl(\.gz)?$/.test(path))
    return read(path)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  return /\.json(\.gz)?$/.test(path) ? JSON.parse(read(path)) : read(path);
}

/** Paths at which two documents differ (floats to the last bit), and those that the second one does not have. */
function compare(expected: unknown, actual: unknown, path = ''): { differ: string[]; missing: string[] } {
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) {
    return { differ: Object.is(expected, actual) ? [] : [path], missing: [] };
  }
  const isLength = Array.isArray(expected) && (actual as unknown[]).length !== expected.length;
  const all = Object.entries(expected).flatMap(([key, value]) => {
    if (NOTES.has(key)) return [];
    const at = path === '' ? key : `${path}.${key}`;
    if (!Object.hasOwn(actual, key)) return [{ differ: [], missing: [at] }];
    return [compare(value, (actual as Record<string, unknown>)[key], at)];
  });
  return {
    differ: [...(isLength ? [`${path}.length`] : []), ...all.flatMap((one) => one.differ)],
    missing: all.flatMap((one) => one.missing),
  };
}

// The comments behind hmmscan's hits hold paths and times, and two columns count domains by limits that depend on the program.
function withoutCounts(table: string): string {
  return table.replace(/\n#\n[\s\S]*$/, '\n').replace(/( +\d+){2} -$/gm, ' -');
}

test('all documents are those of the original, to the last bit', async () => {
  const out = testFolder();
  const { failed, printed } = await compute(VECTORS, join(out, 'documents'));
  expect(failed, printed.join('\n')).toBe(0);
  const kinds = Object.keys(LEFT_OUT) as (keyof typeof LEFT_OUT)[];
  const expected = kinds.flatMap((kind) =>
    filesBelow(VECTORS).filter((file) => file.startsWith(`${kind}/`) && DOCUMENT.test(file)),
  );
  let compared = 0;
  for (const file of expected.filter((name) => !/ref_lengths|sequence_otu_map/.test(name))) {
    const kind = file.split('/')[0] as keyof typeof LEFT_OUT;
    const path = join(out, 'documents', file);
    if (file.endsWith('host_scores.json.gz') && !existsSync(path)) continue;
    const [wanted, got] = [readDocument(join(VECTORS, file)), readDocument(path)];
    if (file.endsWith('hmm.tsv')) {
      expect(withoutCounts(got as string)).toBe(withoutCounts(wanted as string));
      continue;
    }
    const { differ, missing } = compare(wanted, got);
    expect(differ, file).toEqual([]);
    expect(
      missing.filter((at) => !LEFT_OUT[kind].test(at)),
      file,
    ).toEqual([]);
    compared += 1;
  }
  expect(compared).toBeGreaterThan(60);
});

// Files that only say what is expected hold nonsense here, and so do the expected parts of files that hold inputs too.
test('nothing is read from what is expected', async () => {
  const folder = testFolder();
  const vectors = join(folder, 'vectors');
  for (const name of ['pathoscope/sim_host', 'pathoscope/edge', 'fastqc/with_n', 'hmm', 'orfs']) {
    cpSync(join(VECTORS, name), join(vectors, name), { recursive: true });
  }
  for (const file of filesBelow(`${vectors}/`)) {
    const isExpected = /(expected|details|assembly_results)\.json|report\.tsv|reassigned\.vta|orfs\.fa|hmm\.tsv/.test(
      file,
    );
    if (isExpected) writeFileSync(join(vectors, file), 'nonsense');
  }
  const orfs = read(join(vectors, 'orfs/find_orfs.jsonl.gz')).trim().split('\n').slice(0, 20);
  const bare = orfs
    .map((line) => JSON.parse(line))
    .map(({ name, sequence }) => JSON.stringify({ name, sequence, result: 1 }));
  writeFileSync(join(vectors, 'orfs/find_orfs.jsonl.gz'), gzipSync(bare.join('\n')));
  const out = join(folder, 'out');
  expect(await compute(vectors, out)).toMatchObject({ failed: 0 });
  for (const file of ['pathoscope/sim_host/expected.json', 'hmm/expected.json.gz', 'fastqc/with_n/expected.json']) {
    const kind = file.split('/')[0] as keyof typeof LEFT_OUT;
    const { differ, missing } = compare(readDocument(join(VECTORS, file)), readDocument(join(out, file)));
    expect({ differ, missing: missing.filter((at) => !LEFT_OUT[kind].test(at)) }).toEqual({ differ: [], missing: [] });
  }
});

test('real programs make the documents where the vectors hold reads', async () => {
  const folder = testFolder();
  const reads = readFileSync(new URL('../data/bad/reads_good.fq.gz', import.meta.url));
  mkdirSync(join(folder, 'vectors/quality'), { recursive: true });
  mkdirSync(join(folder, 'vectors/trim'));
  writeFileSync(join(folder, 'vectors/quality/reads_1.fq.gz'), reads);
  writeFileSync(join(folder, 'vectors/trim/runs.json'), JSON.stringify([{ name: 'good', paired: false, srna: false }]));
  writeFileSync(join(folder, 'vectors/trim/good_reads_1.fq.gz'), reads);
  const out = join(folder, 'out');
  expect(await compute(join(folder, 'vectors'), out)).toMatchObject({ failed: 0 });
  expect(readDocument(join(out, 'quality/expected.json'))).toMatchObject({ files: 1, quality: { count: 400 } });
  expect(read(join(out, 'quality/fastqc_1.txt.gz'))).toContain('##FastQC');
  expect(readDocument(join(out, 'trim/runs.json'))).toMatchObject([
    {
      reads_in: 400,
      outputs: [{ file: 'reads_1.fq.gz', reads: 387 }],
      files_after_move: ['reads_1.fq.gz', 'trim.log'],
    },
  ]);
});

test('a vector that cannot be used is named with its file, and the others are computed', async () => {
  const folder = testFolder();
  const vectors = join(folder, 'vectors');
  const put = (file: string, content: string | Buffer) => {
    mkdirSync(join(vectors, file, '..'), { recursive: true });
    writeFileSync(join(vectors, file), content);
  };
  put('a/input.vta', 'r1,ref,1,10,20.0\n');
  put('b/input.vta.gz', 'no gzip');
  put('b/ref_lengths.json', '{}');
  put('c/input.vta', 'no line of a VTA\n');
  put('c/ref_lengths.json', '{}');
  put('d/scores.json', '[{"line": 1}]');
  put('e/parsers.json', '{');
  put('f/input.vta', 'r1,ref,1,10,20.0\n');
  put('f/ref_lengths.json', '{"ref": 20}');
  put('g/notes.txt', '');
  const { failed, printed } = await compute(vectors, join(folder, 'out'));
  expect(failed).toBe(5);
  const said = printed.join('\n');
  expect(said).toMatch(/^a: .*ref_lengths\.json is missing/m);
  expect(said).toMatch(/^b: .*input\.vta\.gz cannot be read: incorrect header check/m);
  expect(said).toMatch(/^c: .*Not a VTA line .*no line of a VTA/m);
  expect(said).toMatch(/^d: .*scores\.json has another form than expected \(.*0\.line\)/m);
  expect(said).toMatch(/^e: .*parsers\.json holds no JSON/m);
  expect(said).toMatch(/^f: pathoscope$/m);
  expect(said).toMatch(/^g: no vectors of a known kind$/m);
});

test('folders that cannot be used are refused', async () => {
  const folder = testFolder();
  const vectors = join(folder, 'vectors');
  mkdirSync(vectors);
  writeFileSync(join(vectors, 'notes.txt'), '');
  const out = join(folder, 'out');
  await expect(compute(vectors, out)).rejects.toThrow(
    'holds no vectors that are known. They have files with these names: input.vta',
  );
  await expect(compute(join(folder, 'none'), out)).rejects.toThrow('There is no folder');
  await expect(compute(join(vectors, 'notes.txt'), out)).rejects.toThrow('is a file');
  await expect(compute(vectors, join(vectors, 'out/deep'))).rejects.toThrow('lie in each other');
  await expect(compute(vectors, folder)).rejects.toThrow('lie in each other');
  await expect(compute(vectors, join(vectors, 'notes.txt', 'out'))).rejects.toThrow('lie in each other');
});
