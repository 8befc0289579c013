import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runConformance } from './conformance.js';
import { compareWithList, describeStep, extendList, readList } from './ratchet.js';

const LIST = join(import.meta.dirname, 'matching.json');

const USAGE = `Usage: npm run conformance -- [options]

Sends the recorded requests of release 3.7.3 to a fresh server and prints how many answers of each concern match.

  --update            add the steps that match to test/conformance/matching.json; none is ever removed
  --quiet             the table only
  --only a,b          print the differences of these concerns only
  --upto N            stop after step N; nothing is judged
  --remote-port N     also run the steps that need outside services, with a stand-in on this port
  --data FOLDER       folder with the files that the walk uploads; default: those of the repository
`;

/** Runs the walk and prints the table; resolves with 1 when a step of the list no longer matches. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      update: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      only: { type: 'string' },
      upto: { type: 'string' },
      'remote-port': { type: 'string' },
      data: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort(new Error(name)));
  const results = await runConformance({
    signal: stop.signal,
    data: values.data,
    remotePort: values['remote-port'] === undefined ? undefined : Number(values['remote-port']),
    replayer: [
      ...(values.quiet ? ['--quiet'] : []),
      ...(values.only ? ['--only', values.only] : []),
      ...(values.upto ? ['--upto', values.upto] : []),
    ],
    output: 'inherit',
  });
  const { lost, gained } = compareWithList(readList(LIST), results);
  if (lost.length > 0) print(`\nNo longer matching:\n${lost.map(describeStep).join('\n')}`);
  if (gained.length > 0) {
    print(`\n${gained.length} more steps match: ${gained.map(({ n }) => n).join(', ')}`);
    if (values.update) extendList(LIST, gained);
    else print('Add them with: npm run conformance -- --update');
  }
  print(`\n${readList(LIST).length} steps must match, ${lost.length} of them do not.`);
  return lost.length > 0 ? 1 : 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
