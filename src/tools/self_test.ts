import { openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { buildIndex, mapIsolates } from './bowtie2.js';
import type { ToolCommand } from './command.js';
import { compressStream } from './igzip.js';
import { compressFile } from './pigz.js';
import { TOOLS, type ToolId, type ToolInfo } from './programs.js';
import { readLines, runTool, toFile } from './runner.js';
import { parseTrimLog, trim } from './skewer.js';
import { describe, probeTool, type ToolReport } from './versions.js';

/** A tool's trial: works in its own folder, throws or returns one sentence about what came out. */
type Trial = (folder: string, signal: AbortSignal) => Promise<string>;

const TRIAL_LIMIT_MS = 60_000;
const READS = 200;
const READ_LENGTH = 100;

/**
 * Runs every tool on a tiny real input and checks the result, one tool after the other. `folder` must exist and may be
 * deleted afterwards. One row per tool; a tool that is missing or has a wrong version is not tried. Never rejects for a
 * tool's sake.
 */
export async function selfTestTools(folder: string, signal?: AbortSignal): Promise<ToolReport[]> {
  const reports: ToolReport[] = [];
  for (const tool of TOOLS) reports.push(await selfTestTool(tool, folder, signal));
  return reports;
}

/** One row of `selfTestTools`. */
async function selfTestTool(tool: ToolInfo, folder: string, signal?: AbortSignal): Promise<ToolReport> {
  const report = await probeTool(tool, signal);
  if (report.status !== 'ok') return report;
  const limit = AbortSignal.timeout(TRIAL_LIMIT_MS);
  const own = join(folder, tool.id);
  try {
    await mkdir(own, { recursive: true });
    const detail = await TRIALS[tool.id](own, signal ? AbortSignal.any([signal, limit]) : limit);
    return { ...report, detail };
  } catch (error) {
    signal?.throwIfAborted();
    return { ...report, status: 'failed', detail: `The trial run failed: ${describe(error)}` };
  }
}

const TRIALS: Readonly<Record<ToolId, Trial>> = {
  async bowtie2(folder, signal) {
    const { fasta, reads } = await writeMiniReads(folder);
    const index = join(folder, 'index');
    await runTool(buildIndex({ fasta, prefix: index, threads: 1 }), { signal });
    const mappedReads = join(folder, 'mapped.fq');
    const command = mapIsolates({ index, reads: [reads], threads: 1, mappedReads });
    const { output } = await runTool(command, { signal, stdout: readLines(countAlignments) });
    expectThat(output === READS, `${output} of ${READS} reads were mapped`);
    return `Built an index and mapped ${output} reads.`;
  },

  async skewer(folder, signal) {
    const { reads } = await writeMiniReads(folder);
    const gzipped = join(folder, 'reads_1.fq.gz');
    await compressFile({ from: reads, to: gzipped, threads: 1 }, { signal, usePigz: false });
    await runTool(trim({ parameters: MINI_TRIMMING, reads: [gzipped], folder, threads: 1 }), { signal });
    const counts = parseTrimLog(await readFile(join(folder, 'reads-trimmed.log'), 'utf8'));
    const records = await readFile(join(folder, 'reads-trimmed.fastq'), 'utf8');
    const kept = records.split('\n').length >> 2;
    expectThat(
      counts?.processed === READS && counts.available === READS,
      `${counts?.available} of ${READS} reads kept`,
    );
    expectThat(kept === READS, `${kept} of ${READS} reads were written`);
    return `Trimmed ${kept} reads.`;
  },

  async spades(folder, signal) {
    const { reads, genome } = await writeMiniReads(folder);
    const out = join(folder, 'assembly');
    const argv = ['spades.py', '--only-assembler', '-t', '1', '-m', '1', '-s', reads, '-o', out, '-k', '21'] as const;
    await runTool({ argv: [...argv] }, { signal });
    const scaffolds = await readFile(join(out, 'scaffolds.fasta'), 'utf8');
    const longest = Math.max(...scaffolds.split('>').map((record) => record.split('\n').slice(1).join('').length));
    expectThat(longest > genome.length * 0.8, `the longest scaffold has ${longest} of ${genome.length} bases`);
    return `Assembled a scaffold of ${longest} bases.`;
  },

  async hmmer(folder, signal) {
    const [profile, proteins, table] = ['mini.hmm', 'proteins.fa', 'hits.tsv'].map((name) => join(folder, name));
    await writeFile(`${profile}.sto`, MINI_ALIGNMENT);
    await writeFile(`${proteins}`, `>sequence_0.0\n${MINI_PROTEIN}\n`);
    const commands: ToolCommand[] = [
      { argv: ['hmmbuild', '-n', 'vFam_1', `${profile}`, `${profile}.sto`] },
      { argv: ['hmmpress', `${profile}`] },
      { argv: ['hmmscan', '--tblout', `${table}`, '--noali', '--cpu', '1', `${profile}`, `${proteins}`] },
    ];
    for (const command of commands) await runTool(command, { signal });
    expectThat(/^vFam_1\s+-\s+sequence_0\.0\s/m.test(await readFile(`${table}`, 'utf8')), 'the protein was not found');
    return 'Built, pressed and searched a profile.';
  },

  async pigz(folder, signal) {
    const [plain, packed] = ['plain.txt', 'packed.gz'].map((name) => join(folder, name));
    const text = miniGenome(300_000);
    await writeFile(`${plain}`, text);
    await compressFile({ from: `${plain}`, to: `${packed}`, threads: 2 }, { signal, usePigz: true });
    expectThat(gunzipSync(await readFile(`${packed}`)).toString() === text, 'its output is not what gzip expects');
    return `Compressed ${text.length} bytes.`;
  },

  async igzip(folder, signal) {
    const [plain, packed] = ['plain.txt', 'packed.gz'].map((name) => join(folder, name)) as [string, string];
    const text = miniGenome(300_000);
    await writeFile(plain, text);
    await runTool(compressStream(true), { signal, stdin: openSync(plain, 'r'), stdout: toFile(packed) });
    expectThat(gunzipSync(await readFile(packed)).toString() === text, 'its output is not what gzip expects');
    return `Compressed ${text.length} bytes.`;
  },
};

const MINI_TRIMMING = {
  end_quality: '20',
  mode: 'pe',
  max_error_rate: '0.1',
  max_indel_rate: '0.03',
  max_length: null,
  mean_quality: '25',
  min_length: '20',
};

const MINI_PROTEIN = 'MKVLAAGIVGLCAKWERTYHDNSPQFMKLIEEGH';
const MINI_ALIGNMENT = `# STOCKHOLM 1.0

a ${MINI_PROTEIN}
b MKVLSAGIVGLCAKWDRTYHDNSPQFMKLVEEGH
c MKILAAGVVGLCARWERTFHDNSPQFMRLIEEGH
//
`;

function expectThat(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

async function countAlignments(batches: AsyncIterable<string[]>): Promise<number> {
  let count = 0;
  for await (const batch of batches) count += batch.filter((line) => !line.startsWith('@')).length;
  return count;
}

/** Writes a genome of 1000 random bases and error-free reads of it from evenly spread starts. */
async function writeMiniReads(folder: string): Promise<{ fasta: string; reads: string; genome: string }> {
  const genome = miniGenome(1000);
  const records = Array.from({ length: READS }, (_, n) => {
    const start = Math.floor((n * (genome.length - READ_LENGTH)) / (READS - 1));
    return `@read${n}\n${genome.slice(start, start + READ_LENGTH)}\n+\n${'I'.repeat(READ_LENGTH)}\n`;
  });
  const fasta = join(folder, 'genome.fa');
  const reads = join(folder, 'reads.fq');
  await writeFile(fasta, `>genome\n${genome}\n`);
  await writeFile(reads, records.join(''));
  return { fasta, reads, genome };
}

/** Bases from a linear congruential generator (Numerical Recipes' constants): the same on every machine. */
function miniGenome(length: number): string {
  let state = 20_190_911;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 'ACGT'[state >>> 30];
  }).join('');
}
