import type { Viewer } from './visibility.js';

/** A browser that messages are sent to. */
export type Receiver = {
  readonly viewer: Viewer;
  send(message: Buffer): void;
  /** Tells it that messages are missing. */
  resync(): void;
};

/** What a message is about. */
export type Subject = { operation: 'insert' | 'update' | 'delete'; interface: string };

/** The JSON text of a message, from the encoded `data` and the position of the message. */
export function encodeMessage({ operation, interface: name }: Subject, data: string, position: string): Buffer {
  return Buffer.from(`{"operation":"${operation}","interface":"${name}","data":${data},"number":"${position}"}`);
}

/** The message for a client that has missed some: it must read again what it shows. Clients of release 3.7.3 do not know it. */
export function encodeResync(position: string): Buffer {
  return Buffer.from(`{"operation":"resync","interface":"all","data":null,"number":"${position}"}`);
}
