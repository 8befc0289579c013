import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be cut: then nothing arrives any more, but no connection is closed either, as when a cable is pulled. */
export type TcpProxy = {
  /** `host:port` */
  address: string;
  cut(): void;
  /** Closes the connections from before the cut, and lets new ones pass. */
  mend(): void;
  close(): Promise<void>;
};

/** Starts a proxy to `host:port` on this machine. */
export async function startTcpProxy(address: string): Promise<TcpProxy> {
  const [host = '', port] = address.split(':');
  const sockets = new Set<Socket>();
  let isCut = false;
  const pass = (from: Socket, to: Socket) => {
    from.on('data', (bytes) => {
      if (!isCut) to.write(bytes);
    });
    from.on('error', () => undefined);
    from.on('close', () => to.destroy());
    sockets.add(from);
  };
  const server = createServer((socket) => {
    const target = connect(Number(port), host);
    pass(socket, target);
    pass(target, socket);
  });
  const drop = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      isCut = true;
    },
    mend: () => {
      drop();
      isCut = false;
    },
    async close() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
