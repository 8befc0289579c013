import { inflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatRow } from '../../../src/api/analyses/downloads/csv.js';
import { packDepths } from '../../../src/bio/depth_runs.js';
import type { AnalysisDocument, PathoscopeHit } from '../../../src/store/analyses.js';
import { type Answer, type Laboratory, laboratory } from '../../support/laboratory.js';
import { insertOtu, otuOf } from '../../support/references.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory({ bob: {}, stranger: {} });
  await lab.addHost('Vitis');
  await lab.store.samples.collection.insertOne({
    ...{ _id: 's1', name: 'Sample', paired: false, files: [], format: 'fastq', imported: false, quality: { count: 9 } },
    ...{ subtraction: { id: 'Vitis' }, pathoscope: false, nuvs: false, created_at: new Date(0), analyzed: false },
    ...{ hold: true, archived: false, user: { id: 'bob' }, group: 'none' },
    ...{ group_read: false, group_write: false, all_read: false, all_write: false },
  });
  await insertOtu(lab.store, otuOf('r1', { _id: 'otu1', name: '=HYPERLINK("http://x")<&' }));
});
afterEach(() => lab.dispose());

const HIT = {
  id: 'b_otu1',
  otu: { id: 'otu1', version: 0 },
  align: [0, 0, 1, 1, 2, 3, 3, 3],
  coverage: 0.75,
  depth: 2,
  final: { pi: 0.6, best: 0.5, high: 0.5, low: 0, reads: 12 },
  initial: { pi: 0.1, best: 0.2, high: 0.3, low: 0, reads: 7 },
} satisfies PathoscopeHit;

async function addAnalysis(changes: Partial<AnalysisDocument> = {}): Promise<void> {
  await lab.store.analyses.collection.insertOne({
    ...{ _id: 'a1', ready: true, created_at: new Date(0), algorithm: 'pathoscope_bowtie' as const },
    ...{ sample: { id: 's1' }, reference: { id: 'r1', name: 'R' }, index: { id: 'i1', version: 0 } },
    ...{ user: { id: 'bob' }, job: { id: 'j1' }, results: [HIT] },
    ...changes,
  });
}

const get = (path: string, user = 'bob') => lab.send(user, 'GET', `/download/analyses/${path}`);
const messageOf = ({ status, body }: Answer) => [status, body.message];

