import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { ensureAgent } from '../../../backends/local/agent/launch.ts';
import { backend } from '../../../backends/local/index.ts';

let home: string;
beforeEach(() => {
  // Short, because a unix socket lies in it.
  home = mkdtempSync(join(tmpdir(), 'oc-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true, maxRetries: 10 }));

async function check(envoy: string) {
  const settings = { home, programs: {}, scorer: [process.execPath], usdPerHour: 0 };
  const open = await backend.open(
    backend.settings.parse({ ...settings, envoy, proxyPort: 0, adminPort: 0 }),
  );
  return open.check!();
}

describe('check of the local backend', () => {
  test('says that no agent answers and which program is missing, and what to do', async () => {
    const findings = await check(join(home, 'no-envoy'));
    expect(findings).toMatchObject([
      { subject: 'host agent', state: 'missing', action: expect.stringContaining('make up') },
      { subject: 'Envoy', state: 'missing' },
      { subject: 'scoring server', state: 'ok' },
    ]);
  });

  test('finds nothing missing when the agent runs', async () => {
    const agent = await ensureAgent({ home });
    try {
      const findings = await check(process.execPath);
      expect(findings.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
    } finally {
      await agent.shutdown();
    }
  });
});
