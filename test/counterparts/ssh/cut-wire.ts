/**
 * A relay on loopback that cuts a connection after so many bytes, counted over both directions, so
 * that a call can be lost at any point: before the host has read it, in the middle, or after the host
 * has done it and before the reply.
 */
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface CutWire {
  readonly port: number;
  /** Bytes until the next connections are cut; null for never. */
  cutAfter: number | null;
  /** Bytes of the last connection that was not cut. */
  readonly lastBytes: number;
  /** How many connections were cut. */
  readonly cuts: number;
  close(): Promise<void>;
}

export async function startCutWire(port: number): Promise<CutWire> {
  const open = new Set<Socket>();
  const wire = { cutAfter: null as number | null, lastBytes: 0, cuts: 0 };
  const server = createServer((near) => {
    const far = createConnection({ host: '127.0.0.1', port });
    const limit = wire.cutAfter;
    let bytes = 0;
    let cut = false;
    const end = () => {
      near.destroy();
      far.destroy();
    };
    const relay = (from: Socket, to: Socket) =>
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (limit === null || bytes <= limit) {
          to.write(chunk);
          return;
        }
        if (!cut) wire.cuts += 1;
        cut = true;
        end();
      });
    relay(near, far);
    relay(far, near);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        open.delete(socket);
        if (!cut) wire.lastBytes = bytes;
        end();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(wire, {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
