import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBlastService } from '../../src/remote/blast.js';
import {
  type BlastServer,
  blastReport,
  HIT,
  RESULT,
  reportArchive,
  startBlastServer,
  statusPage,
  submissionPage,
} from '../support/blast_server.js';

let server: BlastServer;
beforeEach(async () => {
  server = await startBlastServer();
});
afterEach(() => server.close());

const never = new AbortController().signal;
const service = (limitMs = 5_000, url = server.url) =>
  createBlastService({ userAgent: 'virtool/v9.8.7', limitMs }, url);
const troubled = (reason: string) => ({ ok: false, trouble: { reason } });

describe('a sequence', () => {
  test('is handed in as release 3.7.3 does it, and gets an id', async () => {
    expect(await service().submit('ACGTN')).toEqual({ ok: true, value: 'RID00001' });
    expect(server.asked).toEqual([
      {
        kind: 'submit',
        query: {
          CMD: 'Put',
          DATABASE: 'nr',
          PROGRAM: 'blastn',
          MEGABLAST: 'on',
          HITLIST_SIZE: '5',
          FILTER: 'mL',
          FORMAT_TYPE: 'JSON2',
        },
        form: 'QUERY=ACGTN',
      },
    ]);
  });

  test('keeps what the configured address asks for already', async () => {
    await service(5_000, `${server.url}?api_key=1`).submit('A');
    expect(server.asked[0]?.query).toMatchObject({ api_key: '1', CMD: 'Put' });
  });

  test.each([
    ['has no id', submissionPage('')],
    ['is another one', '<html>CPU usage limit was exceeded</html>'],
    ['is empty', ''],
    // The id becomes part of addresses and of a workflow's id.
    ['has an id that is none', submissionPage('../x y')],
  ])('is not taken when the page %s', async (_, page) => {
    server.submit = (response) => void response.end(page);
    expect(await service().submit('ACGT')).toEqual(troubled('unreadable'));
  });
});

describe('the state of a search', () => {
  test.each([
    ['WAITING', 'waiting'],
    ['READY', 'ready'],
    ['FAILED', 'failed'],
    ['UNKNOWN', 'unknown'],
  ])('%s is understood', async (status, value) => {
    server.status = (response) => void response.end(statusPage(status));
    expect(await service().status('RID1', never)).toEqual({ ok: true, value });
    expect(server.asked[0]?.query).toEqual({ CMD: 'Get', RID: 'RID1', FORMAT_OBJECT: 'SearchInfo' });
  });

  // The original took every page that does not say WAITING for a finished search.
  test.each([statusPage('PAUSED'), statusPage(''), '<p>Status=READY</p>', ''])(
    'is not taken from a page that does not tell it: %s',
    async (page) => {
      server.status = (response) => void response.end(page);
      expect(await service().status('RID1', never)).toEqual(troubled('unreadable'));
    },
  );
});

describe('a result', () => {
  const fetchResult = async (archive: Buffer | string) => {
    server.result = (response) => void response.end(archive);
    return service().result('RID1', never);
  };

  test('is the report in the archive', async () => {
    expect(await service().result('RID1', never)).toEqual({ ok: true, value: RESULT });
    expect(server.asked[0]?.query).toEqual({
      CMD: 'Get',
      RID: 'RID1',
      FORMAT_TYPE: 'JSON2',
      FORMAT_OBJECT: 'Alignment',
    });
  });

  test('without any hit is a result too', async () => {
    const report = blastReport([], { message: 'No hits found' });
    expect(await fetchResult(reportArchive('RID1', report))).toEqual({ ok: true, value: { ...RESULT, hits: [] } });
  });

  test('has masked regions, five hits at most, and empty texts for what NCBI does not tell', async () => {
    const unknown = { ...HIT, description: [{ title: null }] };
    const report = blastReport([unknown, HIT, HIT, HIT, HIT, HIT], { query_masking: [{ from: 3, to: 9 }] });
    const answer = await fetchResult(reportArchive('RID1', report));
    if (!answer.ok) throw new Error('no result');
    expect(answer.value.masking).toEqual([{ from: 3, to: 9 }]);
    expect(answer.value.hits).toHaveLength(5);
    expect(answer.value.hits[0]).toMatchObject({ taxid: '', title: '', accession: '', name: '', len: 4132 });
  });

  test.each([
    ['nothing', ''],
    ['XML', '<?xml version="1.0"?><BlastOutput><BlastOutput_program>blastn</BlastOutput_program></BlastOutput>'],
    ['JSON without an archive', JSON.stringify(blastReport())],
    ['a cut archive', reportArchive('RID1').subarray(0, 200)],
    ['an archive of another search', reportArchive('RID2')],
    ['cut JSON', reportArchive('RID1', '{"BlastOutput2": {"report"')],
    ['JSON of another form', reportArchive('RID1', { BlastOutput2: {} })],
    ['a hit without an alignment', reportArchive('RID1', blastReport([{ ...HIT, hsps: [] }]))],
  ])('is not made of %s', async (_, archive) => {
    expect(await fetchResult(archive)).toEqual(troubled('unreadable'));
  });

  // An archive of some kilobytes could fill the memory of the server.
  test('is not unpacked when it is too large', async () => {
    const archive = reportArchive('RID1', `${JSON.stringify(blastReport())}${' '.repeat(9 * 1024 ** 2)}`);
    expect(archive.length).toBeLessThan(100_000);
    expect(await fetchResult(archive)).toEqual(troubled('unreadable'));
  });

  test('that does not stop coming is given up', async () => {
    const chunk = Buffer.alloc(1024 ** 2);
    server.result = (response) => {
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    };
    expect(await service().result('RID1', never)).toEqual(troubled('too_large'));
  });
});

describe('any question', () => {
  const ask = (limitMs?: number) => service(limitMs).status('RID1', never);

  test.each([
    [404, { reason: 'not_found' }],
    [503, { reason: 'status', status: 503 }],
    [204, { reason: 'status', status: 204 }],
  ])('needs the status 200, not %s', async (status, trouble) => {
    server.status = (response) => void response.writeHead(status).end();
    expect(await ask()).toEqual({ ok: false, trouble });
  });

  test('is not carried on to another place', async () => {
    const other = await startBlastServer();
    server.submit = (response) => void response.writeHead(307, { Location: other.url }).end();
    expect(await service().submit('ACGT')).toEqual({ ok: false, trouble: { reason: 'status', status: 307 } });
    expect(other.asked).toEqual([]);
    await other.close();
  });

  test.each([
    ['never answers', () => undefined],
    ['closes the connection', (response: ServerResponse) => void response.destroy()],
    [
      'stops in the middle',
      (response: ServerResponse) => void response.writeHead(200, { 'Content-Length': '100' }).write('<html>'),
    ],
  ])('to a service that %s has no answer', async (_, respond) => {
    server.status = respond;
    expect(await ask(200)).toEqual(troubled('unreachable'));
  });

  test('that is aborted throws the reason', async () => {
    const stop = new AbortController();
    server.status = () => stop.abort(new Error('enough'));
    await expect(service().status('RID1', stop.signal)).rejects.toThrow('enough');
  });
});
