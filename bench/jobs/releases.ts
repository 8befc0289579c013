import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
/** The larger set where it is there, else the three profiles of the tests. */
const ARCHIVES = ['demo/hmm-small.tar.gz', 'test/data/bad/hmm_good.tar.gz'].map((name) => join(ROOT, name));

/** A release service that knows one release of HMM data, on loopback. */
export async function serveHmmRelease(): Promise<{ url: string; stop(): Promise<void> }> {
  const archive = readFileSync(ARCHIVES.find(existsSync) ?? '');
  const server = createServer((request, response) => {
    if (request.url === '/archive') return void response.end(archive);
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({
        ...{ id: 1, name: 'bench', body: '', html_url: url, published_at: '2020-01-01T00:00:00Z' },
        assets: [{ name: 'hmm.tar.gz', size: archive.length, browser_download_url: `${url}/archive` }],
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
