import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRemoteServices } from '../../src/remote/index.js';
import { createSend } from '../../src/remote/send.js';
import { testFolder } from '../support/folders.js';
import { type ProxyServer, startProxyServer } from '../support/proxy_server.js';
import { type ReleaseServer, sendJson, startReleaseServer } from '../support/release_server.js';

let server: ReleaseServer;
let proxy: ProxyServer;
beforeEach(async () => {
  server = await startReleaseServer();
  server.respond = (_, response) => sendJson(response, 200, { virtool: [{ name: 'v3.7.4' }] });
  proxy = await startProxyServer(portOf(server.url));
});
afterEach(async () => {
  await proxy.close();
  await server.close();
});

const portOf = (url: string) => Number(new URL(url).port);
const CREDENTIALS = `Basic ${Buffer.from('virtool:p@ss').toString('base64')}`;

/** Services at hosts that do not exist: only a proxy can lead to them. */
function services(base: string, proxyAddress = `http://virtool:p%40ss@${proxy.address}`) {
  const send = createSend(proxyAddress);
  const addresses = { githubUrl: base, softwareUrl: `${base}/list`, blastUrl: `${base}/Blast.cgi`, genbankUrl: base };
  return createRemoteServices({ userAgent: 'virtool/v9.8.7', limitMs: 5_000, send }, addresses);
}

const RELEASES = { ok: true, releases: [{ name: 'v3.7.4' }] };
const troubled = (trouble: object) => ({ ok: false, trouble });

describe('through a proxy', () => {
  test('http is handed to it, with the credentials', async () => {
    expect(await services('http://service.invalid').releases.listSoftware()).toEqual(RELEASES);
    expect(proxy.asked).toEqual([{ what: 'GET http://service.invalid/list', authorization: CREDENTIALS }]);
    expect(server.asked[0]?.headers).toMatchObject({ 'user-agent': 'virtool/v9.8.7', host: 'service.invalid' });
  });

  test('forms arrive, and downloads', async () => {
    const { blast, releases } = services('http://service.invalid');
    server.respond = ({ method }, response) => void response.end(`QBlastInfoBegin\nRID = ${method}1\nQBlastInfoEnd`);
    expect(await blast.submit('ACGT')).toEqual({ ok: true, value: 'POST1' });
    server.respond = (_, response) => void response.end('archive');
    const path = join(testFolder(), 'file');
    const signal = new AbortController().signal;
    const wanted = { url: 'http://files.invalid/x', path, limitBytes: 100, signal, onBytes: () => undefined };
    expect(await releases.download(wanted)).toEqual({ ok: true, bytes: 7 });
    expect(readFileSync(path, 'utf8')).toBe('archive');
    expect(proxy.asked.map(({ what }) => what.split('?')[0])).toEqual([
      'POST http://service.invalid/Blast.cgi',
      'GET http://files.invalid/x',
    ]);
  });

  // The tunnel ends at a server without TLS, so there is no answer; what counts is where it was asked for.
  test('https goes by a tunnel', async () => {
    const answer = await services('https://service.invalid').releases.listSoftware();
    expect(answer).toEqual(troubled({ reason: 'unreachable' }));
    expect(proxy.asked).toEqual([{ what: 'CONNECT service.invalid:443', authorization: CREDENTIALS }]);
    expect(server.asked).toEqual([]);
  });

  test.each(['127.0.0.1', 'localhost', '127.0.0.2'])('a service at %s is not asked', async (host) => {
    const base = `http://${host}:${portOf(server.url)}`;
    // The server listens at 127.0.0.1 alone, so another address of this machine may refuse.
    await services(base).releases.listSoftware();
    expect(proxy.asked).toEqual([]);
  });

  test('a redirection to this machine is followed without it', async () => {
    server.respond = ({ url }, response) => {
      if (url === '/list') response.writeHead(302, { Location: `${server.url}/other` }).end();
      else sendJson(response, 200, { virtool: [{ name: 'v3.7.4' }] });
    };
    expect(await services('http://service.invalid').releases.listSoftware()).toEqual(RELEASES);
    expect(proxy.asked.map(({ what }) => what)).toEqual(['GET http://service.invalid/list']);
    expect(server.asked.map(({ path }) => path)).toEqual(['/list', '/other']);
  });

  test.each(['http', 'https'])('that does not know the server, %s is status 407', async (scheme) => {
    const closed = await startProxyServer(portOf(server.url), { refuse: true });
    const answer = services(`${scheme}://service.invalid`, `http://${closed.address}`).releases.listSoftware();
    expect(await answer).toEqual(troubled({ reason: 'status', status: 407 }));
    expect(closed.asked).toMatchObject([{ authorization: undefined }]);
    await closed.close();
  });

  test('that is not there, nothing can be reached', async () => {
    const { address } = proxy;
    await proxy.close();
    const answer = await services('https://service.invalid', `http://${address}`).releases.listSoftware();
    expect(answer).toEqual(troubled({ reason: 'unreachable' }));
    proxy = await startProxyServer(portOf(server.url));
  });
});
