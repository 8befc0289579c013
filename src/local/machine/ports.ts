import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { errorCode, LocalError } from '../errors.js';

const CONNECT_LIMIT_MS = 1_000;

// Outgoing connections take their ports from above (Linux from 32768 on, others higher still): one of them could have the port
// before the server listens on it, or while the server is being started again.
const FIRST_PORT = 10_240;
const LAST_PORT = 32_767;
const TRIES = 50;

/** A port on loopback that is free now and that no outgoing connection takes meanwhile. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      return await listenOnce(host, randomInt(FIRST_PORT, LAST_PORT + 1));
    } catch (error) {
      if (!['EADDRINUSE', 'EACCES'].includes(errorCode(error) ?? '')) throw error;
    }
  }
  return listenOnce(host, 0);
}

/** Throws `LocalError` when the port cannot be listened on; `option` names what the user can change. */
export async function requireFreePort(host: string, port: number, option: string): Promise<void> {
  try {
    await listenOnce(host, port);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EADDRINUSE') {
      throw new LocalError(`Port ${port} on ${host} is taken by another program`, [
        `End that program (see who it is: ss -ltnp 'sport = :${port}'), or choose another port with ${option}.`,
      ]);
    }
    if (code === 'EACCES') {
      throw new LocalError(`Port ${port} on ${host} may not be used by this user`, [
        `Choose a port above 1023 with ${option}.`,
      ]);
    }
    throw new LocalError(
      `${host}:${port} cannot be listened on (${code})`,
      [`Check the address given with ${option}.`],
      {
        cause: error,
      },
    );
  }
}

function listenOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    // As the API does: on a host with IPv6 `localhost` may be ::1 alone.
    server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port, exclusive: true }, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}

/** Whether something answers a TCP connect. */
export function answersConnect(host: string, port: number, limitMs = CONNECT_LIMIT_MS): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: limitMs });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** Splits `host:port`; undefined when it is something else. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const match = /^(?<host>[^:\s]+|\[[0-9a-f:]+\]):(?<port>\d{1,5})$/i.exec(address);
  if (!match?.groups?.host || !match.groups.port) return undefined;
  return { host: match.groups.host.replace(/^\[|\]$/g, ''), port: Number(match.groups.port) };
}