async function getBytes(path: string): Promise<{ headers: Headers; bytes: Buffer }> {
  const response = await lab.app.request(`/download/analyses/${path}`, { headers: { 'X-User': 'bob' } });
  expect(response.status).toBe(200);
  return { headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** The files of a ZIP archive, by its central directory. */
function unzip(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>();
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = archive.readUInt32LE(end + 16);
  for (let count = archive.readUInt16LE(end + 10); count > 0; count -= 1) {
    const [size, name] = [archive.readUInt32LE(at + 20), archive.readUInt16LE(at + 28)];
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const packed = archive.subarray(start, start + size);
    const isPacked = archive.readUInt16LE(at + 10) === 8;
    files.set(
      archive.toString('utf8', at + 46, at + 46 + name),
      (isPacked ? inflateRawSync(packed) : packed).toString('utf8'),
    );
    at += 46 + name + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return files;
}

const texts = (xml: string) => [...xml.matchAll(/<t[^>]*>([^<]*)<\/t>/g)].map(([, text]) => text);

describe('a Pathoscope result', () => {
  test('is a CSV file, whatever extension is asked for, and is the same with a decision when it is asked for', async () => {
    await addAnalysis();
    const { status, headers, body } = await get('a1.csv');
    expect(status).toBe(200);
    expect(headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    expect(headers.get('Content-Disposition')).toBe('attachment; filename=a1.csv');
    const name = `"'=HYPERLINK(""http://x"")<&"`;
    expect(body.split('\r\n')).toEqual([
      '"OTU","Isolate","Sequence","Length","Weight","Median Depth","Coverage"',
      `${name},"Isolate a","ACC_otu1",8,0,0,0`,
      `${name},"Isolate b","ACC_otu1",8,0.6,1.5,0.75`,
      '',
    ]);
    expect((await get('a1.tsv')).body).toBe(body);
    const decided = (await get('a1.csv?decisions=true')).body.split('\r\n');
    expect(decided[0]).toBe(`${body.split('\r\n')[0]},"Decision","Reason","Rule"`);
    expect(decided[2]).toContain(',0.75,"positive","Coverage 0.75 is above 0.5 and weight 0.6 above 0.001","coverage-');
  });

  test('is a workbook of one sheet with a bold first row, the same bytes each time', async () => {
    await addAnalysis();
    const { headers, bytes } = await getBytes('a1.xlsx');
    expect(headers.get('Content-Type')).toBe('application/vnd.openxmlformats-officedocument.spreadsheetml.sheet');
    expect(headers.get('Content-Disposition')).toBe('attachment; filename=a1.xlsx');
    expect(bytes.equals((await getBytes('a1.xlsx')).bytes)).toBe(true);
    // Day of its parts in the form of MS-DOS: years since 1980, month, day.
    const directory = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
    expect(bytes.readUInt16LE(directory + 14)).toBe((20 << 9) | (1 << 5) | 1);
    const files = unzip(bytes);
    const workbook = files.get('xl/workbook.xml') ?? '';
    expect([...workbook.matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name]) => name)).toEqual([
      'Pathoscope for s1',
    ]);
    expect(texts(files.get('xl/sharedStrings.xml') ?? '')).toEqual([
      ...['OTU', 'Isolate', 'Sequence', 'Length', 'Weight', 'Median Depth', 'Coverage'],
      ...['=HYPERLINK("http://x")&lt;&amp;', 'Isolate a', 'ACC_otu1', 'Isolate b'],
    ]);
    const sheet = files.get('xl/worksheets/sheet1.xml') ?? '';
    const values = (row: number) => {
      const cells = new RegExp(`<row r="${row}"[^>]*>(.*?)</row>`).exec(sheet)?.[1] ?? '';
      return [...cells.matchAll(/<v>([^<]*)<\/v>/g)].map(([, value]) => Number(value));
    };
    expect(values(2)).toEqual([7, 8, 9, 8, 0, 0, 0]);
    expect(values(3)).toEqual([7, 10, 9, 8, 0.6, 1.5, 0.75]);
    expect(files.get('xl/styles.xml')).toMatch(/<name val="Calibri"\/>.*<b\/>/);
  });

  // A name that begins like a formula comes from whoever wrote the reference.
  test('has no formula in its workbook, and empty cells for empty texts', async () => {
    await addAnalysis();
    await lab.store.sequences.collection.updateMany({}, { $set: { accession: '' } });
    const files = unzip((await getBytes('a1.xlsx?decisions=true')).bytes);
    const sheet = files.get('xl/worksheets/sheet1.xml') ?? '';
    expect(sheet).not.toContain('<f>');
    expect(sheet).toMatch(/<c r="A2"[^>]* t="s"/);
    expect(sheet).not.toContain('r="C2"');
    expect(texts(files.get('xl/sharedStrings.xml') ?? '')).toContain('positive');
  });

  test('without hits is the header alone', async () => {
    await addAnalysis({ results: [] });
    expect((await get('a1.csv')).body.split('\r\n')).toHaveLength(2);
    expect(unzip((await getBytes('a1.xlsx')).bytes).get('xl/worksheets/sheet1.xml')).not.toContain('<row r="2"');
  });

  test('tells what became of the reads: in a second sheet, and in the rows of a CSV file when it is asked for', async () => {
    const reads = { total: 500, trimmed: 80, used: 419 };
    const warnings = [{ code: 'few_reads', message: 'Only 419 reads' }];
    await addAnalysis({ reads, warnings });
    await addAnalysis({ _id: 'none', reads, warnings, results: [] });
    await addAnalysis({ _id: 'old' });
    expect((await lab.send('bob', 'GET', '/api/analyses/a1')).body).toMatchObject({ reads, warnings });
    const rowsOf = async (path: string) => (await get(path)).body.trimEnd().split('\r\n') as string[];
    const plain = await rowsOf('a1.csv');
    const head = `${plain[0]},"Reads","Reads Trimmed","Reads Used"`;
    expect(await rowsOf('a1.csv?reads=true')).toEqual([head, ...plain.slice(1).map((row) => `${row},500,80,419`)]);
    expect((await rowsOf('a1.csv?reads=true&decisions=true'))[2]).toMatch(/"positive",.*,500,80,419$/);
    expect(await rowsOf('none.csv?reads=true')).toEqual([head, '"","","","","","","",500,80,419']);
    expect((await rowsOf('old.csv?reads=true'))[1]).toMatch(/,"","",""$/);
    const files = unzip((await getBytes('a1.xlsx')).bytes);
    expect(
      [...(files.get('xl/workbook.xml') ?? '').matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name]) => name),
    ).toEqual(['Pathoscope for s1', 'Reads']);
    expect(texts(files.get('xl/sharedStrings.xml') ?? '').slice(-7)).toEqual([
      ...['Reads', 'Number', 'In the sample', 'Trimmed away', 'Looked at', 'Warning', 'Only 419 reads'],
    ]);
    const sheet = files.get('xl/worksheets/sheet2.xml') ?? '';
    expect([500, 80, 419].every((count) => sheet.includes(`<v>${count}</v>`))).toBe(true);
  });

  test('is refused where there is none, and to those who may not read the sample', async () => {
    await addAnalysis({ _id: 'n1', algorithm: 'nuvs', results: [] });
    await addAnalysis({ _id: 'open', ready: false });
    await addAnalysis({ _id: 'orphan', sample: { id: 'gone' } });
    expect(messageOf(await get('n1.xlsx'))).toEqual([400, 'Not a Pathoscope analysis']);
    expect(messageOf(await get('open.xlsx'))).toEqual([409, 'Analysis is still running']);
    expect(messageOf(await get('unknown.xlsx'))).toEqual([404, 'Not found']);
    expect(messageOf(await get('orphan.csv', 'head'))).toEqual([400, 'Parent sample does not exist']);
    expect(messageOf(await get('open.xlsx', 'stranger'))).toEqual([403, 'Insufficient rights']);
  });
});

