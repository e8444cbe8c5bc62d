/** How KFP's gateway tells an error: google.rpc.Status over the HTTP status of grpc-gateway. */
const STATUS = {
  INVALID_ARGUMENT: { code: 3, status: 400 },
  NOT_FOUND: { code: 5, status: 404 },
  ALREADY_EXISTS: { code: 6, status: 409 },
  PERMISSION_DENIED: { code: 7, status: 403 },
  ABORTED: { code: 10, status: 409 },
  INTERNAL: { code: 13, status: 500 },
  UNAUTHENTICATED: { code: 16, status: 401 },
} as const;

export class Refusal extends Error {
  readonly status: number;
  readonly body: { readonly code: number; readonly message: string; readonly details: [] };

  constructor(kind: keyof typeof STATUS, message: string) {
    super(message);
    this.status = STATUS[kind].status;
    this.body = { code: STATUS[kind].code, message, details: [] };
  }
}

/** The API server died in the middle of a call: its caller sees a cut connection. */
export class Crash extends Error {}

export function notFound(kind: string, id: string): Refusal {
  return new Refusal('NOT_FOUND', `ResourceNotFoundError: ${kind} ${id} not found`);
}
