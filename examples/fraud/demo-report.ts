import { Client, Connection } from '@temporalio/client';
import { actionsOfTree } from '../../bench/actions.ts';
import { lifecycleId } from '../../core/ids.ts';
import type { View } from './demo-follow.ts';
import { MODEL } from './demo-world.ts';
import type { TrafficReport } from './traffic.ts';

/** Temporal Actions of each version's whole life, counted from its histories. */
export async function actionsOf(
  address: string,
  versions: readonly string[],
): Promise<readonly number[]> {
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection });
    return await Promise.all(
      versions.map(async (version) => {
        const runs = await actionsOfTree(client, lifecycleId({ model: MODEL, version }));
        return runs.reduce((sum, run) => sum + run.count.total, 0);
      }),
    );
  } finally {
    await connection.close();
  }
}

export interface DemoEnd {
  readonly views: readonly View[];
  readonly actions: readonly number[];
  readonly report: TrafficReport;
  readonly seconds: number;
  readonly apiUrl: string;
  readonly temporalUiUrl: string | null;
  readonly home: string;
  readonly kept: boolean;
}

export function reportTable(end: DemoEnd): string {
  const rows = end.views.map(({ state }, index) => [
    state?.version ?? '?',
    state?.outcome ?? '?',
    `$${(state?.cost.usd ?? 0).toFixed(4)}`,
    String(end.actions[index] ?? '?'),
    state?.reason ?? '',
  ]);
  const { report } = end;
  const served = Object.entries(report.byVersion).map(
    ([version, byStatus]) =>
      `  ${version.padEnd(10)} ${Object.entries(byStatus)
        .map(([status, requests]) => `${status}: ${requests}`)
        .join(', ')}`,
  );
  return [
    '',
    ...table(['version', 'outcome', 'compute', 'Actions', 'why'], rows),
    '',
    `traffic: ${report.answered} requests in ${report.seconds.toFixed(0)} s, p50 ${report.latencyMs.p50.toFixed(1)} ms, p99 ${report.latencyMs.p99.toFixed(1)} ms`,
    ...served,
    '',
    `the demo took ${end.seconds.toFixed(1)} s`,
    '',
    ...nextCommands(end),
    '',
  ].join('\n');
}

function nextCommands({ kept, home, apiUrl, temporalUiUrl }: DemoEnd): string[] {
  if (!kept) {
    return [
      'next:  make demo ARGS=--keep               the same, and leave everything running',
      '       make demo ARGS="--keep --wait-for-approval"   approve the versions yourself',
      '       make up                             an empty installation of your own',
      '       ./orrery --help                     what it can do',
    ];
  }
  return [
    `next:  export ORRERY_HOME=${home}`,
    `       ./orrery lifecycle show ${MODEL} v3    why it was rolled back`,
    `       ./orrery lifecycle history ${MODEL} v2`,
    `       open ${apiUrl} (console) and ${temporalUiUrl ?? 'the Temporal UI'}`,
    '       make down                           end everything',
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)];
}
