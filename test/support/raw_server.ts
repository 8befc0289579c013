import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server that writes what a test wants, right or wrong, to whoever asks. */
export type RawServer = { url: string; close(): Promise<void> };

/** Starts a server on this machine; `answer` gets each connection once its request has come. */
export async function startRawServer(answer: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
