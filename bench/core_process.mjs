// Measures one run of the core, or of its baseline, in a process of its own: `node core_process.mjs lines|core|core_and_host FOLDER LINES LINES_PER_READ`.
// Prints one line of JSON.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCore } from '../dist/activities/pathoscope/core/run.js';
import { readDescriptor } from '../dist/tools/named_pipes.js';
import { readChunks, runTool } from '../dist/tools/runner.js';

const [what, folder, lines, perRead] = process.argv.slice(2);
const feeder = join(import.meta.dirname, 'core_feeder.mjs');
const command = { argv: [process.execPath, feeder, lines, perRead] };
const path = (name) => join(folder, name);
const table = (name) => ({ records: path(`${name}.records`), summary: path(`${name}.json`) });

// Nothing but splitting the same bytes into lines.
async function splitLines(chunks) {
  let count = 0;
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + chunk.toString('latin1')).split('\n');
    rest = parts.pop() ?? '';
    count += parts.length;
  }
  return count;
}

async function runLines() {
  await runTool(command, { stdout: readChunks(splitLines) });
  return performance.now();
}

// Through threads and files as in a job. `withHost` also does the steps of the subtraction, with no read on the host.
async function run(withHost) {
  const options = { signal: new AbortController().signal, memoryGib: 1 };
  const isolates = Array.from({ length: 60 }, (_, i) => [`ref${String(i).padStart(5, '0')}`, sequence(i)]);
  writeFileSync(path('isolates.json'), JSON.stringify(Object.fromEntries(isolates)));
  const mapping = { vta: path('to_isolates.vta'), table: table('mapped'), readNames: path('read_names.txt') };
  const map = (input) => runCore({ task: 'map_isolates', ...mapping }, { ...options, input });
  const startedAt = performance.now();
  const { wallSeconds } = await runTool(command, { stdout: readDescriptor(path('aligned.pipe'), map) });
  const lastLineAt = startedAt + wallSeconds * 1000;
  let { vta, table: records } = mapping;
  if (withHost) {
    const hostScores = path('host_scores.numbers');
    await runCore({ task: 'map_host', readNames: mapping.readNames, hostScores }, options);
    const left = { left: table('left'), leftVta: path('subtracted.vta') };
    await runCore({ task: 'subtract', vta, table: records, hostScores, ...left }, options);
    vta = left.leftVta;
    records = left.left;
  }
  const outputs = { reassigned: path('reassigned.vta'), report: path('report.tsv'), results: path('pathoscope.json') };
  await runCore({ task: 'reassign', vta, table: records, isolates: path('isolates.json'), ...outputs }, options);
  return lastLineAt;
}

function sequence(number) {
  return { length: 6_000, otu: { id: `otu${number % 6}`, version: 0 } };
}

const lastLineAt = await (what === 'lines' ? runLines() : run(what === 'core_and_host'));
const secondsAfter = (performance.now() - lastLineAt) / 1000;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
process.stdout.write(`${JSON.stringify({ cpuSeconds, peakMb: (maxRSS * 1024) / 1e6, secondsAfter })}\n`);
