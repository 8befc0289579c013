import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
/** The larger set where it is there, else the three profiles of the tests. */
const ARCHIVES = ['demo/hmm-small.tar.gz', 'test/data/bad/hmm_good.tar.gz'].map((name) => join(ROOT, name));

/** A release service on loopback that knows one release of whatever it is asked for. */
export type ReleasePage = {
  url: string;
  /** From now on the release has this name and this file. */
  publish(name: string, file: Buffer): void;
  stop(): Promise<void>;
};

/** Starts a release service. */
export async function servePage(name: string, file: Buffer): Promise<ReleasePage> {
  let release = { id: 1, name, file };
  const server = createServer((request, response) => {
    if (request.url === '/file') return void response.end(release.file);
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({
        ...{ id: release.id, name: release.name, body: '', html_url: url, published_at: '2020-01-01T00:00:00Z' },
        assets: [{ name: 'file.gz', size: release.file.length, browser_download_url: `${url}/file` }],
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    publish(next, content) {
      release = { id: release.id + 1, name: next, file: content };
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A release service that knows one release of HMM data. */
export function serveHmmRelease(): Promise<ReleasePage> {
  return servePage('bench', readFileSync(ARCHIVES.find(existsSync) ?? ''));
}
