import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers one request of a release service. */
export type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** A release service on this machine: what it answers can be changed, and what it was asked is kept. */
export type ReleaseServer = {
  url: string;
  asked: { path: string; headers: IncomingMessage['headers'] }[];
  respond: Respond;
  close(): Promise<void>;
};

/** Starts a release service that knows nothing until `respond` is set. */
export async function startReleaseServer(): Promise<ReleaseServer> {
  const http = createServer((request, response) => {
    request.resume();
    server.asked.push({ path: request.url ?? '', headers: request.headers });
    server.respond(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: ReleaseServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked: [],
    respond: (_, response) => sendJson(response, 404, { message: 'Not Found' }),
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

/** A release in the form of GitHub, with one file. */
export function githubRelease(name: string, file: { url: string; size: number; name?: string }) {
  return {
    id: 6001,
    name,
    tag_name: name,
    body: `Notes for ${name}`,
    html_url: `https://example.org/releases/${name}`,
    published_at: '2019-06-12T19:20:57Z',
    author: { login: 'somebody' },
    assets: [
      {
        name: file.name ?? 'hmm.tar.gz',
        size: file.size,
        content_type: 'application/gzip',
        browser_download_url: file.url,
      },
    ],
  };
}
