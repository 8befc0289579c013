import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchAnalysisDetail } from './analysis_detail.js';
import { benchBurst } from './burst.js';
import { signIn } from './client.js';
import { benchCore } from './core.js';
import { benchFixedCost, benchFixedCostByKind, benchJobOverTools } from './fixed_cost.js';
import { benchHmmSearch } from './hmm_search.js';
import { benchIdle } from './idle.js';
import { benchCreateSample } from './jobs/create_sample.js';
import { benchNuvsJob } from './jobs/nuvs.js';
import { benchPathoscopeJob } from './jobs/pathoscope.js';
import { prepareReferences } from './jobs/prepare.js';
import { benchLists } from './lists.js';
import { benchRemoteReference } from './remote_reference.js';
import { startServer } from './server.js';
import { benchSockets } from './sockets.js';
import { printTable, seconds } from './table.js';
import { benchUpload } from './upload.js';

const PARTS = [
  'core',
  'start',
  'idle',
  'fixed',
  'kinds',
  'burst',
  'upload',
  'lists',
  'sample',
  'pathoscope',
  'nuvs',
  'detail',
  'hmm',
  'remote',
  'sockets',
] as const;
const WITHOUT_SERVER: readonly string[] = ['core', 'hmm', 'nuvs', 'remote', 'sockets'];

/**
 * Runs the benchmarks, or only those that are named; all but those of a part alone on a server of their own. The NuVs job takes made-up pairs, or
 * those of the two files given with `--pairs`, the remote reference a made-up release or the file given with `--release`.
 */
export async function main(given: string[]): Promise<number> {
  const options = {
    pairs: { type: 'string', multiple: true },
    release: { type: 'string' },
    help: { type: 'boolean' },
  } as const;
  const { positionals: args, values } = parseArgs({ args: given, options, allowPositionals: true });
  if (values.help) {
    process.stdout.write(`Usage: npm run bench -- [--pairs FILE,FILE] [--release FILE] [${PARTS.join(' | ')}] ...\n`);
    return 0;
  }
  const pairs = values.pairs?.flatMap((paths) => paths.split(','));
  if (pairs && pairs.length !== 2) {
    process.stderr.write('--pairs takes two files: --pairs reads_1.fq.gz,reads_2.fq.gz\n');
    return 2;
  }
  const unknown = args.filter((arg) => !(PARTS as readonly string[]).includes(arg));
  if (unknown.length > 0) {
    process.stderr.write(`Unknown: ${unknown.join(', ')}. There are: ${PARTS.join(', ')}\n`);
    return 2;
  }
  const wanted = (part: (typeof PARTS)[number]) => args.length === 0 || args.includes(part);
  if (wanted('core')) benchCore();
  if (wanted('hmm')) await benchHmmSearch();
  if (wanted('nuvs')) await benchNuvsJob(pairs);
  if (wanted('remote')) await benchRemoteReference(values.release);
  if (wanted('sockets')) await benchSockets();
  if (args.length > 0 && args.every((arg) => WITHOUT_SERVER.includes(arg))) return 0;
  const server = await startServer();
  try {
    if (wanted('start')) printTable('Start', ['what', 'seconds'], [['command to ready', seconds(server.startSeconds)]]);
    if (wanted('idle')) await benchIdle(server);
    const client = await signIn(server.url);
    if (wanted('fixed')) await benchFixedCost(client);
    if (wanted('fixed') || wanted('kinds')) await benchFixedCostByKind(client, server.folder);
    if (wanted('burst')) await benchBurst(client, server.folder);
    if (wanted('upload')) await benchUpload(client, server.folder);
    if (wanted('fixed') || wanted('sample') || wanted('pathoscope')) {
      const data = join(server.folder, 'data');
      const prepared = await prepareReferences(client, data);
      if (wanted('fixed')) await benchJobOverTools(client, data, prepared);
      if (wanted('sample')) await benchCreateSample(client, server, pairs);
      if (wanted('pathoscope')) await benchPathoscopeJob(client, server, prepared);
    }
    client.close();
    if (wanted('lists')) await benchLists(server.databaseUrl);
    if (wanted('detail')) await benchAnalysisDetail(server);
  } finally {
    await server.stop();
  }
  return 0;
}
