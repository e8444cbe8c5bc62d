import { access, constants } from 'node:fs/promises';
import type { BackendFinding } from '../../core/backend.ts';
import { ERRORS, OrreryError } from '../../core/errors.ts';
import type { AgentClient } from './agent/client.ts';
import type { LocalSettings } from './settings.ts';

/** Whether the host agent answers, and the programs of the settings are there. */
export async function checkLocal(
  settings: LocalSettings,
  agent: AgentClient,
): Promise<readonly BackendFinding[]> {
  return Promise.all([
    agentFinding(settings, agent),
    programFinding('Envoy', settings.envoy),
    programFinding('scoring server', settings.scorer[0] ?? ''),
  ]);
}

async function agentFinding({ home }: LocalSettings, agent: AgentClient): Promise<BackendFinding> {
  try {
    await agent.list();
    return { subject: 'host agent', state: 'ok', told: `answers in ${home}`, action: '' };
  } catch (error) {
    if (!(error instanceof OrreryError)) throw error;
    const { action } = ERRORS[error.code];
    return { subject: 'host agent', state: 'missing', told: error.message, action };
  }
}

/** A name without a slash is found by the agent's path, which is not ours to look at. */
async function programFinding(subject: string, program: string): Promise<BackendFinding> {
  if (!program.includes('/')) {
    return {
      subject,
      state: 'unknown',
      told: `${program}, found by the path`,
      action: 'Name it by its full path',
    };
  }
  const there = await access(program, constants.X_OK).then(
    () => true,
    () => false,
  );
  return there
    ? { subject, state: 'ok', told: program, action: '' }
    : {
        subject,
        state: 'missing',
        told: `no program ${program}`,
        action: ERRORS.TOOL_MISSING.action,
      };
}
