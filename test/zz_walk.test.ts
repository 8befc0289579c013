import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, writeFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { inject, test } from 'vitest';
import { pino } from 'pino';
import { createAuthenticate } from '../src/api/account/authentication.js';
import { createApp } from '../src/api/app.js';
import { readConfig } from '../src/config.js';
import { createDataDirectory } from '../src/files/data_directory.js';
import { openDatabase } from '../src/store/database.js';
import { createStore } from '../src/store/index.js';
import { ensureIndexes } from '../src/store/indexes.js';
import { testDatabase } from './support/servers.js';
test('walk', { timeout: 280000 }, async () => {
  const t = await testDatabase();
  const database = await openDatabase({ url: t.url, name: t.name });
  await ensureIndexes(database);
  const data = createDataDirectory(mkdtempSync(join(inject('runFolder'), 'data-')));
  await data.create();
  const store = createStore(database);
  await store.settings.ensure();
  const config = readConfig({ argv: ['--proc=2', '--mem=4'], environment: {}, directory: '/nonexistent' });
  const deps = { config, store, files: data, log: pino({ level: 'warn' }), version: 'v3.7.3', workflows: {
    cancel: async () => undefined, isReachable: async () => true,
    start: async (start: any) => {
      const { jobId, task, args } = start.args[0];
      setTimeout(async () => {
        if (task === 'create_subtraction') {
          if (args.file_id.endsWith('bad.fa.gz')) { await store.subtractions.removeUnready(args.subtraction_id, jobId); await store.jobs.close(jobId, { state: 'error', error: null }); return; }
          await store.subtractions.setStats(args.subtraction_id, { gc: { a: 0.211, t: 0.216, g: 0.237, c: 0.236, n: 0.1 }, count: 3 });
          await store.subtractions.publish(args.subtraction_id);
          await store.files.release([args.file_id]);
          await store.jobs.close(jobId, { state: 'complete', error: null, stage: 'compress' });
        }
        if (task === 'create_sample') {
          if (args.files[0].name === 'damaged.fq.gz') { await store.samples.remove(args.sample_id); await store.files.release(args.files.map((f: any) => f.id)); await store.jobs.close(jobId, { state: 'error', error: null }); return; }
          mkdirSync(data.sample(args.sample_id), { recursive: true });
          args.files.forEach((f: any, i: number) => copyFileSync(data.file(f.id), join(data.sample(args.sample_id), `reads_${i + 1}.fq.gz`)));
          await store.samples.setFiles(args.sample_id, args.files.map((f: any, i: number) => ({ name: `reads_${i + 1}.fq.gz`, download_url: `/download/samples/${args.sample_id}/reads_${i + 1}.fq.gz`, size: f.size, from: f, raw: true })));
          await store.samples.setQuality(args.sample_id, {});
          await store.files.remove(args.files.map((f: any) => f.id));
          await store.jobs.close(jobId, { state: 'complete', error: null, stage: 'clean_watch' });
        }
      }, 300);
    } } };
  const app = createApp(deps as any, createAuthenticate(deps as any));
  const server = createServer(getRequestListener(app.fetch));
  await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
  const { port } = server.address() as AddressInfo;
  const child = spawn('node', ['/work/shared/golden/http/replay.mjs', '--url', `http://127.0.0.1:${port}`, '--data', '/work/shared/data', '--report', '/tmp/walk_report.json', '--only', 'files,subtractions,samples,caches,downloads', '--upto', '760'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = ''; child.stdout.on('data', (d) => (out += d)); child.stderr.on('data', (d) => (out += d));
  const timer = setTimeout(() => child.kill(), 270000);
  await new Promise((r) => child.on('close', r)); clearTimeout(timer);
  writeFileSync('/tmp/walk_out.txt', out);
  server.closeAllConnections(); server.close();
  await database.close(); await t.dispose();
});
