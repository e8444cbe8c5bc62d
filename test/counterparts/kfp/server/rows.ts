import { Refusal } from './refusal.ts';

/** Times of the database are whole seconds; those of workflows are milliseconds. */
export interface ExperimentRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly namespace: string;
  readonly createdAt: number;
}
export interface PipelineRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: number;
}
export interface VersionRow {
  readonly id: string;
  readonly pipelineId: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: number;
  readonly spec: PipelineIr;
}
export interface RecurringRunRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly pipelineId: string;
  readonly versionId: string;
  readonly experimentId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly trigger: unknown;
  readonly maxConcurrency: string;
  readonly noCatchup: boolean;
  enabled: boolean;
  readonly createdAt: number;
}
export type State =
  'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'SKIPPED' | 'FAILED' | 'CANCELING' | 'CANCELED' | 'PAUSED';
export interface RunRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly recurringRunId: string;
  readonly experimentId: string;
  readonly pipelineId: string;
  readonly versionId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly workflow: string;
  readonly createdAt: number;
  finishedAt: number;
  state: State;
  readonly history: { readonly state: State; readonly at: number }[];
}

/** The members of a pipeline's intermediate representation (pipeline_spec.proto) that the fake looks at. */
export interface PipelineIr {
  readonly pipelineInfo?: { readonly name?: string };
  readonly root?: {
    readonly inputDefinitions?: {
      readonly parameters?: Readonly<
        Record<
          string,
          {
            readonly parameterType?: string;
            readonly isOptional?: boolean;
            readonly defaultValue?: unknown;
          }
        >
      >;
    };
    readonly dag?: {
      readonly tasks?: Readonly<
        Record<string, { readonly componentRef?: { readonly name: string } }>
      >;
    };
  };
  readonly components?: Readonly<
    Record<
      string,
      {
        readonly outputDefinitions?: { readonly artifacts?: Readonly<Record<string, unknown>> };
      }
    >
  >;
}

/** How a list's filter reads a row, by the API's name of the member. */
export type Fields<Row> = Readonly<Record<string, (row: Row) => string>>;

/** `filter` of a list: predicates of filter.proto, all of which must hold. */
function matcher<Row>(filter: string | null, fields: Fields<Row>): (row: Row) => boolean {
  if (filter === null) return () => true;
  const { predicates = [] } = JSON.parse(filter) as {
    predicates?: { key: string; operation: string; string_value?: string }[];
  };
  const tests = predicates.map(({ key, operation, string_value: wanted = '' }) => {
    const field = fields[key];
    if (field === undefined || !['EQUALS', 'IS_SUBSTRING'].includes(operation)) {
      throw new Refusal(
        'INVALID_ARGUMENT',
        `Invalid input error: no support for filtering on unrecognized field: ${key} ${operation}`,
      );
    }
    return operation === 'EQUALS'
      ? (row: Row) => field(row) === wanted
      : (row: Row) => field(row).includes(wanted);
  });
  return (row) => tests.every((test) => test(row));
}

/** One page of rows, newest first as far as whole seconds tell. */
export function pageOf<Row extends { readonly createdAt: number }>(
  rows: Iterable<Row>,
  query: URLSearchParams,
  fields: Fields<Row>,
) {
  const fits = matcher(query.get('filter'), fields);
  const matching: Row[] = [];
  for (const row of rows) if (fits(row)) matching.push(row);
  matching.sort((a, b) => b.createdAt - a.createdAt);
  const from = Number(query.get('page_token') ?? 0);
  const next = from + (Number(query.get('page_size') ?? 10) || 10);
  return {
    rows: matching.slice(from, next),
    rest: {
      total_size: matching.length,
      ...(next < matching.length ? { next_page_token: String(next) } : {}),
    },
  };
}

export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** @throws Refusal as validatePipelineJobInputs of v2_template.go */
export function validateInputs(
  spec: PipelineIr,
  parameters: Readonly<Record<string, unknown>>,
): void {
  const known = spec.root?.inputDefinitions?.parameters ?? {};
  const wrong = (text: string) =>
    new Refusal(
      'INTERNAL',
      `Failed to create a run: invalid pipeline job inputs: Invalid input error: ${text}`,
    );
  for (const [name, { parameterType, isOptional, defaultValue }] of Object.entries(known)) {
    const value = parameters[name];
    if (value === undefined) {
      if (isOptional === true || defaultValue !== undefined) continue;
      throw wrong(
        `parameter ${name} is not optional, yet has neither default value nor user provided value`,
      );
    }
    const type = { STRING: 'string', BOOLEAN: 'boolean' }[parameterType ?? ''] ?? 'number';
    if (typeof value !== type) throw wrong(`input parameter ${name} requires type ${type}`);
  }
  for (const name of Object.keys(parameters)) {
    if (known[name] === undefined) throw wrong(`parameter ${name} provided is not required`);
  }
}
