import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GenbankAnswer } from '../../src/contracts/genbank.js';
import { type Laboratory, laboratory } from '../support/laboratory.js';

let lab: Laboratory;
let asked: string[];
beforeEach(async () => {
  lab = await laboratory();
  asked = [];
});
afterEach(() => lab.dispose());

function answering(answer: GenbankAnswer): void {
  lab.remote.genbank.find = async (accession) => {
    asked.push(accession);
    return answer;
  };
}

const get = (accession: string) => lab.send('anna', 'GET', `/api/genbank/${accession}`);
const RECORD = { accession: 'NC_016574.1', definition: 'Potato virus P', host: '', sequence: 'ACGT' };

test('a record comes as GenBank has it', async () => {
  answering({ ok: true, record: RECORD });
  expect(await get('NC_016574')).toMatchObject({ status: 200, body: RECORD });
  expect(await get('NC_016574.1')).toMatchObject({ status: 200 });
  expect(asked).toEqual(['NC_016574', 'NC_016574.1']);
});

test.each([
  [{ reason: 'not_found' } as const, 404, 'Not found'],
  [{ reason: 'unreachable' } as const, 502, 'Could not reach NCBI'],
  [{ reason: 'status', status: 500 } as const, 502, 'Could not reach NCBI'],
  [{ reason: 'status', status: 407 } as const, 500, 'Proxy authentication failed'],
  [
    { reason: 'no_bases' } as const,
    502,
    'The GenBank record NC_1 has no bases, it only names the records that it is made of (CONTIG, WGS). Ask for one of those',
  ],
  [{ reason: 'unreadable' } as const, 502, 'NCBI sent no sequence that can be read'],
])('trouble %j is the answer %d', async (trouble, status, message) => {
  answering({ ok: false, trouble });
  expect(await get('NC_1')).toMatchObject({ status, body: { message } });
});

// It becomes part of the address that NCBI is asked at.
test.each(['NC_1&db=protein', 'NC%201', 'NC_1%2F..%2F', 'x'.repeat(41), 'NC_1.a'])(
  'what is no accession (%s) is not asked for',
  async (accession) => {
    answering({ ok: true, record: RECORD });
    expect((await get(accession)).status).toBe(404);
    expect(asked).toEqual([]);
  },
);
