import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort, requireFreePort } from '../../../src/local/machine/ports.js';

// A connection that was given the port by the kernel would keep the server from listening, also after a restart.
test('a free port lies below those that outgoing connections get', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
  expect(ports.every((port) => port > 1024 && port < 32_768)).toBe(true);
});

test('a port that is taken is refused with its number and the option that changes it', async () => {
  const port = await freePort();
  await requireFreePort('localhost', port, '--port');
  const other = createServer();
  onTestFinished(() => void other.close());
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  await expect(requireFreePort('localhost', port, '--port')).rejects.toThrow(`Port ${port} on localhost is taken`);
});