describe('a row of comma-separated values', () => {
  test('has an apostrophe before each text that a spreadsheet program would take for a formula', () => {
    for (const name of ['=1+1', '+1', '-2+3', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '=\n1']) {
      expect(formatRow([name, 'x'])).toBe(`"'${name}","x"\r\n`);
    }
  });

  test('has numbers, strands and all other texts as they are', () => {
    expect(formatRow([-1, 7.3e-119, '+', '-', '', 'a=b', "'=1"])).toBe(`-1,7.3e-119,"+","-","","a=b","'=1"\r\n`);
  });
});

describe('the depths along a sequence', () => {
  const byBase = { align: packDepths([0, 1, 1, 1, 2, 2, 3, 3]), coverage: 0.875, depth: 2 };

  test('are a row per base, with those by base where they are known', async () => {
    await addAnalysis({ results: [HIT, { ...HIT, id: 'c.1', depth_by_base: byBase }] });
    const { status, headers, body } = await get('a1/depths/b_otu1.csv');
    expect(status).toBe(200);
    expect(headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    expect(headers.get('Content-Disposition')).toBe('attachment; filename=a1.b_otu1.csv');
    expect(body).toBe(`"Position","Depth"\r\n${HIT.align.map((depth, i) => `${i + 1},${depth}\r\n`).join('')}`);
    const both = (await get('a1/depths/c.1.csv')).body.split('\r\n');
    expect(both.slice(0, 4)).toEqual(['"Position","Depth","Depth By Base"', '1,0,0', '2,0,1', '3,1,1']);
    expect(both).toHaveLength(10);
  });

  test('are a track for genome browsers', async () => {
    await addAnalysis({ results: [HIT, { ...HIT, id: 'c "1', depth_by_base: byBase }] });
    const { headers, body } = await get('a1/depths/b_otu1.bedgraph');
    expect(headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('Content-Disposition')).toBe('attachment; filename=a1.b_otu1.bedgraph');
    const lines = ['0\t2\t0', '2\t4\t1', '4\t5\t2', '5\t8\t3'].map((line) => `b_otu1\t${line}\n`);
    expect(body).toBe(`track type=bedGraph name="b_otu1" description="Depth along b_otu1"\n${lines.join('')}`);
    const track = await get(`a1/depths/${encodeURIComponent('c "1')}.bedgraph?depth=by_base`);
    expect(track.body.split('\n').slice(0, 3)).toEqual([
      'track type=bedGraph name="c__1" description="Depth along c__1"',
      'c__1\t0\t1\t0',
      'c__1\t1\t4\t1',
    ]);
  });

  test('are shown in the analysis as a curve beside the other one', async () => {
    await addAnalysis({ results: [{ ...HIT, depth_by_base: byBase }] });
    const { body } = await lab.send('bob', 'GET', '/api/analyses/a1');
    const shown = body.results[0].isolates[1].sequences[0];
    expect(shown).toMatchObject({ coverage: 0.75, depth: 2, depth_by_base: { coverage: 0.875, depth: 2 } });
    expect(shown.depth_by_base.align[0]).toEqual([0, 0]);
    expect(shown.depth_by_base.align.at(-1)).toEqual([7, 3]);
  });

  test('are refused where there are none, and to those who may not read the sample', async () => {
    await addAnalysis();
    await addAnalysis({ _id: 'n1', algorithm: 'nuvs', results: [] });
    await addAnalysis({ _id: 'open', ready: false });
    await addAnalysis({ _id: 'old', results: [{ ...HIT, align: undefined }] as never });
    await addAnalysis({ _id: 'lost', results: 'file' });
    expect(messageOf(await get('a1/depths/a_otu1.csv'))).toEqual([404, 'Depths not found']);
    expect(messageOf(await get('a1/depths/b_otu1.bedgraph?depth=by_base'))).toEqual([404, 'Depths not found']);
    expect(messageOf(await get('a1/depths/b_otu1.bam'))).toEqual([404, 'Depths not found']);
    expect(messageOf(await get('old/depths/b_otu1.csv'))).toEqual([404, 'Depths not found']);
    expect(messageOf(await get('lost/depths/b_otu1.csv'))).toEqual([404, 'Results not found']);
    expect(messageOf(await get('n1/depths/b_otu1.csv'))).toEqual([400, 'Not a Pathoscope analysis']);
    expect(messageOf(await get('open/depths/b_otu1.csv'))).toEqual([409, 'Analysis is still running']);
    expect(messageOf(await get('unknown/depths/b_otu1.csv'))).toEqual([404, 'Not found']);
    expect(messageOf(await get('a1/depths/b_otu1.csv', 'stranger'))).toEqual([403, 'Insufficient rights']);
  });
});
