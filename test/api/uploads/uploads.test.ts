import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openMultipart } from '../../../src/api/uploads/multipart.js';
import { storeUpload } from '../../../src/files/uploads.js';
import { formOf, type Laboratory, laboratory } from '../../support/laboratory.js';
import { waitFor } from '../../support/wait.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ fred: { permissions: ['upload_file'] } });
});
afterAll(() => lab.dispose());
beforeEach(async () => {
  await lab.store.files.collection.deleteMany({});
});

const onDisk = async () => {
  const names = await readdir(lab.data.files, { recursive: true });
  return names.filter((name) => name !== '.incoming');
};

const expectNothingLeft = async (before: string[]) => {
  expect(await onDisk()).toEqual(before);
  expect(await lab.store.files.collection.find().toArray()).toEqual([]);
};

test('an upload answers like the old server and is whole on disk when the answer arrives', async () => {
  const content = `@r\n${'ACGT'.repeat(100_000)}\n`;
  const answer = await lab.send('fred', 'POST', '/upload/reads?name=left%20reads.fq.gz', formOf(content));
  expect(answer.status).toBe(201);
  expect(answer.body).toEqual({
    id: expect.stringMatching(/^[0-9a-z]{8}-left reads\.fq\.gz$/),
    name: 'left reads.fq.gz',
    type: 'reads',
    user: { id: 'fred' },
    uploaded_at: expect.stringMatching(/Z$/),
    ready: false,
    reserved: false,
  });
  // A quirk of the wire that is kept: blanks are not encoded.
  expect(answer.headers.get('Location')).toBe(`/api/files/${answer.body.id}`);
  expect(await readFile(lab.data.file(answer.body.id), 'utf8')).toBe(content);
  expect(await lab.store.files.get(answer.body.id)).toMatchObject({ ready: true, created: true, size: content.length });
});

test('the first part is stored whatever it is called, and others are passed over', async () => {
  const form = formOf('first', 'anything');
  form.append('file', new Blob(['second']), 'second.fq');
  const answer = await lab.send('head', 'POST', '/upload/reads?name=a.fq', form);
  expect(await readFile(lab.data.file(answer.body.id), 'utf8')).toBe('first');
  const field = new FormData();
  field.append('text', 'just a field');
  const other = await lab.send('head', 'POST', '/upload/reads?name=b.fq', field);
  expect(await readFile(lab.data.file(other.body.id), 'utf8')).toBe('just a field');
});

test('an empty file is a file', async () => {
  const fileId = await lab.upload('subtraction', 'empty.fa', '');
  expect(await lab.store.files.get(fileId)).toMatchObject({ ready: true, size: 0 });
});

describe('refused before anything is kept', () => {
  test.each([
    ['unknown type', '/upload/otus?name=a.fq', 404, {}],
    ['no name', '/upload/reads', 422, { errors: { name: ['required field'] } }],
    [
      'empty name',
      '/upload/reads?name=',
      422,
      { errors: { name: [expect.stringContaining('empty'), expect.anything()] } },
    ],
    ['slash', '/upload/reads?name=..%2Fa.fq', 422, {}],
    ['dots', '/upload/reads?name=..', 422, {}],
    ['NUL', '/upload/reads?name=a%00b', 422, {}],
    ['line break', '/upload/reads?name=a%0Ab', 422, {}],
    ['too long', `/upload/reads?name=${'x'.repeat(247)}`, 422, {}],
  ])('%s', async (_what, path, status, body) => {
    const before = await onDisk();
    const answer = await lab.send('head', 'POST', path, formOf('x'));
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(body);
    await expectNothingLeft(before);
  });

  test('callers without the permission', async () => {
    const answer = await lab.send('anna', 'POST', '/upload/reads?name=a.fq', formOf('x'));
    expect(answer).toMatchObject({ status: 403, body: { id: 'not_permitted', message: 'Not permitted' } });
  });

  test.each([
    ['no multipart body', 'ACGT', 'application/octet-stream'],
    ['no body at all', undefined, 'multipart/form-data; boundary=x'],
    ['multipart without a boundary', 'ACGT', 'multipart/form-data'],
    ['multipart without a part', '--x--\r\n', 'multipart/form-data; boundary=x'],
    [
      'a part that breaks off',
      '--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nACGT',
      'multipart/form-data; boundary=x',
    ],
    ['a header that breaks off', '--x\r\nContent-Disposition: form-da', 'multipart/form-data; boundary=x'],
    ['text without any boundary', 'ACGT', 'multipart/form-data; boundary=x'],
  ])('%s', async (_what, body, type) => {
    const before = await onDisk();
    const answer = await lab.send('head', 'POST', '/upload/reads?name=a.fq', body, { 'Content-Type': type });
    expect(answer).toMatchObject({ status: 400, body: { id: 'bad_request' } });
    await expectNothingLeft(before);
  });
});

