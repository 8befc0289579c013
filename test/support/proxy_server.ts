import { request as ask, createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A proxy on this machine: what it was asked for, and with which credentials. */
export type ProxyServer = {
  /** `host:port` */
  address: string;
  asked: { what: string; authorization: string | undefined }[];
  close(): Promise<void>;
};

/** Starts a proxy that leads every request, whatever its host, to one port of this machine; `refuse` answers with 407. */
export async function startProxyServer(port: number, { refuse = false } = {}): Promise<ProxyServer> {
  const sockets = new Set<Socket>();
  const asked: ProxyServer['asked'] = [];
  const http = createServer((request, response) => {
    asked.push({ what: `${request.method} ${request.url}`, authorization: request.headers['proxy-authorization'] });
    if (refuse) {
      response.writeHead(407).end();
      return;
    }
    const { pathname, search } = new URL(request.url ?? '');
    const onward = { port, path: pathname + search, method: request.method ?? 'GET', headers: request.headers };
    request.pipe(
      ask({ host: '127.0.0.1', ...onward }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }),
    );
  });
  http.on('connect', (request, socket: Socket) => {
    asked.push({ what: `CONNECT ${request.url}`, authorization: request.headers['proxy-authorization'] });
    sockets.add(socket.on('error', () => undefined));
    if (refuse) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const target = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    sockets.add(target.on('error', () => undefined));
    target.pipe(socket).pipe(target);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
