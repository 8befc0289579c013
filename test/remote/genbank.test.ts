import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createGenbankService } from '../../src/remote/genbank.js';
import { parseGenbank } from '../../src/remote/genbank_record.js';

// As NCBI lays it out, with everything that goes over several lines.
const FLAT = `LOCUS       NC_016574               8400 bp    RNA     linear   VRL 13-AUG-2018
DEFINITION  Potato virus P isolate with a long name that does not fit in a
            line, complete genome.
ACCESSION   NC_016574
VERSION     NC_016574.1  GI:365821099
REFERENCE   1  (bases 1 to 8400)
  AUTHORS   Somebody,A.
  TITLE     The ORIGIN of a virus, DEFINITION and /host="of a title"
FEATURES             Location/Qualifiers
     source          1..8400
                     /organism="Potato virus P"
                     /host="Solanum tuberosum cv.
                     Desiree"
     CDS             1..30
                     /note="not the /host="
ORIGIN      
        1 atgcnatgca ryatgcatgc
       61 atgc
//
LOCUS       NC_000002               4 bp    RNA     linear   VRL 13-AUG-2018
ORIGIN
        1 gggg
//
`;

function recordOf(text: string) {
  const record = parseGenbank(text);
  if (typeof record !== 'object') throw new Error(`No record: ${record}`);
  return record;
}

describe('a flat file', () => {
  test('is read whole, the first record of it', () => {
    expect(parseGenbank(FLAT)).toEqual({
      accession: 'NC_016574.1',
      definition: 'Potato virus P isolate with a long name that does not fit in a line, complete genome.',
      host: 'Solanum tuberosum cv. Desiree',
      sequence: 'ATGCNATGCARYATGCATGCATGC',
    });
    expect(parseGenbank(FLAT.replaceAll('\n', '\r\n'))).toEqual(parseGenbank(FLAT));
  });

  test('of a virus without a host has none, and of two hosts the last one counts', () => {
    const host = /\/host="Solanum[^"]*"/;
    expect(recordOf(FLAT.replace(host, '/strain="x"')).host).toBe('');
    expect(recordOf(FLAT.replace(host, '/host="A"\n                     /host="B"')).host).toBe('B');
  });

  test.each([
    ['nothing', ''],
    ['a page', '<html>Error</html>'],
    ['a line that is no sequence', FLAT.replace('       61 atgc', '       61 atgc -atg')],
    ['other characters than those of IUPAC', FLAT.replace('       61 atgc', '       61 atgce')],
    ['no version', FLAT.replace(/VERSION.*\n/, '')],
  ])('with %s is none', (_, text) => {
    expect(parseGenbank(text)).toBeUndefined();
  });
});

const reported = (name: string) =>
  readFileSync(join(import.meta.dirname, `../data/reports/genbank_${name}.gb`), 'utf8');

describe('the format', () => {
  test('has text on the line of ORIGIN that is no sequence', () => {
    expect(recordOf(reported('OLD00001')).sequence).toBe('ATGCATGCATGCATGCATGC');
  });

  test('doubles quotes inside of qualifiers, which go over lines and may look like others', () => {
    expect(recordOf(reported('QUO00001')).host).toBe('Solanum "Desiree" tuberosum');
    const note =
      '/note="a ""quoted"" word\n                     /host=""of a note"" "\n                     /host="S. ""D""\n                     x"';
    expect(recordOf(FLAT.replace(/\/host="Solanum[^"]*"/, note)).host).toBe('S. "D" x');
    expect(recordOf(FLAT.replace(/\/host="Solanum[^"]*"/, '/host=plain')).host).toBe('plain');
  });

  test('has gaps, which are as many N', () => {
    const gaps = '        1 atgc\n          [gap 3 bp]    Expand Ns\n        8 atgc\n     [gap unk2 bp]\n';
    expect(recordOf(FLAT.replace(/ {8}1 atg[^/]*/, gaps)).sequence).toBe('ATGCNNNATGCNN');
  });

  test('has U in records of RNA, which is T', () => {
    expect(recordOf(FLAT.replace('61 atgc', '61 augc')).sequence).toBe(recordOf(FLAT).sequence);
  });

  test.each([
    '',
    'CONTIG      join(AB000001.1:1..200,gap(100),AB000002.1:1..50)\n',
    'WGS         ABCD01000001-ABCD01000009\n',
  ])('has records without bases: %j', (lines) => {
    expect(parseGenbank(FLAT.replace(/ORIGIN {6}[^/]*/, lines))).toBe('no_bases');
    expect(parseGenbank(FLAT.replace(/ORIGIN {6}[^/]*/, `${lines}ORIGIN\n`))).toBe('no_bases');
  });
});

describe('GenBank', () => {
  let close = () => {};
  afterEach(() => close());

  async function serve(answer: RequestListener) {
    const asked: { at: number; url: URL; agent: string | undefined }[] = [];
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://localhost');
      asked.push({ at: performance.now(), url, agent: request.headers['user-agent'] });
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => void server.close();
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/efetch.fcgi`;
    return { asked, service: createGenbankService({ userAgent: 'virtool/v9.8.7' }, address, 'lab@example.org') };
  }

  const answering = (status: number, text: string) =>
    serve((_, response) => response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text));

  test('is asked as NCBI wants it', async () => {
    const { asked, service } = await answering(200, FLAT);
    expect(await service.find('NC_016574')).toMatchObject({ ok: true, record: { accession: 'NC_016574.1' } });
    expect(asked[0]?.agent).toBe('virtool/v9.8.7');
    expect(Object.fromEntries(asked[0]?.url.searchParams ?? [])).toEqual({
      ...{ db: 'nuccore', id: 'NC_016574', retmode: 'text', rettype: 'gb' },
      ...{ tool: 'virtool', email: 'lab@example.org' },
    });
  });

  test('is not asked more than three times a second, and a long queue is refused', async () => {
    const { asked, service } = await answering(200, FLAT);
    await Promise.all(Array.from({ length: 4 }, () => service.find('NC_016574')));
    const waits = asked.slice(1).map(({ at }, i) => at - (asked[i]?.at ?? 0));
    // A timer may fire a little early, and the way to the server differs.
    expect(Math.min(...waits)).toBeGreaterThan(250);
    const many = Array.from({ length: 60 }, () => service.find('NC_016574'));
    expect(await many.at(-1)).toEqual({ ok: false, trouble: { reason: 'status', status: 429 } });
  });

  test.each([
    [400, 'Failed to retrieve sequence', { reason: 'not_found' }],
    [404, '', { reason: 'not_found' }],
    [429, 'API rate limit exceeded', { reason: 'status', status: 429 }],
    [500, '', { reason: 'status', status: 500 }],
    [200, FLAT.replace(/ORIGIN {6}[^/]*/, 'WGS         ABCD01000001\n'), { reason: 'no_bases' }],
    [200, 'Error: CEFetchPApplication::proxy_stream()', { reason: 'unreadable' }],
  ])('that answers %d with %j is trouble', async (status, text, trouble) => {
    const { service } = await answering(status, text);
    expect(await service.find('NC_1')).toEqual({ ok: false, trouble });
  });

  test('that cuts the connection cannot be reached', async () => {
    const { service } = await serve((request) => request.socket.destroy());
    expect(await service.find('NC_1')).toEqual({ ok: false, trouble: { reason: 'unreachable' } });
  });
});