// The old server marked the truncated file as ready.
test('a sender that goes away leaves nothing', async () => {
  await using server = await listen();
  const before = await onDisk();
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    'POST /upload/reads?name=broken.fq HTTP/1.1\r\nHost: x\r\nX-User: head\r\nContent-Length: 1000000\r\n' +
      'Content-Type: multipart/form-data; boundary=x\r\n\r\n' +
      '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nACGTACGT',
  );
  await waitFor(async () => (await onDisk()).length > before.length, 'the upload begins');
  expect(await lab.store.files.collection.countDocuments({ ready: false, created: false })).toBe(1);
  socket.destroy();
  await waitFor(async () => (await lab.store.files.collection.countDocuments()) === 0, 'the document goes');
  await expectNothingLeft(before);
});

test('a file that is removed while it comes in is not kept', async () => {
  const before = await onDisk();
  let open = () => {};
  const begun = slowUpload(new Promise((resolve) => (open = resolve)));
  const file = await waitFor(() => lab.store.files.collection.findOne({}), 'the upload begins');
  expect((await lab.send('head', 'DELETE', `/api/files/${encodeURIComponent(file._id)}`)).status).toBe(200);
  open();
  expect((await begun).status).toBe(409);
  await expectNothingLeft(before);
});

test('large uploads at the same time arrive whole through a real server', async () => {
  await using server = await listen();
  const contents = [1, 2, 3].map((seed) => new Uint8Array(5_000_000).fill(seed));
  const answers = await Promise.all(
    contents.map((content, index) =>
      fetch(`http://127.0.0.1:${server.port}/upload/reads?name=${index}.fq`, {
        method: 'POST',
        headers: { 'X-User': 'head' },
        body: formOf(content),
      }),
    ),
  );
  for (const [index, answer] of answers.entries()) {
    expect(answer.status).toBe(201);
    const { id } = (await answer.json()) as { id: string };
    expect(Buffer.compare(await readFile(lab.data.file(id)), contents[index]!)).toBe(0);
  }
  expect(await readdir(join(lab.data.files, '.incoming'))).toEqual([]);
});

// Only a privileged user can make a file system that is small enough to be filled.
test('a full disk is told at once and nothing is left', async ({ skip }) => {
  const incoming = join(lab.data.files, '.incoming');
  await mkdir(incoming, { recursive: true });
  const mount = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', incoming]);
  if (mount.status !== 0) skip('no right to mount a file system');
  try {
    const before = await onDisk();
    const answer = await lab.send('head', 'POST', '/upload/reads?name=big.fq', formOf('A'.repeat(3_000_000)));
    expect(answer).toMatchObject({ status: 507, body: { message: 'The disk of the server is full' } });
    await expectNothingLeft(before);
  } finally {
    spawnSync('/bin/umount', [incoming]);
  }
});

test('a sender that stops sending is not waited for', async () => {
  const contentType = 'multipart/form-data; boundary=x';
  const never = new ReadableStream<Uint8Array>({
    start: (controller) =>
      controller.enqueue(new TextEncoder().encode('--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nA')),
  });
  const storeFirstPart = openMultipart({ stream: never, contentType }, 20);
  const ended: unknown[] = [];
  const stored = storeFirstPart((part) =>
    storeUpload(lab.data, 'stalled0-a.fq', part).catch((error) => {
      ended.push(error);
      throw error;
    }),
  );
  await expect(stored).rejects.toMatchObject({ status: 400, message: 'The upload stalled' });
  expect(ended).toHaveLength(1);
});

async function slowUpload(gate: Promise<void>): Promise<Response> {
  const parts = ['--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nACGT', 'ACGT\r\n--x--\r\n'];
  const body = new ReadableStream({
    async pull(controller) {
      const next = parts.shift();
      if (parts.length === 0) await gate;
      if (next === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(next));
    },
  });
  const headers = { 'X-User': 'head', 'Content-Type': 'multipart/form-data; boundary=x' };
  const request = { method: 'POST', headers, body, duplex: 'half' };
  return lab.app.request('/upload/reads?name=slow.fq', request as RequestInit);
}

async function listen() {
  const server = createServer(getRequestListener(lab.app.fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
