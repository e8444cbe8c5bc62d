/**
 * A gRPC server on loopback that speaks Google's services from the protos in its client's package. It
 * knows no state: handlers do. Between both stands the script of faults. Connections go through a relay
 * of TCP, so that a reset is a connection that is really cut.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { grpc } from 'google-gax';
import type protobuf from 'protobufjs';
import { GRPC_STATUS } from '../../../../backends/connections/google/errors.ts';
import type { GrpcStatus } from '../../../../backends/connections/google/errors.ts';
import { decode, encode, ROOT } from './protos.ts';
import type { Message } from './protos.ts';

/** What a handler throws to answer with a status. */
export class StatusError extends Error {
  readonly status: GrpcStatus;

  constructor(status: GrpcStatus, told: string) {
    super(told);
    this.status = status;
  }
}

/** One call as the server got it. */
export interface WireCall {
  /** `JobService.CreateCustomJob` */
  readonly method: string;
  /** 1, 2, …: among the calls of this method. */
  readonly nth: number;
  readonly request: Message;
  /** Full name of the request's type, and its bytes as they came. */
  readonly requestType: string;
  readonly bytes: Buffer;
}

/**
 * What happens to one call.
 * - `refuse`: this status, and the handler does not run.
 * - `refuse-after`: the handler runs, then this status in place of its answer.
 * - `reset-before`, `reset-after`: the connection is cut before or after the handler.
 * - `slow`: the handler runs at once, the answer comes `ms` later.
 */
export type WireFault =
  | { readonly kind: 'refuse' | 'refuse-after'; readonly status: GrpcStatus; readonly told: string }
  | { readonly kind: 'reset-before' | 'reset-after' }
  | { readonly kind: 'slow'; readonly ms: number };

/** Short name of a method → what it does. An answer may wait. */
export type Handlers = Readonly<
  Record<string, (request: Message, call: WireCall) => Message | Promise<Message>>
>;

export interface Wire {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Every call so far. */
  readonly calls: readonly WireCall[];
  /** Decides on each call; null leaves it alone. */
  decide: (call: WireCall) => WireFault | null;
  close(): Promise<void>;
}

export async function startWire(
  services: readonly { readonly name: string; readonly handlers: Handlers }[],
): Promise<Wire> {
  const server = new grpc.Server();
  const calls: WireCall[] = [];
  const counts = new Map<string, number>();
  let relay: Relay | undefined;
  const wire = { address: '', calls, decide: (() => null) as Wire['decide'] };
  for (const { name, handlers } of services) {
    const methods = ROOT.lookupService(name).methods;
    const definition: Record<string, grpc.MethodDefinition<Buffer, Buffer>> = {};
    const implementation: Record<string, grpc.handleUnaryCall<Buffer, Buffer>> = {};
    for (const [method, { requestType, responseType }] of Object.entries(methods)) {
      const short = `${name.split('.').at(-1)}.${method}`;
      const handler = handlers[method];
      const input = typeOf(name, requestType);
      const output = typeOf(name, responseType);
      definition[method] = raw(`/${name}/${method}`);
      implementation[method] = ({ request: bytes }, reply) => {
        const nth = (counts.get(short) ?? 0) + 1;
        counts.set(short, nth);
        const request = decode(input, bytes);
        const requestTypeName = input.fullName.slice(1);
        const call = { method: short, nth, request, requestType: requestTypeName, bytes };
        calls.push(call);
        const run = async () => encode(output, await (handler ?? absent(short))(request, call));
        void answer(wire.decide(call), run, reply, () => relay?.cut());
      };
    }
    server.addService(definition, implementation);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  relay = await startRelay(port);
  wire.address = `127.0.0.1:${relay.port}`;
  return Object.assign(wire, {
    close: async () => {
      server.forceShutdown();
      await relay.close();
    },
  });
}

async function answer(
  fault: WireFault | null,
  run: () => Promise<Buffer>,
  reply: grpc.sendUnaryData<Buffer>,
  cut: () => void,
): Promise<void> {
  const refuse = (status: GrpcStatus, details: string) =>
    reply({ code: GRPC_STATUS[status], details });
  try {
    if (fault?.kind === 'refuse') return refuse(fault.status, fault.told);
    if (fault?.kind === 'reset-before') return cut();
    const bytes = await run();
    if (fault?.kind === 'refuse-after') return refuse(fault.status, fault.told);
    if (fault?.kind === 'reset-after') return cut();
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    reply(null, bytes);
  } catch (error) {
    if (error instanceof StatusError) return refuse(error.status, error.message);
    refuse('INTERNAL', `the double failed: ${String(error)}`);
  }
}

function typeOf(service: string, name: string): protobuf.Type {
  return ROOT.lookupService(service).parent!.lookupType(name);
}

/** Bytes in, bytes out: what is in them is looked at above. */
function raw(path: string): grpc.MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer) => bytes;
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function absent(method: string): () => Message {
  return () => {
    throw new StatusError('UNIMPLEMENTED', `the double has no ${method}`);
  };
}

interface Relay {
  readonly port: number;
  /** Cuts every connection; new ones are taken. */
  cut(): void;
  close(): Promise<void>;
}

function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  const server: Server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    near.setNoDelay(true);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        cut,
        close: () => {
          cut();
          return new Promise((done) => server.close(() => done()));
        },
      }),
    );
  });
}
