/**
 * One world for many processes: the process that made it serves it on a unix socket, and workers
 * that are killed and started again find it as they left it.
 */
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

import type { Clock } from '../../core/backend.ts';
import { OrreryError } from '../../core/errors.ts';
import {
  CALL_NAMES,
  portsFrom,
  type CallName,
  type Method,
  type SimPort,
  type SimPorts,
} from './methods.ts';
import {
  decodeError,
  decodeLine,
  encodeError,
  encodeLine,
  lineReader,
  type WireCall,
  type WireReply,
} from './wire.ts';
import type { World } from './world.ts';

/** Unix socket paths are this long at most, in bytes (unix(7): sun_path holds 108 with its end). */
const SOCKET_PATH_BYTES_MAX = 107;

/**
 * Serves a world to other processes until `close`.
 *
 * @throws OrreryError SETTINGS_INVALID when the path is too long for a unix socket
 */
export async function serveWorld(
  world: World,
  socketPath: string,
): Promise<{ close(): Promise<void> }> {
  checkPath(socketPath);
  await rm(socketPath, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A killed caller resets its connection; its effects stay, its replies have no reader.
    socket.on('error', () => socket.destroy());
    answerCalls(world, socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function answerCalls(world: World, socket: Socket): void {
  const sleeps = new Map<number, AbortController>();
  const carryOut = async ({ id, call, args }: WireCall): Promise<unknown> => {
    if (call === 'clock.cancel') return sleeps.get(args[0] as number)?.abort();
    if (call === 'clock.sleep') {
      const sleep = new AbortController();
      sleeps.set(id, sleep);
      return world.clock.sleep(args[0] as number, sleep.signal).finally(() => sleeps.delete(id));
    }
    const [port, method] = call.split('.') as [SimPort, string];
    if (!CALL_NAMES.includes(call as CallName)) {
      throw new OrreryError('INTERNAL', `Cannot call ${call}: the world has no such method`);
    }
    return (world.ports[port] as unknown as Record<string, Method>)[method]?.(...args);
  };
  const answer = async (call: WireCall): Promise<void> => {
    const outcome = await carryOut(call).then(
      (result) => ({ result }),
      (error: unknown) => ({ error: encodeError(error) }),
    );
    const reply: WireReply = { id: call.id, now: world.clock.now(), ...outcome };
    if (socket.writable) socket.write(encodeLine(reply));
  };
  // The sleeps of a killed caller end with it, or they would still drive time forward.
  socket.on('close', () => sleeps.forEach((sleep) => sleep.abort()));
  onLines(socket, (line) => void answer(decodeLine<WireCall>(line)));
}

/** A world in another process. */
export interface RemoteWorld {
  readonly ports: SimPorts;
  /** `now` is the time of the last reply. */
  readonly clock: Clock;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Connects to a served world.
 *
 * @throws OrreryError INTERNAL, as every call after it does, when nobody serves there
 */
export async function connectWorld(socketPath: string): Promise<RemoteWorld> {
  checkPath(socketPath);
  const pending = new Map<number, Pending>();
  let now = 0;
  let calls = 0;
  const socket = connect(socketPath);
  const unreachable = (cause?: unknown): OrreryError =>
    new OrreryError(
      'INTERNAL',
      `Cannot reach the simulated world on ${socketPath}: the connection is closed`,
      { cause },
    );
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    for (const { reject } of pending.values()) reject(unreachable());
    pending.clear();
  });
  onLines(socket, (line) => {
    const reply = decodeLine<WireReply>(line);
    now = Math.max(now, reply.now);
    const { resolve, reject } = pending.get(reply.id) ?? {};
    pending.delete(reply.id);
    if (reply.error === undefined) resolve?.(reply.result);
    else reject?.(decodeError(reply.error));
  });
  const send = (call: string, args: readonly unknown[], id = (calls += 1)): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (socket.destroyed) {
        reject(unreachable());
        return;
      }
      pending.set(id, { resolve, reject });
      socket.write(encodeLine({ id, call, args }));
    });
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = (calls += 1);
      const abort = (): void => {
        void send('clock.cancel', [id]).catch(() => undefined);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      send('clock.sleep', [ms], id)
        .then(() => resolve(), reject)
        .finally(() => signal?.removeEventListener('abort', abort));
    });
  // The first reply tells the time, and that somebody serves there at all.
  await send('clock.sleep', [0]);
  return {
    ports: portsFrom(
      (call) =>
        (...args) =>
          send(call, args),
    ),
    clock: { now: () => now, sleep },
    close: async () => {
      socket.destroy();
    },
  };
}

function onLines(socket: Socket, onLine: (line: string) => void): void {
  const read = lineReader(onLine);
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    try {
      read(chunk);
    } catch {
      // Whoever speaks another language here is not a caller; only that connection ends.
      socket.destroy();
    }
  });
}

function checkPath(socketPath: string): void {
  const bytes = Buffer.byteLength(socketPath);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return;
  throw new OrreryError(
    'SETTINGS_INVALID',
    `Cannot use the socket ${socketPath}: its path has ${bytes} bytes, at most ${SOCKET_PATH_BYTES_MAX} are possible`,
  );
}
