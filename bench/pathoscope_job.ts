import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchClient, jobDone } from './client.js';
import type { BenchServer } from './server.js';
import { printTable, seconds } from './table.js';

const DEMO = join(import.meta.dirname, '..', 'demo');
type Status = { state: string; stage: string | null; timestamp: string };

/** A whole Pathoscope job beside the same command lines run bare, one after another, on the same files. */
export async function benchPathoscopeJob(client: BenchClient, server: BenchServer): Promise<void> {
  const [host, reads, reference] = await Promise.all([
    client.upload('subtraction', join(DEMO, 'host.fa.gz')),
    client.upload('reads', join(DEMO, 'single_small.fq.gz')),
    client.upload('reference', join(DEMO, 'reference-small.json.gz')),
  ]);
  const subtraction = await client.send<{ job: { id: string } }>('POST', '/api/subtractions', {
    subtraction_id: 'Pathoscope host',
    file_id: host,
  });
  const imported = await client.send<{ id: string; process: { id: string } }>('POST', '/api/refs', {
    import_from: reference,
  });
  await client.message(
    (m) => m.interface === 'processes' && m.data.id === imported.process.id && m.data.complete === true,
  );
  const index = await client.send<{ job: { id: string } }>('POST', `/api/refs/${imported.id}/indexes`);
  await jobDone(client, subtraction.job.id);
  await jobDone(client, index.job.id);
  const sample = await client.send<{ id: string }>('POST', '/api/samples', {
    name: 'Bench',
    subtraction: 'Pathoscope host',
    files: [reads],
  });
  const imports = await client.send<{ documents: { id: string }[] }>('GET', '/api/jobs?find=create_sample');
  await jobDone(client, imports.documents[0]?.id ?? '');
  const analysis = await client.send<{ id: string; job: { id: string } }>(
    'POST',
    `/api/samples/${sample.id}/analyses`,
    {
      algorithm: 'pathoscope_bowtie',
      ref_id: imported.id,
    },
  );
  const folder = join(server.folder, 'data', 'samples', sample.id, 'analysis', analysis.id);
  // The last step of the job removes it, and the bare run needs it.
  await client.message((m) => m.data.id === analysis.job.id && m.data.stage === 'map_isolates');
  await copyFile(join(folder, 'isolate_index.fa'), join(server.folder, 'isolate_index.fa'));
  await jobDone(client, analysis.job.id);
  await copyFile(join(server.folder, 'isolate_index.fa'), join(folder, 'isolate_index.fa'));
  const job = await client.send<{ status: Status[] }>('GET', `/api/jobs/${analysis.job.id}`);
  const data = join(server.folder, 'data');
  report(job.status, await runBare(join(data, 'logs', 'jobs', analysis.job.id), data, folder));
}

type Bare = Map<string, number>;

/** Runs the commands of a job's log again, by stage, and gives the seconds of each stage. */
async function runBare(logPath: string, data: string, folder: string): Promise<Bare> {
  const times: Bare = new Map();
  let stage = '';
  for (const line of (await readFile(logPath, 'utf8')).split('\n')) {
    stage = / {4}Stage: (\w+)$/.exec(line)?.[1] ?? stage;
    const command = / {4}Command: (.+)$/.exec(line)?.[1];
    if (!command) continue;
    const argv = command.replaceAll('<data>', data).split(' ');
    await makeFolders(argv, data);
    const startedAt = performance.now();
    const run = spawnSync(argv[0] ?? '', argv.slice(1), { stdio: 'ignore' });
    const took = (performance.now() - startedAt) / 1000;
    if (run.status !== 0) process.stdout.write(`  (bare ${argv[0]} of ${stage} ended with ${run.status})\n`);
    times.set(stage, (times.get(stage) ?? 0) + took);
    await publish(stage, folder);
  }
  return times;
}

// The folders in which a step works are gone once its files have their final names.
async function makeFolders(argv: string[], data: string): Promise<void> {
  for (const arg of argv) {
    const folder = /^(.*\.partial)\/?/.exec(arg)?.[1];
    if (folder?.startsWith(data) && !folder.includes('mapped.fastq')) await mkdir(folder, { recursive: true });
  }
}

// What the next command reads, under the names that the job gave it.
async function publish(stage: string, folder: string): Promise<void> {
  if (stage === 'map_isolates') await rename(join(folder, 'mapped.fastq.1.partial'), join(folder, 'mapped.fastq'));
  if (stage !== 'build_isolate_index') return;
  const built = join(folder, 'isolates.1.partial');
  for (const name of await readdir(built)) await rename(join(built, name), join(folder, name));
}

function report(status: Status[], bare: Bare): void {
  const rows: string[][] = [];
  let steps = 0;
  let tools = 0;
  for (const [position, entry] of status.entries()) {
    const next = status[position + 1];
    if (entry.state !== 'running' || !entry.stage || !next) continue;
    const took = (Date.parse(next.timestamp) - Date.parse(entry.timestamp)) / 1000;
    const alone = bare.get(entry.stage) ?? 0;
    steps += took;
    tools += alone;
    rows.push([entry.stage, seconds(took), seconds(alone), alone > 0 ? (took / alone).toFixed(2) : '']);
  }
  rows.push(['sum', seconds(steps), seconds(tools), (steps / tools).toFixed(2)]);
  rows.push(['fixed cost (goal ≤ 2)', seconds(steps - tools), '', '']);
  printTable('Pathoscope job on the demo sample, seconds', ['step', 'job', 'bare tools', 'ratio'], rows);
}
