import { jest } from '@jest/globals';

import { describeDefinitionsContract } from '../../support/contract/definitions.ts';
import { describeInventoryContract } from '../../support/contract/inventory.ts';
import { describePipelineContract } from '../../support/contract/pipeline.ts';
import { openKfpHarness } from './open.ts';

jest.setTimeout(60_000);
const NAME = 'Kubeflow Pipelines behind its published API';

describePipelineContract(NAME, openKfpHarness);
describeDefinitionsContract(NAME, openKfpHarness);
describeInventoryContract(NAME, openKfpHarness);
