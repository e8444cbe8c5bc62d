import { jest } from '@jest/globals';

import { describeContracts, describeRegistry } from '../support/contract/all.ts';

// Real processes and a real Envoy start within a second each on a quiet machine.
const TEST_MS_MAX = 60_000;
jest.setTimeout(TEST_MS_MAX);

describeRegistry();
await describeContracts('backends');
