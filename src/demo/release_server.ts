import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { DemoError } from './report.js';

/** A release service on this machine that knows one release: the HMM data of the demo. */
export type ReleaseServer = {
  /** What to give to the server as the address of its release service. */
  url: string;
  close(): Promise<void>;
};

const FILE = 'hmm.tar.gz';

/**
 * Serves an archive on loopback as the latest release of every repository, in the form of GitHub. So the demo installs HMM data as any
 * installation does, and needs no network.
 *
 * @throws DemoError when the archive is not there.
 */
export async function startReleaseServer(archive: string): Promise<ReleaseServer> {
  const { size } = await stat(archive).catch((error: unknown) => {
    throw new DemoError(`The HMM data of the demo are missing: ${(error as Error).message}`, { cause: error });
  });
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', url);
    if (request.method === 'GET' && pathname === `/${FILE}`) sendArchive(response, archive, size);
    else if (request.method === 'GET' && /^\/repos\/[^/]+\/[^/]+\/releases\/[^/]+$/.test(pathname)) {
      sendJson(response, 200, releaseOf(url, size));
    } else sendJson(response, 404, { message: 'Not Found' });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function releaseOf(url: string, size: number) {
  return {
    id: 1,
    name: 'demo',
    body: 'A part of the HMM data of Virtool, for the demo',
    html_url: url,
    published_at: '2019-01-01T00:00:00Z',
    assets: [{ name: FILE, size, content_type: 'application/gzip', browser_download_url: `${url}/${FILE}` }],
  };
}

function sendArchive(response: ServerResponse, archive: string, size: number): void {
  response.writeHead(200, { 'Content-Type': 'application/gzip', 'Content-Length': size });
  // A client that leaves early gets no more, and one whose file broke off notices by its length.
  pipeline(createReadStream(archive), response).catch(() => response.destroy());
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}
